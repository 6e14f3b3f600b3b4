"""Guards around every request: checks of its host, its origin and the size of its headers.

A page in a browser must not reach a board on the machine of its visitor. Against DNS rebinding, a request must name a
host of this server. If it has the header `Origin`, this must be the origin of the server or an origin in the settings.
For an origin in the settings, the response also has the CORS headers: a browser then shows the response to the page,
and never sends a cookie with the request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from blackboard.server.access.request_origin import OWN_ORIGIN, origin_of
from blackboard.server.http_limits import MAX_HEADER_BYTES, TimeLimits
from blackboard.server.http_problems import HttpProblem, problem_response
from blackboard.server.transport.addresses import Address
from blackboard.settings.sections import ServerSection

LOOPBACK_HOST_HEADERS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_PREFIX = re.compile(r"(/[\w.~-]+)+")


class RequestGuards:
    """An application that passes allowed requests to another application, and refuses all others.

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
                return HttpProblem("wrong-host", f"this server does not have the name {name!r}")
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in self._origins and origin.lower() != own_origin:
            return HttpProblem("wrong-origin", f"pages of {origin!r} may not use this board")
        return None


def _header_items(headers: Headers, name: str) -> list[str]:
    """Return the items of a header. Each proxy on the way adds an item, so the first describes the client's side."""
    return [item for text in headers.get(name, "").split(",") if (item := text.strip().lower())]


def _origins(texts: Iterable[str]) -> Iterable[str]:
    """Yield origins as browsers write them."""
    for text in texts:
        scheme, _, host = text.rstrip("/").partition("://")
        yield origin_of(scheme.lower(), host)


def allow_origins(app: ASGIApp, origins: Iterable[str]) -> ASGIApp:
    """Return an application that pages of some origins may use. They send a token, because browsers send no cookie."""
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
        allow_private_network=True,  # a page of a named origin may use a board on the machine of its visitor
    )
