"""The protocol of calls: a generator yields requests and returns a result, and a client carries it out."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias, TypeVar

from blackboard.board.json_shapes import encode_cursor
from blackboard.client.http_messages import HttpRequest, HttpResponse, decode_response, get_request, next_cursor
from blackboard.core.records.request_limits import MAX_PAGE_ITEMS

T = TypeVar("T")

ClientCall: TypeAlias = Generator[HttpRequest, HttpResponse, T]
"""A call: it yields requests, gets the response of each or an error, and returns its result."""


def ask_for(shape: type[T], request: HttpRequest) -> ClientCall[T]:
    """Send a request, and return its response in a shape."""
    response = yield request
    return decode_response(shape, response.body)


def send_only(request: HttpRequest) -> ClientCall[None]:
    """Send a request whose response only confirms it."""
    yield request


def pages(
    shape: type[T], path: str, *, limit: int | None, after: object = None, **parameters: Any
) -> ClientCall[list[T]]:
    """Ask for the pages of a list until it has enough items, and return these.

    Args:
        shape: The type of an item.
        path: The path of the list.
        limit: The largest number of items; None for all.
        after: The position after which the list begins, in JSON; None for its start.
        parameters: Other parameters.
    """
    found: list[T] = []
    cursor = None if after is None else encode_cursor(after)
    while limit is None or len(found) < limit:
        size = MAX_PAGE_ITEMS if limit is None else min(MAX_PAGE_ITEMS, limit - len(found))
        response = yield get_request(path, **parameters, limit=size, cursor=cursor)
        found += decode_response(list[shape], response.body)  # type: ignore[valid-type]
        if (cursor := next_cursor(response)) is None:
            break
    return found
