"""A wait of a test for what others do on a board: a server, a daemon, a process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from blackboard import Blackboard
from tests.support.bounds import BOUND_SECONDS

__all__ = ["wait_until"]

LOOK_SECONDS = 0.1
"""How often a condition is looked at between two commits, because a worker comes and goes without one."""


def wait_until(board: Blackboard, condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, which is looked at after each commit.

    Raises:
        AssertionError: It does not hold within the bound of tests. The message has the activations of the board.
    """
    if condition():
        return
    changed, end = threading.Event(), time.monotonic() + BOUND_SECONDS
    with board.listen(changed.set, every_commit=True) as tick_seconds:
        while not condition():
            assert time.monotonic() < end, [(item.id, item.state, item.error) for item in board.activations()]
            changed.wait(min(tick_seconds, LOOK_SECONDS))
            changed.clear()
