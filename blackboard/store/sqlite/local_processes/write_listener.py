"""The listener for commits on a board in a file. It notices the writes to the log."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from blackboard.system.files.board_files import BoardFiles
from blackboard.system.files.file_writes import FileWrites

MIN_PAUSE_SECONDS = 0.01
"""The shortest time between two calls because of writes."""
MAX_PAUSE_SECONDS = 1.0
"""A write reaches the log before its commit can be read, because the disk must store it first. So calls follow a write
at growing intervals, up to this interval.
"""


@contextmanager
def writes_heard(database: Path, wake: Callable[[], None]) -> Iterator[bool]:
    """Call `wake` in the context after each commit of any process on this machine, within about a second.

    Yields whether the system reports writes.
    """
    try:
        writes: FileWrites | None = FileWrites(BoardFiles(database).wal)
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
            pause = MIN_PAUSE_SECONDS
        elif pause is not None:
            pause = pause * 2 if pause < MAX_PAUSE_SECONDS else None
        else:
            continue  # stopped
        wake()
        writes.rest(MIN_PAUSE_SECONDS)
