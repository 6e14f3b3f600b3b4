"""Payloads as the JSON text that a board stores. Equal payloads have equal texts, in every process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, JsonValue

from blackboard.core.marks.mark_model import EXCLUDED_FROM_PAYLOAD, Mark, not_json

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def payload_text(mark: Mark) -> str:
    """Return the payload of a mark as the JSON text that is stored. Equal marks have equal texts.

    Raises:
        InvalidMark: JSON cannot represent a value, such as half of a surrogate pair.
    """
    try:
        text = mark.model_dump_json(exclude=EXCLUDED_FROM_PAYLOAD, by_alias=False, round_trip=True, warnings=False)
        return dump_payload(_with_sets_in_order(mark, json.loads(text))) if _has_sets(type(mark)) else text
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
        return _with_sets_in_order(mark, given) if _has_sets(type(mark)) else given
    except (ValueError, RecursionError) as error:
        raise not_json(error) from None


@cache
def _has_sets(mark_class: type[Mark]) -> bool:
    return '"uniqueItems"' in json.dumps(mark_class.defaults.payload_schema)


def _with_sets_in_order(value: Any, written: Any) -> Any:
    """Return a written value with the members of its sets sorted, because each process orders sets differently."""
    if isinstance(value, set | frozenset) and isinstance(written, list):
        return sorted(written, key=_ENCODER.encode)
    if isinstance(value, BaseModel) and isinstance(written, dict):
        return {name: _with_sets_in_order(value.__dict__.get(name), item) for name, item in written.items()}
    if isinstance(value, Mapping) and isinstance(written, dict) and len(value) == len(written):
        pairs = zip(value.values(), written.items(), strict=True)
        return {name: _with_sets_in_order(item, part) for item, (name, part) in pairs}
    if isinstance(value, list | tuple) and isinstance(written, list) and len(value) == len(written):
        return [_with_sets_in_order(item, part) for item, part in zip(value, written, strict=True)]
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


def is_same_payload(first: str, second: str) -> bool:
    """Return whether two texts are the same JSON: the order of names does not matter, and 1 is 1.0 but not true."""
    return first == second or _canonical_text(first) == _canonical_text(second)


def _canonical_text(text: str) -> str:
    return json.dumps(json.loads(text, parse_float=_whole_if_integer), sort_keys=True)


def _whole_if_integer(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number
