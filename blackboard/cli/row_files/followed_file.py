"""A file that is followed by its path. Like `tail -F`, it notices that it was renamed, truncated or replaced."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from blackboard.board.deposited_files.read_positions import ReadPosition

DIGESTED_BYTES = 4096
"""The number of bytes before a position that identify a file after a restart."""


class FollowedFile:
    """An open file, which may have been renamed.

    Raises:
        OSError: There is no file at the path, or it cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        # Without O_NONBLOCK, opening a FIFO would wait for a writer, and no signal would end it.
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(self.descriptor).st_mode):
            self.close()
            raise OSError(errno.EINVAL, "not a file")
        self._seen: tuple[int, int] | None = None

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)

    @property
    def inode(self) -> int:
        """The number of the file in its file system."""
        return os.fstat(self.descriptor).st_ino

    @property
    def size(self) -> int:
        """The number of bytes that the file has now."""
        return os.fstat(self.descriptor).st_size

    def note_change(self) -> bool:
        """Note the size and time of the last change; return whether the file was written to since the last call."""
        found = os.fstat(self.descriptor)
        before, self._seen = self._seen, (found.st_size, found.st_mtime_ns)
        return self._seen != before

    def is_replaced_at(self, path: Path) -> bool:
        """Return whether another file with text is at a path, to which programs now write."""
        with suppress(OSError):
            other = path.stat()
            is_file = stat.S_ISREG(other.st_mode) and other.st_size > 0
            return is_file and not os.path.samestat(other, os.fstat(self.descriptor))
        return False

    def read(self, place: int, size: int) -> bytes:
        """Return the bytes that begin at a place."""
        return os.pread(self.descriptor, size, place)

    def digest_before(self, place: int) -> str:
        """Return a digest of the bytes right before a place."""
        size = min(place, DIGESTED_BYTES)
        return hashlib.sha256(self.read(place - size, size)).hexdigest()[:32]

    def continues(self, position: ReadPosition) -> bool:
        """Return whether the text before a position is still there: the file was not truncated or replaced."""
        return self.size >= position.position and self.digest_before(position.position) == position.digest


def open_continued(path: Path, position: ReadPosition) -> FollowedFile | None:
    """Open the file that was read up to a position, if it is still at its path or was renamed in its folder."""
    for found in _files_with_inode(path, position.inode):
        with suppress(OSError), ExitStack() as stack:  # the file may be renamed again at this moment
            file = FollowedFile(found)
            stack.callback(file.close)
            if file.inode == position.inode and file.continues(position):
                stack.pop_all()
                return file
    return None


def _files_with_inode(path: Path, inode: int) -> Iterator[Path]:
    with suppress(OSError):
        if path.stat().st_ino == inode:
            yield path
            return
    # If the path is a link, files are renamed in the folder of the file to which the link leads.
    for folder in dict.fromkeys((path.absolute().parent, Path(os.path.realpath(path)).parent)):
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.inode() == inode and entry.is_file(follow_symlinks=False):
                    yield Path(entry.path)


def is_regular(path: Path) -> bool:
    """Return whether a path leads to a file, or does not exist yet. A pipe or a device is not a file."""
    with suppress(OSError):
        return stat.S_ISREG(path.stat().st_mode)
    return True
