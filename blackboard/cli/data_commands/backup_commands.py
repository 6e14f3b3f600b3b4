"""The commands for backups: `backup` makes one, and `restore` also reports forgotten subjects that it brings back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blackboard.cli.cli_session import CommandSession, session_of
from blackboard.cli.data_commands.erasure_output import show_erasure
from blackboard.cli.terminal.output import AsJson, print_json, print_line, print_note, timestamp
from blackboard.plurals import counted

if TYPE_CHECKING:
    from blackboard.board.housekeeping.erased_events import ErasedEvents
    from blackboard.board.result_types.administration_results import Backup, ErasureReport


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The new file; it must not exist.")],
    as_json: AsJson = False,
) -> None:
    """Copy the board to a file while it is in use, and check the copy by opening it.

    Example:
      blackboard backup /var/backups/board-$(date +%F).db
    """
    from blackboard.board.backups_and_copies import back_up

    with session_of(context).board(upgrade=False) as board:
        made = back_up(board, file)
    if as_json:
        print_json(made)
    else:
        print_line(f"{_describe(made)}; the integrity check passed")


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file that 'blackboard backup' wrote.")],
    forget_again: Annotated[
        bool,
        typer.Option(
            "--forget", help="After the restore, forget again each subject that was forgotten since the backup."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Replace the board with a backup, and keep the previous board under another name beside it.

    The command refuses to run while a daemon runs. Marks deposited after the backup are not in it: deposit them again.
    A backup brings back subjects that were forgotten later. The command names them; --forget forgets them again.

    Examples:
      blackboard restore /var/backups/board-2027-01-31.db
      blackboard restore --forget /var/backups/board-2027-01-31.db
    """
    from blackboard.board import backups_and_copies
    from blackboard.cli.command_documents import restoration
    from blackboard.clock import SystemClock

    session = session_of(context)
    erased = backups_and_copies.erased_events(session.url)
    restored, previous = backups_and_copies.restore(file, session.url, SystemClock().now())
    if not as_json:
        print_line(_describe(restored))
        if previous is not None:
            print_line(f"the previous board is now {previous}")
    if erased and erased[0] is None:
        print_note("the previous board cannot be read, so it is not known whether forgotten subjects are back")
    back, forgotten = _forget_again(session, erased, forgets=forget_again)
    if as_json:
        print_json(restoration(restored, previous, back, forgotten))
        return
    for subject, report in forgotten.items():
        show_erasure(subject, report)


def _forget_again(
    session: CommandSession, erased: list[ErasedEvents | None], *, forgets: bool
) -> tuple[list[str], dict[str, ErasureReport]]:
    """Report the forgotten subjects that a backup brought back, or forget them again.

    Returns:
        The subjects that are back, and the reports of the subjects that are forgotten again.
    """
    from blackboard.board import backups_and_copies

    if not any(events is None or events.events for events in erased):
        return [], {}
    with session.board(deploy=False) as board:
        back = backups_and_copies.brought_back(board, erased)
        if forgets:
            return [], {subject: board.forget(subject) for subject in back}
    if back:
        print_note(
            f"forgotten subjects that are back: {', '.join(map(repr, back))}; 'blackboard forget SUBJECT'"
            " forgets one, and 'blackboard restore --forget' all of them"
        )
    return back, {}


def _describe(backup: Backup) -> str:
    content = f"{counted(backup.marks, 'mark')} and {counted(backup.events, 'event')}"
    return f"{backup.path}: {content}, as of {timestamp(backup.last_recorded_at)}"
