"""The shared file of a calendar, which several programs and users change: reads it, notices changes, replaces it.

A file behind a symbolic link or a bind mount keeps its place: the new content is written to a file beside the real one,
and then replaces it. A link that another user could have placed is not followed, because its target could be any file.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from blackboard import SystemClock
from blackboard.agent_package_support import PRIVATE_MODE, closed_in_children, failpoint, others_who_place
from blackboard.errors import AgentError

__all__ = [
    "MAX_BYTES",
    "Signature",
    "file_signature",
    "folder_lock",
    "has_mode",
    "read_file",
    "real_path",
    "replace_file",
]

MAX_BYTES = 64 * 1024 * 1024
"""The largest file that is read."""
LOCK_TIMEOUT_MICROSECONDS = 10_000_000
"""Microseconds to wait while another process writes."""
RETRY_INTERVAL_SECONDS = 0.005
"""Seconds between two attempts."""
FILE_TIME_STEP_NANOSECONDS = 100_000_000
"""Nanoseconds within which two changes of a file may have the same time."""
MAX_LINKS = 40
IN_PLACE = {errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS}
"""Errors after which the file is written in place: the file is a mount, or its folder cannot be written to."""


class Signature(NamedTuple):
    """The identity, size and times of a file. The signatures before and after a change differ."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int


def file_signature(path: Path) -> tuple[Signature | None, bool]:
    """Return the signature of a file (None without a file), and whether a later change will certainly show in it.

    Raises:
        AgentError: The file cannot be reached.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return None, True
    except (OSError, ValueError) as error:
        raise AgentError(f"{path}: the calendar cannot be read ({_reason(error)})") from None
    current = Signature(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return current, SystemClock().now() * 1000 - max(current.modified, current.changed) > FILE_TIME_STEP_NANOSECONDS


def read_file(path: Path) -> bytes | None:
    """Return the content of a file; None if there is no file.

    Raises:
        AgentError: The file cannot be read, is not an ordinary file, or is too large.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe without a writer does not block
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise AgentError(f"{path}: the calendar is not an ordinary file")
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise AgentError(f"{path}: the calendar cannot be read ({_reason(error)})") from None
    if len(content) > MAX_BYTES:
        raise AgentError(f"{path}: the calendar is larger than {MAX_BYTES // 1024**2} MB; remove past events")
    return content


def real_path(path: Path) -> Path:
    """Return the path of the real file behind symbolic links, which need not exist.

    Raises:
        AgentError: Another user could have placed one of the links, there are too many, or one cannot be read.
    """
    todo = list(reversed(Path(os.path.abspath(path)).parts))
    real = Path(todo.pop())
    links = 0
    while todo:
        name = todo.pop()
        if name == os.pardir:
            real = real.parent
            continue
        step = real / name
        try:
            is_link = step.is_symlink()
            if not is_link:
                real = step
                continue
            links += 1
            if links > MAX_LINKS:
                raise AgentError(f"{path}: too many symbolic links")
            if (problem := others_who_place(step)) is not None:
                raise AgentError(f"{path}: nothing is written through the symbolic link {step}, because {problem}")
            target = Path(os.readlink(step))
        except OSError as error:
            raise AgentError(f"{path}: the calendar cannot be written ({_reason(error)})") from None
        if target.is_absolute():
            real = Path(target.anchor)
        todo += reversed([part for part in target.parts if part != target.anchor])
    return real


@contextmanager
def folder_lock(path: Path) -> Iterator[None]:
    """Keep other desks from changing a file. The lock is on its folder, because the file is replaced.

    There is no lock if this user may not list the folder, or if the file system has no locks.

    Raises:
        AgentError: Another process held the lock for too long, or there is no such folder.
    """
    try:
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    except PermissionError:  # the folder can be entered, but not listed
        descriptor = None
    except OSError as error:
        raise AgentError(f"{path}: the calendar cannot be written ({_reason(error)})") from None
    if descriptor is None:
        yield
        return
    try:
        with closed_in_children(descriptor):
            _lock(descriptor, path)
            yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    """Lock a file for this process, and wait for other processes up to a limit."""
    clock = SystemClock()
    deadline = clock.monotonic() + LOCK_TIMEOUT_MICROSECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if clock.monotonic() > deadline:
                problem = (
                    f"another process keeps {path.parent} locked, so nothing was written; the next booking tries again"
                )
                raise AgentError(f"{path}: {problem}") from None
            threading.Event().wait(RETRY_INTERVAL_SECONDS)
        except OSError:  # a file system without locks: only simultaneous changes by other programs go unnoticed
            return
        else:
            return


def replace_file(path: Path, before: bytes | None, after: bytes, mode: int | None = None) -> bool:
    """Replace a real file unless it has changed since `before` was read; return whether it was replaced.

    Args:
        path: The real file, as `real_path` returns it.
        before: Its content when it was read; None if there was no file.
        after: The new content.
        mode: The mode of the file; None keeps it, and lets only this user read and write a new file.

    Raises:
        AgentError: The file cannot be written.
    """
    temporary = None
    try:
        try:
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
                temporary = file.name
                file.write(after)
                file.flush()
                _take_over_access(file.fileno(), path, mode, exists=before is not None)
                os.fsync(file.fileno())
            if read_file(path) != before:
                return False
            failpoint("publish.written")
            os.replace(temporary, path)
            temporary = None
        except OSError as error:
            if before is None or error.errno not in IN_PLACE:
                raise
            return _write_in_place(path, before, after, mode)
        _sync_folder(path.parent)
        return True
    except OSError as error:
        raise AgentError(f"{path}: the calendar cannot be written ({_reason(error)})") from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)


def has_mode(path: Path, mode: int) -> bool:
    """Return whether there is a file of this mode."""
    try:
        return stat.S_IMODE(path.stat().st_mode) == mode
    except OSError:
        return False


def _take_over_access(descriptor: int, path: Path, mode: int | None, *, exists: bool) -> None:
    """Give a new file the group, the mode and the access control list of the file that it will replace."""
    if exists:
        status = path.stat()
        kept = stat.S_IMODE(status.st_mode)
        try:
            os.fchown(descriptor, -1, status.st_gid)
        except OSError:
            kept &= ~stat.S_IRWXG  # what the group may do was not meant for another group
        os.fchmod(descriptor, kept)
        _copy_access_list(path, descriptor)
    if mode is not None or not exists:
        os.fchmod(descriptor, PRIVATE_MODE if mode is None else mode)


def _copy_access_list(path: Path, descriptor: int) -> None:
    name = "system.posix_acl_access"
    with suppress(OSError, AttributeError):
        os.setxattr(descriptor, name, os.getxattr(path, name))


def _write_in_place(path: Path, before: bytes, after: bytes, mode: int | None) -> bool:
    """Write the content of a file that cannot be replaced. A crash meanwhile leaves it incomplete."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "r+b") as file:
        if file.read(MAX_BYTES + 1) != before:
            return False
        if mode is not None:
            os.fchmod(descriptor, mode)
        file.seek(0)
        file.write(after)
        file.truncate()
        file.flush()
        os.fsync(descriptor)
    return True


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
