"""The format of a CSV file, found from its first rows: the delimiter, the quotes, and the place of the header.

The delimiter is the character that divides most rows, outside quotes, into the same number of cells.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

DELIMITERS = "\x1f\x01\t;|,"
"""The delimiters that are tried. If two divide the rows equally well, the earlier one is used, because commas occur in
texts.
"""
_CELLS_PER_PAIR = 2
"""The number of cells in a row of a name and a value."""
_RULER = re.compile(r"[\s|+:=-]{0,5000}")
_NUMBER = re.compile(r"[\d.,:/ +-]{1,40}")


@dataclass(frozen=True)
class CsvFormat:
    """The format of the rows of a CSV file."""

    delimiter: str
    is_drawn: bool
    """Whether the rows are a table that is drawn with lines and frames."""
    skips_space: bool
    """Whether a blank may precede a quote."""
    escape: str | None
    """The character that escapes a quote; None if a quote is doubled."""

    @classmethod
    def of(cls, sample: Sequence[str], delimiter: str | None) -> CsvFormat:
        """Return the format of a file from its first lines. The user may name the delimiter."""
        lines = [line for line in sample if not _is_ruler(line)]
        delimiter = delimiter or _likely_delimiter(lines)
        is_drawn = delimiter == "|" and len(lines) < len(sample)
        rows = lines if is_drawn else sample
        skips_space = any(f'{delimiter} "' in line for line in rows)
        return cls(delimiter, is_drawn, skips_space, _likely_escape(rows, delimiter))

    def is_row(self, line: str) -> bool:
        """Return whether a line is neither blank nor a drawn part of the table."""
        return bool(line.strip()) and not (self.is_drawn and _is_ruler(line))

    def cells(self, lines: Iterator[str]) -> list[str]:
        """Return the cells of the next row. A row with quoted line breaks takes several lines.

        Raises:
            csv.Error: A quote is misplaced, or a cell is too long.
        """
        reader = csv.reader(
            lines,
            delimiter=self.delimiter,
            skipinitialspace=self.skips_space,
            escapechar=self.escape,
            doublequote=self.escape is None,
            strict=True,
        )
        cells = next(reader)
        return _without_frame(cells) if self.is_drawn else cells

    def lines_before_header(self, sample: Sequence[str]) -> int:
        """Return how many lines with a single cell, such as the title of a report, precede the header."""
        lines = [line for line in sample if not _is_ruler(line)] if self.is_drawn else sample
        try:
            rows = list(csv.reader(lines, delimiter=self.delimiter))
        except csv.Error:
            return 0
        first = _header_place(rows)
        # A title of several lines is not recognized: it is read as the header, and the error quotes it.
        return first if sum(line.count('"') for line in lines[:first]) % 2 == 0 else 0


def _likely_delimiter(sample: Sequence[str]) -> str:
    """Return the delimiter that divides the header and most rows into the same number of fields.

    If two delimiters divide them equally, the delimiter that also divides the first line is used.
    """

    def evenness(delimiter: str) -> tuple[float, bool, int]:
        rows: list[list[str]] = []
        with suppress(csv.Error):  # the sample ends inside a field, or a row has a mistake
            rows.extend(csv.reader(sample, delimiter=delimiter))
        place = _header_place(rows)
        widths = [len(row) for row in rows[place:]]
        if not widths or widths[0] < 2 or (place and (len(widths) < 2 or len(set(widths)) > 1)):
            return 0.0, False, 0
        even = sum(width == widths[0] for width in widths[1:]) / max(1, len(widths) - 1)
        return round(even, 1), place == 0, widths[0]

    best = max(DELIMITERS, key=evenness)
    return best if evenness(best)[0] > 0 or evenness(best)[2] else ","


def _likely_escape(sample: Sequence[str], delimiter: str) -> str | None:
    """Return a backslash if the quotes in fields are escaped by it, as databases write them; otherwise None."""
    if not any('\\"' in line for line in sample):
        return None
    try:
        list(csv.reader(sample, delimiter=delimiter, strict=True))
    except csv.Error:
        with suppress(csv.Error):
            rows = list(csv.reader(sample, delimiter=delimiter, escapechar="\\", doublequote=False, strict=True))
            return "\\" if len({len(row) for row in rows}) == 1 else None
    return None


def _header_place(rows: Sequence[Sequence[str]]) -> int:
    """Return the place of the header.

    The header may follow rows of a single cell, rows of a name and a value, and a row of values without names.
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
