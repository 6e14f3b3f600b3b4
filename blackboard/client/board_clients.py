"""The two clients of a server: `Client` waits for each answer, and `AsyncClient` awaits it.

Both have the same calls. Each call is written once, in a module such as `mark_calls`.
"""

from __future__ import annotations

import asyncio
import inspect
import random
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx2

from blackboard.client import (
    agenda_calls,
    board_events,
    claim_calls,
    deposit_calls,
    mark_calls,
    need_calls,
    outbox_calls,
    query_calls,
    read_position_calls,
    status_calls,
)
from blackboard.client.board_events import BoardEvent, Feed, ReadLine, follow
from blackboard.client.exchange import Delay, NoResponse, steps_of
from blackboard.client.http_messages import ClientCall, HttpRequest, HttpResponse
from blackboard.clock import Clock, SystemClock, seconds_in
from blackboard.durations import DurationLike, parse_duration
from blackboard.errors import UsageError
from blackboard.system.tracing import HEADER, current_traceparent

P = ParamSpec("P")
T = TypeVar("T")

CONNECT_SECONDS = 10.0
"""The longest time to connect."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)
"""The failures that show that the server has received nothing."""


def _waits(build: Callable[P, ClientCall[T]]) -> Callable[Concatenate[Client, P], T]:
    """Return the method of `Client` that makes a call."""

    def method(self: Client, /, *args: P.args, **options: P.kwargs) -> T:
        return self._run(build(*args, **options))

    _describe(method, build)
    return method


def _awaits(build: Callable[P, ClientCall[T]]) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    """Return the method of `AsyncClient` that makes a call."""

    async def method(self: AsyncClient, /, *args: P.args, **options: P.kwargs) -> T:
        return await self._run(build(*args, **options))

    _describe(method, build)
    return method


def _iterates(build: Callable[P, Feed]) -> Callable[Concatenate[Client, P], Iterator[BoardEvent]]:
    """Return the method of `Client` that follows events."""

    def method(self: Client, /, *args: P.args, **options: P.kwargs) -> Iterator[BoardEvent]:
        return self._follow(build(*args, **options))

    _describe(method, build, "Iterator[BoardEvent]")
    return method


def _iterates_async(build: Callable[P, Feed]) -> Callable[Concatenate[AsyncClient, P], AsyncIterator[BoardEvent]]:
    """Return the method of `AsyncClient` that follows events."""

    def method(self: AsyncClient, /, *args: P.args, **options: P.kwargs) -> AsyncIterator[BoardEvent]:
        return self._follow(build(*args, **options))

    _describe(method, build, "AsyncIterator[BoardEvent]")
    return method


def _describe(method: Any, build: Callable[..., Any], result: str | None = None) -> None:
    """Give a method the name, the text and the signature of its call."""
    method.__name__, method.__doc__ = build.__name__, build.__doc__
    signature = inspect.signature(build)
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    if result is None:
        result = str(signature.return_annotation).removeprefix("ClientCall[").removesuffix("]")
    method.__signature__ = signature.replace(
        parameters=[itself, *signature.parameters.values()], return_annotation=result
    )


class _ServerConnection(ABC):
    """The state of both clients: the address of the server, the token, and how often a request is repeated."""

    def __init__(
        self,
        url: str = "http://localhost",
        *,
        token: str | None = None,
        uds: str | Path | None = None,
        timeout: DurationLike = "30s",
        retries: int = 6,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise UsageError(f"{url!r} is not the address of a server; write it like http://127.0.0.1:8787")
        if parts.username is not None or parts.password is not None:
            raise UsageError("the address of a server has a user or a password in it; leave them out and use a token")
        self.url = url.rstrip("/")
        """The address of the server."""
        self._where = self.url if uds is None else str(uds)
        self._retries, self._rng = retries, random.Random()
        self._clock: Clock = SystemClock() if clock is None else clock
        self._closed = threading.Event()
        self._seconds = seconds_in(parse_duration(timeout))
        uses_proxies = uds is None and parts.hostname not in LOOPBACK
        self._open(
            None if uds is None else str(uds),
            trusted_certificates(tls, parts.scheme, uses_proxies=uses_proxies),
            {
                "base_url": self.url,
                "headers": {} if token is None else {"Authorization": f"Bearer {token}"},
                "follow_redirects": False,  # a redirect could lead the token elsewhere
                "trust_env": uses_proxies,
            },
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._where!r})"

    @abstractmethod
    def _open(self, uds: str | None, tls: ssl.SSLContext, options: dict[str, Any]) -> None:
        """Make the HTTP client."""

    def _arguments(self, request: HttpRequest) -> dict[str, Any]:
        seconds = self._seconds + request.wait_seconds
        return {
            "method": request.method,
            "url": request.path,
            "params": list(request.query) or None,
            "content": request.body,
            "headers": {"Accept": request.accepts}
            | ({} if request.body is None else {"Content-Type": request.media_type})
            | ({} if (traceparent := current_traceparent()) is None else {HEADER: traceparent}),
            "timeout": httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS)),
        }

    def _no_answer(self, error: httpx2.TransportError) -> NoResponse:
        reason = str(error) or type(error).__name__
        return NoResponse(f"{self._where} does not answer: {reason}", not isinstance(error, _NOT_SENT))

    def _wait(self, delay: Delay) -> None:
        self._clock.wait(self._closed, self._clock.now() + delay.microseconds)


def trusted_certificates(tls: ssl.SSLContext | None, scheme: str, *, uses_proxies: bool) -> ssl.SSLContext:
    """Return the certificates to trust. Reading the system's certificates takes longer than a request without TLS."""
    if tls is not None:
        return tls
    proxies = getproxies().values() if uses_proxies else ()
    if scheme == "https" or any(proxy.startswith("https:") for proxy in proxies):
        return httpx2.create_ssl_context()  # with SSL_CERT_FILE, also where no proxy is used
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _answer_of(response: httpx2.Response) -> HttpResponse:
    return HttpResponse(response.status_code, response.headers, response.content)


