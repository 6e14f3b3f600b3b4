"""A reader of CSV and JSON Lines. It reads row by row and reports unreadable rows.

It accepts a byte order mark, four delimiters and blank lines.
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

DELIMITERS = ",;\t|"
MAX_FIELD_LINES = 1000
"""The largest number of lines in a quoted field. A quote without an end within this many lines counts as stray."""
MAX_LINE_BYTES = 16 * 1024 * 1024
"""The largest number of bytes in one line."""


@dataclass(frozen=True)
class Row:
    """A row."""

    number: int
    """The number of its first line, from 1."""
    values: Mapping[str, Any]
    raw: str


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be read, with the reason."""

    number: int
    reason: str
    raw: str


class Rows:
    """The rows of a stream. The format follows from its name or its first character.

    Raises:
        UsageError: The header of a CSV file is not usable, or the stream has another format.
    """

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._lines = _Lines(stream, name)
        self.bytes_read = 0
        """The number of bytes read so far."""
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
            self.bytes_read = self._lines.bytes_read
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
                yield BadRow(number, f"invalid JSON: {error}", raw)
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
        if repeated := [name for i, name in enumerate(names) if name in names[:i]]:
            raise UsageError(f"{self.name}: two columns are named {repeated[0]!r}")
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
                yield BadRow(number, f"{len(cells)} fields, but the header has {len(columns)}", raw)
            else:
                yield Row(number, dict(zip(columns, cells, strict=True)), raw)

    def _records(self) -> Iterator[tuple[int, list[str], str] | BadRow]:
        """Yield the records. A record with a quoted field can have several lines."""
        while (first := next(self._lines, None)) is not None:
            if not first[1].strip():
                continue
            lines = [first]
            try:
                cells = next(csv.reader(self._record_lines(lines), delimiter=self._delimiter, strict=True))
            except (_UnclosedQuote, csv.Error) as error:
                # Only the first line is rejected, so that the rows after a stray quote are read normally.
                self._lines.push(lines[1:])
                yield BadRow(first[0], f"misplaced quote: {error}", first[1].rstrip("\r\n"))
                continue
            yield first[0], cells, "".join(line for _, line in lines).rstrip("\r\n")

    def _record_lines(self, lines: list[tuple[int, str]]) -> Iterator[str]:
        yield lines[0][1]
        while len(lines) < MAX_FIELD_LINES and (line := next(self._lines, None)) is not None:
            lines.append(line)
            yield line[1]
        raise _UnclosedQuote("it is never closed")


class _UnclosedQuote(Exception):
    """A quoted field without a closing quote."""


class _Lines:
    """Numbered lines that can be pushed back. Invalid UTF-8 bytes become lone surrogates."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream, self._name = stream, name
        self._back: deque[tuple[int, str]] = deque()
        self._number = 0
        self.bytes_read = 0

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return self

    def __next__(self) -> tuple[int, str]:
        if self._back:
            return self._back.popleft()
        raw = self._stream.readline(MAX_LINE_BYTES)
        if not raw:
            raise StopIteration
        if self._number == 0:
            if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise UsageError(f"{self._name} is UTF-16 text; convert it: iconv -f UTF-16 -t UTF-8")
            raw = raw.removeprefix(codecs.BOM_UTF8)
        self._number += 1
        self.bytes_read += len(raw)
        return self._number, raw.decode("utf-8", "surrogateescape")

    def push(self, lines: Iterable[tuple[int, str]]) -> None:
        """Push lines back; they are read next."""
        self._back.extendleft(reversed(list(lines)))

    def first_character(self) -> str:
        """Return the first character that is not a space, without consuming it; empty at the end."""
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
