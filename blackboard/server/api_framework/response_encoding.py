"""Responses in their form on the wire: their bytes, pages of lists, entity tags, and redaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from blackboard import Blackboard
from blackboard.presentation.json_shapes import json_value
from blackboard.presentation.page_cursors import encode_cursor
from blackboard.server.access.response_redaction import Redaction
from blackboard.server.api_framework.operation_definition import Operation, OperationCall, Page

EVENT_STREAM = "text/event-stream"
"""The media type of server-sent events."""

MAX_PAGE_BYTES = 8 * 1024 * 1024
"""The size at which a page ends, if its items are large."""


@dataclass(frozen=True)
class EncodedResponse:
    """A response before it is sent."""

    body: bytes
    headers: Mapping[str, str]
    status: int = 200


class EventStreamResponse(StreamingResponse):
    """A stream of server-sent events. As soon as it ends, even by an error, it no longer counts as open."""

    media_type = EVENT_STREAM
    HEADERS: ClassVar = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

    def __init__(self, texts: AsyncIterator[bytes]) -> None:
        super().__init__(texts, headers=self.HEADERS)
        self._texts = texts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if isinstance(self._texts, AsyncGenerator):
                await self._texts.aclose()


class ResponseEncoder:
    """Makes the responses of one board from the results of operations.

    Args:
        board: The board that the server serves.
    """

    def __init__(self, board: Blackboard) -> None:
        self._board = board

    @cached_property
    def _redaction(self) -> Redaction:
        return Redaction(self._board.secret("subjects"))

    def redacted_json(self, value: Any) -> bytes:
        """Return the JSON of a value without the texts of depositors, people and models."""
        return encode_json(self._redaction(value))

    def response(
        self, operation: Operation, call: OperationCall[object, object], request: Request, value: Any
    ) -> EncodedResponse:
        """Return the result of an operation as the response to its caller."""
        is_redacted = call.caller.is_redacted
        shown: Callable[[Any], Any] = self._redaction if is_redacted else lambda item: item
        headers = {"Cache-Control": "no-store", **call.headers}
        if isinstance(value, Page):
            return _page(value, request, headers, shown)
        if operation.state is not None:
            tag = f'"{hashlib.sha256(encode_json(shown(operation.state(value)))).hexdigest()[:32]}"'
            headers |= {"ETag": tag, "Cache-Control": "no-cache"}
            if _matches(request.headers.get("if-none-match", ""), tag):
                return EncodedResponse(b"", headers, 304)
        return EncodedResponse(encode_json(shown(value)), headers)


def encode_json(value: Any) -> bytes:
    """Return the JSON of a value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=json_value).encode("utf-8", "replace")


def _page(page: Page[Any], request: Request, headers: dict[str, str], shown: Callable[[Any], Any]) -> EncodedResponse:
    """Return a page of a list, with a link to the next page if there is one."""
    encoded: list[bytes] = []
    size = 0
    for item in page.items[: page.limit]:
        text = encode_json(shown(item))
        size += len(text)
        if encoded and size > MAX_PAGE_BYTES:
            break
        encoded.append(text)
    if len(encoded) < len(page.items) and encoded:
        cursor = encode_cursor(page.position(page.items[len(encoded) - 1], len(encoded)))
        query = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        path = quote(request.scope["path"])
        headers["Link"] = f'<{path}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'
    body = b"[" + b",".join(encoded) + b"]"
    if page.member:
        others = encode_json(shown(page.others)).removesuffix(b"}")
        body = others + b"," + encode_json(page.member) + b":" + body + b"}"
    return EncodedResponse(body, headers)


def _matches(header: str, tag: str) -> bool:
    """Return whether a header `If-None-Match` names a tag."""
    tags: Sequence[str] = [item.strip().removeprefix("W/") for item in header.split(",")]
    return "*" in tags or tag in tags
