"""The output of commands that erase a subject: what was erased, and what still names the subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blackboard.cli.terminal.output import print_line, print_note
from blackboard.plurals import counted

if TYPE_CHECKING:
    from blackboard.board.result_types.administration_results import ErasureReport


def show_erasure(subject: str, report: ErasureReport) -> None:
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
