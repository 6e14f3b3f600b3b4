"""The signals of a process: `StopSignals` for a command that waits for a file, and `handle_signals` for a daemon.

A handler may interrupt the main thread while it holds a lock that the daemon needs. So a handler only puts a request on
a queue, and a waiting thread passes it to the daemon. The thread is started in advance, because the system may have no
thread left when a signal arrives.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blackboard.daemon import Daemon


STOPPING = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """A context whose first SIGINT or SIGTERM asks for an orderly end. A second ends the process as usual."""

    def __init__(self) -> None:
        self.is_requested = False

    def __enter__(self) -> StopSignals:
        # A write to a pipe ends a wait, also if the signal comes right before it.
        self._reader, self._writer = os.pipe()
        self._before = {number: signal.signal(number, self._request) for number in STOPPING}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
        os.close(self._reader)
        os.close(self._writer)

    def wait(self, seconds: float | None, *descriptors: int) -> bool:
        """Wait until one of the descriptors can be read or the time is over, and return whether a signal came."""
        if not self.is_requested:
            select.select([self._reader, *descriptors], [], [], seconds)
        return self.is_requested

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.is_requested = True
        os.write(self._writer, b"\0")
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


SignalRequest = Callable[["Daemon"], None]

_requests: SimpleQueue[SignalRequest | None] = SimpleQueue()
"""The requests of signals. `SimpleQueue.put` may be interrupted by another handler that calls it."""


def hold_reloads() -> None:
    """Keep a SIGHUP until there is a daemon. Without a handler, it would end a process that is still starting."""
    signal.signal(signal.SIGHUP, _request_reload)


@contextmanager
def handle_signals(daemon: Daemon) -> Iterator[None]:
    """Let SIGTERM and SIGINT stop a daemon, and SIGHUP reload its file, even if the signal came before this call."""
    stops = 0

    def request_stop(number: int, frame: FrameType | None) -> None:
        nonlocal stops
        stops += 1
        at_once = stops > 1
        _requests.put(lambda daemon: daemon.stop(now=at_once))

    handlers = ((signal.SIGTERM, request_stop), (signal.SIGINT, request_stop), (signal.SIGHUP, _request_reload))
    before = {number: signal.signal(number, handler) for number, handler in handlers}
    thread = threading.Thread(target=_serve, args=(daemon,), name="blackboard-signal", daemon=True)
    try:
        thread.start()
        yield
    finally:
        for number, handler in before.items():
            # Python resets its handlers before the process ends. Without this, a late SIGHUP would kill the process.
            signal.signal(number, signal.SIG_IGN if handler is _request_reload else handler)
        _requests.put(None)
        thread.join()


def _request_reload(number: int, frame: FrameType | None) -> None:
    _requests.put(lambda daemon: daemon.request_reload())


def _serve(daemon: Daemon) -> None:
    while (request := _requests.get()) is not None:
        request(daemon)
