"""Group commit: work of several threads goes into one transaction of the process's one writing connection.

A thread that finds no leader leads: it commits its own work. Threads that arrive during this wait. When the leader is
done, the first waiting thread leads next and commits the work of all waiting threads. So many threads share one flush
to the disk, and no thread waits for a timer.

Threads whose work was committed as a group tend to make their next writes together. The first would find no leader and
commit alone, so it waits briefly while more of the group keep arriving.

A signal may raise an exception anywhere in a thread. So every thread calls `leave` at its end. `leave` undoes
unfinished steps, and can be repeated. After it, each entry is either done or still in the queue.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from blackboard.clock import give_way
from blackboard.store.transaction import CommitState, Transaction
from blackboard.store.unit_of_work_hints import UnitOfWorkHints

T = TypeVar("T")


class Entry(Generic[T]):
    """The work of one thread, and its outcome. Exclusive work is alone in its batch."""

    __slots__ = (
        "abandoned",
        "error",
        "exclusive",
        "hints",
        "result",
        "signal",
        "thread",
        "transaction",
        "work",
    )

    result: T
    """The result of the work, once it has run."""

    def __init__(
        self, work: Callable[[Transaction], T], hints: UnitOfWorkHints[T] | None = None, *, exclusive: bool = False
    ) -> None:
        self.work, self.hints, self.exclusive = work, hints, exclusive
        self.thread = threading.get_ident()
        self.abandoned = False
        """Whether the thread of the entry has left, and so cannot lead."""
        self.signal: threading.Lock | None = None
        """A lock that is held while the thread waits.

        It is released when the work is done, or when the thread leads.
        """
        self.transaction: Transaction | None = None
        """The transaction in which the work ran last; its `commit_state` shows whether it counts."""
        self.error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        """Whether the work is committed or has failed."""
        if self.error is not None:
            return True
        return self.transaction is not None and self.transaction.commit_state is CommitState.COMMITTED


def exclusive_entry() -> Entry[None]:
    """Return the entry of a thread that uses the writing connection itself, alone."""
    return Entry(lambda transaction: None, exclusive=True)


class GroupCommit:
    """A gate that lets one thread lead at a time.

    Args:
        on_wait: Called by a thread that begins to wait.
        release: Releases what a leading thread may still hold when it leaves, such as an open transaction. It is called
            again if a signal's exception interrupts it.
    """

    def __init__(
        self, on_wait: Callable[[], object] = lambda: None, release: Callable[[], object] = lambda: None
    ) -> None:
        self.on_wait, self._release_held = on_wait, release
        self._lock = threading.Lock()
        self._leader: Entry[Any] | None = None
        self._batch: list[Entry[Any]] = []
        """The entries that the leader commits, its own first."""
        self._waiting: deque[Entry[Any]] = deque()
        self._group_size = 1
        """The number of entries in the last batch."""

    def enter(self, entry: Entry[Any]) -> list[Entry[Any]]:
        """Wait until this thread leads, or until another thread has committed the entry.

        The thread must then call `leave`, even if this method raises.

        Returns:
            The batch to commit, this entry first; empty if the entry is done.
        """
        with self._lock:
            if self._leader is None:
                self._leader = entry
            else:
                entry.signal = threading.Lock()
                entry.signal.acquire()
                self._waiting.append(entry)
        if entry.signal is not None:
            self.on_wait()
            entry.signal.acquire()
            if entry.is_done:
                return []
        if not entry.exclusive:
            self._wait_for_group()
        with self._lock:
            self._batch = [entry]
            while self._waiting and not (entry.exclusive or self._waiting[0].exclusive):
                self._batch.append(self._waiting[0])
                self._waiting.popleft()
            self._group_size = len(self._batch)
            return list(self._batch)

    def leads(self, entry: Entry[Any]) -> bool:
        """Return whether the entry's thread leads."""
        return self._leader is entry

    def is_led_here(self) -> bool:
        """Return whether this thread leads."""
        return self._leader is not None and self._leader.thread == threading.get_ident()

    def leave(self, entry: Entry[Any]) -> None:
        """Make the next thread the leader, and signal the entries of the batch that are done; other entries wait again.

        If the thread does not lead, withdraw its entry.
        """
        if self._leader is entry:
            self._release_held()
        with self._lock:
            if self._leader is entry:
                self._return_batch(entry)
                self._leader = None
            else:
                entry.abandoned = True
                if entry in self._waiting:
                    self._waiting.remove(entry)
            self._lead_next()

    def run(self, entry: Entry[Any], commit: Callable[[list[Entry[Any]]], None]) -> None:
        """Commit an entry together with those of other threads, in this thread or another, and wait for its outcome.

        Args:
            entry: The work of this thread.
            commit: Commits a batch.
        """
        # The two nested forms below end alike. They are not one context manager: a signal's exception could be raised
        # in the code of a context manager before it leaves, and the thread would keep its place.
        try:
            try:
                if batch := self.enter(entry):
                    commit(batch)
            finally:
                self.leave(entry)
        except BaseException:
            self.leave(entry)  # a signal's exception may have ended the `leave` above
            raise

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Lead alone: no other thread's work is in the batch."""
        entry = exclusive_entry()
        try:
            try:
                self.enter(entry)
                yield
            finally:
                self.leave(entry)
        except BaseException:
            self.leave(entry)  # a signal's exception may have ended the `leave` above
            raise

    def _wait_for_group(self) -> None:
        """Wait for the threads of the last batch to return, until a turn of the processor brings no more of them."""
        arrived = -1
        while arrived < len(self._waiting) < self._group_size - 1:
            arrived = len(self._waiting)
            give_way()

    def _return_batch(self, leader: Entry[Any]) -> None:
        """Return each entry of the batch, the last first, so that entries that wait again keep their order."""
        while self._batch:
            if self._batch[-1] is not leader:
                self._return(self._batch[-1])
            self._batch.pop()  # last, so that after a signal's exception the next `leave` returns the entry again

    def _return(self, entry: Entry[Any]) -> None:
        """Wake the entry's thread if its work is done; otherwise put the entry first in the queue again."""
        if entry.is_done:
            _release(entry)
        elif not entry.abandoned and entry not in self._waiting:
            self._waiting.appendleft(entry)

    def _lead_next(self) -> None:
        """Make the first waiting thread the leader and wake it. A step that an exception cut off is repeated."""
        if self._leader is None and self._waiting:
            self._leader = self._waiting[0]
        if self._leader is not None:
            if self._waiting and self._waiting[0] is self._leader:
                self._waiting.popleft()
            _release(self._leader)


def _release(entry: Entry[Any]) -> None:
    if entry.signal is not None and entry.signal.locked():
        entry.signal.release()
