"""The limits of a request: the size of its headers and its body, and the time for each step of a slow client."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.types import Message, Receive, Send

from blackboard.server.http_problems import HttpProblem

MAX_HEADER_BYTES = 32_768
"""The most bytes of all headers together."""
MAX_BODY_SECONDS = 60
"""The longest time for a body. Until it is complete, its sender is not known and holds a connection."""
MAX_CHUNK_SECONDS = 20
"""The longest wait for the next part of a body, or for the client to take the next part of a response."""


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body of a request.

    Raises:
        HttpProblem: The body is longer than the limit, or did not arrive in time.
    """
    clock = asyncio.get_running_loop().time
    end = clock() + MAX_BODY_SECONDS
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > limit:
        raise too_large(limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise too_large(limit)
        if clock() > end:
            raise HttpProblem("slow-request", f"the body did not arrive within {MAX_BODY_SECONDS:g} s")
    return bytes(body)


def too_large(limit: int) -> HttpProblem:
    """Return the problem of a body that is too large."""
    return HttpProblem("too-large", f"the body may have at most {limit} bytes")


class SlowClient(TimeoutError):
    """A client took no part of its response for too long."""


class TimeLimits:
    """The limits of time for each step in which a request is read or its response is sent.

    One timer serves all steps of a request, because most steps take almost no time.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._has_body = False
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = None
        """The task of the present step."""
        self._since: float | None = None
        """When the present step began; None between two steps."""
        self._is_over = False
        self._timer = self._loop.call_later(MAX_CHUNK_SECONDS, self._check_time)

    async def receive(self) -> Message:
        """Return the next part of the body. After the end of the body, wait without a limit until the client leaves.

        Raises:
            HttpProblem: A part of the body did not arrive in time.
        """
        if self._has_body:
            return await self._receive()
        self._begin()
        try:
            message = await self._receive()
        except asyncio.CancelledError:
            if self._ends_in_time():
                raise
            problem = f"the next part of the body did not arrive within {MAX_CHUNK_SECONDS:g} s"
            raise HttpProblem("slow-request", problem) from None
        finally:
            self._since = None
        self._has_body = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the response. A client that takes none of it loses the connection.

        Raises:
            SlowClient: The part was not taken in time.
        """
        self._begin()
        try:
            await self._send(message)
        except asyncio.CancelledError:
            if self._ends_in_time():
                raise
            raise SlowClient from None
        finally:
            self._since = None

    def _begin(self) -> None:
        self._since, self._task = self._loop.time(), asyncio.current_task()

    def end(self) -> None:
        """Cancel the timer."""
        self._timer.cancel()

    def _check_time(self) -> None:
        """Cancel the present step if it takes too long. If its time is not over, check again when it is."""
        left: float = MAX_CHUNK_SECONDS
        if self._since is not None:
            left -= self._loop.time() - self._since
        if left <= 0 and self._task is not None:
            self._is_over = True
            self._task.cancel()
        else:
            self._timer = self._loop.call_later(left, self._check_time)

    def _ends_in_time(self) -> bool:
        """Return whether a step was cancelled by somebody else."""
        if self._is_over and self._task is not None:
            self._is_over = False
            return self._task.uncancel() > 0
        return True
