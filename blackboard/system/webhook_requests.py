"""Requests to the addresses of webhooks: one connection for each, within limits, without redirects and proxies.

The requests are signed by the rules of Standard Webhooks (https://www.standardwebhooks.com). The library for it comes
with the extra `webhooks` and is imported only when a request is signed.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from importlib.util import find_spec
from typing import Self
from urllib.parse import urlsplit

from blackboard.errors import MissingPackage, WorkError
from blackboard.system.call_deadline import CallDeadline
from blackboard.system.outbound_addresses import Network, connect_to_host

MAX_REQUEST_SECONDS = 20.0
"""The longest time of a request, from the search for the address to the end of the response."""
SIGNING_PACKAGE = "standardwebhooks"
SECRET_PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)
"""The sizes of a secret that Standard Webhooks allows."""
MAX_RETRY_AFTER = timedelta(days=1)
"""The longest delay that a receiver can ask for."""
USER_AGENT = "blackboard-marks"


class RequestFailed(WorkError):
    """A request without a usable response. The receiver may have got it."""

    quotes_nothing = True


@dataclass(frozen=True)
class Endpoint:
    """The address of a webhook. It may contain a secret, so that messages name only its host."""

    is_https: bool
    host: str
    port: int
    target: str
    """The path and the query."""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return the endpoint that a URL names.

        Raises:
            ValueError: The URL cannot be the address of a webhook. The message does not quote it.
        """
        if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
            raise ValueError("an address has only ASCII characters, no space and no backslash")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("the text is not a URL; write it as https://host/path") from None
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ValueError("an address starts with https:// or http:// and the name of a host")
        if "@" in parts.netloc:
            raise ValueError("an address must not contain a user or a password; use token_env")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        is_https = parts.scheme == "https"
        return cls(is_https, parts.hostname, port or (443 if is_https else 80), target)


@dataclass(frozen=True)
class WebhookResponse:
    """The response of a receiver."""

    status: int
    headers: Mapping[str, str]
    """The headers, whose names are in lower case."""
    content: bytes

    @property
    def is_success(self) -> bool:
        """Whether the receiver has accepted the request. A redirect is a refusal."""
        return 200 <= self.status < 300

    def retry_after(self, now: datetime) -> timedelta | None:
        """Return how long the receiver asks to wait; None if it does not ask."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdecimal():
            return timedelta(seconds=min(int(text[:9]), MAX_RETRY_AFTER.total_seconds()))
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return min(max(at - now, timedelta()), MAX_RETRY_AFTER)


def check_secret(secret: str) -> None:
    """Check the secret of a webhook. While one secret replaces another, the text has several, separated by spaces.

    Raises:
        ValueError: A secret is not valid. The message does not quote it.
    """
    for text in secret.split() or [""]:
        try:
            size = len(base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True))
        except binascii.Error:
            size = 0
        if not text.startswith(SECRET_PREFIX) or size not in SECRET_BYTES:
            sizes = f"{SECRET_BYTES.start} to {SECRET_BYTES.stop - 1}"
            raise ValueError(f"a secret is {SECRET_PREFIX} followed by {sizes} random bytes in Base64")


def signing_problem() -> str | None:
    """Return what is missing here to sign webhooks; None if nothing is."""
    return None if find_spec(SIGNING_PACKAGE) else str(_missing_package())


def _missing_package() -> MissingPackage:
    return MissingPackage("signing webhooks", SIGNING_PACKAGE, extra="webhooks")


def signature_headers(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that identify a message and prove its sender.

    Args:
        secret: One or several secrets, as `check_secret` describes them. Each gives a signature.
        message_id: The id of the message, the same for each attempt.
        at: The time of this attempt.
        body: The body, in UTF-8.

    Raises:
        MissingPackage: The extra `webhooks` is not installed.
    """
    try:
        from standardwebhooks import Webhook
    except ModuleNotFoundError:
        raise _missing_package() from None
    at = at.astimezone(UTC)
    signatures = [Webhook(text).sign(message_id, at, body.decode()) for text in secret.split()]
    return {**identity_headers(message_id, at), "webhook-signature": " ".join(signatures)}


def identity_headers(message_id: str, at: datetime) -> dict[str, str]:
    """Return the headers that identify a message which is not signed."""
    return {"webhook-id": message_id, "webhook-timestamp": str(int(at.timestamp()))}


def post(
    endpoint: Endpoint,
    body: bytes,
    headers: Mapping[str, str],
    private_networks: Sequence[Network] = (),
    seconds: float = MAX_REQUEST_SECONDS,
    max_content_bytes: int = 0,
) -> WebhookResponse:
    """Post a body, and return the response whatever its status.

    Args:
        endpoint: Where to.
        body: The body.
        headers: The type of the body, and other headers.
        private_networks: The private networks where the endpoint may be. Without TLS, it must be in one of them.
        seconds: The longest time of all.
        max_content_bytes: The largest content of a response that is read. By default, none is read.

    Raises:
        AddressRefused: The address of the host is not allowed.
        HostUnreachable: The host cannot be reached. The request was not sent.
        RequestFailed: There was no response in time, or none that can be used.
    """
    fixed = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", "Connection": "close"}
    with CallDeadline(seconds) as deadline:
        connection = _Connection(endpoint, private_networks, seconds, deadline)
        try:
            connection.request("POST", endpoint.target, body, {**fixed, **headers})
            response = connection.getresponse()
            content = response.read(max_content_bytes + 1) if max_content_bytes else b""
        except (OSError, http.client.HTTPException) as error:
            problem = (
                f"did not answer within {seconds:g} s" if deadline.is_over else f"gave no answer: {_error_text(error)}"
            )
            raise RequestFailed(f"{endpoint.host} {problem}") from None
        finally:
            connection.close()
    if deadline.is_over:  # without a length, the end of the connection looks like the end of the response
        raise RequestFailed(f"{endpoint.host} did not answer within {seconds:g} s")
    if len(content) > max_content_bytes:
        raise RequestFailed(f"{endpoint.host} answered with more than {max_content_bytes:,} bytes")
    received = {name.lower(): value for name, value in response.getheaders()}
    return WebhookResponse(response.status, received, content)


class _Connection(http.client.HTTPConnection):
    """A connection to an address that was judged, and that ends at a deadline."""

    def __init__(
        self, endpoint: Endpoint, private_networks: Sequence[Network], seconds: float, deadline: CallDeadline
    ) -> None:
        super().__init__(endpoint.host, endpoint.port, seconds)
        self.default_port = 443 if endpoint.is_https else 80
        self._endpoint, self._networks, self._deadline = endpoint, private_networks, deadline

    def connect(self) -> None:
        """Connect, with TLS if the endpoint has it."""
        endpoint = self._endpoint
        self.sock = connect_to_host(endpoint.host, endpoint.port, self._networks, needs_private=not endpoint.is_https)
        self._deadline.watch(self.sock)
        self.sock.settimeout(self.timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if endpoint.is_https:
            self.sock = _tls().wrap_socket(self.sock, server_hostname=endpoint.host)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _error_text(error: Exception) -> str:
    """Return what went wrong, without anything that the receiver wrote."""
    return getattr(error, "strerror", None) or type(error).__name__
