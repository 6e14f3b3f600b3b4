"""A reader of CSV and JSON. It reads row by row and reports unreadable rows.

The dialect of a CSV file follows from its first rows: the delimiter divides them most evenly, counted outside quotes.
Columns may have no name or the same name, as spreadsheets and form services write them.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from blackboard.cli.row_files.input_text import MAX_LINE_CHARACTERS, InputText
from blackboard.cli.row_files.json_paths import values_at
from blackboard.errors import UsageError

DELIMITERS = "\x1f\x01\t;|,"
"""The delimiters that are tried. If two divide the rows equally well, the earlier is meant: commas occur in texts."""
SAMPLE_ROWS = 50
"""The number of lines from which the delimiter follows."""
MAX_FIELD_LINES = 1000
"""The largest number of lines in a quoted field. A quote without an end within this many lines counts as stray."""
MAX_ELEMENT_CHARACTERS = 64 * 1024 * 1024
"""The largest number of characters in an element of a JSON array."""
_CELLS_PER_PAIR = 2
"""The number of cells in a row of a name and a value."""
UNNAMED = ""
"""The name that means all columns without a name."""
_GAP = re.compile(r"[\s,]*")
_FORCED_TEXT = re.compile('="[^"]*"')
_GUARDED_TEXT = re.compile(r"'(?:[=+@]|-\d)")
"""The beginning of a cell that a program has guarded, so that a spreadsheet takes it for text, not for a formula."""
_RULER = re.compile(r"[\s|+:=-]{0,5000}")
_NUMBER = re.compile(r"[\d.,:/ +-]{1,40}")
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


@dataclass(frozen=True)
class GoodRow:
    """A row."""

    number: int
    """The number of its first line, from 1."""
    values: Mapping[str, Any]
    raw: str
    key: str | None = None
    """Its key, if no column is named as the key; None if its content is to be the key."""


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be read, with the reason."""

    number: int
    reason: str
    raw: str


class NoHeader(UsageError):
    """A CSV that has no header: it is empty."""


class _NotJson(Exception):
    """What follows is no JSON, or too long."""


