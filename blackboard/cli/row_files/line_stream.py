"""The stream of the complete lines of a file or a pipe that grows. It knows each line by its place in bytes."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

from blackboard.cli.row_files.input_text import MAX_LINE_CHARACTERS

BLOCK_BYTES = 64 * 1024
"""The number of bytes that are read at once."""


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
        self._buffered_from = 0
        """The place of the first byte in the buffer."""
        self._scanned = 0
        """The number of bytes in the buffer, from its start, in which no line ends."""
        self._left_of_line = 0
        """The number of bytes of the current line that were not given yet."""
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
        self._buffered_from, self._scanned, self._left_of_line = place, 0, 0

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
            if not self._left_of_line:
                self.line_place, self._left_of_line = self._buffered_from, self._next_line()
            part = bytes(self._buffer[: min(self._left_of_line, len(view))])
            self._left_of_line -= len(part)
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
