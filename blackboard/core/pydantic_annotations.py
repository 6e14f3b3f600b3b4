"""The annotations of pydantic models, found by their place in nested values."""

from __future__ import annotations

import types
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

ABSENT = object()
"""The annotation of a place that a model does not have."""


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
