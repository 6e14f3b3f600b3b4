"""The lock between the processes that publish from one board."""

from __future__ import annotations

from blackboard.board.blackboard import Blackboard
from blackboard.store.database_server.server_lock import PUBLISH_LOCK, ProcessLock


def publish_lock(board: Blackboard, patience: float) -> ProcessLock:
    """Return the lock between the processes that publish from a board.

    Args:
        board: The board.
        patience: The longest wait for the lock, in seconds.
    """
    return board.database.process_lock("publish", PUBLISH_LOCK, patience)
