"""The HTTP client behind the provider's SDK. It sends only the headers of a call, and reads responses within limits.

A broken or hostile server can send an endless response, one byte at a time, or a response that is huge after
decompression.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

import httpx2

from blackboard.system.call_deadline import CallDeadline

PROVIDER_CONNECT_SECONDS = 10.0
"""Seconds to connect to the API. After this timeout, the request was not sent."""

_KEPT_HEADERS = frozenset({"connection", "content-length", "host", "user-agent"})
"""The headers of the library.

All other headers are replaced, because the SDK adds headers that variables of other tools name.
"""
_WIRE_HEADERS = ("content-encoding", "content-length", "transfer-encoding")
_COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class ResponseTooLarge(httpx2.TransportError):
    """A response that is larger than the limit."""


class ResponseTooSlow(httpx2.TransportError):
    """A response that was not complete in time."""


class ResponseUnreadable(httpx2.TransportError):
    """A response whose compressed content is broken, or compressed by a method that was not requested."""


@cache
def _trusted_certificates() -> ssl.SSLContext:
    """Return the certificates to trust. To read them takes a tenth of a second, so all clients share them."""
    return httpx2.create_ssl_context()


class ProviderHttpClient(httpx2.Client):
    """A client whose responses are complete, not larger than their limit, and not later than `seconds` after the start.

    Args:
        headers: Returns the headers of a request, besides those that describe its transmission.
        seconds: The longest time of a call.
        max_bytes: The largest response after decompression.
        max_result_bytes: The largest results of a batch after decompression.
    """

    def __init__(
        self, headers: Callable[[], Mapping[str, str]], seconds: float, max_bytes: int, max_result_bytes: int
    ) -> None:
        super().__init__(
            timeout=httpx2.Timeout(seconds, connect=min(seconds, PROVIDER_CONNECT_SECONDS)),
            limits=httpx2.Limits(max_keepalive_connections=0),  # the deadline learns only of new connections
            follow_redirects=False,
            verify=_trusted_certificates(),
        )
        self._call_headers = headers
        self._seconds = seconds
        self._max_bytes, self._max_result_bytes = max_bytes, max_result_bytes

    def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        """Send a request, and return the response with its whole content.

        The content of an error may be missing. If it cannot be read, the status is enough.
        """
        self._set_headers(request)
        limit = self._max_result_bytes if request.url.path.endswith("/results") else self._max_bytes
        try:
            with CallDeadline(self._seconds) as deadline:
                request.extensions["trace"] = deadline.trace
                response = super().send(request, stream=True, **options)
                content = self._content(response, limit, deadline)
        except (httpx2.ReadTimeout, httpx2.WriteTimeout):
            raise self._too_slow() from None
        except (httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError):
            if deadline.is_over:
                raise self._too_slow() from None
            raise
        headers = [(name, value) for name, value in response.headers.multi_items() if name not in _WIRE_HEADERS]
        return httpx2.Response(response.status_code, headers=headers, content=content, request=request)

    def _content(self, response: httpx2.Response, limit: int, deadline: CallDeadline) -> bytes:
        try:
            content = _read(response, limit)
            if deadline.is_over:  # without a length, the end of the connection looks like the end of the response
                raise self._too_slow()
            return content
        except httpx2.TransportError:
            if response.is_success:
                raise
            return b""
        finally:
            response.close()

    def _too_slow(self) -> ResponseTooSlow:
        return ResponseTooSlow(f"the response was not complete after {self._seconds:g} s")

    def __del__(self) -> None:
        """Close the connections of a client that was forgotten."""
        with suppress(Exception):
            self.close()

    def _set_headers(self, request: httpx2.Request) -> None:
        for name in set(request.headers) - _KEPT_HEADERS:
            del request.headers[name]
        request.headers.update({"accept-encoding": "gzip", **self._call_headers()})
        request.headers["host"] = request.url.netloc.decode("ascii")
        if "content-length" in request.headers:
            request.headers["content-length"] = str(len(request.content))


def _read(response: httpx2.Response, limit: int) -> bytes:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in _COMPRESSED:
        return _decompress(response, limit)
    if encoding not in ("", "identity"):
        raise ResponseUnreadable(f"the response is encoded as {encoding[:40]!r}, which was not asked for")
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        _check_size(content, limit)
    return bytes(content)


def _decompress(response: httpx2.Response, limit: int) -> bytes:
    """Return the content of a compressed response, which may consist of several files, up to a limit."""
    content, stream = bytearray(), zlib.decompressobj(_GZIP_OR_ZLIB)
    empty = True
    for data in response.iter_raw():
        empty = empty and not data
        while data:
            if stream.eof:  # another file follows in the same content
                stream = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                content += stream.decompress(data, limit + 1 - len(content))
            except zlib.error as error:
                raise ResponseUnreadable(f"the response cannot be decompressed: {error}") from None
            _check_size(content, limit)
            data = stream.unused_data
    if not stream.eof and not empty:
        raise ResponseUnreadable("the response ends in the middle of its compressed content")
    return bytes(content)


def _check_size(content: bytearray, limit: int) -> None:
    if len(content) > limit:
        raise ResponseTooLarge(f"the response has more than {limit:,} bytes")
