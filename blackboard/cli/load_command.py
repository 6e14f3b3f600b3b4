"""The command `load`: deposits the rows of a file. Bad rows go to a rejects file with their number and the reason."""

from __future__ import annotations

import csv
import os
import shlex
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import session_of
from blackboard.cli.output import AsJson, document, note, say, table

if TYPE_CHECKING:
    from blackboard.board.deposit_sources import SourceWithdrawal
    from blackboard.cli.row_reader import BadRow, Rows


Extra = Literal["error", "ignore", "keep"]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(load)


def load(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="CSV or JSON Lines; - is stdin.")],
    kind: Annotated[str, typer.Option(help="The kind of mark that each row becomes.", autocompletion=completion.kinds)],
    subject: Annotated[
        list[str],
        typer.Option(
            metavar="COLUMN", help="The column of the subject. If repeated, the first non-empty column counts."
        ),
    ],
    mapped: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="COLUMN=FIELD", help="Store COLUMN in FIELD; COLUMN= drops it. May be repeated."),
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(metavar="CHARACTER", help="The separator of columns; detected by default.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="The encoding of the text, such as cp1252; detected by default.")
    ] = None,
    extra: Annotated[Extra, typer.Option(help="What to do with columns for which the kind has no field.")] = "error",
    key: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column that identifies a row; by default the whole row."),
    ] = None,
    each: Annotated[
        str | None, typer.Option(metavar="PATH", help="Make each object in this list of a JSON object a row.")
    ] = None,
    intensity: Annotated[str, typer.Option(metavar="N|COLUMN", help="A number, or the column that contains it.")] = "1",
    occurred_at: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column that says when it occurred; by default now."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="First withdraw what an earlier load of this file deposited.")
    ] = False,
    rejects: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file for bad rows. [FILE.rejects.csv]")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 if any row was rejected, not only if all were.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    r"""Deposit a mark for each row of a file. Loading the same file twice adds nothing.

    Examples:
      blackboard load leads.csv --kind lead --subject email --subject phone \
        --map inbound_message=message
      blackboard --author webform load leads.csv --kind lead --subject email \
        --intensity score
      curl -s https://example.org/leads.jsonl |
        blackboard load - --kind lead --subject email
      blackboard load leads.csv --kind lead --subject email \
        --map text=message --again
      blackboard load alerts.jsonl --kind alert --subject service \
        --occurred-at timestamp
    """
    from blackboard.board.deposit_sources import source_of
    from blackboard.cli.row_deposits import load as load_rows
    from blackboard.cli.row_mapping import Columns, ColumnsUnmatched
    from blackboard.cli.row_reader import Rows
    from blackboard.errors import UsageError, nearest

    columns = Columns(kind, subject, _pairs(mapped or ()), _number_or_column(intensity), extra, key, occurred_at)
    rejects_file = rejects or _rejects_path(file)
    source = source_of(file) if file != "-" and Path(file).is_file() else None
    if again and source is None and (file == "-" or Path(file).exists()):
        raise UsageError(f"--again needs the file that was loaded, and {file} is a stream")
    with ExitStack() as stack:
        stream, size = stack.enter_context(_open(file))
        rows = Rows(
            stream, "stdin" if file == "-" else file, delimiter=_delimiter(delimiter), encoding=encoding, each=each
        )
        for text in rows.notes:
            note(text)
        board = stack.enter_context(session_of(context).board(create=None))
        reject = stack.enter_context(_rejects(rejects_file, file))
        progress = stack.enter_context(progress_bar(rows, size))
        try:
            loaded = load_rows(board, rows, columns, reject, progress, source=source, again=again)
        except ColumnsUnmatched as error:
            blank = ", with a column in place of COLUMN" if any(w.startswith("COLUMN=") for w in error.words) else ""
            advised = UsageError(f"{error}. This loads the file{blank}:")
            advised.command = typed_command(context, error.words)
            raise advised from None
    summary: dict[str, Any] = {
        "encoding": rows.encoding,
        "loaded": sum(loaded.outcomes.values()),
        **{name: loaded.outcomes[name] for name in ("deposited", "reinforced", "unchanged", "duplicate", "stale")},
        "withdrawn": 0 if loaded.before is None else loaded.before.withdrawn,
        "kept": [] if loaded.before is None else loaded.before.kept,
        "rejected": loaded.rejected,
        "rejects": str(rejects_file) if loaded.rejected else None,
        "crossed": dict(loaded.crossed),
    }
    if as_json:
        document(summary)
    else:
        if loaded.before is not None:
            _show_withdrawal(loaded.before, file)
        parts = [f"{count} {name}" for name, count in loaded.outcomes.items()]
        say(f"{summary['loaded']} rows loaded{': ' + ', '.join(parts) if parts else ''}")
    for column in loaded.unseen:
        note(f"no row has a column {column!r}{nearest(column, loaded.columns)}")
    if loaded.rejected:
        note(f"{loaded.rejected} rows rejected; see {rejects_file} for the rows and the reasons")
        if strict or not summary["loaded"]:
            raise typer.Exit(1)


def _show_withdrawal(before: SourceWithdrawal, file: str) -> None:
    if not before.freed and not before.kept:
        note(f"no earlier load of {file} is known, so nothing was withdrawn")
        return
    say(f"{before.withdrawn} marks of an earlier load withdrawn")
    if before.kept:
        rows = ((mark.mark_id, mark.kind, mark.subject, mark.reason) for mark in before.kept)
        table(("mark", "kind", "subject", "left alone because"), rows, empty="", title=f"{len(before.kept)} left alone")


def _pairs(mapped: list[str] | tuple[()]) -> dict[str, str]:
    from blackboard.errors import UsageError

    pairs = {}
    for pair in mapped:
        column, equals, name = pair.rpartition("=")  # a question may contain the sign, a field never does
        if not equals:
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
def _open(file: str) -> Iterator[tuple[IO[bytes], int | None]]:
    from blackboard.errors import UsageError

    if file == "-":
        yield sys.stdin.buffer, None
        return
    path = Path(file)
    if not path.exists() or path.is_dir():
        raise UsageError(f"{file}: {'is not a file' if path.exists() else 'does not exist'}")
    with path.open("rb", buffering=0) as stream:
        # A pipe, such as /dev/fd/63, has no size.
        yield stream, path.stat().st_size if path.is_file() else None


def _rejects_path(file: str) -> Path:
    """Return the default file for bad rows: beside a file, and in the current folder for a stream."""
    if file == "-":
        return Path("stdin.rejects.csv")
    return Path(f"{file}.rejects.csv" if Path(file).is_file() else "load.rejects.csv")


def _delimiter(text: str | None) -> str | None:
    """Return the delimiter that `--delimiter` names.

    Raises:
        UsageError: It is not one character that can separate columns.
    """
    from blackboard.errors import UsageError

    named = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
    delimiter = None if text is None else named.get(text.lower(), text)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n\0'):
        raise UsageError(f"--delimiter {text!r}: write one character, or tab")
    return delimiter


@contextmanager
def _rejects(path: Path, source: str) -> Iterator[Callable[[BadRow], None]]:
    """Yield a function that writes a rejected row. The first call creates the file, or replaces an earlier one.

    Only its owner may read it: it has what strangers wrote.

    Raises:
        UsageError: The file is a link, or the file that is loaded.
    """
    from blackboard.errors import UsageError

    if path.is_symlink() and not path.is_char_device():
        raise UsageError(f"{path} is a link, and rejected rows are not written through it; name a file with --rejects")
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"--rejects {path}: {'is a folder' if path.is_dir() else 'its folder does not exist'}")
    if path.is_file() and Path(source).is_file() and path.samefile(source):
        raise UsageError(f"--rejects {path}: is the file that is loaded")
    writer: Any = None
    with ExitStack() as stack:

        def reject(row: BadRow) -> None:
            nonlocal writer
            if writer is None:
                stream = stack.enter_context(_private_file(path))
                writer = csv.writer(stream)
                writer.writerow(("row", "reason", "content"))
            writer.writerow((row.number, row.reason, row.raw))

        yield reject


def _private_file(path: Path) -> IO[str]:
    """Open a new or empty text file that only its owner may read. A link is never followed, except to a device."""
    follows = path.is_char_device()  # such as /dev/stderr
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | (0 if follows else getattr(os, "O_NOFOLLOW", 0))
    handle = os.open(path, flags, 0o600)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        os.fchmod(handle, 0o600)
    return open(handle, "w", encoding="utf-8", errors="backslashreplace", newline="")


def typed_command(context: typer.Context, more: Sequence[str]) -> str:
    """Return the command line of a context with further options."""
    words = ["blackboard"]
    for level in (*([context.parent] if context.parent is not None else []), context):
        if level is context:
            words.append(str(context.info_name))
        for parameter in level.command.params:
            source = level.get_parameter_source(parameter.name or "")
            if source is None or source.name != "COMMANDLINE":
                continue
            value = level.params[parameter.name or ""]
            if parameter.param_type_name == "argument":
                words.append(str(value))
            elif isinstance(value, bool):
                words += [parameter.opts[0]] if value else []
            else:
                name = max(parameter.opts, key=len)
                for item in value if isinstance(value, list | tuple) else [value]:
                    words += [name, str(item)]
    return shlex.join([*words, *more])


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
