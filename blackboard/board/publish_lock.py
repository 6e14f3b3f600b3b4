"""The lock between the processes that publish from one board."""

from __future__ import annotations

from blackboard.board.blackboard import Blackboard
from blackboard.store.write_lock import WriteLock
from blackboard.system.board_files import BoardFiles


def publish_lock(board: Blackboard, patience: float) -> WriteLock | None:
    """Return the lock between the processes that publish from a board; None for a board on a server."""
    path = board.database.path
    return None if path is None else WriteLock(BoardFiles(path).run_folder / "publish", patience, users_of=path)
