"""Forks of this process: no connection, lock or socket of a board crosses a fork.

SQLite keeps a list of the locks of a process in its memory. A forked child inherits this list, but not the locks. New
connections of the child would rely on locks that no process holds. Another process could conclude that no other uses
the file, and delete the log that the child writes to. So connections are closed before the fork, and each process opens
its own.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Protocol
from weakref import ref


class Forkable(Protocol):
    """An object that has connections, locks or sockets."""

    def before_fork(self) -> None:
        """Close everything that must not be open on both sides, and begin no work until `after_fork`."""

    def after_fork(self, *, in_child: bool) -> None:
        """Continue. In the child, first drop objects that could not be closed, without closing them there."""


_objects: set[ref[Forkable]] = set()
_descriptors: set[int] = set()
"""Open descriptors that a child must not keep."""
_prepared: list[Forkable] = []
_lock = threading.RLock()
"""Held by the thread that forks."""
_generation = 0


def register(item: Forkable) -> None:
    """Register an object that takes part in each fork, as long as it exists."""
    _objects.add(ref(item, _objects.discard))


@contextlib.contextmanager
def closed_in_children(descriptor: int) -> Iterator[None]:
    """Register a descriptor for the block. Each child that is forked within it closes its copy."""
    _descriptors.add(descriptor)
    try:
        yield
    finally:
        _descriptors.discard(descriptor)


def generation() -> int:
    """Return a number that differs in a forked child."""
    return _generation


def keep_for_ever(item: object) -> None:
    """Never delete an object, not even when the interpreter ends."""
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(item))


def _existing_objects() -> list[Forkable]:
    return [item for reference in list(_objects) if (item := reference()) is not None]


def _before_fork() -> None:
    _lock.acquire()
    for item in _existing_objects():
        _prepared.append(item)
        with contextlib.suppress(Exception):  # a fork cannot be stopped; the child then refuses to use the board
            item.before_fork()


def _after_fork_in_parent() -> None:
    while _prepared:
        _prepared.pop().after_fork(in_child=False)
    _lock.release()


def _after_fork_in_child() -> None:
    global _lock, _generation
    _lock = threading.RLock()
    _generation += 1
    _prepared.clear()
    while _descriptors:
        with contextlib.suppress(OSError):
            os.close(_descriptors.pop())
    for item in _existing_objects():
        item.after_fork(in_child=True)


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
