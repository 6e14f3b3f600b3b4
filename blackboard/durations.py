"""Durations: text such as `90s`, `30m`, `3d` or `1h30m` to microseconds and back. Numbers need a unit."""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from blackboard.errors import InvalidDuration


class Microseconds(int):
    """A parsed duration, a whole number of microseconds."""


DurationLike = str | timedelta | Microseconds
"""A duration as a public argument: text with a unit, or a timedelta, but not a number."""

_UNITS = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}
MILLISECOND, SECOND, MINUTE, HOUR, DAY = (Microseconds(_UNITS[unit]) for unit in ("ms", "s", "m", "h", "d"))
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|s|m|h|d|w)", re.ASCII)
_WHOLE = re.compile(rf"\s*(?:{_PART.pattern}\s*)+", re.ASCII)
_MAX_DURATION: Duration = 1_000 * 365 * DAY


def parse_duration(text: DurationLike) -> Duration:
    """Return the microseconds in a duration.

    Args:
        text: Text such as `90s`, `1h30m` or `0.5d`, or a timedelta; between 0s and 1000 years. The units are us, ms,
            s, m, h, d and w.

    Raises:
        InvalidDuration: The unit is missing or unknown, or the length is out of range.
    """
    if isinstance(text, Microseconds):
        length = int(text)
    elif isinstance(text, timedelta):
        length = text // timedelta(microseconds=1)
    elif not isinstance(text, str) or len(text) > 64 or not _WHOLE.fullmatch(text):
        hint = " (a bare number has no unit)" if re.fullmatch(r"[\d.]+", str(text)[:64]) else ""
        raise InvalidDuration(f"{str(text)[:64]!r} is not a duration{hint}; write it like 90s, 30m, 12h, 3d or 2w")
    else:
        length = _length(text)
    if not 0 <= length <= _MAX_DURATION:
        raise InvalidDuration(f"{str(text)!r} is out of range; a duration is between 0s and 1000 years")
    return length


@lru_cache(1000)  # a deployment repeats the same few
def _length(text: str) -> Duration:
    # Exact, so that a formatted duration reads back unchanged. Floats lose microseconds after 285 years.
    return round(sum(Fraction(number) * _UNITS[unit] for number, unit in _PART.findall(text)))


def format_duration(length: Duration) -> str:
    """Return the shortest exact text for a length in microseconds, such as `1h30m`.

    Args:
        length: Microseconds, at least 0.
    """
    if length == 0:
        return "0s"
    parts = []
    for unit, size in sorted(_UNITS.items(), key=lambda item: -item[1]):
        if unit == "w" and length % size:
            continue  # 10d is clearer than 1w3d
        count, length = divmod(length, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def _validate(value: Any) -> int:
    try:
        return Microseconds(parse_duration(value))
    except InvalidDuration as error:
        raise ValueError(str(error)) from None


def _positive(length: Duration) -> Duration:
    if length <= 0:
        raise ValueError("must be longer than 0s")
    return length


Duration = Annotated[
    int,
    BeforeValidator(_validate),
    AfterValidator(Microseconds),  # pydantic's own validation of int drops the subclass
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "format": "duration", "examples": ["90s", "30m", "3d"]}),
]
"""A length of time in microseconds. As a pydantic field, it is text with a unit in files."""

PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
"""A length of time that is longer than 0, such as an interval at which work repeats."""

FOREVER: Duration = 2**62
"""Longer than any interval."""
