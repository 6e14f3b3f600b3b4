"""The command `load`: deposits the rows of a file. Bad rows go to a rejects file with their number and the reason."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import session_of
from blackboard.cli.output import AsJson, document, note, say

if TYPE_CHECKING:
    from blackboard.cli.row_reader import BadRow, Rows


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(load)


def load(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="CSV or JSON Lines; - is stdin.")],
    kind: Annotated[str, typer.Option(help="The kind of mark that each row becomes.", autocompletion=completion.kinds)],
    subject: Annotated[
        list[str], typer.Option(help="The column of the subject. If repeated, the first non-empty column counts.")
    ],
    mapped: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="COLUMN=FIELD", help="Store COLUMN in FIELD; COLUMN= drops it. Repeatable."),
    ] = None,
    intensity: Annotated[str, typer.Option(help="A number, or the column that contains it.")] = "1",
    rejects: Annotated[Path | None, typer.Option(help="The file for bad rows. [FILE.rejects.csv]")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if any row was rejected.")] = False,
    as_json: AsJson = False,
) -> None:
    """Deposit a mark for each row of a file. Loading the same file twice adds nothing.

    \b
    Examples:
      blackboard load leads.csv --kind lead --subject email --subject phone --map inbound_message=message
      blackboard --author webform load leads.csv --kind lead --subject email --intensity score
      curl -s https://example.org/leads.jsonl | blackboard load - --kind lead --subject email
    """
    from blackboard.cli.row_deposits import Columns
    from blackboard.cli.row_deposits import load as load_rows
    from blackboard.cli.row_reader import Rows
    from blackboard.errors import nearest

    columns = Columns(kind, subject, _pairs(mapped or ()), _number_or_column(intensity))
    rejects_file = rejects or Path(f"{'stdin' if file == '-' else file}.rejects.csv")
    with ExitStack() as stack:
        stream, size = stack.enter_context(_open(file))
        rows = Rows(stream, "stdin" if file == "-" else file)
        board = stack.enter_context(session_of(context).board(folder=True))
        reject = stack.enter_context(_rejects(rejects_file))
        progress = stack.enter_context(progress_bar(rows, size))
        loaded = load_rows(board, rows, columns, reject, progress)
    summary: dict[str, Any] = {
        "loaded": sum(loaded.outcomes.values()),
        **{name: loaded.outcomes[name] for name in ("deposited", "reinforced", "unchanged", "duplicate")},
        "rejected": loaded.rejected,
        "rejects": str(rejects_file) if loaded.rejected else None,
        "crossed": dict(loaded.crossed),
    }
    if as_json:
        document(summary)
    else:
        parts = [f"{count} {name}" for name, count in loaded.outcomes.items()]
        say(f"{summary['loaded']} rows loaded{': ' + ', '.join(parts) if parts else ''}")
    for column in loaded.unseen:
        note(f"no row has a column {column!r}{nearest(column, loaded.columns)}")
    if loaded.rejected:
        note(f"{loaded.rejected} rows rejected; see {rejects_file} for the rows and the reasons")
        if strict:
            raise typer.Exit(1)


def _pairs(mapped: list[str] | tuple[()]) -> dict[str, str]:
    from blackboard.errors import UsageError

    pairs = {}
    for pair in mapped:
        column, equals, name = pair.partition("=")
        if not equals or not column:
            raise UsageError(f"--map {pair}: write it like --map inbound_message=message")
        pairs[column.strip()] = name.strip()
    return pairs


def _number_or_column(text: str) -> float | str:
    from blackboard.marks import check_intensity

    try:
        number = float(text)
    except ValueError:
        return text
    return check_intensity(number)


@contextmanager
def _open(file: str) -> Iterator[tuple[BinaryIO, int | None]]:
    from blackboard.errors import UsageError

    if file == "-":
        yield sys.stdin.buffer, None
        return
    path = Path(file)
    if not path.is_file():
        raise UsageError(f"{file}: {'is not a file' if path.exists() else 'does not exist'}")
    with path.open("rb") as stream:
        yield stream, path.stat().st_size


@contextmanager
def _rejects(path: Path) -> Iterator[Callable[[BadRow], None]]:
    """Yield a function that writes a rejected row. The first call creates the file."""
    writer: Any = None
    with ExitStack() as stack:

        def reject(row: BadRow) -> None:
            nonlocal writer
            if writer is None:
                stream = stack.enter_context(path.open("w", encoding="utf-8", errors="backslashreplace", newline=""))
                writer = csv.writer(stream)
                writer.writerow(("row", "reason", "content"))
            writer.writerow((row.number, row.reason, row.raw))

        yield reject


@contextmanager
def progress_bar(rows: Rows, size: int | None) -> Iterator[Callable[[], None]]:
    """Show a progress bar over the bytes read, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from blackboard.cli.output import console

    parts = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
    )
    with Progress(*parts, console=console(stderr=True), transient=True) as progress:
        task = progress.add_task("loading", total=size)
        yield lambda: progress.update(task, completed=rows.bytes_read)
