"""Streams of JSON values: an array, objects over several lines, or JSON Lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

MAX_ELEMENT_CHARACTERS = 64 * 1024 * 1024
"""The largest number of characters in an element of a JSON array."""
_GAP = re.compile(r"[\s,]*")


class NotJson(Exception):
    """The next value is not JSON, or is too long."""


class StreamValue(NamedTuple):
    """A value of a stream."""

    number: int
    """The number of the line where it begins."""
    value: Any
    text: str


class JsonBuffer:
    """The lines of a JSON document that are read and not yet parsed."""

    def __init__(self, *, is_array: bool) -> None:
        self.number = 1
        """The number of the line at which the rest begins."""
        self.has_ended = False
        """Whether the document has no more lines."""
        self._is_array = is_array
        self._is_opened = not is_array
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._at = 0
        """The position in the text up to which it is parsed."""
        self._due = 0
        """The length at which the text is parsed again, so that a long element is not parsed after each line."""

    @property
    def rest(self) -> str:
        """The text that is not parsed."""
        return self._text[self._at :]

    def feed(self, line: str) -> None:
        """Add a line. An empty text is the end of the document."""
        self.has_ended = not line
        if not self._is_opened and line.strip():
            line, self._is_opened = line.replace("[", " ", 1), True
        self._text, self._at = self.rest + line, 0

    def next_value(self) -> StreamValue | None:
        """Return the next value; None if lines are missing.

        Raises:
            NotJson: The next value is not JSON.
        """
        if len(self._text) < self._due and not self.has_ended:
            return None
        begin = _GAP.match(self._text, self._at).end()  # type: ignore[union-attr]  # it matches an empty text too
        self._move_to(begin)
        if begin == len(self._text) or (self._is_array and self._text[begin] == "]"):
            self._at, self._due = len(self._text), 0
            return None
        try:
            value, end = self._decoder.raw_decode(self._text, begin)
        except (ValueError, RecursionError) as error:
            length = len(self._text) - begin
            if self.has_ended or length > MAX_ELEMENT_CHARACTERS:
                raise NotJson(json_fault(error)) from None
            self._due = 2 * length  # the value continues in a later line
            return None
        number = self.number
        self._move_to(end)
        return StreamValue(number, value, self._text[begin:end])

    def _move_to(self, end: int) -> None:
        self.number += self._text.count("\n", self._at, end)
        self._at = end


def json_values(raw: str) -> Iterator[tuple[Any, str]]:
    """Yield each value of a line with its text. A line may have several values without a line break between them.

    Raises:
        ValueError: Something is not JSON.
    """
    decoder, at = json.JSONDecoder(), 0
    while at < len(raw):
        values, end = decoder.raw_decode(raw, at)
        if (at or end < len(raw)) and not isinstance(values, dict):
            json.loads(raw)  # raises the error of the whole line
        yield values, raw[at:end]
        at = _GAP.match(raw, end).end()  # type: ignore[union-attr]  # it matches an empty text too


def json_fault(error: Exception) -> str:
    """Return why a text is not JSON."""
    if isinstance(error, RecursionError):
        return "invalid JSON: it is nested too deeply"
    if not isinstance(error, json.JSONDecodeError):  # Python limits the number of digits
        return "invalid JSON: a number has too many digits"
    return f"invalid JSON: {error.msg} at character {error.pos + 1}"


def is_json(name: str, line: str) -> bool:
    """Return whether a stream is JSON, by its name and its first line."""
    name, first = name.lower().removesuffix(".gz"), line.lstrip()[:1]
    if name.endswith((".jsonl", ".ndjson", ".json")):
        return first in ("{", "[", "")
    return first in ("{", "[") and not name.endswith((".csv", ".tsv", ".txt"))


def is_one_document(sample: Sequence[str]) -> bool:
    """Return whether lines begin an array, or an object that continues in the second line."""
    if not sample or sample[0].lstrip().startswith("["):
        return bool(sample) and not _is_list_of_one_line(sample)
    if len(sample) < 2 or sample[1].lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(sample[0])
    except (ValueError, RecursionError):
        return not sample[0].rstrip().endswith("}")
    return False


def _is_list_of_one_line(sample: Sequence[str]) -> bool:
    """Return whether the first of several lines is a whole array. In JSON Lines, such a line is a bad row."""
    if len(sample) < 2:
        return False
    try:
        json.loads(sample[0])
    except (ValueError, RecursionError):
        return False
    return True
