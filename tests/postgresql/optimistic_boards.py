"""Boards on which the rules of deposits run without the lock, as they do while other processes write."""

from __future__ import annotations

from typing import Literal, get_args

from blackboard import Blackboard
from blackboard.store.postgresql.optimistic_transactions.optimistic_commits import OptimisticCommits, SkippedTries
from blackboard.store.postgresql.postgresql_commits import PostgresqlCommits

Way = Literal["locked", "asked", "remembered"]
"""How deposits are made: under the lock, or without it by answers that are asked for or remembered."""
WAYS: tuple[Way, ...] = get_args(Way)


def deposit_by(board: Blackboard, way: Way) -> None:
    """Let a board make its deposits in one way, for as long as it is open."""
    if way == "locked":
        stay_under_the_lock(board)
    else:
        be_optimistic(board, asks=way == "asked")


def optimistic_commits(board: Blackboard) -> OptimisticCommits:
    """Return the commits of a board on PostgreSQL whose rules run without the lock."""
    assert isinstance(board.database.commits, PostgresqlCommits)
    return board.database.commits.optimistic


class CountedSkips(SkippedTries):
    """Skipped tries that count the failures."""

    def __init__(self) -> None:
        super().__init__()
        self.failures = 0

    def note_failure(self) -> None:
        self.failures += 1
        super().note_failure()


def be_optimistic(board: Blackboard, *, asks: bool = True) -> None:
    """Let a board believe that others write on it, for as long as it is open, and try again after each failure.

    It asks before each deposit, or uses what it remembers.
    """
    optimistic = optimistic_commits(board)
    optimistic.busy_until = 2**62
    optimistic.skipped_tries, optimistic.skipped_messages.left = CountedSkips(), 2**62 if asks else 0
    optimistic.writer.process_cache.start_lifetime = 2**62


def failures(board: Blackboard) -> int:
    """Return how often work had to run under the lock since `be_optimistic`."""
    skips = optimistic_commits(board).skipped_tries
    assert isinstance(skips, CountedSkips)
    return skips.failures


def stay_under_the_lock(board: Blackboard) -> None:
    """Let a board make its deposits under the lock, for as long as it is open."""
    optimistic = optimistic_commits(board)
    optimistic.busy_until, optimistic.skipped_messages.left = -(2**62), 2**62
