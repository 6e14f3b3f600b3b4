"""A process that increments a counter by compare and set: `python -m tests.processes.counting_process URL STEPS`.

It begins when it reads a line, and prints how often another process came first.
"""

from __future__ import annotations

import sys

from blackboard import Blackboard, Exponential, Mark
from blackboard.errors import Conflict


class Counter(Mark, kind="counter", on_repeat="replace"):
    """A value that must not lose an increment, beside marks that fade."""

    n: int


class Visit(Mark, kind="visit", decay=Exponential("1h"), on_repeat="add"):
    """A mark that fades."""


def increment(board: Blackboard) -> int:
    """Add 1 to the counter, and return how often another process came first."""
    for conflicts in range(1_000_000):
        found = board.marks(Counter, subject="all")
        n, event = (found[0].n, found[0].event_id) if found else (0, 0)
        try:
            board.deposit(Counter(subject="all", n=n + 1), if_event=event)
        except Conflict:
            continue
        return conflicts
    raise AssertionError("it never came first")


def main(url: str, steps: int) -> None:
    """Increment, and deposit a visit now and then."""
    conflicts = 0
    with Blackboard.open(url, create=False) as board:
        print("open", flush=True)
        sys.stdin.readline()
        for step in range(steps):
            conflicts += increment(board)
            if step % 10 == 0:
                board.deposit(Visit(subject="all"))
    print(conflicts)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
