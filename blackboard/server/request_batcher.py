"""The batcher of requests: one thread does the work of many requests together, while later requests wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from blackboard.server.work_threads import QueueFull

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_ROUND_ITEMS = 128
"""The most items of a round. They share a transaction, which should be short."""
GATHERING_SECONDS = 0.003
"""How long a round waits for the clients that got their responses in the round before.

Clients that get responses together tend to send their next requests together. Without the wait, they would split into
groups, and the event loop would read the requests of one group while the thread works for the other. The loop and the
thread would both be slow, because a thread that uses the database releases Python's global lock at each statement.
"""


class RequestBatcher(Generic[Item, Result]):
    """A thread that takes all items that wait, and returns their results together.

    With a thread for each request, each request would cost several thread switches. Here, many requests share two.

    Args:
        work: Returns the result or the error of each item, in the same order. The call runs in the thread.
        limit: How many items may wait or be in work.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Result | Exception]], limit: int) -> None:
        self._work, self._limit = work, limit
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="blackboard-together")
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._rounds: asyncio.Task[None] | None = None
        self._expected = 1
        self._gathered = asyncio.Event()
        self.in_progress = 0
        """The number of items that wait or are in work."""

    async def run(self, item: Item) -> Result:
        """Return the result of an item. The work continues if the client leaves meanwhile.

        Raises:
            QueueFull: Too many items wait already.
            Exception: The error of the item.
        """
        if self.in_progress >= self._limit:
            raise QueueFull("too many requests wait already; try again in a moment")
        self.in_progress += 1
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if len(self._waiting) >= self._expected:
            self._gathered.set()
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._work_in_rounds())
        return await future

    async def _work_in_rounds(self) -> None:
        """Do the work of all waiting requests, in rounds, until none waits."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            await self._gather()
            taken = [self._waiting.popleft() for _ in range(min(MAX_ROUND_ITEMS, len(self._waiting)))]
            self._gathered.clear()
            try:
                results = await loop.run_in_executor(self._executor, self._work, [item for item, _ in taken])
            except Exception as error:
                results = [error] * len(taken)
            self.in_progress -= len(taken)
            self._expected = min(MAX_ROUND_ITEMS, len(taken) + len(self._waiting))
            for (_, future), result in zip(taken, results, strict=True):
                if future.done():
                    continue  # the client of this item has left
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)
        self._rounds = None

    async def _gather(self) -> None:
        if len(self._waiting) < self._expected:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATHERING_SECONDS):
                    await self._gathered.wait()
