"""Layout of tables as text of a given width, without control characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
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
    cells = [[clean_text(_clip(cell)) for cell in row] for row in rows]
    heads = [clean_text(column) for column in columns]
    numeric = [bool(cells) and all(_is_number(row[index]) for row in cells) for index in range(len(heads))]
    widths = [max(map(_width, (head, *(row[index] for row in cells)))) for index, head in enumerate(heads)]
    room -= 2  # one column of margin on each side
    filled = [
        index
        for index, column in enumerate(columns)
        if column not in spare or any(row[index] not in ("", NO_VALUE) for row in cells)
    ]
    kept = _fit_columns(columns, filled, widths, numeric, spare, room)
    last = len(heads) - 1
    taken = sum(widths[index] + len(GAP) for index in kept if index != last)
    widths[last] = min(widths[last], max(MIN_WIDTH, room - taken))
    lines = [] if title is None else [clean_text(title)]
    lines += ["", *_row(heads, kept, widths, numeric), "─" * (taken + widths[last])]
    for row in cells:
        lines += _row(row, kept, widths, numeric)
    return "".join(f"{f' {line}'.rstrip()}\n" for line in (*lines, ""))


def _fit_columns(
    columns: Sequence[str],
    filled: Sequence[int],
    widths: list[int],
    numeric: Sequence[bool],
    spare: Sequence[str],
    room: int,
) -> list[int]:
    """Return the filled columns that fit, after reducing the widths of texts."""
    kept = list(filled)

    def lacks() -> bool:
        gaps = len(GAP) * (len(kept) - 1)
        last = len(columns) - 1
        needed = [min(widths[index], LAST_COLUMN_WIDTH) if index == last else widths[index] for index in kept]
        return gaps + sum(needed) > room

    for index in map(columns.index, spare):
        if index in kept and lacks():
            kept.remove(index)
    texts = [index for index in kept[:-1] if not numeric[index]]
    while texts and lacks() and widths[widest := max(texts, key=widths.__getitem__)] > MIN_WIDTH:
        widths[widest] -= 1
    return kept


def _row(row: Sequence[str], kept: Sequence[int], widths: Sequence[int], numeric: Sequence[bool]) -> Iterator[str]:
    *first, last = kept
    parts = [_pad(_cut(row[index], widths[index]), widths[index], right=numeric[index]) for index in first]
    for line in wrap_text(row[last], widths[last]):
        yield GAP.join([*parts, _pad(line, widths[last], right=numeric[last])])
        parts = [" " * widths[index] for index in first]


def _pad(text: str, width: int, *, right: bool) -> str:
    padding = " " * (width - _width(text))
    return padding + text if right else text + padding


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
