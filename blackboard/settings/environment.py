"""Settings from environment variables, such as `BLACKBOARD_DATABASE__URL`. Their values are not checked here.

The name of a variable is the path of the setting in upper or lower case, joined by two underscores. Lists and tables
are written as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from blackboard.core.pydantic_annotations import alternatives, annotation_at, is_model, is_table
from blackboard.errors import Mistake, nearest

VARIABLE_PREFIX = "BLACKBOARD_"
DELIMITER = "__"


class Variable(NamedTuple):
    """One environment variable with the setting that it overrides."""

    name: str
    steps: tuple[str, ...]
    value: Any

    def sets(self, place: Sequence[Any]) -> bool:
        """Return whether the value at a place came from this variable."""
        size = len(self.steps)
        return tuple(place[:size]) == self.steps and depth_of(self.value, place[size:]) == len(place) - size


def read_variables(environ: Mapping[str, str], model: type[BaseModel]) -> tuple[list[Variable], list[Mistake]]:
    """Return the variables that set fields of a model, and the mistakes in other variables."""
    result, mistakes = [], []
    for name, text in environ.items():
        if not name.upper().startswith(VARIABLE_PREFIX):
            continue
        section, *steps = name.upper().removeprefix(VARIABLE_PREFIX).lower().split(DELIMITER)
        if section not in model.model_fields:
            if any(steps):  # a single step can be another variable, such as BLACKBOARD_CONFIG
                wrong = f"there is no section {section!r}{nearest(section, model.model_fields)}"
                mistakes.append(Mistake(name, wrong))
            continue
        try:
            result.append(Variable(name, (section, *steps), _value(text, annotation_at(model, (section, *steps)))))
        except ValueError:
            mistakes.append(
                Mistake(name, 'this setting is a list or a table; write it as JSON, such as ["a", "b"] or {"a": 1}')
            )
    return sorted(result, key=lambda variable: len(variable.steps)), mistakes


def merge_overrides(values: Mapping[str, Any], overrides: Iterable[Variable]) -> dict[str, Any]:
    """Return the values with the overrides applied. Tables are merged; other values are replaced."""
    result = dict(values)
    for _, steps, value in overrides:
        for step in reversed(steps):
            value = {step: value}
        result = _merge_tables(result, value)
    return result


def depth_of(values: Any, steps: Sequence[Any]) -> int:
    """Return the number of steps that exist in the values."""
    for index, step in enumerate(steps):
        try:
            values = values[step]
        except (KeyError, IndexError, TypeError):
            return index
    return len(steps)


def _merge_tables(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in override.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            value = _merge_tables(before, value)
        merged[key] = value
    return merged


def _value(text: str, annotation: Any) -> Any:
    """Return the value of a variable's text.

    Raises:
        ValueError: The setting must be a list or a table, and the text is not JSON.
    """
    members = alternatives(annotation)
    tables = [member is Any or is_table(member) or is_model(member) for member in members]
    if not any(tables):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        if all(tables) and Any not in members:
            raise ValueError from None
        return text
    return value if Any in members or isinstance(value, dict | list) else text
