"""Guards around every request: checks of its host, origin and framing, and time limits for slow clients.

A page in a browser must not reach a board on its visitor's machine. Against DNS rebinding, a request must name one of
this server's own hosts. Its `Origin`, if it has one, must be this server's own or one in the settings. Only pages of an
origin in the settings get the CORS headers, which let a browser show them the responses, and never with a cookie.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blackboard.server.access.request_origin import OWN_ORIGIN, origin_of
from blackboard.server.http_problems import HttpProblem, problem_response
from blackboard.server.transport.addresses import Address
from blackboard.settings.sections import ServerSection

MAX_HEADER_BYTES = 32_768
"""The most bytes of all headers together."""
MAX_CHUNK_SECONDS = 20
"""The longest wait for the next part of a body, or for the client to take the next part of a response."""

LOOPBACK_HOST_HEADERS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_PREFIX = re.compile(r"(/[\w.~-]+)+")


class RequestGuards:
    """An application around another.

    Args:
        app: The ASGI application that gets the allowed requests.
        settings: The hosts and origins that are allowed, and whether a proxy stands before it.
        address: The address that it listens on; None for a Unix socket.
        stop: Ends the waits of requests, so that the server can stop. Any thread may call it.
    """

    def __init__(
        self, app: ASGIApp, settings: ServerSection, address: Address | None, stop: Callable[[], None]
    ) -> None:
        self._app, self.stop = app, stop
        self._hosts = LOOPBACK_HOST_HEADERS | {host.lower() for host in settings.hosts}
        if address is not None and address.host not in ("0.0.0.0", "::"):
            self._hosts |= {str(address).rpartition(":")[0].lower()}
        self._origins = frozenset(_origins(settings.origins))
        self._is_behind_proxy = settings.behind_proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or refuse it."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if self._is_behind_proxy:
            hosts = [*_header_items(headers, "x-forwarded-host"), *hosts]
            scope["scheme"] = "http" if _header_items(headers, "x-forwarded-proto")[:1] == ["http"] else "https"
            if _PREFIX.fullmatch(prefix := headers.get("x-forwarded-prefix", "").rstrip("/")):
                scope.update(root_path=prefix, path=prefix + scope["path"])
        scope[OWN_ORIGIN] = own = origin_of(scope["scheme"], hosts[0] if hosts else "")
        bounded = TimeLimits(receive, send)
        try:
            problem = self._refusal(headers, hosts, own)
            app = self._app if problem is None else problem_response(problem)
            await app(scope, bounded.receive, bounded.send)
        finally:
            bounded.end()

    def _refusal(self, headers: Headers, hosts: list[str], own_origin: str) -> HttpProblem | None:
        if sum(len(name) + len(value) for name, value in headers.raw) > MAX_HEADER_BYTES:
            return HttpProblem("large-headers", f"the headers may have at most {MAX_HEADER_BYTES} bytes")
        if len(headers.getlist("host")) != 1:
            return HttpProblem("wrong-host", "a request must name exactly one host")
        for host in hosts:
            if (name := re.sub(r":\d*$", "", host.lower())) not in self._hosts:
                return HttpProblem("wrong-host", f"this server is not {name!r}")
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in self._origins and origin.lower() != own_origin:
            return HttpProblem("wrong-origin", f"pages of {origin!r} may not use this board")
        return None


def _header_items(headers: Headers, name: str) -> list[str]:
    """Return the items of a header that each proxy extends; the first describes the client's side."""
    return [item for text in headers.get(name, "").split(",") if (item := text.strip().lower())]


def _origins(texts: Iterable[str]) -> Iterable[str]:
    """Yield origins as browsers write them."""
    for text in texts:
        scheme, _, host = text.rstrip("/").partition("://")
        yield origin_of(scheme.lower(), host)


def allow_origins(app: ASGIApp, origins: Iterable[str]) -> ASGIApp:
    """Return an application whose responses browsers show to pages of some origins, which send a token themselves."""
    return CORSMiddleware(
        app,
        allow_origins=list(_origins(origins)),
        allow_methods=("GET", "POST", "DELETE"),
        allow_headers=(
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "If-None-Match",
            "Last-Event-ID",
            "Mcp-Method",
            "Mcp-Name",
            "Mcp-Protocol-Version",
            "Sbp-Agent-Id",
            "Sbp-Protocol-Version",
            "Sbp-Session-Id",
            "traceparent",
        ),
        expose_headers=("Blackboard-More", "ETag", "Idempotency-Replayed", "Link", "Retry-After", "Sbp-Session-Id"),
        allow_credentials=False,
        allow_private_network=True,  # a page on the Internet may use a board of its visitor, because it is named
    )


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
        """Return the next part of the body. After its end, wait without a limit until the client leaves.

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
            raise HttpProblem("slow-request", "the next part of the body did not arrive in time") from None
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
        """Cancel a step that takes too long; otherwise look again at its time limit."""
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
