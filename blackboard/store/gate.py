"""The gate to the one writing connection of a process: threads that wait there are committed together. It knows no SQL.

Whoever finds the gate free leads. While it commits, others gather; when it is done, the first of them leads next, and
takes all that have gathered along. So many threads share one flush to the disk, and nobody waits for a timer.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

__all__ = ["Entry", "Gate"]


class Entry:
    """One piece of work at the gate."""

    __slots__ = ("alone", "called", "done", "error", "result", "work")

    def __init__(self, work: Any, *, alone: bool = False) -> None:
        self.work, self.alone = work, alone
        self.done = False
        self.called: threading.Lock | None = None
        """Held while its thread waits to be told that the work is done, or that it leads."""
        self.result: Any = None
        self.error: BaseException | None = None


class Gate:
    """Lets one thread lead at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._led = False
        self._next: Entry | None = None
        self._waiting: deque[Entry] = deque()

    def enter(self, entry: Entry) -> list[Entry]:
        """Wait for this entry's turn: what this thread is to commit, or nothing if another did it for this one.

        A thread that is given a batch must `leave` with it.
        """
        with self._lock:
            if not self._led:
                self._led = True
                return [entry]
            entry.called = threading.Lock()
            entry.called.acquire()
            self._waiting.append(entry)
        try:
            entry.called.acquire()
        except BaseException:  # an interrupt: nobody is to wait for a thread that has gone
            self._give_up(entry)
            raise
        if entry.done:
            return []
        with self._lock:
            self._next = None
            batch = [self._waiting.popleft()]
            while self._waiting and not (batch[0].alone or self._waiting[0].alone):
                batch.append(self._waiting.popleft())
        return batch

    def leave(self, batch: list[Entry]) -> None:
        """Let the next lead, and tell those of the batch that they are done."""
        with self._lock:
            self._pass_on()
        for entry in batch:
            entry.done = True
            if entry.called is not None and entry.called.locked():
                entry.called.release()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Lead without taking anybody along."""
        entry = Entry(None, alone=True)
        self.enter(entry)
        try:
            yield
        finally:
            self.leave([])

    def _pass_on(self) -> None:
        self._led = bool(self._waiting)
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
                    self._pass_on()
