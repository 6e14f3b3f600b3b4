"""The HTTP client behind the provider's SDK. It sends only the headers of a call, and reads answers within limits.

A broken or hostile server can send an answer without an end, one byte at a time, or compressed to a thousandth.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx2

from blackboard.clock import SystemClock

CONNECT = 10.0
"""Seconds to connect to the API. After this timeout, the request was not sent."""

_KEPT_HEADERS = frozenset({"accept-encoding", "connection", "content-length", "host", "user-agent"})
"""The headers of the library. All others are replaced: the SDK adds those that variables of other tools name."""
_OF_THE_WIRE = ("content-encoding", "content-length", "transfer-encoding")


class AnswerTooLarge(httpx2.TransportError):
    """An answer that is larger than the limit."""


class AnswerTooSlow(httpx2.TransportError):
    """An answer that was not complete in time."""


class HttpClient(httpx2.Client):
    """A client whose answers are complete, not larger than their limit, and not later than `seconds` after the start.

    Args:
        headers: The headers of each request, besides those that describe its transmission.
        seconds: The longest time of a call.
        max_bytes: The largest answer after decompression.
        max_results: The same for the results of a batch.
    """

    def __init__(self, headers: Mapping[str, str], seconds: float, max_bytes: int, max_results: int) -> None:
        super().__init__(timeout=httpx2.Timeout(seconds, connect=min(seconds, CONNECT)), follow_redirects=False)
        self._of_call, self._seconds, self._clock = dict(headers), seconds, SystemClock()
        self._max_bytes, self._max_results = max_bytes, max_results

    def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        """Send a request, and return the response with its whole content."""
        self._set_headers(request)
        limit = self._max_results if request.url.path.endswith("/results") else self._max_bytes
        deadline = self._clock.monotonic() + int(self._seconds * 1e6)
        response = super().send(request, stream=True, **options)
        try:
            content = self._read(response, limit, deadline)
        finally:
            response.close()
        headers = [(name, value) for name, value in response.headers.multi_items() if name not in _OF_THE_WIRE]
        return httpx2.Response(response.status_code, headers=headers, content=content, request=request)

    def __del__(self) -> None:
        """Close the connections of a client that was forgotten."""
        with suppress(Exception):
            self.close()

    def _set_headers(self, request: httpx2.Request) -> None:
        for name in set(request.headers) - _KEPT_HEADERS:
            del request.headers[name]
        request.headers.update(self._of_call)
        request.headers["host"] = request.url.netloc.decode("ascii")
        if "content-length" in request.headers:
            request.headers["content-length"] = str(len(request.content))

    def _read(self, response: httpx2.Response, limit: int, deadline: int) -> bytes:
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > limit:
                raise AnswerTooLarge(f"the answer has more than {limit:,} bytes")
            if self._clock.monotonic() > deadline:
                raise AnswerTooSlow(f"the answer was not complete after {self._seconds:g} s")
        return bytes(content)
