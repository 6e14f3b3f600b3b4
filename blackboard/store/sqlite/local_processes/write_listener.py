"""The listener for commits on a board in a file. It notices the writes to the log.

On Linux, inotify(7) reports the writes. Other systems do not.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from blackboard.system import forks
from blackboard.system.files.board_files import BoardFiles

MIN_PAUSE_SECONDS = 0.01
"""The shortest time between two calls of `wake`."""
MAX_PAUSE_SECONDS = 1.0
"""The longest time between two calls of `wake` after one write.

The log is written before the commit can be read, because the disk must store the log first. So `wake` is called again
after each write, at growing intervals.
"""

IN_MODIFY = 0x2
"""The file was written or truncated; from linux/inotify.h, as the next two."""
IN_DELETE_SELF, IN_MOVE_SELF = 0x400, 0x800
READ_BYTES = 4096
"""Space for more than one event about a watched file, which contains no name. The kernel joins equal unread events."""


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
        thread = threading.Thread(target=_wake_at_writes, args=(writes, wake), name="blackboard-writes", daemon=True)
        thread.start()
        try:
            yield True
        finally:
            writes.stop()
            thread.join()


def _wake_at_writes(writes: FileWrites, wake: Callable[[], None]) -> None:
    """Call `wake` at each write and for about 2 seconds after the last, until the writes are stopped."""
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


class FileWrites:
    """The writes to a file, as a context.

    Args:
        path: The file, which exists.

    Raises:
        OSError: The system does not report writes, or not the writes to this file.
    """

    def __init__(self, path: Path) -> None:
        if not sys.platform.startswith("linux"):
            raise OSError("only Linux reports when a file is written")
        self._events = _inotify(path)
        self._end = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._either = _poll(self._events, self._end)
        self._only_end = _poll(self._end)
        self._in_children = contextlib.ExitStack()
        for descriptor in (self._events, self._end):
            self._in_children.enter_context(forks.closed_in_children(descriptor))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._in_children.close()
        os.close(self._events)
        os.close(self._end)

    def stop(self) -> None:
        """End all waits, now and later. Any thread may call it."""
        os.eventfd_write(self._end, 1)

    def wait(self, seconds: float | None) -> bool:
        """Wait for a write up to some seconds, or without a limit for None, and return whether the file was written."""
        self._either.poll(None if seconds is None else seconds * 1000)
        with contextlib.suppress(BlockingIOError):
            return bool(os.read(self._events, READ_BYTES))
        return False

    def rest(self, seconds: float) -> bool:
        """Wait some seconds, or until `stop`; return False if `stop` was called."""
        return not self._only_end.poll(seconds * 1000)


def _poll(*descriptors: int) -> select.poll:
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return poll


def _inotify(path: Path) -> int:
    """Return a descriptor that can be read after each write to a file.

    Raises:
        OSError: The kernel refuses.
    """
    library = ctypes.CDLL(None, use_errno=True)
    descriptor = library.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "inotify_init1")
    events = ctypes.c_uint32(IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF)
    if library.inotify_add_watch(descriptor, os.fsencode(path), events) < 0:
        number = ctypes.get_errno()
        os.close(descriptor)
        raise OSError(number, f"inotify_add_watch {path}")
    return int(descriptor)
