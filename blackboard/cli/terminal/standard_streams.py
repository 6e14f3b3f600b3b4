"""The standard streams of the command line: a closed stream is opened, and a command survives a broken stderr."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from collections.abc import Iterator
from typing import Any, TextIO

STANDARD_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))
"""The standard streams in the order of their descriptors, with their modes."""


def open_closed() -> None:
    """Open each closed standard stream on /dev/null.

    A supervisor or a script may close them. The next file that the process opens, such as a board or a lock, would then
    take the descriptor of a stream, and messages would be written into it.
    """
    for number in range(len(STANDARD_STREAMS)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free descriptor, which is this descriptor
            os.set_inheritable(number, True)
    for name, mode in STANDARD_STREAMS:
        if getattr(sys, name) is None:  # Python found the descriptor closed
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def finish() -> None:
    """Flush stdout and stderr at the end of a command.

    A closed pipe on stdout, as after `| head`, is not an error, and neither is a stderr that cannot be written.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard(sys.stdout)
    try:
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """Send the buffered text of a stream to /dev/null, because the interpreter flushes it again at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


@contextlib.contextmanager
def queue_output() -> Iterator[None]:
    """Queue all text for stdout and stderr, like the log.

    So an agent that prints, or logs with another library, neither fails nor waits because of a slow reader.
    """
    from blackboard.system import log_queue

    before = sys.stdout, sys.stderr
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    sys.stdout, sys.stderr = (QueuedStream(stream) for stream in before)
    try:
        yield
    finally:
        log_queue.flush()
        sys.stdout, sys.stderr = before


class QueuedStream(io.TextIOBase):
    """A stream whose texts another thread writes, in the order of the lines of the log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._unbuffered = stream, LogStream(stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Queue a text."""
        from blackboard.system.log_queue import queue_write

        queue_write(lambda: self._unbuffered.write(text), len(text))
        return len(text)

    def flush(self) -> None:
        """Do nothing: the text is written as soon as the reader takes it."""

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the stream."""
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return self._stream.encoding


class LogStream:
    """The stream of the log: stderr, written without a buffer.

    So a thread that is blocked in `write` holds no lock that shutdown needs. A line that failed is not kept in a
    buffer, and not tried again.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._descriptor: int | None = None
        with contextlib.suppress(OSError, ValueError):  # a stream in memory has no descriptor
            self._descriptor = stream.fileno()

    def write(self, text: str) -> int:
        """Write a text.

        Raises:
            OSError: The text cannot be written.
        """
        if self._descriptor is None:
            return self._stream.write(text)
        content = memoryview(text.encode("utf-8", "backslashreplace"))
        while content:
            try:
                content = content[os.write(self._descriptor, content) :]
            except BlockingIOError:  # another process has set the shared pipe or terminal to non-blocking
                select.select([], [self._descriptor], [])
        return len(text)

    def flush(self) -> None:
        """Flush the stream, if it has a buffer."""
        if self._descriptor is None:
            self._stream.flush()
