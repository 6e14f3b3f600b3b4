"""Output for people (lines and tables) and for programs (one JSON document).

Content of the board is printed as text, never as markup. Control sequences and line breaks, for example from a web
form, are removed before they reach a terminal. So no text can look like a line of the program.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, TextIO, TypeVar

import typer

from blackboard.cli.terminal.table_layout import MIN_WIDTH, clean_text, format_table, wrap_text
from blackboard.clock import microseconds_in
from blackboard.core.marks.scopes import group_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from blackboard.settings.deployment_resolver import ResolvedDeployment

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, and nothing else.")]

_CONTROLS = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

HANGING_INDENT = 4
"""How many columns the further lines of a long text are indented more than its first line."""
WIDE_COLUMNS = 160
"""The width in columns of a table that is not printed on a terminal."""


def print_json(value: object) -> None:
    """Print a value (JSON values, dataclasses, datetimes and dates) as the one JSON document of a command."""
    from blackboard.presentation.json_shapes import json_value

    _write_json(json.dumps(value, ensure_ascii=not _writes_utf8(), indent=2, default=json_value))


def print_json_line(value: object) -> None:
    """Print a value as a line of JSON, for a command that prints as long as it runs."""
    from blackboard.presentation.json_shapes import json_value

    _write_json(json.dumps(value, ensure_ascii=not _writes_utf8(), separators=(",", ":"), default=json_value))


def _writes_utf8() -> bool:
    return codecs.lookup(sys.stdout.encoding or "ascii").name == "utf-8"


def _write_json(text: str) -> None:
    # JSON allows characters that control a terminal. Escape sequences mean the same to every JSON parser.
    sys.stdout.write(_CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n")


def timestamp(at: datetime | None) -> str | None:
    """Return a time in the format of the views: `2026-01-05T09:00:00.000000Z`."""
    from blackboard.clock import from_datetime, iso

    return None if at is None else iso(from_datetime(at))


def _to_minute(at: datetime | None) -> str | None:
    """Return a time to the minute, for a table."""
    return None if at is None else f"{at:%Y-%m-%d %H:%M}"


def to_second(at: datetime | None) -> str | None:
    """Return a time to the second, for a table."""
    return None if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def upcoming_time(at: datetime | None, now: datetime, *, minutes: bool = False) -> str | None:
    """Return an instant for a table. A future instant is rounded up, so the text never says that it has passed.

    With `minutes`, an instant that is an hour away or more is shown to the minute.
    """
    if at is None or at <= now:
        return to_second(at)
    if minutes and at - now >= timedelta(hours=1):
        return _to_minute(at + timedelta(seconds=59, microseconds=999_999))
    return to_second(at + timedelta(microseconds=999_999))


def print_line(line: str, *, wraps: bool = True) -> None:
    """Print a text on stdout as one line, without control characters."""
    _print(line, sys.stdout, wraps=wraps)


def print_note(line: str, *, wraps: bool = True) -> None:
    """Print a text on stderr as one line. A failure to write it is ignored."""
    with contextlib.suppress(OSError):
        _print(line, sys.stderr, wraps=wraps)


def _print(line: str, stream: TextIO, *, wraps: bool) -> None:
    """Print one line.

    A terminal continues a long line in its first column, so a text with many spaces could look like another line.
    Therefore a long line is broken and indented here. With `wraps=False`, the line stays whole, because it is a command
    to be copied.
    """
    parts = [_drawn(clean_text(line), stream)]
    indent = len(parts[0]) - len(parts[0].lstrip()) + HANGING_INDENT
    room = _terminal_width() - indent
    if wraps and stream.isatty() and room >= MIN_WIDTH:
        parts = wrap_text(parts[0], room)
    stream.write(f"\n{' ' * indent}".join(parts) + "\n")


_PLAIN = str.maketrans(
    {"\u2500": "-", "\u2026": "~", "\u2588": "#", **dict.fromkeys("\u2589\u258a\u258b\u258c\u258d\u258e\u258f")}
)
"""The characters that a terminal without Unicode shows instead of lines, bars and ellipses."""


def _drawn(text: str, stream: TextIO) -> str:
    """Return a text with the lines and bars that the stream can show."""
    if text.isascii():
        return text
    try:
        "\u2500\u2026\u2588\u258f".encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return text.translate(_PLAIN)
    return text


def number_text(value: float) -> str:
    """Return a strength, total or count to four digits."""
    return f"{value:.4g}"


def place_of(record: Any) -> str | None:
    """Return the subject or the group of a crossing or an activation; None if it is about the board."""
    if record.group_tag is not None:
        return group_text(record.group_tag, record.group)
    subject: str | None = record.subject
    return subject


def count_list(counts: Mapping[str, float]) -> str:
    """Return the counts that are not 0 with their names: `2 ready, 1 dead`."""
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"


def crossed_agents(names: Iterable[str]) -> str:
    """Return the end of a sentence about a deposit: the agents whose thresholds it reached, if there are any."""
    agents = ", ".join(names)
    return f"; reached the threshold of {agents}" if agents else ""


def gone_agent_lines(agents: Mapping[str, int]) -> list[str]:
    """Return a line for each agent that is no longer in the deployment and has unfinished work."""
    return [
        f"{agent} is not in the deployment; {count} of its crossings and activations are held"
        for agent, count in agents.items()
    ]


def print_warnings(resolved: ResolvedDeployment) -> None:
    """Print the settings that are allowed but probably not intended on stderr."""
    for warning in resolved.warnings:
        print_note(f"warning: {warning}")


def short_duration(seconds: float) -> str:
    """Return a duration in its two largest units, such as `3d4h`."""
    from blackboard.durations import format_duration, parse_duration

    length = microseconds_in(max(0, round(seconds)))
    for unit, smaller in (("1d", "1h"), ("1h", "1m")):
        if length >= parse_duration(unit):
            length -= length % parse_duration(smaller)
    return format_duration(length)


def live_console(*, stderr: bool = False) -> Console:
    """Return the console for live views."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _terminal_width()
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def _terminal_width() -> int:
    """Return the width of the terminal in columns, or `WIDE_COLUMNS` if the output is not a terminal."""
    return shutil.get_terminal_size((WIDE_COLUMNS, 24)).columns


def live_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None, spare: Sequence[str] = ()
) -> Text:
    """Return a table for a live view."""
    from rich.text import Text

    text = format_table(columns, rows, _terminal_width(), title=title, spare=spare)
    return Text(_drawn(text, sys.stdout), no_wrap=True, overflow="ignore")


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    empty: str,
    title: str | None = None,
    spare: Sequence[str] = (),
) -> None:
    """Print a table, or `empty` if it has no rows."""
    rows = list(rows)
    if not rows:
        print_line(empty)
        return
    text = format_table(columns, rows, _terminal_width(), title=title, spare=spare)
    sys.stdout.write(_drawn(text, sys.stdout))


def print_records(
    records: Sequence[T],
    row: Callable[[T], Mapping[str, Any]],
    *,
    as_json: bool,
    empty: str,
    spare: Sequence[str] = (),
) -> None:
    """Print records as the JSON document of a command, or as a table. `row` returns the cells of a record by column."""
    if as_json:
        print_json(records)
    else:
        rows = [row(record) for record in records]
        print_table(list(rows[0]) if rows else [], [list(cells.values()) for cells in rows], empty=empty, spare=spare)


def print_pairs(values: Mapping[str, Any]) -> None:
    """Print names and values, one pair per line."""
    width = max(map(len, values), default=0)
    for name, value in values.items():
        print_line(f"{name:<{width}}  {clean_text(value)}")
