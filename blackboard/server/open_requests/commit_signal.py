"""A signal of commits for a task of the event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

from blackboard import Blackboard


class CommitSignal:
    """Wakes one task after commits of this and other processes. Several commits together wake it once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_signalled = False

    @contextmanager
    def attached_to(self, board: Blackboard) -> Iterator[float]:
        """Return a context in which commits on a board wake the task.

        Yields the number of seconds after which the board should be read in any case.

        Raises:
            StoreError: The process cannot listen for commits of other processes.
        """
        self._loop = asyncio.get_running_loop()
        with board.listen(self.signal, every_commit=True) as tick_seconds:
            self._event.set()  # for commits before this moment
            yield tick_seconds

    def signal(self) -> None:
        """Wake the task. Any thread may call it."""
        if self._is_signalled or self._loop is None:
            return
        self._is_signalled = True
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, seconds: float) -> None:
        """Wait for a commit, at most for some seconds. A commit since the last call counts."""
        timer = asyncio.get_running_loop().call_later(seconds, self._event.set)
        try:
            await self._event.wait()
        finally:
            timer.cancel()
        self._event.clear()
        self._is_signalled = False
