"""Payloads as JSON: from a mark to the text that a board stores, and back.

Equal payloads have equal texts, in every process. `payload_round_trip` checks that a mark survives both ways.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import is_dataclass
from json.encoder import encode_basestring_ascii
from math import isfinite
from typing import Any, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from blackboard.core.marks.mark_error_texts import not_json
from blackboard.core.marks.mark_model import EXCLUDED_FROM_PAYLOAD, Mark
from blackboard.core.marks.pydantic_internals import has_sets

M = TypeVar("M", bound=Mark)

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def payload_text(mark: Mark) -> str:
    """Return the payload of a mark as the JSON text that is stored. Equal marks have equal texts.

    Raises:
        InvalidMark: JSON cannot represent a value, such as half of a surrogate pair.
    """
    try:
        text = mark.model_dump_json(exclude=EXCLUDED_FROM_PAYLOAD, by_alias=False, round_trip=True, warnings=False)
        return dump_payload(_sort_sets(json.loads(text), mark)) if has_sets(type(mark)) else text
    except (ValueError, RecursionError) as error:  # an error of pydantic is a ValueError
        raise not_json(error) from None


def given_payload(mark: Mark) -> dict[str, JsonValue]:
    """Return the payload without the fields that have their defaults, as a depositor without the class would write it.

    Raises:
        InvalidMark: JSON cannot represent a value.
    """
    try:
        given = mark.model_dump(
            mode="json",
            exclude=EXCLUDED_FROM_PAYLOAD,
            exclude_unset=True,
            by_alias=False,
            round_trip=True,
            warnings=False,
        )
        return _sort_sets(given, mark) if has_sets(type(mark)) else given
    except (ValueError, RecursionError) as error:
        raise not_json(error) from None


def _sort_sets(written: Any, value: Any) -> Any:
    """Return a written value with the members of its sets in one order, so that equal marks have equal texts.

    Without this order, each process would write the members in an order of its own.
    """
    if isinstance(written, dict):
        if is_dataclass(value) or isinstance(value, BaseModel):
            return {name: _sort_sets(item, getattr(value, name, None)) for name, item in written.items()}
        if isinstance(value, dict) and len(value) == len(written):
            return {
                name: _sort_sets(item, member)
                for (name, item), member in zip(written.items(), value.values(), strict=True)
            }
    if isinstance(written, list):
        if isinstance(value, list | tuple) and len(value) == len(written):
            return [_sort_sets(item, member) for item, member in zip(written, value, strict=True)]
        if isinstance(value, set | frozenset):
            return sorted(written, key=json.dumps)
    return written


def dump_payload(payload: Mapping[str, Any]) -> str:
    """Return a payload as the JSON text that is stored.

    Raises:
        InvalidMark: JSON cannot represent a value, such as NaN or half of a surrogate pair.
    """
    try:
        text = _ENCODER.encode(dict(payload))
        text.encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise not_json(error) from None
    return text


def read_mark(mark_class: type[M], text: str, subject: str, intensity: float) -> M:
    """Return the mark that a stored text contains.

    Raises:
        ValidationError: The text does not fit the class.
    """
    try:
        mark = mark_from_text(mark_class, text, subject, intensity)
    except ValidationError:
        # The board may have raised the intensity above the limit that the class sets for depositors.
        if intensity == mark_class.model_fields["intensity"].default:
            raise
        mark = mark_from_text(mark_class, text, subject)
    mark.__dict__["intensity"] = intensity  # the board's number, even if a validator changes it
    return mark


def parse_payload(mark_class: type[M], payload: Mapping[str, Any], subject: str) -> M:
    """Return the mark of a payload that comes from outside. Its fields may also have their aliases as names.

    Raises:
        ValidationError: The payload does not fit the class.
        InvalidMark: The payload is not JSON.
    """
    try:
        text = json.dumps(payload)  # with NaN, so that the class names the field
    except (ValueError, TypeError, RecursionError) as error:
        raise not_json(error) from None
    return mark_from_text(mark_class, text, subject, by_alias=True)


def mark_from_text(
    mark_class: type[M], text: str, subject: str, intensity: float | None = None, *, by_alias: bool = False
) -> M:
    """Return the mark of a class whose payload is a text.

    Raises:
        ValidationError: The text does not fit the class.
    """
    head = f'{{"subject":{encode_basestring_ascii(subject)}'
    if intensity is not None:
        head += f',"intensity":{intensity!r}' if type(intensity) is float and isfinite(intensity) else ""
    tail = "}" if text == "{}" else f",{text[1:]}"
    return mark_class.model_validate_json(head + tail, by_alias=by_alias, by_name=True)


def is_same_payload(first: str, second: str) -> bool:
    """Return whether two texts are the same JSON: the order of names does not matter, and 1 is 1.0 but not true."""
    return first == second or _canonical_text(first) == _canonical_text(second)


def _canonical_text(text: str) -> str:
    return json.dumps(json.loads(text, parse_float=_whole_if_integer), sort_keys=True)


def _whole_if_integer(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number
