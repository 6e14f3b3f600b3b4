"""Boards on which the rules of deposits run without the lock, as they do while other processes write."""

from __future__ import annotations

from blackboard import Blackboard
from blackboard.store.database_server.optimistic_commits import OptimisticCommits
from blackboard.store.database_server.server_commits import ServerCommits


def optimistic_commits(board: Blackboard) -> OptimisticCommits:
    """Return the commits of a board on a server whose rules run without the lock."""
    assert isinstance(board.database.commits, ServerCommits)
    return board.database.commits.optimistic


def be_optimistic(board: Blackboard) -> None:
    """Let a board believe that others write on it, for as long as it is open, and try again after each failure."""
    optimistic = optimistic_commits(board)
    optimistic._busy_until = 2**62
    optimistic._pass_over = 0
