"""A reader of CSV and JSON. It reads row by row and reports unreadable rows.

Columns may have no name or the same name, as spreadsheets and form services write them.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

from blackboard.cli.row_files.csv_format import CsvFormat
from blackboard.cli.row_files.input_text import MAX_LINE_CHARACTERS, InputText
from blackboard.cli.row_files.json_paths import values_at
from blackboard.cli.row_files.json_streams import JsonBuffer, NotJson, is_json, is_one_document, json_fault, json_values
from blackboard.errors import UsageError
from blackboard.plurals import counted

SAMPLE_ROWS = 50
"""The number of lines that are read to find the delimiter."""
MAX_FIELD_LINES = 1000
"""The largest number of lines in a quoted field. A quote without an end within this many lines counts as stray."""
UNNAMED = ""
"""The name that means all columns without a name."""
_FORCED_TEXT = re.compile('="[^"]*"')
_GUARDED_TEXT = re.compile(r"'(?:[=+@]|-\d)")
"""The beginning of a cell that a program has guarded, so that a spreadsheet reads it as text and not as a formula."""
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


@dataclass(frozen=True)
class TextForm:
    """The options for the form of a text; None for a property that is detected."""

    delimiter: str | None = None
    encoding: str | None = None
    each: str | None = None
    """The path of a list in each JSON object, whose elements are the rows."""


@dataclass(frozen=True)
class GoodRow:
    """A row."""

    number: int
    """The number of its first line, from 1."""
    values: Mapping[str, Any]
    raw: str
    key: str | None = None
    """The key of a followed row; None if the key is made from the content or from a column."""


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be read, with the reason."""

    number: int
    reason: str
    raw: str


class _CsvRecord(NamedTuple):
    """The cells of a record, and its text."""

    number: int
    """The number of its first line, from 1."""
    cells: list[str]
    raw: str


class NoHeader(UsageError):
    """A CSV without a header, because it is empty."""


