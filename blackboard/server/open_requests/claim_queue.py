"""The claims of remote workers that wait for work. A waiting claim takes no thread.

For each agent, only the first claim is tried: after a commit of any process that may wake an agent, and at the next
instant when time alone makes a claim possible. When the first claim has got an activation, the next claim is the first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from starlette.requests import ClientDisconnect, Request

from blackboard import Blackboard, RemoteActivation
from blackboard.errors import BlackboardError
from blackboard.server.http_problems import HttpProblem
from blackboard.server.starlette_internals import wait_until_disconnected
from blackboard.server.work_threads import WorkThreads
from blackboard.system.log_queue import Log

log = Log("blackboard.server")

T = TypeVar("T")

MAX_WAITING_CLAIMS = 500
"""The most claims that wait at the same time."""
MAX_WAITING_CLAIMS_OF_TOKEN = 100
"""The most claims with the same token that wait at the same time."""


class Attempt(NamedTuple):
    """The outcome of one attempt to claim."""

    activation: RemoteActivation | None
    again_in: float | None
    """The seconds until time alone may make a claim possible; None if time alone never does."""


@dataclass(eq=False)
class WaitingClaim:
    """A claim that waits."""

    token: str
    """The name of the token."""
    attempt: Callable[[], Attempt]
    """Claims, in a thread."""
    give_back: Callable[[RemoteActivation], object]
    """Gives back an activation whose client has left."""
    outcome: asyncio.Future[RemoteActivation | None] = field(default_factory=asyncio.Future)
    """The activation, once there is one."""

    @property
    def result(self) -> RemoteActivation | None:
        """The activation that the claim has got; None if it has none."""
        is_over = self.outcome.done() and not self.outcome.cancelled() and self.outcome.exception() is None
        return self.outcome.result() if is_over else None


class ClaimQueue:
    """The claims that wait, in the order of their arrival for each agent.

    All methods but `stop` are called in the event loop.

    Args:
        board: The board that the server serves.
        threads: The threads in which claims use the board.
    """

    def __init__(self, board: Blackboard, threads: WorkThreads) -> None:
        self._board, self._threads = board, threads
        self._queues: dict[str, deque[WaitingClaim]] = {}
        self._events: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listening = ExitStack()
        self._tick_seconds = 0.0
        self._returns: set[asyncio.Task[object]] = set()
        """The tasks that give back the activations of clients that have left."""
        self._is_stopped = False

    @property
    def waiting(self) -> int:
        """The number of claims that wait."""
        return sum(map(len, self._queues.values()))

    async def wait(self, agent: str, claim: WaitingClaim, seconds: float) -> RemoteActivation | None:
        """Wait for an activation of an agent, and return it; None if there was none within some seconds.

        If the wait is cancelled after the claim got an activation, the activation is given back.

        Raises:
            BlackboardError: The board cannot be used, or the agent is no longer in the deployment.
            HttpProblem: Too many claims wait already.
        """
        if self._is_stopped:
            return None
        waiting_of_token = sum(claim.token == other.token for queue in self._queues.values() for other in queue)
        if self.waiting >= MAX_WAITING_CLAIMS or waiting_of_token >= MAX_WAITING_CLAIMS_OF_TOKEN:
            raise HttpProblem("overloaded", "too many claims wait already; try again in a moment")
        self._listen()
        queue = self._queues.setdefault(agent, deque())
        queue.append(claim)
        if agent not in self._tasks:
            self._events[agent] = asyncio.Event()
            self._tasks[agent] = asyncio.create_task(self._serve(agent, queue))
        try:
            async with asyncio.timeout(seconds):
                return await claim.outcome
        except TimeoutError:
            return claim.result
        except asyncio.CancelledError:
            if (found := claim.result) is not None:
                task = asyncio.create_task(self._give_back(claim, found))
                self._returns.add(task)
                task.add_done_callback(self._returns.discard)
            raise
        finally:
            _remove(queue, claim)
            if agent in self._events:
                self._events[agent].set()  # the next claim may now be the first

    def stop(self) -> None:
        """End all waiting claims without an activation. Any thread may call it."""
        if self._loop is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):  # the loop has ended just now
                self._loop.call_soon_threadsafe(self._stop)
        self._listening.close()

    def _stop(self) -> None:
        self._is_stopped = True
        for queue in self._queues.values():
            for claim in queue:
                if not claim.outcome.done():
                    claim.outcome.set_result(None)

    def _listen(self) -> None:
        """Begin to listen for commits."""
        if self._loop is None:
            self._tick_seconds = self._listening.enter_context(self._board.listen(self._hear))
            self._loop = asyncio.get_running_loop()

    def _hear(self) -> None:
        """Try the claims again. Threads that commit, or that notice commits of other processes, call this."""
        if self._queues and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._try_again)

    def _try_again(self) -> None:
        for event in self._events.values():
            event.set()

    async def _serve(self, agent: str, queue: deque[WaitingClaim]) -> None:
        """Try the first claim of an agent whenever something has happened, until none waits."""
        event = self._events[agent]
        try:
            while queue:
                event.clear()
                pause = await self._try_first(queue[0], queue)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await event.wait()
        finally:
            del self._tasks[agent], self._events[agent], self._queues[agent]

    async def _try_first(self, claim: WaitingClaim, queue: deque[WaitingClaim]) -> float:
        """Try a claim, and return the seconds until the next attempt; 0 if the next claim can be tried immediately."""
        try:
            found, again_in = await self._threads.run(claim.attempt)
        except Exception as error:  # a bug must not end the waits of the other claims
            if not isinstance(error, BlackboardError | HttpProblem):
                log.error("a claim failed", error=error)
            if not claim.outcome.done():
                claim.outcome.set_exception(error)
            _remove(queue, claim)
            return 0.0
        if found is None:
            return self._tick_seconds if again_in is None else min(self._tick_seconds, max(0.0, again_in))
        if claim.outcome.done():  # the client disconnected while the claim was made
            await self._give_back(claim, found)
            return 0.0
        claim.outcome.set_result(found)
        _remove(queue, claim)
        return 0.0

    async def _give_back(self, claim: WaitingClaim, activation: RemoteActivation) -> None:
        """Give back an activation whose client has left. If this fails, the board takes it back when its lease ends."""
        try:
            await self._threads.run(lambda: claim.give_back(activation), is_accepted=True)
        except BlackboardError as error:
            log.warning("an activation whose worker has left could not be given back", error=error)


def _remove(queue: deque[WaitingClaim], claim: WaitingClaim) -> None:
    """Remove a claim from its queue, if it still waits there."""
    with contextlib.suppress(ValueError):
        queue.remove(claim)


async def await_unless_disconnected(request: Request, waiting: Coroutine[Any, Any, T]) -> T:
    """Wait for a result, or until the client leaves.

    Raises:
        ClientDisconnect: The client has left. The wait was cancelled.
    """
    result, leaving = asyncio.ensure_future(waiting), asyncio.ensure_future(wait_until_disconnected(request))
    try:
        await asyncio.wait((result, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not result.done():
            raise ClientDisconnect
        return result.result()
    finally:
        result.cancel()
        leaving.cancel()
