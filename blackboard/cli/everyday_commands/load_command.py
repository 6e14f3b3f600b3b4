"""The command `load`: deposits the rows of a file. Bad rows go to a rejects file with their number and the reason."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from blackboard.cli.cli_session import session_of
from blackboard.cli.everyday_commands import load_report
from blackboard.cli.everyday_commands.load_options import (
    AgainOption,
    DelimiterOption,
    EachOption,
    EncodingOption,
    ExtraOption,
    FileArgument,
    FollowOption,
    IntensityOption,
    KeyOption,
    KindOption,
    MapOption,
    OccurredAtOption,
    RejectsOption,
    RowTagOption,
    StrictOption,
    SubjectOption,
)
from blackboard.cli.row_files.column_matching import Columns
from blackboard.cli.row_files.rejects_file import default_path, rejects_file
from blackboard.cli.row_files.row_reader import TextForm
from blackboard.cli.terminal.output import AsJson, print_note
from blackboard.cli.terminal.progress_bar import progress_bar
from blackboard.cli.terminal.suggested_command import suggest_command
from blackboard.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from blackboard.cli.row_files.column_matching import ColumnsUnmatched
    from blackboard.cli.row_files.row_deposits import LoadResult


@dataclass(frozen=True)
class LoadRequest:
    """The options of the command that `_load` and `_follow` need."""

    context: typer.Context
    file: str
    columns: Columns
    form: TextForm
    rejects: Path

    @property
    def path(self) -> Path | None:
        """The path of the file, which may be a pipe such as /dev/fd/63; None for stdin."""
        return None if self.file == "-" else Path(self.file)


def load(
    context: typer.Context,
    file: FileArgument,
    kind: KindOption,
    subject: SubjectOption,
    mapped: MapOption = None,
    delimiter: DelimiterOption = None,
    encoding: EncodingOption = None,
    extra: ExtraOption = "error",
    key: KeyOption = None,
    each: EachOption = None,
    intensity: IntensityOption = "1",
    occurred_at: OccurredAtOption = None,
    tag: RowTagOption = None,
    follow: FollowOption = False,
    again: AgainOption = False,
    rejects: RejectsOption = None,
    strict: StrictOption = False,
    as_json: AsJson = False,
) -> None:
    r"""Deposit a mark for each row of a file. Loading the same file twice adds nothing.

    Rows that cannot become marks go to a rejects file, with the reasons.

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
      blackboard load alerts.jsonl --follow --kind alert --subject service \
        --tag severity=high
    """
    if follow and again:
        raise UsageError(
            "--again repeats the load of a whole file, and --follow continues an earlier load; use only one of them"
        )
    columns = Columns(
        kind=kind,
        subject=subject,
        fields=_pairs(mapped or ()),
        intensity=_number_or_column(intensity),
        extra=extra,
        key=key,
        occurred_at=occurred_at,
        tags=tag or (),
    )
    form = TextForm(_delimiter(delimiter), encoding, each)
    request = LoadRequest(context, file, columns, form, rejects or default_path(file, follow=follow))
    loaded, read_as = _follow(request) if follow else _load(request, again=again)
    load_report.report(loaded, read_as, file, request.rejects, as_json=as_json)
    if loaded.rejected and (strict or not loaded.outcomes.total()):
        raise typer.Exit(ExitCode.FAILED)


def _load(request: LoadRequest, *, again: bool) -> tuple[LoadResult, str]:
    """Deposit the rows that a file has now, and return the results and the encoding of the file."""
    from blackboard.cli.row_files.column_matching import ColumnsUnmatched
    from blackboard.cli.row_files.row_deposits import load_rows
    from blackboard.cli.row_files.row_reader import Rows
    from blackboard.local_or_remote_calls import calls_on_board

    path, ordinary = request.path, _ordinary_file(request, again=again)
    with ExitStack() as stack:
        stream = sys.stdin.buffer if path is None else stack.enter_context(path.open("rb", buffering=0))
        size = None if ordinary is None else ordinary.stat().st_size
        name = "stdin" if path is None else request.file
        rows = Rows(stream, name, request.form)
        for text in rows.notes:
            print_note(text)
        board = stack.enter_context(session_of(request.context).board_or_client(create=None))
        file = None if ordinary is None else calls_on_board(board).loaded_file(ordinary, withdraws=again)
        if again and file is None:
            raise UsageError("--again works on a board of this machine only; leave out --url")
        reject = stack.enter_context(rejects_file(request.rejects, request.file))
        progress = stack.enter_context(progress_bar("loading", size))
        try:
            loaded = load_rows(board, rows, request.columns, reject, lambda: progress(rows.bytes_read), file)
        except ColumnsUnmatched as error:
            raise _with_command(request.context, error) from None
        return loaded, rows.encoding


def _ordinary_file(request: LoadRequest, *, again: bool) -> Path | None:
    """Return the path of the file if it is an ordinary file; None if it is a stream.

    Raises:
        UsageError: There is no file, it is a folder, or `again` is set for a stream.
    """
    path = request.path
    if path is not None and not path.exists():
        raise UsageError(f"{path} does not exist")
    if path is not None and path.is_dir():
        raise UsageError(f"{path} is not a file")
    ordinary = path if path is not None and path.is_file() else None
    if again and ordinary is None:
        raise UsageError(f"--again needs an ordinary file, which was loaded before; {request.file} is a stream")
    return ordinary


def _follow(request: LoadRequest) -> tuple[LoadResult, str | None]:
    """Deposit the rows of a file or pipe as they arrive, until a signal; return the results and the encoding."""
    from blackboard.board.program_preloading import preload_program
    from blackboard.cli.row_files.column_matching import ColumnsUnmatched
    from blackboard.cli.row_files.row_follower import Follower
    from blackboard.cli.terminal.process_signals import StopSignals

    if request.path is not None and request.path.is_dir():
        raise UsageError(f"{request.file} is not a file")
    with ExitStack() as stack:
        board = stack.enter_context(session_of(request.context).board_or_client(create=None))
        reject = stack.enter_context(rejects_file(request.rejects, request.file, extends=True))
        stop = stack.enter_context(StopSignals())
        preload_program("cli.terminal", "cli.row_files", "local_or_remote_calls")
        follower = Follower(board, request.columns, request.form, reject, print_note, stop)
        try:
            follower.follow(request.file)
        except ColumnsUnmatched as error:
            raise _with_command(request.context, error) from None
        return follower.loaded, follower.encoding


def _with_command(context: typer.Context, error: ColumnsUnmatched) -> UsageError:
    """Return an error that ends with a command that loads the file."""
    blank = ", with a column in place of COLUMN" if any(word.startswith("COLUMN=") for word in error.words) else ""
    advised = UsageError(f"{error}. This loads the file{blank}:")
    advised.command = suggest_command(context, error.words)
    return advised


def _pairs(mapped: list[str] | tuple[()]) -> dict[str, str]:
    pairs = {}
    for pair in mapped:
        # The name of a column may contain "=", the name of a field does not.
        column, equals, name = pair.rpartition("=")
        if not equals:
            raise UsageError(f"--map {pair}: write it like --map inbound_message=message")
        pairs[column.strip()] = name.strip()
    return pairs


def _number_or_column(text: str) -> float | str:
    from blackboard.core.marks.mark_checks import check_intensity

    try:
        number = float(text)
    except ValueError:
        return text
    return check_intensity(number)


def _delimiter(text: str | None) -> str | None:
    """Return the delimiter that `--delimiter` names.

    Raises:
        UsageError: The text is not one character that can separate columns.
    """
    named = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
    delimiter = None if text is None else named.get(text.lower(), text)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n\0'):
        raise UsageError(f"--delimiter {text!r}: write one character, or tab")
    return delimiter
