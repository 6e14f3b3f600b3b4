"""The fields of pydantic models, found by their place in nested values, and the messages for wrong values and names."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from blackboard.errors import nearest

ABSENT = object()
"""The annotation of a place that a model does not have."""


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


def known_fields(model: Any, place: Sequence[Any]) -> Iterable[str]:
    """Return the field names that are allowed at a place of a model."""
    for item in alternatives(annotation_at(model, place)):
        if is_model(item):
            return item.model_fields  # type: ignore[no-any-return]
    return ()


def annotation_at(model: Any, place: Sequence[Any]) -> Any:
    """Return the annotation at a place of a model; `ABSENT` if the model has no such place."""
    annotation = model
    for step in place:
        annotation = next(
            (below for item in alternatives(annotation) if (below := _below(item, step)) is not ABSENT),
            ABSENT,
        )
    return annotation


def _below(annotation: Any, step: Any) -> Any:
    if is_model(annotation):
        return annotation.model_fields[step].annotation if step in annotation.model_fields else ABSENT
    if annotation is Any:
        return Any
    arguments = [item for item in get_args(annotation) if item is not Ellipsis]
    return arguments[-1] if is_table(annotation) and arguments else ABSENT


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """Return the alternatives of an annotation, without constraints and without None."""
    if get_origin(annotation) is Annotated:
        return alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(each for item in get_args(annotation) for each in alternatives(item))
    return () if annotation is type(None) else (annotation,)


def is_model(annotation: Any) -> bool:
    """Return whether an annotation is a class of models."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def is_table(annotation: Any) -> bool:
    """Return whether an annotation stands for a list or a table."""
    return (get_origin(annotation) or annotation) in (dict, list, tuple, set, frozenset)
