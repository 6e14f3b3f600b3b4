"""The command `compact`: gives the unused space of a board in a file back to the disk."""

from __future__ import annotations

import typer

from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.output import AsJson, print_json, print_line


def compact(context: typer.Context, as_json: AsJson = False) -> None:
    """Rewrite the file of the board. This gives unused space back to the disk, and completes an unfinished 'forget'.

    Other processes may use the board at the same time. At the end, writers wait while the new content is copied into
    the board. The disk needs free space for two copies of the new content.

    Example:
      blackboard compact
    """
    with session_of(context).board(upgrade=False) as board:
        report = board.compact()
    if as_json:
        print_json(report)
    else:
        print_line(f"the file had {_megabytes(report.bytes_before)}, and has {_megabytes(report.bytes_after)} now")


def _megabytes(count: int) -> str:
    return f"{count / 1024 / 1024:.1f} MB"
