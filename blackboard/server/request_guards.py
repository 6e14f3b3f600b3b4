"""What surrounds every request: checks of its host and origin, its framing, and time limits for slow clients.

A page in a browser must not reach a board of its visitor. Against DNS rebinding, a request must name one of this
server's own hosts. Its `Origin`, if it has one, must be this server's own or one in the settings.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blackboard.server.addresses import Address
from blackboard.server.problems import HttpProblem, problem_response
from blackboard.settings.sections import ServerSection

SECONDS_FOR_A_CHUNK = 20
"""The longest wait for the next part of a body, and for a client that takes no more of an answer."""

MAX_HEADER_BYTES = 32_768
"""The most bytes of all headers together."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_PREFIX = re.compile(r"(/[\w.~-]+)+")


class RequestGuards:
    """An application around another.

    Args:
        app: The application inside.
        settings: The hosts and origins that are allowed, and whether a proxy stands before it.
        address: The address on which it listens; None for a Unix socket.
        stop: Ends the waits of requests, so that the server can stop. Any thread may call it.
    """

    def __init__(
        self, app: ASGIApp, settings: ServerSection, address: Address | None, stop: Callable[[], None]
    ) -> None:
        self._app, self.stop = app, stop
        self._hosts = LOOPBACK | {host.lower() for host in settings.hosts}
        if address is not None and address.host not in ("0.0.0.0", "::"):
            self._hosts |= {str(address).rpartition(":")[0].lower()}
        self._origins = {origin.lower().rstrip("/") for origin in settings.origins}
        self._is_behind_proxy = settings.behind_proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        if self._is_behind_proxy and _PREFIX.fullmatch(prefix := headers.get("x-forwarded-prefix", "").rstrip("/")):
            scope = {**scope, "root_path": prefix, "path": prefix + scope["path"]}
        bounded = TimeLimits(receive, send)
        if (problem := self._refusal(headers)) is not None:
            await problem_response(problem)(scope, bounded.receive, bounded.send)
            return
        await self._app(scope, bounded.receive, bounded.send)

    def _refusal(self, headers: Headers) -> HttpProblem | None:
        if "transfer-encoding" in headers and "content-length" in headers:
            # Two servers could read two different requests from it.
            return HttpProblem("two-lengths", "A body has one length: Transfer-Encoding or Content-Length")
        if sum(len(name) + len(value) for name, value in headers.raw) > MAX_HEADER_BYTES:
            return HttpProblem("large-headers", f"they may have {MAX_HEADER_BYTES} bytes")
        host = headers.get("host", "").lower()
        name = re.sub(r":\d*$", "", host)
        if name not in self._hosts:
            return HttpProblem("wrong-host", f"This server is not {name!r}")
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in self._origins and not self._is_own(origin, host):
            return HttpProblem("wrong-origin", f"Pages of {origin!r} may not use this board")
        return None

    def _is_own(self, origin: str, host: str) -> bool:
        parts = urlsplit(origin.lower())
        return parts.scheme in ("http", "https") and parts.netloc == host


class SlowClient(TimeoutError):
    """A client took no part of its answer for too long."""


class TimeLimits:
    """The two ends of a request, where each step has a limit."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._has_body = False

    async def receive(self) -> Message:
        """Return the next part of the body. After its end, wait without a limit until the client leaves.

        Raises:
            HttpProblem: A part of the body did not come in time.
        """
        if self._has_body:
            return await self._receive()
        try:
            async with asyncio.timeout(SECONDS_FOR_A_CHUNK):
                message = await self._receive()
        except TimeoutError:
            raise HttpProblem("slow-request", "The body did not come in time") from None
        self._has_body = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer. A client that takes none of it loses the connection.

        Raises:
            SlowClient: It was not taken in time.
        """
        try:
            async with asyncio.timeout(SECONDS_FOR_A_CHUNK):
                await self._send(message)
        except TimeoutError:
            raise SlowClient from None
