"""The log of the program. Writing a line never blocks the caller and never raises.

The calling thread formats a line, by the processors of structlog's configuration. Another thread writes it, so a reader
that stalls or closes its end delays no work. The queue is bounded: a line is dropped and counted if the queue is full
or the line cannot be written. The number of dropped lines is logged once a line can be written again.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import structlog

from blackboard.system.error_descriptions import describe_error

MAX_LINES = 10_000
"""Further lines are dropped while this many lines wait."""

MAX_CHARACTERS = 32 * 1024 * 1024
"""Further lines are dropped while this many characters wait."""

LOG_FLUSH_SECONDS = 1.0
"""Seconds to wait for a reader at the end of a daemon or process. The wait is extended while the reader takes lines."""
MAX_FLUSH_WAITS = 30
"""The number of times that the wait for a slow reader is extended."""

LOGGER_METHODS = {
    "critical",
    "debug",
    "err",
    "error",
    "exception",
    "failure",
    "fatal",
    "info",
    "log",
    "msg",
    "warn",
    "warning",
}
"""The methods that structlog calls to pass a line to a logger."""


class LogQueue:
    """The lines that wait for their writer, and the thread that writes them."""

    def __init__(self) -> None:
        self.dropped = 0
        """The number of lines that were not written."""
        self._reported = 0
        # A signal handler may log while its thread is in here. SimpleQueue.put and RLock can be entered twice.
        self._lock = threading.RLock()
        self._writes: SimpleQueue[tuple[Callable[[], object], int] | threading.Event] = SimpleQueue()
        self._waiting = 0
        """The number of characters that wait."""
        self._writer: threading.Thread | None = None

    def put(self, write: Callable[[], object], size: int) -> None:
        """Queue a function that writes some characters, or drop it if too many lines or characters wait."""
        if threading.current_thread() is self._writer:  # this thread reports dropped lines
            write()
            return
        if self._writes.qsize() >= MAX_LINES or self._waiting + size > MAX_CHARACTERS:
            self.drop()
            return
        with self._lock:
            self._waiting += size
        self._writes.put((write, size))
        self._start()

    def drop(self) -> None:
        """Count a line that is not written."""
        with self._lock:
            self.dropped += 1

    def flush(self, seconds: float = LOG_FLUSH_SECONDS) -> bool:
        """Wait until all lines are written, or no line was written for `seconds`; return whether all were."""
        if self._writer is None:
            return True
        written = threading.Event()
        self._writes.put(written)
        for _ in range(MAX_FLUSH_WAITS):
            waiting = self._writes.qsize()
            if written.wait(seconds):
                return True
            if self._writes.qsize() >= waiting:
                break
        return False

    def _start(self) -> None:
        if self._has_writer():
            return
        with self._lock, contextlib.suppress(RuntimeError):  # no thread can be started now: the next line tries again
            if not self._has_writer():
                writer = threading.Thread(target=self._serve, name="blackboard-log", daemon=True)
                writer.start()
                self._writer = writer

    def _has_writer(self) -> bool:
        return self._writer is not None and self._writer.is_alive()  # without memory, the thread ends

    def _serve(self) -> None:
        """Write the lines of the queue, one after another, for ever."""
        writes = self._writes
        while True:
            item = writes.get()
            if isinstance(item, threading.Event):
                item.set()
                continue
            write, size = item
            with self._lock:
                self._waiting -= size
            try:
                write()
            except Exception:
                self.drop()
            else:
                self._report_dropped()

    def _report_dropped(self) -> None:
        lines = self.dropped
        if lines > self._reported:
            Log("blackboard").warning("log lines were dropped", lines=lines - self._reported)
            if self.dropped == lines:  # if not, the line about dropped lines was itself dropped
                self._reported = lines


_queue = LogQueue()


def queue_write(write: Callable[[], object], size: int) -> None:
    """Queue a function that writes some characters, for a thread to call in order.

    Drop it if too many lines or characters wait.
    """
    _queue.put(write, size)


def flush(seconds: float = LOG_FLUSH_SECONDS) -> bool:
    """Wait until all lines are written, or no line was written for `seconds`; return whether all were."""
    return _queue.flush(seconds)


def dropped_line_count() -> int:
    """Return the number of lines of this process that were not written."""
    return _queue.dropped


def _start_anew() -> None:
    # A forked child has no writer, and the lines that waited are the parent's.
    global _queue
    _queue = LogQueue()


os.register_at_fork(after_in_child=_start_anew)
atexit.register(flush)


class QueuedLogger:
    """A logger for structlog that queues each line for the logger of its configuration."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        target = getattr(structlog.get_config()["logger_factory"](self._name), attribute)
        if attribute not in LOGGER_METHODS:
            return target  # the name or the level, for processors that ask

        def queue(*line: Any, **values: Any) -> None:
            size = sum(len(part) for part in line if isinstance(part, str | bytes))
            queue_write(lambda: target(*line, **values), size)

        return queue


class Log:
    """A log whose methods queue a line with an event and its values, and never raise.

    For an error among the values, the log contains the result of `describe_error`.
    """

    def __init__(self, name: str) -> None:
        self._logger = structlog.wrap_logger(QueuedLogger(name))

    def info(self, event: str, **values: object) -> None:
        """Log an event in the course of work."""
        self._write("info", event, values)

    def warning(self, event: str, **values: object) -> None:
        """Log an event that needs attention."""
        self._write("warning", event, values)

    def error(self, event: str, **values: object) -> None:
        """Log a failure."""
        self._write("error", event, values)

    def _write(self, level: str, event: str, values: dict[str, object]) -> None:
        try:
            values = {
                name: describe_error(value) if isinstance(value, BaseException) else value
                for name, value in values.items()
            }
            getattr(self._logger, level)(event, **values)
        except Exception:  # a processor of the configuration failed
            _queue.drop()
