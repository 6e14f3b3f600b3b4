"""File locks that are tried once, without waiting. The death of a process ends its locks."""

from __future__ import annotations

import fcntl


def try_lock(handle: int, *, shared: bool = False) -> bool:
    """Lock an open file, and return whether that was possible. Closing the file ends the lock.

    Args:
        handle: The descriptor of the file.
        shared: Whether several holders may share the lock.

    Raises:
        OSError: The file cannot be locked.
    """
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
