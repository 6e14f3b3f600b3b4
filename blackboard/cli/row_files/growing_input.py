"""Inputs that grow: a file that is followed by its path, and the complete lines of a file or a pipe.

Like `tail -F`, `FollowedFile` notices that its file was renamed, truncated or replaced. `LineStream` knows each line by
its place in bytes.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from blackboard.board.deposited_files.read_positions import ReadPosition
from blackboard.cli.row_files.input_text import MAX_LINE_CHARACTERS

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

    def has_changed(self) -> bool:
        """Return whether the file was written to since the last call."""
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
        with suppress(OSError):  # the file may be renamed again at this moment
            file = FollowedFile(found)
            if file.inode == position.inode and file.continues(position):
                return file
            file.close()
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


BLOCK_BYTES = 64 * 1024


class LineStream(io.RawIOBase):
    """The complete lines of an input that grows. It ends after the last line, and continues when there are more lines.

    Each call of `readinto` gives one line, so that the place of a line is known when it is decoded.

    Args:
        read: A function of a place and a number of bytes. It returns the bytes that are available, and never waits.
    """

    def __init__(self, read: Callable[[int, int], bytes]) -> None:
        super().__init__()
        self._read = read
        self.newline = b"\n"
        """The bytes that end a line."""
        self._head = b""
        self._buffer = bytearray()
        self._buffered_from = self._scanned = self._open = 0
        self.has_ended = False
        """Whether no more bytes will arrive, so text without a newline at the end is also a line."""
        self.line_place = 0
        """The place of the line that was returned last; -1 for the text in front of the stream."""

    def peek(self) -> bytes:
        """Return the first bytes that were not given, at most 64 KiB."""
        while len(self._buffer) < BLOCK_BYTES and self._fill():
            pass
        return bytes(self._buffer[:BLOCK_BYTES])

    def end(self) -> None:
        """Take text without a newline at the end as a line, because no more bytes will arrive."""
        self.has_ended = True

    def begin(self, byte_order_mark: bytes, head: bytes) -> None:
        """Skip the byte order mark, and give the lines of `head` before the lines of the input."""
        self._head = head
        self._drop(len(byte_order_mark))

    @property
    def place(self) -> int:
        """The place of the next line."""
        return self._buffered_from

    @property
    def places(self) -> Iterator[int]:
        """An endless iterator over the place of the line that was given last."""
        while True:
            yield self.line_place

    def peek_lines(self) -> bytes:
        """Return the complete lines among the next bytes, which stay to be read."""
        data, end = self.peek(), 0
        while after := self._end_of_line(end):
            end = after
        return data if self.has_ended else data[:end]

    def go_to(self, place: int) -> None:
        """Continue with the line at another place. Only for a file."""
        self._buffer.clear()
        self._buffered_from, self._scanned, self._open = place, 0, 0

    def drop_incomplete_line(self) -> None:
        """Drop the bytes of an incomplete line, because a file may be truncated there. Only for a file."""
        self.go_to(self.place)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, target: object) -> int:
        """Give a line, or the next part of it if the target is short; nothing if no line is complete."""
        view = memoryview(target).cast("B")  # type: ignore[arg-type]
        if self._head:
            part, self._head, self.line_place = self._head[: len(view)], self._head[len(view) :], -1
        else:
            if not self._open:
                self.line_place, self._open = self._buffered_from, self._next_line()
            part = bytes(self._buffer[: min(self._open, len(view))])
            self._open -= len(part)
            self._drop(len(part))
        view[: len(part)] = part
        return len(part)

    def _next_line(self) -> int:
        """Return the length of the next line; 0 if none is complete."""
        while not (end := self._end_of_line(self._scanned)):
            self._scanned = max(0, len(self._buffer) - len(self.newline) + 1)
            if len(self._buffer) > MAX_LINE_CHARACTERS:
                return len(self._buffer)
            if not self._fill():
                return len(self._buffer) if self.has_ended else 0
        return end

    def _end_of_line(self, start: int) -> int:
        """Return where the first line from a place in the buffer on ends; 0 if none does."""
        at = self._buffer.find(self.newline, start)
        while at > 0 and at % len(self.newline):  # the bytes of two characters may look like a newline
            at = self._buffer.find(self.newline, at + 1)
        return at + len(self.newline) if at >= 0 else 0

    def _fill(self) -> bool:
        block = self._read(self._buffered_from + len(self._buffer), BLOCK_BYTES)
        self._buffer += block
        return bool(block)

    def _drop(self, size: int) -> None:
        del self._buffer[:size]
        self._buffered_from += size
        self._scanned = max(0, self._scanned - size)
