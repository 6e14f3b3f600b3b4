"""Draws tables as text that fits a width, and that a terminal shows and does not obey. It prints nothing."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

__all__ = ["clean", "drawn"]

LONGEST_CELL = 500
"""Characters of a cell that a table shows; --json has the rest."""

LAST = 24
"""What the last column of a table keeps of the width, where it has that much to say."""

SHORT = 8
"""What a text is cut to at the most."""

GAP = "   "


def clean(value: Any, keep: str = "") -> str:
    """A value as text that a terminal shows and does not obey."""
    if value is None:
        return "-"
    text = value if isinstance(value, str) else str(value)
    return "".join(
        character
        if character.isprintable() or character in keep
        else " "
        if character.isspace()
        else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )


def drawn(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    room: int,
    *,
    title: str | None = None,
    spare: Sequence[str] = (),
) -> str:
    """A table of cells; the last column takes what room is left, in several lines if need be.

    Where there is too little room, the `spare` columns are left out, then texts are cut; numbers never are.
    """
    cells = [[clean(_clipped(cell)) for cell in row] for row in rows]
    heads = [clean(column) for column in columns]
    numeric = [bool(cells) and all(_is_number(row[index]) for row in cells) for index in range(len(heads))]
    widths = [max(map(_width, (head, *(row[index] for row in cells)))) for index, head in enumerate(heads)]
    room -= 2  # a table stands a column away from each edge
    kept = _fitted(columns, widths, numeric, spare, room)
    last = len(heads) - 1
    taken = sum(widths[index] + len(GAP) for index in kept if index != last)
    widths[last] = min(widths[last], max(SHORT, room - taken))
    lines = [] if title is None else [clean(title)]
    lines += ["", *_row(heads, kept, widths, numeric), "─" * (taken + widths[last])]
    for row in cells:
        lines += _row(row, kept, widths, numeric)
    return "".join(f"{f' {line}'.rstrip()}\n" for line in (*lines, ""))


def _fitted(
    columns: Sequence[str], widths: list[int], numeric: Sequence[bool], spare: Sequence[str], room: int
) -> list[int]:
    """Which columns there is room for; the widths of texts are cut to what there is."""
    kept = list(range(len(columns)))

    def lacks() -> bool:
        gaps = len(GAP) * (len(kept) - 1)
        return gaps + sum(min(widths[i], LAST) if i == len(columns) - 1 else widths[i] for i in kept) > room

    for index in map(columns.index, spare):
        if lacks():
            kept.remove(index)
    texts = [index for index in kept[:-1] if not numeric[index]]
    while texts and lacks() and widths[widest := max(texts, key=widths.__getitem__)] > SHORT:
        widths[widest] -= 1
    return kept


def _row(row: Sequence[str], kept: Sequence[int], widths: Sequence[int], numeric: Sequence[bool]) -> Iterator[str]:
    *first, last = kept
    parts = [_filled(_cut(row[index], widths[index]), widths[index], right=numeric[index]) for index in first]
    for line in _wrapped(row[last], widths[last]):
        yield GAP.join([*parts, _filled(line, widths[last], right=numeric[last])])
        parts = [" " * widths[index] for index in first]


def _filled(text: str, width: int, *, right: bool) -> str:
    rest = " " * (width - _width(text))
    return rest + text if right else text + rest


def _cut(text: str, width: int) -> str:
    """The text, with an ellipsis for what does not fit."""
    return text if _width(text) <= width else f"{_beginning(text, width - 1)}…"


def _beginning(text: str, width: int) -> str:
    """As much of the text as fits."""
    taken = 0
    for index, character in enumerate(text):
        taken += _width(character)
        if taken > width:
            return text[:index]
    return text


def _wrapped(text: str, width: int) -> list[str]:
    """The text in lines, broken between words where that is possible."""
    lines = []
    while _width(text) > width:
        line = _beginning(text, width) or text[0]
        space = line.rfind(" ") if text[len(line)] != " " else len(line)
        line = line[:space] if space > 0 else line
        lines.append(line)
        text = text[len(line) :].lstrip(" ")
    return [*lines, text]


def _width(text: str) -> int:
    """The columns of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(item) in ("Mn", "Me") else 2 if unicodedata.east_asian_width(item) in "WF" else 1
        for item in text
    )


def _clipped(cell: Any) -> Any:
    return f"{cell[:LONGEST_CELL]}..." if isinstance(cell, str) and len(cell) > LONGEST_CELL else cell


def _is_number(text: str) -> bool:
    return text == "-" or text.replace(".", "", 1).replace("-", "", 1).replace("e", "", 1).replace("+", "", 1).isdigit()
