"""The command `copy`: copies a board to another database, such as from a file to PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.output import AsJson, print_json, print_line, print_note
from blackboard.cli.terminal.progress_bar import copy_progress_bar
from blackboard.errors import UsageError
from blackboard.plurals import counted


def copy(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="The board: a URL, or the path of a file.")],
    target: Annotated[str, typer.Argument(help="An empty database, or a file that does not exist.")],
    as_json: AsJson = False,
) -> None:
    """Copy a board to another database, with its whole history: from a file to PostgreSQL, or back.

    Pause SOURCE first, and stop its daemons. During the copy, a deposit waits for up to 10 seconds and then fails.
    SOURCE does not change. The copy is one transaction: if it fails, TARGET stays empty. At the end, the command
    compares the number and a digest of the rows of each table. TARGET is the same board, with the same tokens, and is
    also paused. When every program has been switched to TARGET, resume it. From then on, never resume SOURCE.

    Examples:
      blackboard pause --reason 'moving to PostgreSQL'
      blackboard copy board.db postgresql+psycopg://db.example.org/blackboard
      blackboard --database postgresql+psycopg://db.example.org/blackboard resume
    """
    from blackboard.board import backups_and_copies

    session = session_of(context)
    if session.database is not None:
        raise UsageError("--database cannot be combined with 'copy', which names both boards itself")
    source_session, target_session = replace(session, database=source), replace(session, database=target)
    with source_session.board(upgrade=False) as board:
        backups_and_copies.check_at_rest(board)  # before the target is created
        with (
            target_session.board(create=True, upgrade=False, deploy=False, report=lambda text: None) as empty,
            copy_progress_bar() as progress,
        ):
            done = backups_and_copies.copy_board(board, empty, progress)
    if as_json:
        print_json(done)
        return
    print_line(
        f"copied {counted(done.marks, 'mark')} and {counted(done.events, 'event')} to {done.target}; the counts and"
        f" digests of {counted(len(done.tables), 'table')} are the same"
    )
    print_note(
        f"both boards are paused; when every program has been switched to {done.target}, resume it, and never resume"
        f" {done.source}"
    )
