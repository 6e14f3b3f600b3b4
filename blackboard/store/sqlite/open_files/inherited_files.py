"""Files that the parent of this process had open through SQLite when it forked.

SQLite would treat the parent's locks on such a file as its own: see `blackboard.system.forks`. So this process must not
open it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from blackboard.errors import StoreError

DESCRIPTORS = ("/proc/self/fd", "/dev/fd")
"""Folders that list the descriptors of this process: on Linux, and on macOS."""

Identity = tuple[int, int]
"""The device and the inode of a file."""

_inherited: set[Identity] = set()
"""The devices and inodes of the inherited files."""


def note(path: Path) -> None:
    """Record, in a forked child, whether it inherited an open descriptor of a file."""
    if (file := file_identity(path)) is not None and descriptors_of(file):
        _inherited.add(file)


def descriptors_of(file: Identity) -> list[int]:
    """Return the descriptors that this process has of a file."""
    descriptors = []
    for descriptor in _descriptors():
        try:
            status = os.fstat(descriptor)
        except OSError:
            continue
        if (status.st_dev, status.st_ino) == file:
            descriptors.append(descriptor)
    return descriptors


def check(path: Path) -> None:
    """Check that a file may be opened.

    Raises:
        StoreError: The parent still had it open.
    """
    if _inherited and file_identity(path) in _inherited:
        raise StoreError(
            f"{path} cannot be used in this process: the parent process was using it when it forked; close its"
            " connections before the fork, or start the process anew, as multiprocessing's 'spawn' does"
        )


def file_identity(path: str | Path) -> Identity | None:
    """Return the identity of the file at a path; None if there is none that can be reached."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _descriptors() -> Iterable[int]:
    for folder in DESCRIPTORS:
        try:
            return [int(name) for name in os.listdir(folder)]
        except OSError:
            continue
    return range(min(os.sysconf("SC_OPEN_MAX"), 65536))
