"""The messages for wrong values and unknown names that pydantic finds in a model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from blackboard.core.pydantic_annotations import known_fields
from blackboard.errors import nearest

_OF_PARSERS = re.compile(r", unable to (?:parse|interpret) .*| after validation")
"""What pydantic adds about the way in which it read a value."""


def describe_problem(model: Any, problem: Mapping[str, Any], noun: str = "setting") -> str:
    """Return what is wrong with a value, or with a name that the model does not have.

    Args:
        model: The model of all values.
        problem: A problem as pydantic reports it.
        noun: What a name of the model stands for.
    """
    if problem["type"] == "extra_forbidden":
        return unknown_field(model, problem["loc"], noun=noun)
    return problem_text(problem)


def problem_text(problem: Mapping[str, Any]) -> str:
    """Return what pydantic says about a value, without the words that only programmers understand."""
    text = _OF_PARSERS.sub("", str(problem["msg"])).replace("Tuple", "List").replace("tuple", "list")
    if problem["type"] in ("value_error", "assertion_error"):  # the words of a validator follow
        return text.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return f"{text[:1].lower()}{text[1:]}" if text[1:2].islower() else text


def unknown_field(model: Any, place: Sequence[Any], others: Iterable[str] = (), noun: str = "setting") -> str:
    """Return the message for a place whose last step is the name of no field; it suggests the nearest name.

    Args:
        model: The model of all values.
        place: The steps to the value: names of fields, keys of tables and positions in lists.
        others: Further names that are allowed there.
        noun: What a name of the model stands for.
    """
    name = str(place[-1])
    return f"there is no {noun} {name!r}{nearest(name, (*known_fields(model, place[:-1]), *others))}"
