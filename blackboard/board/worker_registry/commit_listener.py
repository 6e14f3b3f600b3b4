"""Hears of commits in other processes, for a process that waits for work without being a registered worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from blackboard.board.worker_registry.liveness import WorkerLiveness
from blackboard.store.database import Database
from blackboard.system.board_files import BoardFiles
from blackboard.system.file_writes import FileWrites

SHORTEST_PAUSE_SECONDS = 0.01
"""The shortest time between two calls because of writes."""
LONGEST_PAUSE_SECONDS = 1.0
"""A write reaches the log before its commit can be read: after the disk has taken it. So calls follow a write at
growing intervals, up to this one."""


@contextmanager
def commits_heard(database: Database, wake: Callable[[], None]) -> Iterator[bool]:
    """Call `wake` in the context after each commit of another process that may wake an agent.

    Yields whether commits are heard. Behind a pooler they are not, so the caller reads the board from time to time.

    Raises:
        StoreError: No socket can be made.
    """
    if not database.is_local:
        if database.listener is None:
            yield False
            return
        unsubscribe = database.listener.subscribe(wake)
        try:
            yield True
        finally:
            unsubscribe()
        return
    liveness = WorkerLiveness(database.path, wake)
    liveness.remove_dead([])
    try:
        liveness.enter()
        yield True
    finally:
        liveness.release()


@contextmanager
def writes_heard(database: Path | None, wake: Callable[[], None]) -> Iterator[bool]:
    """Call `wake` in the context after each commit of any process on this machine, within about a second.

    Yields whether the system tells of writes.
    """
    try:
        writes = None if database is None else FileWrites(BoardFiles(database).wal)
    except OSError:
        writes = None
    if writes is None:
        yield False
        return
    with writes:
        thread = threading.Thread(target=_follow, args=(writes, wake), name="blackboard-writes", daemon=True)
        thread.start()
        try:
            yield True
        finally:
            writes.stop()
            thread.join()


def _follow(writes: FileWrites, wake: Callable[[], None]) -> None:
    """Call `wake` at each write and for about two seconds after the last, until the writes are stopped."""
    pause: float | None = None
    while writes.rest(0):
        if writes.wait(pause):
            pause = SHORTEST_PAUSE_SECONDS
        elif pause is not None:
            pause = pause * 2 if pause < LONGEST_PAUSE_SECONDS else None
        else:
            continue  # stopped
        wake()
        writes.rest(SHORTEST_PAUSE_SECONDS)
