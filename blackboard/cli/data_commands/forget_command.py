"""The command `forget`, which erases a subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.output import AsJson, print_json, print_line, print_note
from blackboard.errors import ExitCode
from blackboard.plurals import counted

if TYPE_CHECKING:
    from blackboard.board.result_types.administration_results import ErasureReport


def forget(
    context: typer.Context,
    subject: Annotated[
        str,
        typer.Argument(help="The subject, exactly as 'blackboard marks' shows it.", autocompletion=completion.subjects),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for a confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase the data of a subject: its marks, their payloads in the history, and model calls that mention it.

    The ids, times, kinds, intensities and costs of its events stay, under a random name. This cannot be undone.

    Example:
      blackboard forget ada@example.org
    """
    if not yes and not as_json:
        typer.confirm(f"Erase the data of {subject!r} permanently?", abort=True)
    with session_of(context).board_or_client() as board:
        report = board.forget(subject)
    if as_json:
        from blackboard.presentation.json_shapes import erasure

        print_json(erasure(subject, report))
    else:
        _show_erasure(subject, report)
    if report.not_compacted is not None:
        print_note(
            f"error: unused parts of the file may still contain words of {subject!r}: {report.not_compacted};"
            " run this command again, or 'blackboard compact', to finish"
        )
        raise typer.Exit(ExitCode.FAILED)


def _show_erasure(subject: str, report: ErasureReport) -> None:
    """Print what was erased, and what still names the subject."""
    if not report.name:
        print_line(
            f"{subject!r} was forgotten before{'; the file is compacted now' if report.not_compacted is None else ''}"
        )
        return
    print_line(
        f"{subject!r} is forgotten: {counted(report.live, 'mark')}, the payloads of {counted(report.events, 'event')}"
        f" and {counted(len(report.calls), 'model call')} are erased; the record of events is kept as {report.name}"
    )
    if report.named_in:
        print_line(
            f"marks of other subjects mention it: {', '.join(map(str, report.named_in))};"
            " withdraw them, or forget their subjects"
        )
    for copy in report.backups:
        print_line(
            f"still in {copy.path}: {counted(copy.events, 'event')}" if copy.events else f"could not read {copy.path}"
        )
    print_note("the daemon updates files outside the board, such as a calendar, when it next publishes")
    print_note(f"not erased, because this program cannot reach them: {'; '.join(report.out_of_reach)}")
