"""The command `sql`: read-only queries on the views."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.output import AsJson, print_json, print_note, print_table
from blackboard.cli.terminal.table_layout import clean_text
from blackboard.clock import seconds_in
from blackboard.core.records.view_columns import VIEWS
from blackboard.errors import UsageError

_FORMULA_SIGNS = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""Signs that begin a formula in a spreadsheet, in their normal and their full-width forms."""


EPILOG = f"The views are {', '.join(VIEWS)}."
"""The last line of the help."""


def sql(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="A SELECT statement. Use '-' for stdin.")],
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most this many rows.")] = 1000,
    timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="Stop the query after this time, such as 30s.")
    ] = "10s",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")] = False,
    guard_formulas: Annotated[
        bool,
        typer.Option(
            "--guard-formulas",
            help="In CSV, put an apostrophe before each text that a spreadsheet would run as a formula.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Query the board in SQL, through its views.

    Examples:
      blackboard sql "select kind, count(*), max(strength)
        from live_marks group by kind"
      blackboard sql "select * from activations where state = 'dead'" --json
      blackboard sql "select day, agent, usd from costs" --csv > costs.csv
    """
    from blackboard.durations import parse_duration
    from blackboard.local_or_remote_calls import calls_on_board

    if as_csv and as_json:
        raise UsageError("--json and --csv are two formats of the output; use only one of them")
    if guard_formulas and not as_csv:
        raise UsageError("--guard-formulas works only with --csv; add --csv")
    seconds = seconds_in(parse_duration(timeout))
    if not seconds:
        raise UsageError("--timeout must be longer than 0s")
    text = _read_stdin() if query == "-" else query
    with session_of(context).board_or_client() as board:
        result = calls_on_board(board).query(text, limit=limit, seconds=seconds)
    if as_json:
        print_json(result.records)
    elif as_csv:
        _write_csv((result.columns, *result.rows), guard_formulas=guard_formulas)
    else:
        print_table(result.columns, ([_shown_value(value) for value in row] for row in result.rows), empty="no rows")
    if result.has_more:
        print_note(f"only the first {limit} rows are shown; --limit N shows more")


def _read_stdin() -> str:
    try:
        text = sys.stdin.read()
        text.encode()  # without a locale, Python keeps wrong bytes as halves of surrogate pairs
        return text
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        encoding = error.encoding.upper()
        raise UsageError(f"the query is not {encoding} text: the byte at position {error.start} is wrong") from None


def _write_csv(rows: Iterable[Sequence[Any]], *, guard_formulas: bool) -> None:
    """Write rows to stdout. A terminal would interpret control characters; a file gets the raw text."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for cells in rows:
        row = [_guard_formula(value) for value in cells] if guard_formulas else cells
        writer.writerow(map(_readable, row) if is_terminal() else row)


def is_terminal() -> bool:
    """Return whether stdout is a terminal."""
    return sys.stdout.isatty()


def _guard_formula(value: Any) -> Any:
    """Return a text that no spreadsheet reads as a formula."""
    if not isinstance(value, str):
        return value
    return f"'{value}" if value[:1] in _FORMULA_SIGNS or value.lstrip()[:1] in _FORMULA_SIGNS else value


def _readable(value: Any) -> Any:
    return clean_text(value) if isinstance(value, str) else value


def _shown_value(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value
