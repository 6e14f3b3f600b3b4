"""Prints tables for people and one JSON document for programs. What comes from the board is text, never markup.

A web form can hold the control sequences of a terminal: none reaches one.
"""

from __future__ import annotations

import codecs
import json
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["AsJson", "clean", "console", "document", "grid", "note", "number", "say", "short", "table"]

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else there.")]

_OBEYED = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

LONGEST_CELL = 500
"""Characters of a cell that a table shows; --json has the rest."""

WIDE = 160
"""Columns of a table that no terminal shows."""

LAST = 24
"""What the last column of a table keeps of the width, where it has that much to say."""

SHORT = 8
"""What a text is cut to at the most."""


def document(value: Any) -> None:
    """Print a value as the one JSON document of a command."""
    utf8 = codecs.lookup(sys.stdout.encoding or "ascii").name == "utf-8"
    text = json.dumps(value, ensure_ascii=not utf8, indent=2, default=str)
    # JSON lets pass what a terminal obeys all the same; escaped, it means the same to every reader.
    sys.stdout.write(_OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def say(text: str) -> None:
    """Print a line for a person."""
    sys.stdout.write(clean(text, keep="\n") + "\n")


def note(text: str) -> None:
    """Print a line beside the result: on stderr."""
    sys.stderr.write(clean(text, keep="\n") + "\n")


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


def number(value: float) -> str:
    """A strength, total or count, to four digits."""
    return f"{value:.4g}"


def short(seconds: float) -> str:
    """A length of time in its two largest units, such as `3d4h`."""
    from blackboard.durations import format_duration, parse_duration

    length = max(0, round(seconds)) * 1_000_000
    for unit, lesser in (("1d", "1h"), ("1h", "1m")):
        if length >= parse_duration(unit):
            length -= length % parse_duration(lesser)
    return format_duration(length)


def console(*, stderr: bool = False) -> Console:
    """Where tables are printed."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else shutil.get_terminal_size((WIDE, 24)).columns
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def grid(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None, spare: Sequence[str] = ()
) -> Table:
    """A table of cells; the last column takes what room is left.

    Where there is too little room, the `spare` columns are left out, then texts are cut; numbers never are.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    cells = [[clean(_clipped(cell)) for cell in row] for row in rows]
    heads = [clean(column) for column in columns]
    numeric = [bool(cells) and all(_is_number(row[index]) for row in cells) for index in range(len(heads))]
    widths = [max(map(cell_len, (head, *(row[index] for row in cells)))) for index, head in enumerate(heads)]
    kept = _fitted(columns, widths, numeric, spare)
    for index in kept:
        last = index == len(heads) - 1
        made.add_column(
            heads[index],
            justify="right" if numeric[index] else "left",
            no_wrap=not last,
            overflow="ellipsis",
            max_width=None if last else widths[index],
        )
    for row in cells:
        made.add_row(*(Text(row[index]) for index in kept))
    return made


def _fitted(columns: Sequence[str], widths: list[int], numeric: Sequence[bool], spare: Sequence[str]) -> list[int]:
    """Which columns there is room for; the widths of texts are cut to what there is."""
    kept = list(range(len(columns)))
    room = console().width

    def lacks() -> bool:
        gaps = 3 * len(kept) - 1
        return gaps + sum(min(widths[i], LAST) if i == len(columns) - 1 else widths[i] for i in kept) > room

    for index in map(columns.index, spare):
        if lacks():
            kept.remove(index)
    texts = [index for index in kept[:-1] if not numeric[index]]
    while texts and lacks() and widths[widest := max(texts, key=widths.__getitem__)] > SHORT:
        widths[widest] -= 1
    return kept


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    empty: str,
    title: str | None = None,
    spare: Sequence[str] = (),
) -> None:
    """Print a table, or what is to be said where it has no rows."""
    rows = list(rows)
    if rows:
        console().print(grid(columns, rows, title=title, spare=spare))
    else:
        say(empty)


def pairs(values: Mapping[str, Any]) -> None:
    """Print names and values, one below the other."""
    width = max(map(len, values), default=0)
    for name, value in values.items():
        say(f"{name:<{width}}  {clean(value)}")


def _clipped(cell: Any) -> Any:
    return f"{cell[:LONGEST_CELL]}..." if isinstance(cell, str) and len(cell) > LONGEST_CELL else cell


def _is_number(text: str) -> bool:
    return text == "-" or text.replace(".", "", 1).replace("-", "", 1).replace("e", "", 1).replace("+", "", 1).isdigit()
