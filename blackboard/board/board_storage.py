"""Storage of a board: whether it can be written, durability, partitions, up-to-date views, and deletion."""

from __future__ import annotations

from pathlib import Path

from blackboard.board.facade import Blackboard
from blackboard.store.database_factory import database_of
from blackboard.store.schema import schema_views


def is_read_only(board: Blackboard) -> bool:
    """Return whether this user can certainly not write to a board. PostgreSQL shows this only at a write.

    Raises:
        StoreError: The board cannot be read either.
    """
    return board.database.place.is_read_only()


def skip_disk_flush(board: Blackboard) -> None:
    """Make commits return before they are on the disk, for temporary boards. A power cut may damage the file."""
    board.database.skip_disk_flush()


def partition_history(board: Blackboard, events: int) -> None:
    """Keep the history of a board on PostgreSQL in partitions, each for `events` events, at least 1,000.

    Raises:
        UsageError: The board is in a file, or the number is out of range.
        StoreError: The user does not own the tables.
    """
    from blackboard.board.housekeeping import history_partitions  # only `init` needs it

    history_partitions.create(board.session, events)


def refresh_views(board: Blackboard) -> str | None:
    """Rewrite the views if their texts are of another version; return a note if a worker prevents that.

    Raises:
        StoreError: The board has stored a decay law that this process does not know.
    """
    return schema_views.refresh_views(board.database, board.session.now)


def delete_board(path: Path) -> None:
    """Delete the board in a file, with all files beside it. No daemon may serve it."""
    database_of(path).place.delete()