class Client(_ServerConnection):
    """A board behind a server, with the methods of `Blackboard` that HTTP offers.

    A client is thread-safe and keeps its connections until it is closed; a `with` statement closes it at its end.

    If the server was not reached, is too busy or asks to wait, the client repeats the request with growing delays. If
    only the answer was lost, it repeats the request only if a second request would change nothing more. It gives a
    random key to a deposit without a key, so that the deposit can always be repeated.

    Args:
        url: The address of the server, such as `http://127.0.0.1:8787` or `https://example.org/board`.
        token: The token, as `blackboard token create` printed it.
        uds: The path of the Unix socket that the server listens on.
        timeout: The longest time that one attempt may take without progress: to connect (at most 10 s), to send, or to
            wait.
        retries: How often a failed request is repeated.
        tls: The certificates to trust; by default the system's.
        clock: The source of time for the delays; by default the machine's clock.

    Raises:
        UsageError: The address is not the address of a server.
        InvalidDuration: `timeout` is not a duration.
    """

    _http: httpx2.Client

    def close(self) -> None:
        """Close the connections."""
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
        try:
            return _answer_of(self._http.request(**self._arguments(step)))
        except httpx2.TransportError as error:
            return self._no_answer(error)

    def _follow(self, feed: Feed) -> Iterator[BoardEvent]:
        """Carry out the steps of following events, and yield them."""
        steps = follow(feed, self._retries, self._rng)
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
        """Open a stream, which the stack closes together with the former one; return its answer and its lines."""
        stack.close()
        try:
            response = stack.enter_context(self._http.stream(**self._arguments(request)))
            content = b"" if response.status_code == 200 else response.read()
        except httpx2.TransportError as error:
            return self._no_answer(error), iter(())
        return HttpResponse(response.status_code, response.headers, content), response.iter_lines()

    def _next_line(self, lines: Iterator[str]) -> str | None:
        """Return the next line of a stream; None at its end."""
        try:
            return next(lines, None)
        except (httpx2.TransportError, httpx2.StreamError):
            return None

    events = _iterates(board_events.events)
    deposit = _waits(deposit_calls.deposit)
    deposit_many = _waits(deposit_calls.deposit_many)
    withdraw = _waits(mark_calls.withdraw)
    reinforce = _waits(mark_calls.reinforce)
    forget = _waits(mark_calls.forget)
    marks = _waits(mark_calls.marks)
    search = _waits(mark_calls.search)
    mark = _waits(mark_calls.mark)
    history = _waits(mark_calls.history)
    subjects = _waits(mark_calls.subjects)
    kinds = _waits(mark_calls.kinds)
    read_position = _waits(read_position_calls.read_position)
    set_read_position = _waits(read_position_calls.set_read_position)
    agents = _waits(agenda_calls.agents)
    agenda = _waits(agenda_calls.agenda)
    schedules = _waits(agenda_calls.schedules)
    activations = _waits(agenda_calls.activations)
    activation = _waits(agenda_calls.activation)
    explain = _waits(agenda_calls.explain)
    pause = _waits(agenda_calls.pause)
    resume = _waits(agenda_calls.resume)
    wake = _waits(agenda_calls.wake)
    retry = _waits(agenda_calls.retry)
    discard = _waits(agenda_calls.discard)
    retry_many = _waits(agenda_calls.retry_many)
    discard_many = _waits(agenda_calls.discard_many)
    costs = _waits(agenda_calls.costs)
    record_cost = _waits(agenda_calls.record_cost)
    outbox = _waits(outbox_calls.outbox)
    outbox_message = _waits(outbox_calls.outbox_message)
    retry_message = _waits(outbox_calls.retry_message)
    discard_message = _waits(outbox_calls.discard_message)
    retry_messages = _waits(outbox_calls.retry_messages)
    discard_messages = _waits(outbox_calls.discard_messages)
    inbox = _waits(need_calls.inbox)
    answer = _waits(need_calls.answer)
    decision = _waits(need_calls.decision)
    assign = _waits(need_calls.assign)
    activity = _waits(status_calls.activity)
    status = _waits(status_calls.status)
    summary = _waits(status_calls.summary)
    now = _waits(status_calls.now)
    doctor = _waits(status_calls.doctor)
    deployments = _waits(status_calls.deployments)
    query = _waits(query_calls.query)
    query_table = _waits(query_calls.query_table)
    claim = _waits(claim_calls.claim)
    heartbeat = _waits(claim_calls.heartbeat)
    finish = _waits(claim_calls.finish)
    fail = _waits(claim_calls.fail)


