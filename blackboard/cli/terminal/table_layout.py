"""Layout of tables as text of a given width, without control characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

MAX_CELL_CHARACTERS = 500
"""The largest number of characters shown in a cell; --json has the whole text."""

LAST_COLUMN_WIDTH = 24
"""The width reserved for the last column, if its text needs it."""

MIN_WIDTH = 8
"""The width below which no text is cut."""

NO_VALUE = "-"
"""The text of a cell without a value."""

GAP = "   "


def clean_text(value: Any) -> str:
    """Return a value as text without control characters."""
    if value is None:
        return NO_VALUE
    text = value if isinstance(value, str) else str(value)
    return "".join(
        character if character.isprintable() else " " if character.isspace() else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )


class _Column:
    """A column of a table."""

    def __init__(self, texts: list[str]) -> None:
        name, *cells = texts
        self.name = name
        self.texts = texts
        """The name, then the cells."""
        self.width = max(map(_width, texts))
        """The width in which the column is shown."""
        self.is_empty = all(cell in ("", NO_VALUE) for cell in cells)
        self.is_numeric = bool(cells) and all(map(_is_number, cells))

    def pad(self, text: str) -> str:
        """Return a text with spaces up to the width. Numbers are at the right."""
        padding = " " * (self.width - _width(text))
        return padding + text if self.is_numeric else text + padding


def format_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    room: int,
    *,
    title: str | None = None,
    spare: Sequence[str] = (),
) -> str:
    """Return a table as text. The last column gets the remaining width and is wrapped.

    A `spare` column without values is omitted. If the width is too small, the other `spare` columns are omitted first,
    then texts are cut. Numbers are never cut.
    """
    texts = [[clean_text(_clip(cell)) for cell in row] for row in (columns, *rows)]
    room -= 2  # one column of margin on each side
    kept = _fit_columns([_Column([*column]) for column in zip(*texts, strict=True)], spare, room)
    *first, last = kept
    taken = sum(column.width + len(GAP) for column in first)
    last.width = min(last.width, max(MIN_WIDTH, room - taken))
    lines = [] if title is None else [clean_text(title)]
    lines += ["", *_row(kept, 0), "─" * (taken + last.width)]
    for number in range(1, len(texts)):
        lines += _row(kept, number)
    return "".join(f"{f' {line}'.rstrip()}\n" for line in (*lines, ""))


def _fit_columns(columns: Sequence[_Column], spare: Sequence[str], room: int) -> list[_Column]:
    """Return the columns that fit, after reducing the widths of texts."""
    kept = [column for column in columns if column.name not in spare or not column.is_empty]

    def lacks() -> bool:
        *first, last = kept
        return sum(column.width + len(GAP) for column in first) + min(last.width, LAST_COLUMN_WIDTH) > room

    for name in spare:
        if lacks():
            kept = [column for column in kept if column.name != name]
    texts = [column for column in kept[:-1] if not column.is_numeric]
    while texts and lacks() and (widest := max(texts, key=attrgetter("width"))).width > MIN_WIDTH:
        widest.width -= 1
    return kept


def _row(columns: Sequence[_Column], number: int) -> Iterator[str]:
    """Yield the lines of a row; 0 is the number of the row with the names."""
    *first, last = columns
    parts = [column.pad(_cut(column.texts[number], column.width)) for column in first]
    for line in wrap_text(last.texts[number], last.width):
        yield GAP.join([*parts, last.pad(line)])
        parts = [" " * column.width for column in first]


def _cut(text: str, width: int) -> str:
    """Return the text, cut with an ellipsis if it does not fit."""
    return text if _width(text) <= width else f"{_beginning(text, width - 1)}…"


def _beginning(text: str, width: int) -> str:
    """Return the longest beginning of the text that fits."""
    taken = 0
    for index, character in enumerate(text):
        taken += _width(character)
        if taken > width:
            return text[:index]
    return text


def wrap_text(text: str, width: int) -> list[str]:
    """Return a text in lines of a width, broken between words if possible."""
    lines = []
    while _width(text) > width:
        line = _beginning(text, width) or text[0]
        space = line.rfind(" ") if text[len(line)] != " " else len(line)
        line = line[:space] if space > 0 else line
        lines.append(line)
        text = text[len(line) :].lstrip(" ")
    return [*lines, text]


def _width(text: str) -> int:
    """Return the width of a text on a terminal, in columns."""
    if text.isascii():
        return len(text)
    return sum(map(_character_width, text))


def _character_width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _clip(cell: Any) -> Any:
    return f"{cell[:MAX_CELL_CHARACTERS]}..." if isinstance(cell, str) and len(cell) > MAX_CELL_CHARACTERS else cell


def _is_number(text: str) -> bool:
    return (
        text == NO_VALUE
        or text.replace(".", "", 1).replace("-", "", 1).replace("e", "", 1).replace("+", "", 1).isdigit()
    )
