"""The connection of a client to its server: its address, the token, the certificates, and how often to try again."""

from __future__ import annotations

import random
import re
import ssl
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx2

from blackboard.client.request_attempts import Delay, NoResponse
from blackboard.client.requests_and_responses import HttpRequest
from blackboard.clock import Clock, SystemClock, seconds_in
from blackboard.durations import DurationLike, parse_duration
from blackboard.errors import UsageError
from blackboard.system.tracing import HEADER, current_traceparent

MAX_CONNECT_SECONDS = 10.0
"""The longest time to connect."""
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_TOKEN = re.compile(r"[!-~]+")
"""The characters that a header may have."""
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)
"""The failures that show that the server has received nothing."""


class ServerConnection(ABC):
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
            raise UsageError("the address of the server contains a user or a password; leave it out, and use a token")
        if token is not None and not _TOKEN.fullmatch(token):
            raise UsageError("the token is empty, or not as 'blackboard token create' printed it")
        self.url = url.rstrip("/")
        """The address of the server."""
        self._where = self.url if uds is None else str(uds)
        self._retries, self._rng = retries, random.Random()
        self._clock: Clock = SystemClock() if clock is None else clock
        self._closed = threading.Event()
        self._seconds = seconds_in(parse_duration(timeout))
        uses_proxies = uds is None and parts.hostname not in LOOPBACK_HOSTS
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
            "timeout": httpx2.Timeout(seconds, connect=min(seconds, MAX_CONNECT_SECONDS)),
        }

    def _check_open(self) -> None:
        """Check that the client is not closed.

        Raises:
            UsageError: The client is closed. Perhaps another thread or task closed it while a call waited.
        """
        if self._closed.is_set():
            raise UsageError(
                f"the client of {self._where} is closed; call it before it is closed, or open another client"
            )

    def _no_response(self, error: httpx2.TransportError | RuntimeError) -> NoResponse:
        """Return why a request has no response.

        Raises:
            RuntimeError: The error has another cause than a client that was closed meanwhile.
        """
        if isinstance(error, RuntimeError) and not self._closed.is_set():
            raise error
        reason = str(error) or type(error).__name__
        return NoResponse(f"{self._where} does not respond: {reason}", not isinstance(error, _NOT_SENT))

    def _wait(self, delay: Delay) -> None:
        """Wait, at most until the client is closed."""
        self._clock.wait(self._closed, self._clock.now() + delay.microseconds)


def trusted_certificates(tls: ssl.SSLContext | None, scheme: str, *, uses_proxies: bool) -> ssl.SSLContext:
    """Return the certificates to trust. The system's certificates are read only for TLS, because this takes long."""
    if tls is not None:
        return tls
    proxies = getproxies().values() if uses_proxies else ()
    if scheme == "https" or any(proxy.startswith("https:") for proxy in proxies):
        return httpx2.create_ssl_context()  # uses SSL_CERT_FILE, even without a proxy
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