class _JsonBuffer:
    """The lines of a JSON document that are read and not yet parsed.

    Attributes:
        number: The number of the line at which the rest begins.
        has_ended: Whether the document has no more lines.
    """

    def __init__(self, *, is_array: bool) -> None:
        self.number, self.has_ended = 1, False
        self._is_array, self._is_opened = is_array, not is_array
        self._decoder = json.JSONDecoder()
        self._text, self._at = "", 0
        self._due = 0
        """The length of text at which it is parsed again, so that an element of many lines is not parsed at each."""

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

    def next_value(self) -> tuple[int, Any, str] | None:
        """Return the next value, between the number of its first line and its text; None if it needs more lines.

        Raises:
            _NotJson: There is none.
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
                raise _NotJson(_json_fault(error)) from None
            self._due = 2 * length  # it goes on in a later line
            return None
        number = self.number
        self._move_to(end)
        return number, value, self._text[begin:end]

    def _move_to(self, end: int) -> None:
        self.number += self._text.count("\n", self._at, end)
        self._at = end


class Rows:
    """The rows of a stream. The format follows from its name or its first character.

    The rows own the stream: it is closed with them. The rows of a stream that grows can be read again after they ended.
    Then each line of JSON is a row, and a row of CSV with an open quote waits for one more growth.

    Raises:
        UsageError: The header of a CSV file is not usable, or the stream has another format.
        NoHeader: It is a CSV without a header.
    """

    def __init__(
        self,
        stream: IO[bytes],
        name: str,
        *,
        delimiter: str | None = None,
        encoding: str | None = None,
        each: str | None = None,
        numbers: Iterator[int] | None = None,
        grows: bool = False,
    ) -> None:
        self._each = each
        """The path of a list in each JSON object, whose elements are the rows."""
        self._lines = InputText(stream, name, encoding, numbers)
        self.grows = grows
        """Whether more may follow when the rows end."""
        self._open_row: int | None = None
        """The number of the last row that waited with an open quote."""
        self.notes: list[str] = []
        """What was assumed about the file and should be said."""
        if self._lines.is_guess:
            self.notes.append(f"{name} is read as {self._lines.encoding}; name another encoding with --encoding")
        self.name = name
        self.json = delimiter is None and _is_json(name, next(iter(self._lines.peek(1)), ""))
        self.repeated: dict[str, tuple[str, ...]] = {}
        """Names that several columns have, with the names of the further columns: `Email` -> `Email#2`."""
        self.unnamed: tuple[str, ...] = ()
        """The columns without a name. They are called by their place: `column 3`."""
        self.decimal_comma = False
        """Whether numbers are written with a decimal comma where both readings are possible."""
        if each is not None and not self.json:
            raise UsageError(f"--each {each}: {name} is a CSV; only JSON has lists")
        self.header = ""
        """The line with the names of the columns; empty in JSON."""
        self.columns: tuple[str, ...] | None = None if self.json else self._header(delimiter)

    @property
    def encoding(self) -> str:
        """The encoding in which the file is read."""
        return self._lines.encoding

    @property
    def bytes_read(self) -> int:
        """The number of bytes read so far."""
        return self._lines.bytes_read

    @property
    def next_number(self) -> int | None:
        """The number of a line that was looked at and is read next; None if there is none."""
        return self._lines.next_number

    def skip_to(self, number: int, restart: Callable[[], None]) -> None:
        """Go on with the line of a number, as `InputText.skip_to` does."""
        self._lines.skip_to(number, restart)

    def __iter__(self) -> Iterator[GoodRow | BadRow]:
        if not self.json:
            return self._csv_rows()
        sample = [] if self.grows else self._lines.peek(2)
        return self._json_stream() if _is_one_document(sample) else self._json_rows()

    def _json_stream(self) -> Iterator[GoodRow | BadRow]:
        """Yield the elements of an array, or objects that are written over several lines."""
        buffer = _JsonBuffer(is_array=self._lines.peek(1)[0].lstrip().startswith("["))
        while not buffer.has_ended:
            buffer.feed(next(self._lines, (0, ""))[1])
            try:
                while (value := buffer.next_value()) is not None:
                    yield from self._json_row(*value)
            except _NotJson as error:
                reason = self._not_text(buffer.rest) or f"{error}; the rest is not read"
                yield BadRow(buffer.number, reason, buffer.rest[:10_000].strip())
                return

    def _json_rows(self) -> Iterator[GoodRow | BadRow]:
        for number, line in self._lines:
            raw = line.strip()
            if not raw:
                continue
            try:
                objects = list(_objects(raw))
            except (ValueError, RecursionError) as error:
                yield BadRow(number, self._not_text(raw) or _json_fault(error), raw)
                continue
            for values, text in objects:
                yield from self._json_row(number, values, text)

    def _json_row(self, number: int, values: Any, raw: str) -> Iterator[GoodRow | BadRow]:
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
        csv.field_size_limit(MAX_LINE_CHARACTERS)
        sample = self._lines.peek(SAMPLE_ROWS)
        if not sample:
            raise NoHeader(f"{self.name} is empty; a CSV begins with a header that names its columns")
        if (stated := _SEP_LINE.fullmatch(sample[0])) is not None:
            while not next(self._lines)[1].strip():
                pass
            delimiter, sample = delimiter or stated[1], sample[1:]
        sample = self._set_format(sample, delimiter)
        if skipped := _lines_before_header(sample, self._delimiter):
            while skipped:
                line = next(self._lines)[1]
                skipped -= bool(line.strip() and not (self._is_drawn and _is_ruler(line)))
            self.notes.append(f"the lines before the header of {self.name} are left out")
        return self._name_columns([" ".join(cell.split()) for cell in self._header_cells()])

    def _set_format(self, sample: list[str], delimiter: str | None) -> list[str]:
        """Set what the first lines say about the form of the file, and return those that are rows."""
        lines = [line for line in sample if not _is_ruler(line)]
        self._delimiter = delimiter or _likely_delimiter(lines)
        self._is_drawn = self._delimiter == "|" and len(lines) < len(sample)
        if self._is_drawn:
            sample = lines
        self.decimal_comma = self._delimiter == ";"
        self._space = any(f'{self._delimiter} "' in line for line in sample)
        self._escape = _likely_escape(sample, self._delimiter)
        return sample

    def _header_cells(self) -> Sequence[str]:
        header = next(self._records(), None)
        if header is None:
            raise NoHeader(f"{self.name} is empty; a CSV begins with a header that names its columns")
        if isinstance(header, BadRow):
            raise UsageError(f"{self.name}, row {header.number}: the header cannot be read: {header.reason}")
        if (reason := self._not_text(header[2])) is not None:
            raise UsageError(f"{self.name}, row {header[0]}: the header is {reason}")
        self.header = header[2]
        return header[1]

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
                f"{len(others) + 1} columns are named {cell!r}: the first with a value counts, or all for a list;"
                f" {others[0]!r} names the second"
            )
        return tuple(names)

    def _csv_rows(self) -> Iterator[GoodRow | BadRow]:
        columns = self.columns or ()
        for values in self._records():
            if isinstance(values, BadRow):
                yield values
                continue
            number, cells, raw = values
            if '="' in raw:  # how a spreadsheet writes text that looks like a number
                cells = [cell[2:-1] if _FORCED_TEXT.fullmatch(cell) else cell for cell in cells]
            if "'" in raw:
                cells = [cell[1:] if _GUARDED_TEXT.match(cell) else cell for cell in cells]
            if not any(cell.strip() for cell in cells) and len(cells) > 1:
                continue  # a spreadsheet writes an empty line as delimiters alone
            if not any(cell.strip() for cell in cells[len(columns) :]):
                cells = cells[: len(columns)]
            if (reason := self._not_text(raw)) is not None:
                yield BadRow(number, reason, raw)
            elif len(cells) != len(columns):
                yield BadRow(number, f"{len(cells)} fields, but the header has {len(columns)}", raw)
            else:
                yield GoodRow(number, dict(zip(columns, cells, strict=True)), raw)

    def _records(self) -> Iterator[tuple[int, list[str], str] | BadRow]:
        """Yield the records. A record with a quoted field can have several lines."""
        while (first := next(self._lines, None)) is not None:
            if not first[1].strip() or (self._is_drawn and _is_ruler(first[1])):
                continue
            lines = [first]
            try:
                cells = next(
                    csv.reader(
                        self._record_lines(lines),
                        delimiter=self._delimiter,
                        skipinitialspace=self._space,
                        escapechar=self._escape,
                        doublequote=self._escape is None,
                        strict=True,
                    )
                )
            except (_UnclosedQuote, csv.Error) as error:
                if isinstance(error, _UnclosedQuote) and self._may_close(lines):
                    self._lines.push(lines)
                    return
                # Only the first line is rejected, so that the rows after a stray quote are read normally.
                self._lines.push(lines[1:])
                plain = first[1].rstrip("\r\n")
                if self._delimiter == "\t" and self.columns and plain.count("\t") == len(self.columns) - 1:
                    yield first[0], plain.split("\t"), plain  # databases write such files without quotes
                    continue
                fault = "too long" if "field larger" in str(error) else "misplaced quote"
                yield BadRow(first[0], f"{fault}: {error}", first[1].rstrip("\r\n"))
                continue
            if self._is_drawn:
                cells = _without_frame(cells)
            yield first[0], cells, "".join(line for _, line in lines).rstrip("\r\n")

    def _may_close(self, lines: Sequence[tuple[int, str]]) -> bool:
        """Return whether the quote of a row may be closed when the stream has grown, for which it waits once."""
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


class _UnclosedQuote(Exception):
    """A quoted field without a closing quote."""


def _likely_delimiter(sample: Sequence[str]) -> str:
    """Return the delimiter that divides the header and most rows into the same number of fields.

    If two delimiters divide them equally, the delimiter that also divides the first line is used.
    """

    def evenness(delimiter: str) -> tuple[float, bool, int]:
        rows: list[list[str]] = []
        with suppress(csv.Error):  # the sample ends within a field, or a row has a mistake
            rows.extend(csv.reader(sample, delimiter=delimiter))
        place = _header_place(rows)
        widths = [len(row) for row in rows[place:]]
        if not widths or widths[0] < 2 or (place and (len(widths) < 2 or len(set(widths)) > 1)):
            return 0.0, False, 0
        even = sum(width == widths[0] for width in widths[1:]) / max(1, len(widths) - 1)
        return round(even, 1), place == 0, widths[0]

    best = max(DELIMITERS, key=evenness)
    return best if evenness(best)[0] > 0 or evenness(best)[2] else ","


def _header_place(rows: Sequence[Sequence[str]]) -> int:
    """Return the place of the header.

    Rows of a single cell, rows of a name and a value, and a row with values and no names may come before it.
    """
    if (place := _after_pairs(rows)) is not None:
        return place
    full = [sum(1 for cell in row if cell.strip()) for row in rows]
    first = next((place for place, count in enumerate(full) if count > 1), 0)
    widths = [len(row) for row in rows[first : first + 3]]
    if len(widths) > 1 and len(set(widths)) == 1:
        return first
    if len(widths) == 3 and widths[0] != widths[1] == widths[2] and not _has_names(rows[first]):
        return first + 1 if _has_names(rows[first + 1]) else 0
    return 0


def _after_pairs(rows: Sequence[Sequence[str]]) -> int | None:
    """Return the place of a wide table after rows of at most two cells, such as `Account;DE02...`, or None."""
    if not rows:
        return None
    widths = [_width(row) for row in rows]
    place = next((place for place, width in enumerate(widths) if width > _CELLS_PER_PAIR), 0)
    if any(cell.startswith(" ") for cell in rows[place][1:]):
        return None  # sentences with commas
    is_table = _CELLS_PER_PAIR <= place < len(rows) - 1 and len(set(widths[place : place + 3])) == 1
    return place if is_table and _CELLS_PER_PAIR in widths[:place] and _has_names(rows[place]) else None


def _width(row: Sequence[str]) -> int:
    """Return the number of cells up to the last that is not empty."""
    return max((place for place, cell in enumerate(row, 1) if cell.strip()), default=0)


def _has_names(row: Sequence[str]) -> bool:
    """Return whether the cells of a row may name columns: each has a text, and none is a number."""
    return all(cell.strip() and not _NUMBER.fullmatch(cell.strip()) for cell in row[: _width(row)])


def _is_ruler(line: str) -> bool:
    """Return whether a line only draws a part of a table, as databases and SAP print them."""
    return "---" in line and _RULER.fullmatch(line) is not None


def _without_frame(cells: Sequence[str]) -> list[str]:
    """Return the cells of a row in a drawn table, without the frame on both sides."""
    plain = [cell.strip() for cell in cells]
    return plain[1:-1] if len(plain) > 2 and not plain[0] and not plain[-1] else plain


def _likely_escape(sample: Sequence[str], delimiter: str) -> str | None:
    """Return the backslash if the fields can be read only with quotes that it escapes, as databases write them."""
    if not any('\\"' in line for line in sample):
        return None
    try:
        list(csv.reader(sample, delimiter=delimiter, strict=True))
    except csv.Error:
        with suppress(csv.Error):
            rows = list(csv.reader(sample, delimiter=delimiter, escapechar="\\", doublequote=False, strict=True))
            return "\\" if len({len(row) for row in rows}) == 1 else None
    return None


def _lines_before_header(sample: Sequence[str], delimiter: str) -> int:
    """Return how many lines with a single cell, such as the title of a report, precede the header."""
    try:
        rows = list(csv.reader(sample, delimiter=delimiter))
    except csv.Error:
        return 0
    first = _header_place(rows)
    # A title takes one line. One that goes on over several lines is read as the header, and named in the error.
    return first if sum(line.count('"') for line in sample[:first]) % 2 == 0 else 0


def _objects(raw: str) -> Iterator[tuple[Any, str]]:
    """Yield the value of a line, or several values that follow each other without a line break, with their texts.

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


def _json_fault(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "invalid JSON: it is nested too deeply"
    if not isinstance(error, json.JSONDecodeError):  # Python reads only numbers of so many digits
        return "invalid JSON: a number has too many digits"
    return f"invalid JSON: {error.msg} at character {error.pos + 1}"


def _is_json(name: str, line: str) -> bool:
    """Return whether a stream is JSON, by its name and its first line."""
    name, first = name.lower().removesuffix(".gz"), line.lstrip()[:1]
    if name.endswith((".jsonl", ".ndjson", ".json")):
        return first in ("{", "[", "")
    return first in ("{", "[") and not name.endswith((".csv", ".tsv", ".txt"))


def _is_one_document(sample: Sequence[str]) -> bool:
    """Return whether lines begin an array, or an object that goes on in the second line."""
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
    """Return whether the first of several lines is a whole array: a bad row of JSON Lines."""
    if len(sample) < 2:
        return False
    try:
        json.loads(sample[0])
    except (ValueError, RecursionError):
        return False
    return True
