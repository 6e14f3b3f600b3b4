"""The requests and responses of calls. A call is a generator, which yields requests and returns a result."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

from pydantic import TypeAdapter, ValidationError

from blackboard.core.marks.tags import Where, as_data
from blackboard.core.request_limits import MAX_PAGE_ITEMS
from blackboard.core.validation_problems import problem_text
from blackboard.errors import ServerError
from blackboard.presentation.page_cursors import encode_cursor
from blackboard.system.media_types import JSON_TYPE

T = TypeVar("T")

_NEXT = re.compile(r'<([^>]*)>\s*;\s*rel="next"')


@dataclass(frozen=True)
class HttpRequest:
    """A request of a call."""

    method: str
    """The HTTP method."""
    path: str
    """The path below the address of the server."""
    query: Sequence[tuple[str, str]] = ()
    """The parameters after the question mark."""
    body: bytes | None = None
    """The body; None if it has none."""
    media_type: str = JSON_TYPE
    """The type of the body."""
    is_repeatable: bool = False
    """Whether the request changes nothing more if it comes twice."""
    wait_seconds: float = 0.0
    """How long the server may wait before it responds."""
    accepts: str = JSON_TYPE
    """The type of the response."""


@dataclass(frozen=True)
class HttpResponse:
    """The response to a request. The names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


ClientCall: TypeAlias = Generator[HttpRequest, HttpResponse, T]
"""A call: it yields requests, gets the response of each or an error, and returns its result."""


def path_of(template: str, *values: object) -> str:
    """Return a path with values in place of its braces."""
    return template.format(*(quote(str(value), safe="") for value in values))


def get_request(path: str, /, **parameters: Any) -> HttpRequest:
    """Return a request that reads. A parameter that is None is left out. A list becomes a parameter for each item."""
    return HttpRequest("GET", path, query_of(parameters), is_repeatable=True)


def post_request(path: str, body: Mapping[str, Any] | None = None, *, is_repeatable: bool = False) -> HttpRequest:
    """Return a request with a body of JSON. Members that are None are left out."""
    members = {name: value for name, value in (body or {}).items() if value is not None}
    return HttpRequest("POST", path, body=encode_body(members), is_repeatable=is_repeatable)


def query_of(parameters: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return parameters as the query of a URL."""
    return tuple(
        (name, _text(item))
        for name, value in parameters.items()
        if value is not None
        for item in (value if isinstance(value, list | tuple) else [value])
    )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def encode_body(value: object) -> bytes:
    """Return a value as the JSON of a request."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def next_cursor(response: HttpResponse) -> str | None:
    """Return the cursor of the next page of a list; None after the last page."""
    link = _NEXT.search(response.headers.get("link", ""))
    return None if link is None else parse_qs(urlsplit(link[1]).query).get("cursor", [None])[0]


def decode_response(shape: type[T], body: bytes) -> T:
    """Return the result in a response, in a shape.

    Raises:
        ServerError: The response has another shape.
    """
    try:
        adapter: TypeAdapter[T] = _adapter(shape)  # type: ignore[arg-type]
        return adapter.validate_json(body)
    except ValidationError as error:
        mistake = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, mistake["loc"])) or "it"
        raise ServerError(
            f"this version of the client cannot read the response: {place}: {problem_text(mistake)};"
            " install the same version as the server"
        ) from None


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def texts_of(values: Iterable[Any]) -> list[str]:
    """Return values of a tag as the texts that name them in a URL."""
    return [_text(value) for value in values]


def tags_of(where: Where | None) -> list[str] | None:
    """Return the tags of a filter as a URL names them; None if a tag has no value, because then nothing matches."""
    tags: list[str] = []
    for name, value in as_data(where or {}).items():
        values = texts_of(value if isinstance(value, tuple) else [value])
        if not values:
            return None
        tags += [f"{name}={text}" for text in values]
    return tags


def ask_for(shape: type[T], request: HttpRequest) -> ClientCall[T]:
    """Send a request, and return its response in a shape."""
    response = yield request
    return decode_response(shape, response.body)


def send_only(request: HttpRequest) -> ClientCall[None]:
    """Send a request whose response only confirms it."""
    yield request


def ask_for_pages(
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
