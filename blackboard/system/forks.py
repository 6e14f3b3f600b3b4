"""What happens when this process forks: no connection, lock or socket of a board crosses the fork.

SQLite notes in its memory which locks a process has on a file. A forked child inherits these notes, but not the locks.
Its new connections then rely on locks that nobody holds. Another process may believe that it is the last to use the
file, and delete the log that the child writes to. So connections are closed before the fork, and each process opens its
own.
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
        """Close what must not be open on both sides, and begin nothing until `after_fork`."""

    def after_fork(self, *, in_child: bool) -> None:
        """Go on. In the child, first drop what could not be closed, and never close it there."""


_objects: set[ref[Forkable]] = set()
_descriptors: set[int] = set()
"""Open descriptors that a child must not keep."""
_prepared: list[Forkable] = []
_lock = threading.RLock()
"""Held by the thread that forks."""
_generation = 0


def register(item: Forkable) -> None:
    """Let an object take part in each fork, as long as it exists."""
    _objects.add(ref(item, _objects.discard))


@contextlib.contextmanager
def closed_in_children(descriptor: int) -> Iterator[None]:
    """Let each child that is forked meanwhile close its copy of a descriptor, and so give up no lock of its parent."""
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


def _existing() -> list[Forkable]:
    return [item for reference in list(_objects) if (item := reference()) is not None]


def _before() -> None:
    _lock.acquire()
    for item in _existing():
        _prepared.append(item)
        with contextlib.suppress(Exception):  # a fork goes on in any case; the child then refuses to use the board
            item.before_fork()


def _after_in_parent() -> None:
    while _prepared:
        _prepared.pop().after_fork(in_child=False)
    _lock.release()


def _after_in_child() -> None:
    global _lock, _generation
    _lock = threading.RLock()
    _generation += 1
    _prepared.clear()
    while _descriptors:
        with contextlib.suppress(OSError):
            os.close(_descriptors.pop())
    for item in _existing():
        item.after_fork(in_child=True)


os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
