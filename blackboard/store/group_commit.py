"""Group commit: work of several threads goes into one transaction of the process's one writing connection.

A thread that finds no leader leads: it commits its own work. Threads that arrive meanwhile wait. When the leader is
done, the first waiting thread leads next and commits the work of all waiting threads. So many threads share one flush
to the disk, and no thread waits for a timer.

Threads committed as a group tend to return together. The first would find no leader and commit alone, so it waits
briefly while more of the group keep arriving.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from blackboard.clock import give_way


class Entry:
    """The work of one thread, and its outcome. Exclusive work is alone in its batch."""

    __slots__ = ("done", "error", "exclusive", "result", "signal", "work")

    def __init__(self, work: Any, *, exclusive: bool = False) -> None:
        self.work, self.exclusive = work, exclusive
        self.done = False
        self.signal: threading.Lock | None = None
        """Locked while the thread waits; released when its work is done, or when it leads."""
        self.result: Any = None
        self.error: BaseException | None = None


class GroupCommit:
    """Lets one thread lead at a time; `on_wait` is called by a thread that has begun to wait."""

    def __init__(self, on_wait: Callable[[], object] = lambda: None) -> None:
        self.on_wait = on_wait
        self._lock = threading.Lock()
        self._has_leader = False
        self._next: Entry | None = None
        self._waiting: deque[Entry] = deque()
        self._group_size = 1
        """Entries in the last batch."""

    def enter(self, entry: Entry) -> list[Entry]:
        """Wait until this thread leads, or until another thread has committed the entry.

        Returns the batch to commit, this entry first; the thread must then call `release`. Empty if the entry is done.
        """
        with self._lock:
            leads, self._has_leader = not self._has_leader, True
            if not leads:
                entry.signal = threading.Lock()
                entry.signal.acquire()
                self._waiting.append(entry)
        if not leads and not self._wait_to_lead(entry):
            return []
        if not entry.exclusive:
            try:
                self._wait_for_group()
            except BaseException:  # an interrupt: another thread must lead
                self.release([])
                raise
        with self._lock:
            batch = [entry]
            while self._waiting and not (entry.exclusive or self._waiting[0].exclusive):
                batch.append(self._waiting.popleft())
            self._group_size = len(batch)
        return batch

    def release(self, batch: list[Entry]) -> None:
        """Let the next thread lead, and signal the other entries of the batch that they are done."""
        with self._lock:
            self._lead_next()
        for entry in batch:
            entry.done = True
            if entry.signal is not None and entry.signal.locked():
                entry.signal.release()

    def give_up(self, entry: Entry) -> None:
        """Withdraw an entry whose thread was interrupted while it waited."""
        with self._lock:
            if entry in self._waiting:
                self._waiting.remove(entry)
                if self._next is entry:
                    self._next = None
                    self._lead_next()

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Lead alone: no other thread's work is in the batch."""
        entry = Entry(None, exclusive=True)
        self.enter(entry)
        try:
            yield
        finally:
            self.release([])

    def _wait_to_lead(self, entry: Entry) -> bool:
        """Wait for the entry's signal; return False if the work is done."""
        assert entry.signal is not None
        try:
            self.on_wait()
            entry.signal.acquire()
        except BaseException:  # an interrupt: the leader must not signal a thread that has gone
            self.give_up(entry)
            raise
        if entry.done:
            return False
        with self._lock:
            self._next = None
            self._waiting.popleft()
        return True

    def _wait_for_group(self) -> None:
        arrived = -1
        while arrived < len(self._waiting) < self._group_size - 1:
            arrived = len(self._waiting)
            give_way()

    def _lead_next(self) -> None:
        self._has_leader = bool(self._waiting)
        if self._waiting:
            self._next = self._waiting[0]
            assert self._next.signal is not None
            self._next.signal.release()
