"""Reads the rows of CSV and JSON Lines, one at a time; a row that cannot be read is told of and the next one is read.

It knows nothing of marks. What it forgives: a byte order mark, any of four delimiters, blank lines.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from blackboard.errors import UsageError

__all__ = ["BadRow", "Row", "Rows"]

DELIMITERS = ",;\t|"
LONGEST = 1000
"""Lines that a quoted field may span before its quote is taken to be a stray one."""
LARGEST = 16 * 1024 * 1024
"""Bytes in one line."""


@dataclass(frozen=True)
class Row:
    """A row that could be read."""

    number: int
    """The line that it starts on, from 1."""
    values: Mapping[str, Any]
    raw: str


@dataclass(frozen=True)
class BadRow:
    """A row that could not."""

    number: int
    reason: str
    raw: str


class Rows:
    """The rows of a stream, whose form is told by its name or its first character.

    Raises:
        UsageError: the header of a CSV cannot be used, or the stream is something else altogether.
    """

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._lines = _Lines(stream, name)
        self.read = 0
        """Bytes read so far."""
        low = name.lower()
        first = self._lines.first_character()
        if first == "[":
            raise UsageError(f"{name} is a JSON array; write one object on each line (JSON Lines)")
        self.json = low.endswith((".jsonl", ".ndjson", ".json")) or (
            first == "{" and not low.endswith((".csv", ".tsv", ".txt"))
        )
        self.name = name
        self.columns: tuple[str, ...] | None = None if self.json else self._header()

    def __iter__(self) -> Iterator[Row | BadRow]:
        for row in self._json_rows() if self.json else self._csv_rows():
            self.read = self._lines.read
            yield row

    def _json_rows(self) -> Iterator[Row | BadRow]:
        for number, line in self._lines:
            raw = line.strip()
            if not raw:
                continue
            if (reason := _not_text(raw)) is not None:
                yield BadRow(number, reason, raw)
                continue
            try:
                values = json.loads(raw)
            except (ValueError, RecursionError) as error:
                yield BadRow(number, f"broken JSON: {error}", raw)
                continue
            if isinstance(values, dict):
                yield Row(number, values, raw)
            else:
                yield BadRow(number, "not a JSON object", raw)

    def _header(self) -> tuple[str, ...]:
        number, line = next(((n, line) for n, line in self._lines if line.strip()), (0, ""))
        if not line:
            raise UsageError(f"{self.name} is empty; a CSV begins with a header that names its columns")
        if (reason := _not_text(line)) is not None:
            raise UsageError(f"{self.name}, row {number}: the header is {reason}")
        self._delimiter = max(DELIMITERS, key=line.count)
        self._lines.push([(number, line)])
        header = next(self._records())
        if isinstance(header, BadRow):
            raise UsageError(f"{self.name}, row {number}: the header cannot be read: {header.reason}")
        names = tuple(cell.strip() for cell in header[1])
        if twice := [name for i, name in enumerate(names) if name in names[:i]]:
            raise UsageError(f"{self.name}: two columns are named {twice[0]!r}")
        return names

    def _csv_rows(self) -> Iterator[Row | BadRow]:
        columns = self.columns or ()
        for values in self._records():
            if isinstance(values, BadRow):
                yield values
                continue
            number, cells, raw = values
            if (reason := _not_text(raw)) is not None:
                yield BadRow(number, reason, raw)
            elif len(cells) != len(columns):
                yield BadRow(number, f"{len(cells)} fields where the header has {len(columns)}", raw)
            else:
                yield Row(number, dict(zip(columns, cells, strict=True)), raw)

    def _records(self) -> Iterator[tuple[int, list[str], str] | BadRow]:
        """The records, each of one line or, where a quoted field spans several, of more."""
        while (first := next(self._lines, None)) is not None:
            if not first[1].strip():
                continue
            taken = [first]
            try:
                cells = next(csv.reader(self._record_lines(taken), delimiter=self._delimiter, strict=True))
            except (_Unclosed, csv.Error) as error:
                # Only its first line is given up: the rows after a stray quote are as good as any.
                self._lines.push(taken[1:])
                yield BadRow(first[0], f"a quote is out of place: {error}", first[1].rstrip("\r\n"))
                continue
            yield first[0], cells, "".join(line for _, line in taken).rstrip("\r\n")

    def _record_lines(self, taken: list[tuple[int, str]]) -> Iterator[str]:
        yield taken[0][1]
        while len(taken) < LONGEST and (line := next(self._lines, None)) is not None:
            taken.append(line)
            yield line[1]
        raise _Unclosed("it is opened and not closed")


class _Unclosed(Exception):
    """The quoted field of a record has no end."""


class _Lines:
    """Numbered lines of text, which can be put back. What is no text comes through as lone surrogates."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream, self._name = stream, name
        self._back: deque[tuple[int, str]] = deque()
        self._number = 0
        self.read = 0

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return self

    def __next__(self) -> tuple[int, str]:
        if self._back:
            return self._back.popleft()
        raw = self._stream.readline(LARGEST)
        if not raw:
            raise StopIteration
        if self._number == 0:
            if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise UsageError(f"{self._name} is UTF-16 text; convert it: iconv -f UTF-16 -t UTF-8")
            raw = raw.removeprefix(codecs.BOM_UTF8)
        self._number += 1
        self.read += len(raw)
        return self._number, raw.decode("utf-8", "surrogateescape")

    def push(self, lines: Iterable[tuple[int, str]]) -> None:
        """Put lines back, to be read next."""
        self._back.extendleft(reversed(list(lines)))

    def first_character(self) -> str:
        """The first character that is no space, left where it is; empty at the end."""
        seen = []
        for line in self:
            seen.append(line)
            if line[1].strip():
                break
        self.push(seen)
        return seen[-1][1].strip()[:1] if seen else ""


def _not_text(raw: str) -> str | None:
    for index, character in enumerate(raw) if not raw.isascii() else ():
        if "\udc80" <= character <= "\udcff":
            return f"not UTF-8 text: byte 0x{ord(character) - 0xDC00:02x} at character {index + 1}"
    return None
