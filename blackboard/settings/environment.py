"""Takes settings from environment variables, such as `BLACKBOARD_DATABASE__URL`. It says what each sets, checks none.

A name is the path of a setting, in whatever case, its steps joined by two underscores. Where a list or a table belongs,
the value is JSON.
"""

from __future__ import annotations

import json
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel

from blackboard.errors import Mistake, nearest

__all__ = ["PREFIX", "Variable", "known", "merged", "reach", "variables"]

PREFIX = "BLACKBOARD_"
DELIMITER = "__"

_NOTHING = object()


class Variable(NamedTuple):
    """What one variable sets."""

    name: str
    steps: tuple[str, ...]
    value: Any

    def sets(self, place: Sequence[Any]) -> bool:
        """Whether what stands at a place came from it."""
        size = len(self.steps)
        return tuple(place[:size]) == self.steps and reach(self.value, place[size:]) == len(place) - size


def variables(environ: Mapping[str, str], model: type[BaseModel]) -> tuple[list[Variable], list[Mistake]]:
    """What the environment sets of a model, and what in it can be no such setting."""
    found, mistakes = [], []
    for name, text in environ.items():
        path = name.upper().removeprefix(PREFIX).lower()
        section, *steps = path.split(DELIMITER)
        if not name.upper().startswith(PREFIX):
            continue
        if section not in model.model_fields:
            if any(steps):  # without them it may be a variable that means something else, such as BLACKBOARD_CONFIG
                wrong = f"there is no section {section!r}{nearest(section, model.model_fields)}"
                mistakes.append(Mistake(name, wrong))
            continue
        try:
            found.append(Variable(name, (section, *steps), _value(text, _at(model, (section, *steps)))))
        except ValueError:
            mistakes.append(Mistake(name, "a list or a table is written as JSON here"))
    return sorted(found, key=lambda one: len(one.steps)), mistakes


def merged(values: Mapping[str, Any], overrides: Iterable[Variable]) -> dict[str, Any]:
    """The values with those of the variables over them; tables are joined, anything else is replaced."""
    result: Any = dict(values)
    for _, steps, value in overrides:
        for step in reversed(steps):
            value = {step: value}
        result = _joined(result, value)
    return result  # type: ignore[no-any-return]


def reach(values: Any, steps: Sequence[Any]) -> int:
    """How many of the steps lead to something in the values."""
    for index, step in enumerate(steps):
        try:
            values = values[step]
        except (KeyError, IndexError, TypeError):
            return index
    return len(steps)


def known(model: Any, steps: Sequence[Any]) -> Iterable[str]:
    """The names that may stand at a place of a model."""
    for item in _members(_at(model, steps)):
        if _is_model(item):
            return item.model_fields  # type: ignore[no-any-return]
    return ()


def _joined(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return {**one, **{key: _joined(one[key], value) if key in one else value for key, value in other.items()}}
    return other


def _at(annotation: Any, steps: Sequence[Any]) -> Any:
    """The annotation of what stands at a place; `_NOTHING` where nothing may."""
    for step in steps:
        annotation = next(
            (below for item in _members(annotation) if (below := _below(item, step)) is not _NOTHING), _NOTHING
        )
    return annotation


def _below(annotation: Any, step: Any) -> Any:
    if _is_model(annotation):
        return annotation.model_fields[step].annotation if step in annotation.model_fields else _NOTHING
    if annotation is Any:
        return Any
    arguments = [item for item in get_args(annotation) if item is not Ellipsis]
    return arguments[-1] if _is_table(annotation) and arguments else _NOTHING


def _members(annotation: Any) -> tuple[Any, ...]:
    """What may stand there, each without what only constrains it."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(member for item in get_args(annotation) for member in _members(item))
    return () if annotation is type(None) else (annotation,)


def _value(text: str, annotation: Any) -> Any:
    """What a variable's text means.

    Raises:
        ValueError: a list or a table belongs there, and the text is no JSON.
    """
    members = _members(annotation)
    tables = [member is Any or _is_table(member) or _is_model(member) for member in members]
    if not any(tables):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        if all(tables) and Any not in members:
            raise ValueError from None
        return text
    return value if Any in members or isinstance(value, dict | list) else text


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_table(annotation: Any) -> bool:
    return (get_origin(annotation) or annotation) in (dict, list, tuple, set, frozenset)
