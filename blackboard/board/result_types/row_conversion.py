"""Conversion of rows to results: columns become fields, and instants become aware datetimes."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

from blackboard.clock import Instant, to_datetime
from blackboard.core.marks.scopes import group_of, scope_in, subject_of

R = TypeVar("R")


def optional_datetime(at: Instant | None) -> datetime | None:
    """Return an instant as an aware datetime, and None as None."""
    return None if at is None else to_datetime(at)


def result_of(result: type[R], row: Any, **others: Any) -> R:
    """Return a result. Its fields are taken from `others`, or else from the columns of the row.

    Instants, whose names end with `_at`, become datetimes. A scope becomes a subject, a group, or None for the whole
    board. A `mark_id` of 0 becomes None.
    """
    values = row._asdict()
    if "scope" in values:
        scope = scope_in(values["scope"])
        tag, value = (None, None) if (group := group_of(scope)) is None else (group.tag, group.value)
        values |= {"subject": subject_of(scope), "group_tag": tag, "group": value}
    values |= others
    return result(**{field.name: _public(field.name, values[field.name]) for field in fields(result)})  # type: ignore[arg-type]


def _public(name: str, value: Any) -> Any:
    if name.endswith("_at"):
        return optional_datetime(value)
    return value or None if name == "mark_id" else value
