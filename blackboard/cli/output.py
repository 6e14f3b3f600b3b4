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

from blackboard.cli.table_layout import clean, drawn

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["AsJson", "clean", "console", "document", "grid", "note", "number", "say", "short", "table"]

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else there.")]

_OBEYED = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

WIDE = 160
"""Columns of a table that no terminal shows."""


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
    """Where live views are shown."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else room()
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def room() -> int:
    """The columns of the terminal; of what goes elsewhere, as many as nobody has."""
    return shutil.get_terminal_size((WIDE, 24)).columns


def grid(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None, spare: Sequence[str] = ()
) -> Text:
    """A table for a live view."""
    from rich.text import Text

    return Text(drawn(columns, rows, room(), title=title, spare=spare), no_wrap=True, overflow="ignore")


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
    sys.stdout.write(drawn(columns, rows, room(), title=title, spare=spare) if rows else f"{clean(empty)}\n")


def pairs(values: Mapping[str, Any]) -> None:
    """Print names and values, one below the other."""
    width = max(map(len, values), default=0)
    for name, value in values.items():
        say(f"{name:<{width}}  {clean(value)}")
