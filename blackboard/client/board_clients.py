"""The two clients of a board behind a server: `Client` waits for each response, and `AsyncClient` awaits it.

Both have the same methods, which are in `client_methods`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from blackboard.client.calls.event_calls import BoardEvent, Feed, ReadLine, follow_feed
from blackboard.client.client_methods import AsyncClientMethods, ClientMethods
from blackboard.client.request_attempts import Delay, NoResponse, steps_of
from blackboard.client.requests_and_responses import ClientCall, HttpRequest, HttpResponse
from blackboard.client.server_connection import ServerConnection
from blackboard.clock import SystemClock, seconds_in

T = TypeVar("T")


def _response_of(response: httpx2.Response) -> HttpResponse:
    return HttpResponse(response.status_code, response.headers, response.content)


class Client(ServerConnection, ClientMethods):
    """A board behind a server, with the methods of `Blackboard` that HTTP offers.

    A client is thread-safe and keeps its connections until it is closed; a `with` statement closes it at its end.

    If the client does not reach the server, or the server is busy or asks to wait, the client repeats the request with
    growing delays. If only the response was lost, the client repeats a request that may safely come twice. It gives a
    random key to a deposit without a key, so that a repeated request deposits once.

    Args:
        url: The address of the server, such as `http://127.0.0.1:8787` or `https://example.org/board`.
        token: The token, as `blackboard token create` printed it.
        uds: The path of the Unix socket that the server listens on.
        timeout: The longest time without progress in one attempt: while it connects (at most 10 s), sends or waits.
        retries: How often a failed request is repeated.
        tls: The certificates to trust; by default the system's.
        clock: The source of time for the delays; by default the machine's clock.

    Raises:
        UsageError: The address is not the address of a server.
        InvalidDuration: `timeout` is not a duration.
    """

    _http: httpx2.Client

    def close(self) -> None:
        """Close the connections. A call that still waits raises `UsageError`, and so does each later call."""
        self._closed.set()
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, uds: str | None, tls: ssl.SSLContext, options: dict[str, Any]) -> None:
        transport = None if uds is None else httpx2.HTTPTransport(uds=uds)
        self._http = httpx2.Client(**options, verify=tls, transport=transport)

    def _run(self, call: ClientCall[T]) -> T:
        """Carry out the steps of a call, and return its result."""
        steps = steps_of(call, self._retries, self._rng)
        outcome = None
        try:
            while True:
                outcome = self._carry_out(steps.send(outcome))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    def _carry_out(self, step: HttpRequest | Delay) -> HttpResponse | NoResponse | None:
        if isinstance(step, Delay):
            self._wait(step)
            return None
        self._check_open()
        try:
            return _response_of(self._http.request(**self._arguments(step)))
        except (httpx2.TransportError, RuntimeError) as error:
            self._check_open()
            return self._no_response(error)

    def _follow(self, feed: Feed) -> Iterator[BoardEvent]:
        """Carry out the steps of following events, and yield them."""
        steps = follow_feed(feed, self._retries, self._rng)
        outcome: HttpResponse | NoResponse | str | None = None
        with ExitStack() as stack:
            lines: Iterator[str] = iter(())
            while not self._closed.is_set():
                step, outcome = steps.send(outcome), None
                if isinstance(step, BoardEvent):
                    yield step
                elif isinstance(step, Delay):
                    self._wait(step)
                elif isinstance(step, ReadLine):
                    outcome = self._next_line(lines)
                else:
                    outcome, lines = self._open_stream(step, stack)

    def _open_stream(self, request: HttpRequest, stack: ExitStack) -> tuple[HttpResponse | NoResponse, Iterator[str]]:
        """Close the stream before, open the next stream in the stack, and return its response and its lines."""
        stack.close()
        try:
            response = stack.enter_context(self._http.stream(**self._arguments(request)))
            content = b"" if response.status_code == 200 else response.read()
        except (httpx2.TransportError, RuntimeError) as error:
            return self._no_response(error), iter(())
        return HttpResponse(response.status_code, response.headers, content), response.iter_lines()

    def _next_line(self, lines: Iterator[str]) -> str | None:
        """Return the next line of a stream; None at its end."""
        try:
            return next(lines, None)
        except (httpx2.TransportError, httpx2.StreamError):
            return None


class AsyncClient(ServerConnection, AsyncClientMethods):
    """A board behind a server, for asyncio: it has the methods of `Client`, to be awaited.

    It takes the same arguments. `async with` closes it at its end.
    """

    _http: httpx2.AsyncClient

    async def close(self) -> None:
        """Close the connections. A call that still waits raises `UsageError`, and so does each later call."""
        self._closed.set()
        self._pause_ends.set()
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _open(self, uds: str | None, tls: ssl.SSLContext, options: dict[str, Any]) -> None:
        transport = None if uds is None else httpx2.AsyncHTTPTransport(uds=uds)
        self._http = httpx2.AsyncClient(**options, verify=tls, transport=transport)
        self._pause_ends = asyncio.Event()

    async def _pause(self, delay: Delay) -> None:
        """Wait, at most until the client is closed.

        With the system's clock, the wait needs no thread. Another clock waits in its own way, in a thread.
        """
        if isinstance(self._clock, SystemClock):
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds_in(delay.microseconds)):
                    await self._pause_ends.wait()
        else:
            await asyncio.to_thread(self._wait, delay)

    async def _run(self, call: ClientCall[T]) -> T:
        """Carry out the steps of a call, and return its result."""
        steps = steps_of(call, self._retries, self._rng)
        outcome = None
        try:
            while True:
                outcome = await self._carry_out(steps.send(outcome))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    async def _carry_out(self, step: HttpRequest | Delay) -> HttpResponse | NoResponse | None:
        if isinstance(step, Delay):
            await self._pause(step)
            return None
        self._check_open()
        try:
            return _response_of(await self._http.request(**self._arguments(step)))
        except (httpx2.TransportError, RuntimeError) as error:
            self._check_open()
            return self._no_response(error)

    async def _follow(self, feed: Feed) -> AsyncIterator[BoardEvent]:
        """Carry out the steps of following events, and yield them."""
        steps = follow_feed(feed, self._retries, self._rng)
        outcome: HttpResponse | NoResponse | str | None = None
        async with AsyncExitStack() as stack:
            lines: AsyncIterator[str] | None = None
            while not self._closed.is_set():
                step, outcome = steps.send(outcome), None
                if isinstance(step, BoardEvent):
                    yield step
                elif isinstance(step, Delay):
                    await self._pause(step)
                elif isinstance(step, ReadLine):
                    outcome = None if lines is None else await self._next_line(lines)
                else:
                    outcome, lines = await self._open_stream(step, stack)

    async def _open_stream(
        self, request: HttpRequest, stack: AsyncExitStack
    ) -> tuple[HttpResponse | NoResponse, AsyncIterator[str] | None]:
        """Close the stream before, open the next stream in the stack, and return its response and its lines."""
        await stack.aclose()
        try:
            response = await stack.enter_async_context(self._http.stream(**self._arguments(request)))
            content = b"" if response.status_code == 200 else await response.aread()
        except (httpx2.TransportError, RuntimeError) as error:
            return self._no_response(error), None
        return HttpResponse(response.status_code, response.headers, content), response.aiter_lines()

    async def _next_line(self, lines: AsyncIterator[str]) -> str | None:
        """Return the next line of a stream; None at its end."""
        try:
            return await anext(lines, None)
        except (httpx2.TransportError, httpx2.StreamError):
            return None
