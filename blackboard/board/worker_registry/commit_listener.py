"""Hears of commits in other processes, for a process that waits for work without being a registered worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from blackboard.board.worker_registry.liveness import WorkerLiveness


@contextmanager
def hear_commits(database: Path | None, wake: Callable[[], None]) -> Iterator[None]:
    """Call `wake` in the context after each commit of another process that may wake an agent.

    On a server there are no notifications, so the caller reads the board from time to time.

    Raises:
        StoreError: No socket can be made.
    """
    liveness = WorkerLiveness(database, wake)
    liveness.remove_dead([])
    try:
        liveness.enter()
        yield
    finally:
        liveness.release()
