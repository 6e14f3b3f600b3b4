"""The signals that stop a command or a daemon, or reload the deployment file of a daemon.

`StopSignals` is for a command that waits, such as `serve`, and `handle_signals` for a daemon.

The handler of a signal may interrupt the main thread while it holds a lock that the daemon needs. So the handler only
puts a request on a queue, and another thread passes the request to the daemon. Threads are started in advance, because
the system may have no thread left when a signal arrives.

Python runs a handler in the main thread only, between two instructions. If a signal arrives when the main thread is
about to sleep, Python runs the handler only after that sleep. So a signal also writes to a pipe, which ends the sleep.
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
    from blackboard.daemon import DaemonLoop


STOPPING = (signal.SIGINT, signal.SIGTERM)


class SignalPipe:
    """A context with a pipe that gets a byte for each handled signal, before Python runs the handler."""

    def __enter__(self) -> SignalPipe:
        self.reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._before)
        os.close(self.reader)
        os.close(self._writer)

    def read(self) -> bool:
        """Wait for signals, and return False after `end`. A forked child with a copy of the pipe may also write."""
        return b"\0" not in os.read(self.reader, 64)

    def end(self) -> None:
        """Let `read` return False."""
        os.write(self._writer, b"\0")


class StopSignals:
    """A context whose first SIGINT or SIGTERM asks for an orderly end. A second ends the process as usual."""

    def __init__(self) -> None:
        self.is_requested = False
        self._pipe = SignalPipe()

    def __enter__(self) -> StopSignals:
        self._pipe.__enter__()
        self._before = {number: signal.signal(number, self._request) for number in STOPPING}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
        self._pipe.__exit__(kind, error, trace)

    def wait(self, seconds: float | None, *descriptors: int) -> bool:
        """Wait until one of the descriptors can be read or the time is over, and return whether a signal came."""
        while not self.is_requested:
            readable, _, _ = select.select([self._pipe.reader, *descriptors], [], [], seconds)
            if readable != [self._pipe.reader]:
                break
            self._pipe.read()  # if this is not a signal to stop, the wait begins anew
        return self.is_requested

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.is_requested = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


SignalRequest = Callable[["DaemonLoop"], None]

_requests: SimpleQueue[SignalRequest | None] = SimpleQueue()
"""The requests of signals. `SimpleQueue.put` may be interrupted by another handler that calls it."""


def hold_reloads() -> None:
    """Keep a SIGHUP until there is a daemon. Without a handler, the signal would end a starting process."""
    signal.signal(signal.SIGHUP, _request_reload)


@contextmanager
def handle_signals(daemon: DaemonLoop) -> Iterator[None]:
    """Let SIGTERM and SIGINT stop a daemon, and SIGHUP reload its file, even if the signal came before this call."""
    stops = 0

    def request_stop(number: int, frame: FrameType | None) -> None:
        nonlocal stops
        stops += 1
        at_once = stops > 1
        _requests.put(lambda daemon: daemon.stop(now=at_once))

    handlers = ((signal.SIGTERM, request_stop), (signal.SIGINT, request_stop), (signal.SIGHUP, _request_reload))
    before = {number: signal.signal(number, handler) for number, handler in handlers}
    with SignalPipe() as pipe:
        threads = [
            threading.Thread(target=_serve, args=(daemon,), name="blackboard-signal", daemon=True),
            threading.Thread(target=_wake, args=(daemon, pipe), name="blackboard-signal-pipe", daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for number, handler in before.items():
                # Python resets its handlers before the process ends, and then a late SIGHUP would kill the process.
                signal.signal(number, signal.SIG_IGN if handler is _request_reload else handler)
            _requests.put(None)
            pipe.end()
            for thread in threads:
                thread.join()


def _request_reload(number: int, frame: FrameType | None) -> None:
    _requests.put(lambda daemon: daemon.request_reload())


def _serve(daemon: DaemonLoop) -> None:
    while (request := _requests.get()) is not None:
        request(daemon)


def _wake(daemon: DaemonLoop, pipe: SignalPipe) -> None:
    """Wake the main thread after each signal, so that Python runs the handler now."""
    while pipe.read():
        daemon.wake.set()
