"""Boards whose history is in small partitions, and what is on them. As a program it removes old partitions.

`python -m tests.postgresql.partitions.partitioned_boards URL DAYS FAILPOINT` removes those that are older than DAYS
days, and dies at a failpoint.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

from blackboard import Blackboard, Exponential, ManualClock, Mark, agent, strength, total
from blackboard.board.housekeeping import history_partitions
from blackboard.board.housekeeping.board_maintenance import BoardMaintenance
from blackboard.board.housekeeping.history_partitions import PartitionProgress
from blackboard.clock import sleep_for
from blackboard.durations import DAY, Microseconds
from blackboard.store.event_partitions import EventPartitions, Partition, Partitioning
from blackboard.system import failpoints
from tests.support.manual_daemons import run_until_idle, served

__all__ = [
    "EVENTS",
    "Flood",
    "Smoke",
    "Tower",
    "copied",
    "evaporate",
    "fail",
    "fill",
    "ids",
    "never",
    "partition",
    "partitioning",
    "partitions",
    "remove_partitions",
    "remove_until",
]

EVENTS = 40
"""The number of events of a partition."""


class Smoke(Mark, kind="smoke", decay=Exponential("6h"), on_repeat="separate", search=["text"]):
    """A mark that evaporates within days, and whose text is searched."""

    text: str = ""


class Flood(Mark, kind="flood", decay=Exponential("6h"), on_repeat="add"):
    """A mark that wakes an agent."""


class Tower(Mark, kind="tower"):
    """A mark that never fades."""


@agent(watches=total(Flood) >= 2, max_attempts=1, cooldown_after_failures=1000)
def fail(marks: Any, context: Any) -> None:
    """Fail, so that the activation and its inputs stay."""
    raise ValueError("not yet")


@agent(watches=strength(Smoke) >= 5.0)
def never(marks: Any, context: Any) -> None:
    """Count nothing: no smoke is so strong."""


def partition(board: Blackboard, events: int = EVENTS) -> None:
    """Give a board small partitions. People cannot ask for such small ones."""
    least, history_partitions.MIN_EVENTS = history_partitions.MIN_EVENTS, 1
    try:
        history_partitions.create(board.session, events)
    finally:
        history_partitions.MIN_EVENTS = least


def partitions(board: Blackboard) -> list[Partition]:
    """Return the partitions of a board."""
    return board.session.read(lambda txn: _of(txn).all())


def partitioning(board: Blackboard) -> Partitioning:
    """Return the state of the partitions of a board."""
    return board.session.read(lambda txn: _of(txn).state())


def _of(txn: Any) -> EventPartitions:
    found: EventPartitions | None = txn.sql.partitions
    assert found is not None
    return found


def ids(board: Blackboard) -> list[int]:
    """Return the ids of the events of a board."""
    return [int(row["id"] or 0) for row in board.query("SELECT id FROM event ORDER BY id")]


def fill(board: Blackboard, clock: ManualClock, days: int = 6) -> None:
    """Deposit for some days what is old soon, what never is, and what an agent fails on."""
    daemon = served(board, fail, keep_history="none", keep_activations="none")
    board.deploy(kinds=[Smoke, Tower])
    for day in range(days):
        for number in range(25):
            board.deposit(Smoke(subject=f"{day}/{number}", text=f"smoke {day}"))
        board.deposit(Tower(subject=f"tower/{day}"))
        board.deposit(Flood(subject=f"cellar/{day}"), intensity=3.0)
        run_until_idle(daemon)
        clock.advance(timedelta(days=1))
    evaporate(board)
    daemon.close()


def evaporate(board: Blackboard) -> None:
    """Move evaporated marks to the history."""
    work = BoardMaintenance(board.session)
    while work.evaporate(500):
        pass


def copied(board: Blackboard, clock: ManualClock) -> None:
    """Fill a board, and copy the events that stay of its first partition."""
    fill(board, clock)
    for _ in range(1000):
        assert history_partitions.remove_old(board.session, 2 * DAY, 5) is PartitionProgress.MORE
        carry = partitioning(board).carry
        if carry is not None and carry.reached >= carry.end:
            return
    raise AssertionError("the copy did not end")


def remove_partitions(board: Blackboard, days: float, limit: int = 5) -> PartitionProgress:
    """Remove all partitions whose events are older than `days` days, and return the result of the last step.

    A step that has to wait for others is tried again for a while, since autovacuum and others hold rows for moments.
    """
    return remove_until(board, days, limit, waits=600)


def remove_until(board: Blackboard, days: float, limit: int = 5, waits: int = 0) -> PartitionProgress:
    """Remove partitions until there is nothing to do, or until it had to wait more than `waits` times."""
    while True:
        progress = history_partitions.remove_old(board.session, Microseconds(round(days * DAY)), limit)
        if progress is PartitionProgress.DONE or (progress is PartitionProgress.LATER and waits == 0):
            return progress
        if progress is PartitionProgress.LATER:
            waits -= 1
            sleep_for(100_000)


def main(url: str, days: str, failpoint: str, now: str) -> None:
    """Remove the partitions of a board, and die."""
    clock = ManualClock()
    clock.advance(timedelta(microseconds=int(now) - clock.now()))
    with Blackboard.open(url, clock=clock, kinds=[Smoke, Flood, Tower]) as board:
        if failpoint:
            failpoints.arm(failpoint)
        history_partitions.extend(board.session)
        remove_partitions(board, float(days))


if __name__ == "__main__":
    main(*sys.argv[1:])
