"""The round trip of a mark through its stored text: checks that a mark is read as it was deposited.

Pydantic reads the text by its rules for JSON and by the names of the fields. By these rules, some values would be lost
or changed. If the class of a mark already shows this, the class is refused when it is registered. If only the payload
shows it, the deposit is refused.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from math import isfinite
from typing import Any

from pydantic import BaseModel, ValidationError

from blackboard.core.marks.mark_error_texts import describe_invalid, not_json
from blackboard.core.marks.mark_model import Mark
from blackboard.core.marks.payload_json import dump_payload, mark_from_text, payload_text
from blackboard.core.marks.pydantic_internals import has_only_scalars, lost_fields
from blackboard.errors import InvalidMark

_ABSENT = object()
_PLAIN = frozenset({str, int, float, bool, type(None)})

MAX_DIGITS = sys.int_info.default_max_str_digits
"""The largest number of digits that Python reads as a number."""


def check_class(mark_class: type[Mark]) -> None:
    """Check that no field of a class loses its value in the stored text, as far as the class alone shows it.

    A field with its own serializer is checked at each deposit, when its text is known.

    Raises:
        InvalidMark: A value is left out or masked when it is written.
    """
    lost = [f"{place}: {reason}" for place, reason in dict.fromkeys(lost_fields(mark_class))]
    if lost:
        raise InvalidMark(f"{mark_class.__qualname__} cannot be stored and read back: {'; '.join(lost[:10])}")


def write_mark(mark: Mark) -> str:
    """Return a mark's payload as the text that is stored, after checking that the text gives the same mark again.

    The check is left out if the class and the values cannot lose anything.

    Raises:
        InvalidMark: JSON cannot represent a value, or a field would be read as another value.
    """
    text, mark_class = payload_text(mark), type(mark)
    if len(text) > MAX_DIGITS:
        _check_numbers(text)
    if _is_exact(mark_class) and _are_exact(mark.__dict__.values()):
        return text
    if "NaN" in text or "Infinity" in text:  # text of the payload, or numbers that JSON does not have
        dump_payload(json.loads(text))
    try:
        read = mark_from_text(mark_class, text, mark.subject, mark.intensity)
    except ValidationError as error:
        reason = describe_invalid(mark.kind, mark_class, error)
        raise InvalidMark(f"{mark_class.__qualname__} cannot read what it writes: {reason}") from None
    # The mark's intensity is not compared, because the board stores it multiplied by the trust in the author.
    if (place := _difference_of_models(mark, read, skipped="intensity")) is not None:
        was, now = _value_at(mark, place), _value_at(read, place)
        raise InvalidMark(
            f"the payload does not fit kind {mark.kind!r}: {'.'.join(map(str, place))}: {_short(was)} would be read as"
            f" {_short(now)}; declare a type, or a serializer and a validator, that give the same value back"
        )
    return text


def _check_numbers(text: str) -> None:
    """Check that Python can read the numbers of a text. A whole number may have more digits than Python reads.

    Raises:
        InvalidMark: A number has too many digits.
    """
    try:
        json.loads(text)
    except ValueError as error:
        raise not_json(error) from None


@lru_cache(maxsize=1024)
def _is_exact(mark_class: type[Mark]) -> bool:
    """Return whether JSON gives back every value of a class: its fields are scalars, and it has no rules of its own."""
    return mark_class.model_config == Mark.model_config and has_only_scalars(mark_class)


def _are_exact(values: Iterable[Any]) -> bool:
    """Return whether JSON gives back values of scalar types. A class does not check values that `model_copy` sets."""
    for value in values:
        cls = type(value)
        if cls is float:
            if not isfinite(value):
                return False
        elif cls is datetime:
            offset = value.utcoffset()
            if offset is not None and (offset.seconds % 60 or offset.microseconds):  # JSON has no shorter offsets
                return False
        elif cls not in _PLAIN and cls is not date:
            return False
    return True


def _difference(given: Any, read: Any) -> tuple[Any, ...] | None:
    """Return the place of the first value that differs in value or type; None if all are the same."""
    cls = type(given)
    if cls is not type(read):
        return ()
    if cls in _PLAIN:
        return None if given == read or given != given else ()  # NaN is the same as NaN
    if cls is datetime:
        # In the hour that a time zone repeats, Python never treats two datetimes of different zones as equal.
        if given.tzinfo is not None and read.tzinfo is not None:
            given, read = given.astimezone(UTC), read.astimezone(UTC)
        return None if given == read else ()
    if isinstance(given, BaseModel):
        return _difference_of_models(given, read)
    if (parts := _parts(given)) is not None:
        return _first_difference(parts, _parts(read) or {})
    try:
        return None if given == read else ()
    except Exception:  # an object may refuse to be compared
        return ()


def _parts(value: Any) -> Mapping[Any, Any] | None:
    """Return the values in a collection or a dataclass, each with its place; None for another value."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list | tuple):
        return dict(enumerate(value))
    if is_dataclass(value):
        return {item.name: getattr(value, item.name) for item in fields(value) if item.compare}
    return None


def _difference_of_models(given: BaseModel, read: BaseModel, skipped: str = "") -> tuple[Any, ...] | None:
    # Not the attributes: `__dict__` may also have what `cached_property` stored.
    before, after = given.__dict__, read.__dict__
    for name in _field_names(type(given)):
        if name != skipped:
            place = _difference(before.get(name, _ABSENT), after.get(name, _ABSENT))
            if place is not None:
                return (name, *place)
    if extra := given.model_extra:
        return _first_difference(extra, read.model_extra or {})
    return None


@lru_cache(maxsize=1024)
def _field_names(model_class: type[BaseModel]) -> tuple[str, ...]:
    return tuple(model_class.model_fields)  # pydantic takes a microsecond for it


def _first_difference(given: Mapping[Any, Any], read: Mapping[Any, Any]) -> tuple[Any, ...] | None:
    if given.keys() != read.keys():
        return ()
    for key, value in given.items():
        if (place := _difference(value, read[key])) is not None:
            return (key, *place)
    return None


def _value_at(value: Any, place: tuple[Any, ...]) -> Any:
    for step in place:
        value = getattr(value, step) if isinstance(step, str) and not isinstance(value, dict) else value[step]
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."
