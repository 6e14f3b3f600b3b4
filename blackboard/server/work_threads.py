"""The threads in which requests use the board. If all are busy, further requests wait, up to a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from blackboard.errors import WorkError

T = TypeVar("T")

MAX_WAITING_PER_THREAD = 15
"""How many requests may wait for each thread."""


class QueueFull(WorkError):
    """Too many requests wait already."""

    quotes_nothing = True


class WorkThreads:
    """A number of threads, with a limit on the work that waits for them.

    Args:
        number: How many requests use the board at the same time.
        waiting: How many more may wait.
    """

    def __init__(self, number: int, waiting: int | None = None) -> None:
        self._limit = number + (MAX_WAITING_PER_THREAD * number if waiting is None else waiting)
        self._executor = ThreadPoolExecutor(number, thread_name_prefix="blackboard-request")
        self._in_progress = 0

    @property
    def in_progress(self) -> int:
        """The amount of work that runs or waits."""
        return self._in_progress

    async def run(self, work: Callable[[], T], *, is_accepted: bool = False) -> T:
        """Run work in one of the threads. It continues if the client leaves meanwhile.

        Args:
            work: What is run.
            is_accepted: Whether it belongs to a request that was accepted before. Such work is never refused.

        Raises:
            QueueFull: Too much work waits already.
        """
        if self._in_progress >= self._limit and not is_accepted:
            raise QueueFull("too many requests wait already; try again in a moment")
        self._in_progress += 1
        future = asyncio.get_running_loop().run_in_executor(self._executor, work)
        future.add_done_callback(self._leave)
        return await asyncio.shield(future)

    def _leave(self, future: asyncio.Future[T]) -> None:
        self._in_progress -= 1
        if not future.cancelled():
            future.exception()  # the caller of the work may be gone, and asyncio logs an exception that nobody reads
