"""Copies of boards: backups, their restoration, and the move of a board to another database."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from blackboard.board.activations.call_records.answer_spool import AnswerSpool
from blackboard.board.facade import Blackboard
from blackboard.board.housekeeping.erased_events import ErasedEvents, read_erased_events, subjects_brought_back
from blackboard.board.result_types.administration_results import Backup
from blackboard.clock import Instant, to_datetime
from blackboard.errors import StoreBusy, StoreError
from blackboard.store.database_factory import database_of
from blackboard.store.database_interfaces.upkeep_interface import Copy
from blackboard.store.statements import ACTIVATIONS

if TYPE_CHECKING:
    from blackboard.board.housekeeping.board_copy import BoardCopy
    from blackboard.store.schema.database_copy import CopyProgress


def back_up(board: Blackboard, to: Path) -> Backup:
    """Copy a board, which may be in use, to a new file, and check the copy.

    Raises:
        StoreError: The file exists or cannot be written, the copy is damaged, or a program of PostgreSQL is missing.
    """
    return _backup_of(board.database.upkeep.back_up(to))


def restore(copy: Path, url_or_path: str | Path, now: Instant) -> tuple[Backup, Path | None]:
    """Replace a board, if there is one, by a backup.

    The old board stays beside it, under a name that ends with the time. On PostgreSQL, the database must be empty.

    Returns:
        The restored board, and the path of the old board, if there was one.

    Raises:
        StoreBusy: A daemon serves the board.
        StoreError: The copy is damaged, foreign or newer than this program, or its new place cannot be written.
    """
    database = database_of(url_or_path)
    try:
        if database.processes.is_served():
            raise StoreBusy(f"a daemon serves {database.location}; stop it first")
        restored, previous = database.upkeep.restore(copy, now)
        return _backup_of(restored), previous
    finally:
        database.close()


def _backup_of(copy: Copy) -> Backup:
    return Backup(**vars(copy) | {"last_recorded_at": to_datetime(copy.last_recorded_at)})


def check_at_rest(board: Blackboard) -> None:
    """Check that a board is at rest, so that it can be copied.

    Raises:
        StoreBusy: A daemon serves the board.
        StoreError: The board is not paused, or answers of a model are not stored on it yet.
    """
    location, session = board.database.location, board.session
    workers = session.read(lambda txn: {row.id for row in txn.sql.all(ACTIVATIONS.workers)})
    if board.database.processes.is_served() or workers - session.dead_workers():
        raise StoreBusy(f"a daemon serves {location}; stop it first")
    if session.read(lambda txn: txn.pause is None):
        raise StoreError(
            f"{location} is not paused; pause it first, so that no daemon serves both the board and its copy"
        )
    if next(AnswerSpool(session).waiting_answers(), None) is not None:
        raise StoreError(
            f"answers of a model wait in files beside {location}; run a daemon once, which stores them when it starts"
        )


def copy_board(
    source: Blackboard, target: Blackboard, progress: CopyProgress = lambda name, done, total: None
) -> BoardCopy:
    """Copy a board with its whole history to an empty board: completely or not at all.

    Nothing changes on the source. Its depositors wait, or fail after a while. The source must be paused, so the copy is
    paused too: no two daemons do the work of one board.

    Args:
        source: The board to copy, which must be paused.
        target: An empty board.
        progress: Called with a table, the number of its copied rows, and the number of all its rows.

    Raises:
        StoreBusy: A daemon serves the source, or another process writes on one of the boards for too long.
        StoreError: The source is not paused, an activation runs on it, or answers of a model are not stored on it yet;
            or the target is not empty, or too small for its content.
    """
    from blackboard.board.housekeeping import board_copy  # needs SQLAlchemy, which other uses of a board do not import

    check_at_rest(source)
    return board_copy.copy_board(source.session, target.session, progress)


def erased_events(url_or_path: str | Path) -> list[ErasedEvents | None]:
    """Return the events of forgotten subjects, to look for them in a backup that is to be restored.

    The list has an entry for the board in the file, and for each board that an earlier restore replaced. The entry is
    None if that board cannot be read. Without a board, the list is empty.

    Raises:
        ConfigurationError: The URL cannot be used.
    """
    database = database_of(url_or_path)
    try:
        return [*map(read_erased_events, database.upkeep.readers_in_place())]
    finally:
        database.close()


def brought_back(board: Blackboard, erased: Iterable[ErasedEvents | None]) -> list[str]:
    """Return the forgotten subjects that this board contains again, because it is an older copy."""
    known = [events for events in erased if events is not None]
    subjects = board.session.read(
        lambda txn: [subject for events in known for subject in subjects_brought_back(txn, events)]
    )
    return list(dict.fromkeys(subjects))
