"""SIGINT and SIGTERM as a request for an orderly end, for a command that waits for a file."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType, TracebackType

STOPPING = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """A context in which the first of these signals is a request, and a second one ends the process as usual."""

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
