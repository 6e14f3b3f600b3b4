"""The reader of the parameters and the body of a request, which reports each mistake with its place."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from blackboard.server.api_framework.operation_definition import Fields
from blackboard.server.http_problems import HttpProblem, PlacedProblem

F = TypeVar("F", bound=Fields)
B = TypeVar("B", bound=BaseModel)
T = TypeVar("T")

EVENT_STREAM = "text/event-stream"


BODY_SECONDS = 60
"""The longest time for a body. Its sender is not known before its end, and holds a connection until then."""


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body of a request.

    Raises:
        HttpProblem: The body is longer than the limit, or did not come in time.
    """
    clock = asyncio.get_running_loop().time
    end = clock() + BODY_SECONDS
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > limit:
        raise too_large(limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise too_large(limit)
        if clock() > end:
            raise HttpProblem("slow-request", "the body did not arrive in time")
    return bytes(body)


def too_large(limit: int) -> HttpProblem:
    """Return the problem of a body that is too large."""
    return HttpProblem("too-large", f"the body may have at most {limit} bytes")


def check_media_type(request: Request, expected: str) -> None:
    """Check the type of a body.

    Raises:
        HttpProblem: The body has another type.
    """
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != expected:
        raise HttpProblem("wrong-media-type", f"the body must be {expected}, not {given or 'without a type'}")


def parse_body(body: bytes, model: type[B], place: str = "body") -> B:
    """Return the fields of a body. An empty body has none.

    Raises:
        HttpProblem: The body is not JSON, or its fields are not valid.
    """
    try:
        return model.model_validate_json(body or b"{}", strict=True)
    except ValidationError as error:
        raise problem_of_fields(error, place) from None


def parse_parameters(path: Mapping[str, str], query: list[tuple[str, str]], model: type[F]) -> F:
    """Return the parameters of a request.

    Raises:
        HttpProblem: The parameters are not valid, or one of them is given twice.
    """
    values: dict[str, Any] = dict(path)
    for name, text in query:
        field = model.model_fields.get(name)
        if field is not None and get_origin(field.annotation) is not None and "Sequence" in str(field.annotation):
            values.setdefault(name, []).append(text)
        elif name in values:
            raise HttpProblem("invalid", "1 mistake", [PlacedProblem(name, "it is given twice")])
        else:
            values[name] = text
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise problem_of_fields(error, "") from None


def problem_of_fields(error: ValidationError, place: str) -> HttpProblem:
    """Return the problem of fields that are not valid, with the place of each mistake."""
    mistakes = error.errors(include_url=False, include_context=False, include_input=False)
    if any(mistake["type"] == "json_invalid" for mistake in mistakes):
        return HttpProblem("invalid-request", f"the body is not JSON: {mistakes[0]['msg']}")
    places = [
        PlacedProblem(".".join(str(step) for step in (place, *mistake["loc"]) if step != ""), mistake["msg"])
        for mistake in mistakes[:100]
    ]
    return HttpProblem("invalid", f"{len(mistakes)} mistakes" if len(mistakes) > 1 else "1 mistake", places)


async def await_unless_disconnected(request: Request, waiting: Coroutine[Any, Any, T]) -> T:
    """Wait for a result, or until the client leaves.

    Raises:
        ClientDisconnect: The client has left. The wait was cancelled.
    """
    result, leaving = asyncio.ensure_future(waiting), asyncio.ensure_future(_until_disconnected(request))
    try:
        await asyncio.wait((result, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not result.done():
            raise ClientDisconnect
        return result.result()
    finally:
        result.cancel()
        leaving.cancel()


async def _until_disconnected(request: Request) -> None:
    """Return when the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