class AsyncClient(_ServerConnection):
    """A board behind a server, for asyncio: it has the methods of `Client`, to be awaited.

    It takes the same arguments. `async with` closes it at its end.
    """

    _http: httpx2.AsyncClient

    async def close(self) -> None:
        """Close the connections."""
        self._closed.set()
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
            await asyncio.to_thread(self._wait, step)
            return None
        try:
            return _answer_of(await self._http.request(**self._arguments(step)))
        except httpx2.TransportError as error:
            return self._no_answer(error)

    async def _follow(self, feed: Feed) -> AsyncIterator[BoardEvent]:
        """Carry out the steps of following events, and yield them."""
        steps = follow(feed, self._retries, self._rng)
        outcome: HttpResponse | NoResponse | str | None = None
        async with AsyncExitStack() as stack:
            lines: AsyncIterator[str] | None = None
            while not self._closed.is_set():
                step, outcome = steps.send(outcome), None
                if isinstance(step, BoardEvent):
                    yield step
                elif isinstance(step, Delay):
                    await asyncio.to_thread(self._wait, step)
                elif isinstance(step, ReadLine):
                    outcome = None if lines is None else await self._next_line(lines)
                else:
                    outcome, lines = await self._open_stream(step, stack)

    async def _open_stream(
        self, request: HttpRequest, stack: AsyncExitStack
    ) -> tuple[HttpResponse | NoResponse, AsyncIterator[str] | None]:
        """Open a stream, which the stack closes together with the former one; return its answer and its lines."""
        await stack.aclose()
        try:
            response = await stack.enter_async_context(self._http.stream(**self._arguments(request)))
            content = b"" if response.status_code == 200 else await response.aread()
        except httpx2.TransportError as error:
            return self._no_answer(error), None
        return HttpResponse(response.status_code, response.headers, content), response.aiter_lines()

    async def _next_line(self, lines: AsyncIterator[str]) -> str | None:
        """Return the next line of a stream; None at its end."""
        try:
            return await anext(lines, None)
        except (httpx2.TransportError, httpx2.StreamError):
            return None

    events = _iterates_async(board_events.events)
    deposit = _awaits(deposit_calls.deposit)
    deposit_many = _awaits(deposit_calls.deposit_many)
    withdraw = _awaits(mark_calls.withdraw)
    reinforce = _awaits(mark_calls.reinforce)
    forget = _awaits(mark_calls.forget)
    marks = _awaits(mark_calls.marks)
    search = _awaits(mark_calls.search)
    mark = _awaits(mark_calls.mark)
    history = _awaits(mark_calls.history)
    subjects = _awaits(mark_calls.subjects)
    kinds = _awaits(mark_calls.kinds)
    read_position = _awaits(read_position_calls.read_position)
    set_read_position = _awaits(read_position_calls.set_read_position)
    agents = _awaits(agenda_calls.agents)
    agenda = _awaits(agenda_calls.agenda)
    schedules = _awaits(agenda_calls.schedules)
    activations = _awaits(agenda_calls.activations)
    activation = _awaits(agenda_calls.activation)
    explain = _awaits(agenda_calls.explain)
    pause = _awaits(agenda_calls.pause)
    resume = _awaits(agenda_calls.resume)
    wake = _awaits(agenda_calls.wake)
    retry = _awaits(agenda_calls.retry)
    discard = _awaits(agenda_calls.discard)
    retry_many = _awaits(agenda_calls.retry_many)
    discard_many = _awaits(agenda_calls.discard_many)
    costs = _awaits(agenda_calls.costs)
    record_cost = _awaits(agenda_calls.record_cost)
    outbox = _awaits(outbox_calls.outbox)
    outbox_message = _awaits(outbox_calls.outbox_message)
    retry_message = _awaits(outbox_calls.retry_message)
    discard_message = _awaits(outbox_calls.discard_message)
    retry_messages = _awaits(outbox_calls.retry_messages)
    discard_messages = _awaits(outbox_calls.discard_messages)
    inbox = _awaits(need_calls.inbox)
    answer = _awaits(need_calls.answer)
    decision = _awaits(need_calls.decision)
    assign = _awaits(need_calls.assign)
    activity = _awaits(status_calls.activity)
    status = _awaits(status_calls.status)
    summary = _awaits(status_calls.summary)
    now = _awaits(status_calls.now)
    doctor = _awaits(status_calls.doctor)
    deployments = _awaits(status_calls.deployments)
    query = _awaits(query_calls.query)
    query_table = _awaits(query_calls.query_table)
    claim = _awaits(claim_calls.claim)
    heartbeat = _awaits(claim_calls.heartbeat)
    finish = _awaits(claim_calls.finish)
    fail = _awaits(claim_calls.fail)
