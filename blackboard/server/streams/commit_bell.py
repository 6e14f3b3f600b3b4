"""News of commits for a task of the event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

from blackboard import Blackboard


class CommitBell:
    """Wakes one task after commits. However many come at once, the event loop is told once.

    It is rung by each commit of this process, and by those of other processes as `Blackboard.listen` hears of them.
    """

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._has_rung = False

    @contextmanager
    def rings_for(self, board: Blackboard) -> Iterator[float]:
        """Ring for the commits on a board, inside a context.

        Yields the number of seconds after which the board should be read in any case.

        Raises:
            StoreError: Other processes cannot be heard.
        """
        self._loop = asyncio.get_running_loop()
        with board.listen(self.ring, every_commit=True) as tick:
            self._event.set()  # for what was committed just before
            yield tick

    def ring(self) -> None:
        """Wake the task. Any thread may call it."""
        if self._has_rung or self._loop is None:
            return
        self._has_rung = True
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, seconds: float) -> None:
        """Return after a commit since the last return, or after some seconds."""
        timer = asyncio.get_running_loop().call_later(seconds, self._event.set)
        try:
            await self._event.wait()
        finally:
            timer.cancel()
        self._event.clear()
        self._has_rung = False