class Rows:
    """The rows of a stream. The format follows from its name or its first character.

    The rows own the stream: it is closed with them. The rows of a stream that grows can be read again after they ended.
    Then each line of JSON is a row, and a row of CSV with an open quote waits until the stream has grown once more.

    Raises:
        UsageError: The header of a CSV file is not usable, or the stream has another format.
        NoHeader: The stream is CSV without a header.
    """

    def __init__(
        self,
        stream: IO[bytes],
        name: str,
        form: TextForm = TextForm(),
        *,
        numbers: Iterator[int] | None = None,
        grows: bool = False,
    ) -> None:
        self._each = form.each
        self._lines = InputText(stream, name, form.encoding, numbers)
        self.grows = grows
        """Whether more rows may follow when the rows end."""
        self._open_row: int | None = None
        """The number of the last row that waited with an open quote."""
        self.notes: list[str] = []
        """The assumptions about the file that the command reports."""
        if self._lines.is_guess:
            self.notes.append(f"{name} is read as {self._lines.encoding}; name another encoding with --encoding")
        self.name = name
        self.is_json = form.delimiter is None and is_json(name, next(iter(self._lines.peek(1)), ""))
        self.repeated: dict[str, tuple[str, ...]] = {}
        """Names that several columns have, with the names of the further columns: `Email` -> `Email#2`."""
        self.unnamed: tuple[str, ...] = ()
        """The columns without a name. They are called by their place: `column 3`."""
        self.decimal_comma = False
        """Whether the comma in a number such as `1,234`, which has two meanings, is a decimal comma."""
        if form.each is not None and not self.is_json:
            raise UsageError(f"--each {form.each}: {name} is a CSV; only JSON has lists")
        self.header = ""
        """The line with the names of the columns; empty in JSON."""
        self.columns: tuple[str, ...] | None = None if self.is_json else self._header(form.delimiter)

    @property
    def encoding(self) -> str:
        """The encoding that the file is read in."""
        return self._lines.encoding

    @property
    def bytes_read(self) -> int:
        """The number of bytes read so far."""
        return self._lines.bytes_read

    @property
    def next_number(self) -> int | None:
        """The number of a line that was examined and is read next; None if there is none."""
        return self._lines.next_number

    def end_growth(self) -> None:
        """Note that no more rows follow, so that a row with an open quote is read without more text."""
        self.grows = False

    def skip_to(self, number: int, restart: Callable[[], None]) -> None:
        """Continue with the line that has this number, like `InputText.skip_to`."""
        self._lines.skip_to(number, restart)

    def __iter__(self) -> Iterator[GoodRow | BadRow]:
        if not self.is_json:
            return self._csv_rows()
        sample = [] if self.grows else self._lines.peek(2)
        return self._json_stream() if is_one_document(sample) else self._json_rows()

    def _json_stream(self) -> Iterator[GoodRow | BadRow]:
        """Yield the elements of an array, or objects that are written over several lines."""
        buffer = JsonBuffer(is_array=self._lines.peek(1)[0].lstrip().startswith("["))
        while not buffer.has_ended:
            buffer.feed(next(self._lines, (0, ""))[1])
            try:
                while (value := buffer.next_value()) is not None:
                    yield from self._json_row(*value)
            except NotJson as error:
                reason = self._not_text(buffer.rest) or f"{error}; the rest is not read"
                yield BadRow(buffer.number, reason, buffer.rest[:10_000].strip())
                return

    def _json_rows(self) -> Iterator[GoodRow | BadRow]:
        for number, line in self._lines:
            raw = line.strip()
            if not raw:
                continue
            try:
                objects = list(json_values(raw))
            except (ValueError, RecursionError) as error:
                yield BadRow(number, self._not_text(raw) or json_fault(error), raw)
                continue
            for values, text in objects:
                yield from self._json_row(number, values, text)

    def _json_row(self, number: int, values: Any, raw: str) -> Iterator[GoodRow | BadRow]:
        """Yield the row of a line of JSON, or a row for each item of the list that `--each` names."""
        if (reason := self._not_text(raw)) is not None:
            yield BadRow(number, reason, raw)
        elif not isinstance(values, dict):
            yield BadRow(number, "not a JSON object", raw)
        elif self._each is None:
            yield GoodRow(number, values, raw)
        else:
            items = next(iter(values_at(values, self._each)), None)
            if isinstance(items, dict):
                items = list(items.values())
            if not isinstance(items, list):
                yield BadRow(number, f"it has no list {self._each!r}", raw)
                return
            for item in items:
                text = json.dumps(item, ensure_ascii=False)
                yield (
                    GoodRow(number, item, text) if isinstance(item, dict) else BadRow(number, "not a JSON object", text)
                )

    def _header(self, delimiter: str | None) -> tuple[str, ...]:
        """Read the lines up to the header, find the format of the file, and return the names of the columns."""
        csv.field_size_limit(MAX_LINE_CHARACTERS)
        sample = self._lines.peek(SAMPLE_ROWS)
        if not sample:
            raise NoHeader(f"{self.name} is empty; a CSV begins with a header that names its columns")
        if (stated := _SEP_LINE.fullmatch(sample[0])) is not None:
            while not next(self._lines)[1].strip():
                pass
            delimiter, sample = delimiter or stated[1], sample[1:]
        self._format = CsvFormat.of(sample, delimiter)
        self.decimal_comma = self._format.delimiter == ";"
        if skipped := self._format.lines_before_header(sample):
            while skipped:
                skipped -= self._format.is_row(next(self._lines)[1])
            self.notes.append(f"the lines before the header of {self.name} are left out")
        return self._name_columns([" ".join(cell.split()) for cell in self._header_cells()])

    def _header_cells(self) -> Sequence[str]:
        header = next(self._records(), None)
        if header is None:
            raise NoHeader(f"{self.name} is empty; a CSV begins with a header that names its columns")
        if isinstance(header, BadRow):
            raise UsageError(f"{self.name}, row {header.number}: the header cannot be read: {header.reason}")
        if (reason := self._not_text(header.raw)) is not None:
            raise UsageError(f"{self.name}, row {header.number}: the header is {reason}")
        self.header = header.raw
        return header.cells

    def _name_columns(self, cells: Sequence[str]) -> tuple[str, ...]:
        """Return a name for each column that no other column has."""
        names: list[str] = []
        unnamed: list[str] = []
        for place, cell in enumerate(cells, 1):
            name, number = cell or f"column {place}", 1
            while name in names or (number > 1 and name in cells):
                number += 1
                name = f"{cell or f'column {place}'}#{number}"
            names.append(name)
            if not cell:
                unnamed.append(name)
            elif number > 1:
                self.repeated[cell] = (*self.repeated.get(cell, ()), name)
        self.unnamed = tuple(unnamed)
        for cell, others in self.repeated.items():
            self.notes.append(
                f"{len(others) + 1} columns are named {cell!r}: a field takes the first with a value, a list takes all;"
                f" {others[0]!r} names the second"
            )
        return tuple(names)

    def _csv_rows(self) -> Iterator[GoodRow | BadRow]:
        """Yield the rows below the header, without repeated headers and empty lines."""
        columns = self.columns or ()
        for record in self._records():
            if isinstance(record, BadRow):
                yield record
                continue
            number, cells, raw = record
            if len(columns) > 1 and raw.removeprefix("\ufeff") == self.header:
                continue  # a second header: two files were joined, or a writer has started again
            cells = _without_marks_of_spreadsheets(cells, raw)
            if len(cells) > 1 and _are_blank(cells):
                continue  # a spreadsheet writes an empty line as delimiters alone
            if _are_blank(cells[len(columns) :]):
                cells = cells[: len(columns)]
            if (reason := self._not_text(raw)) is not None:
                yield BadRow(number, reason, raw)
            elif len(cells) != len(columns):
                yield BadRow(number, f"{counted(len(cells), 'field')}, but the header has {len(columns)}", raw)
            else:
                yield GoodRow(number, dict(zip(columns, cells, strict=True)), raw)

    def _records(self) -> Iterator[_CsvRecord | BadRow]:
        """Yield the records. A record with a quoted field can have several lines."""
        while (first := next(self._lines, None)) is not None:
            if not self._format.is_row(first[1]):
                continue
            lines = [first]
            try:
                cells = self._format.cells(self._record_lines(lines))
            except (_UnclosedQuote, csv.Error) as error:
                if isinstance(error, _UnclosedQuote) and self._may_close(lines):
                    self._lines.push(lines)
                    return
                # Only the first line is rejected, so that the rows after a stray quote are read normally.
                self._lines.push(lines[1:])
                plain = first[1].rstrip("\r\n")
                if self._format.delimiter == "\t" and self.columns and plain.count("\t") == len(self.columns) - 1:
                    yield _CsvRecord(first[0], plain.split("\t"), plain)  # databases write such files without quotes
                    continue
                fault = "too long" if "field larger" in str(error) else "misplaced quote"
                yield BadRow(first[0], f"{fault}: {error}", first[1].rstrip("\r\n"))
                continue
            yield _CsvRecord(first[0], cells, "".join(line for _, line in lines).rstrip("\r\n"))

    def _may_close(self, lines: Sequence[tuple[int, str]]) -> bool:
        """Return whether to wait for more text, because the quote of a row is not closed. Each row waits only once."""
        if not self.grows or len(lines) >= MAX_FIELD_LINES or self._open_row == lines[0][0]:
            return False
        self._open_row = lines[0][0]
        return True

    def _record_lines(self, lines: list[tuple[int, str]]) -> Iterator[str]:
        yield lines[0][1]
        while len(lines) < MAX_FIELD_LINES and (line := next(self._lines, None)) is not None:
            lines.append(line)
            yield line[1]
        raise _UnclosedQuote("it is never closed")

    def _not_text(self, raw: str) -> str | None:
        for index, character in enumerate(raw) if not raw.isascii() else ():
            if "\udc00" <= character <= "\udcff":
                encoding = "UTF-8" if self._lines.encoding.startswith("utf-8") else self._lines.encoding
                return f"not {encoding} text: byte 0x{ord(character) - 0xDC00:02x} at character {index + 1}"
        return None


def _without_marks_of_spreadsheets(cells: list[str], raw: str) -> list[str]:
    """Return cells without what a spreadsheet writes around text that looks like a number or a formula."""
    if '="' in raw:
        cells = [cell[2:-1] if _FORCED_TEXT.fullmatch(cell) else cell for cell in cells]
    if "'" in raw:
        cells = [cell[1:] if _GUARDED_TEXT.match(cell) else cell for cell in cells]
    return cells


def _are_blank(cells: Sequence[str]) -> bool:
    return not any(cell.strip() for cell in cells)


class _UnclosedQuote(Exception):
    """A quoted field without a closing quote."""
