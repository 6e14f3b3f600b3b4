"""The gate to the one writing connection of a process: threads that wait there are committed together. It knows no SQL.

Whoever finds the gate free leads. While it commits, others gather; when it is done, the first of them leads next, and
takes all that have gathered along. So many threads share one flush to the disk, and nobody waits for a timer.

Who were committed together come back together, and the first of them would find the gate free and go alone. So it gives
way to them first, for as long as each time another one comes.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from blackboard.clock import give_way

__all__ = ["Entry", "GroupCommit"]


class Entry:
    """One piece of work at the gate."""

    __slots__ = ("called", "done", "error", "exclusive", "result", "work")

    def __init__(self, work: Any, *, exclusive: bool = False) -> None:
        self.work, self.exclusive = work, exclusive
        self.done = False
        self.called: threading.Lock | None = None
        """Held while its thread waits to be told that the work is done, or that it leads."""
        self.result: Any = None
        self.error: BaseException | None = None


class GroupCommit:
    """Lets one thread lead at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._has_leader = False
        self._next: Entry | None = None
        self._waiting: deque[Entry] = deque()
        self._group_size = 1
        """How many were in the last batch."""

    def enter(self, entry: Entry) -> list[Entry]:
        """Wait for this entry's turn: what this thread is to commit, or nothing if another did it for this one.

        A thread that is given a batch must `leave` with it.
        """
        with self._lock:
            leads, self._has_leader = not self._has_leader, True
            if not leads:
                entry.called = threading.Lock()
                entry.called.acquire()
                self._waiting.append(entry)
        if not leads and not self._is_called(entry):
            return []
        if not entry.exclusive:
            try:
                self._wait_for_group()
            except BaseException:  # an interrupt: another is to lead
                self.release([])
                raise
        with self._lock:
            batch = [entry]
            while self._waiting and not (entry.exclusive or self._waiting[0].exclusive):
                batch.append(self._waiting.popleft())
            self._group_size = len(batch)
        return batch

    def _is_called(self, entry: Entry) -> bool:
        """Wait to be told; False if it was that the work is done."""
        assert entry.called is not None
        try:
            entry.called.acquire()
        except BaseException:  # an interrupt: nobody is to wait for a thread that has gone
            self._give_up(entry)
            raise
        if entry.done:
            return False
        with self._lock:
            self._next = None
            self._waiting.popleft()
        return True

    def _wait_for_group(self) -> None:
        came = -1
        while came < len(self._waiting) < self._group_size - 1:
            came = len(self._waiting)
            give_way()

    def release(self, batch: list[Entry]) -> None:
        """Let the next lead, and tell those of the batch that they are done."""
        with self._lock:
            self._lead_next()
        for entry in batch:
            entry.done = True
            if entry.called is not None and entry.called.locked():
                entry.called.release()

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Lead without taking anybody along."""
        entry = Entry(None, exclusive=True)
        self.enter(entry)
        try:
            yield
        finally:
            self.release([])

    def _lead_next(self) -> None:
        self._has_leader = bool(self._waiting)
        if self._waiting:
            self._next = self._waiting[0]
            assert self._next.called is not None
            self._next.called.release()

    def _give_up(self, entry: Entry) -> None:
        with self._lock:
            if entry in self._waiting:
                self._waiting.remove(entry)
                if self._next is entry:
                    self._next = None
                    self._lead_next()
