"""Answers to the requests of all operations: authentication, checks, the result, and every error as a problem."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from blackboard import AccessToken, Blackboard, RemoteActivation
from blackboard.board.json_shapes import encode_cursor, json_value
from blackboard.durations import parse_duration
from blackboard.errors import BlackboardError
from blackboard.server import (
    board_operations,
    bulk_deposits,
    claim_operations,
    event_operation,
    mark_operations,
    outbox_operations,
    search_operation,
    work_operations,
)
from blackboard.server.claim_queue import ClaimQueue
from blackboard.server.event_hub import Choice, EventHub
from blackboard.server.operations import Call, Operation, Page
from blackboard.server.problems import HttpProblem, problem_of, problem_response
from blackboard.server.redaction import Redaction
from blackboard.server.request_metrics import RequestMetrics
from blackboard.server.request_reading import (
    EVENT_STREAM,
    JSON,
    check_media_type,
    parse_body,
    parse_parameters,
    read_body,
)
from blackboard.server.shared_work import SharedWork
from blackboard.server.token_checks import Caller, RateLimits, bearer_of, holder_of
from blackboard.server.work_threads import WAITING, WorkThreads
from blackboard.settings.sections import ServerSection
from blackboard.system.log_queue import Log

log = Log("blackboard.server")

T = TypeVar("T")

OPERATIONS: tuple[Operation, ...] = (
    *mark_operations.OPERATIONS,
    *bulk_deposits.OPERATIONS,
    *search_operation.OPERATIONS,
    *work_operations.OPERATIONS,
    *outbox_operations.OPERATIONS,
    *claim_operations.OPERATIONS,
    *board_operations.OPERATIONS,
    *event_operation.OPERATIONS,
)
Handler = Callable[[Request], Awaitable[Response]]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
"""The methods of HTTP. A path answers to each, so that no path with a name in it is tried for another method."""

READING_TIME = "10s"
"""The longest time in which an operation reads."""
MAX_PAGE_BYTES = 8 * 1024 * 1024
"""The size at which a page ends, if its items are large."""


@dataclass(frozen=True)
class EncodedAnswer:
    """An answer before it is sent."""

    body: bytes
    headers: Mapping[str, str]
    status: int = 200


@dataclass(frozen=True)
class Asked:
    """A request whose body has been read."""

    operation: Operation
    request: Request
    token: str
    body: bytes

    def parsed(self) -> Any:
        """Return the fields of the body.

        Raises:
            HttpProblem: They are not valid.
        """
        return None if self.operation.body is None else parse_body(self.body, self.operation.body)


class Api:
    """The operations of one board.

    Args:
        board: The board.
        settings: The limits.
        model: Which provider and model would answer if no daemon runs, in words.
        threads: The threads of each pool.

    Attributes:
        requests: The figures of the answered requests.
        claims: The claims of remote workers that wait.
        events: The event streams.
    """

    def __init__(
        self, board: Blackboard, settings: ServerSection, model: str, threads: Mapping[str, WorkThreads]
    ) -> None:
        self._board, self._settings, self._model, self._threads = board, settings, model, threads
        self._rates = RateLimits(settings.requests_per_second)
        together = SharedWork(self._answer_together, settings.threads * (1 + WAITING))
        self._together = together
        self.requests = RequestMetrics({**threads, "deposits": together})
        self.claims = ClaimQueue(board, threads["board"])
        self.events = EventHub(
            board, threads["board"], settings.max_streams, _encode, lambda record: _encode(self._redaction(record))
        )

    @cached_property
    def _redaction(self) -> Redaction:
        return Redaction(self._board.secret("subjects"))

    def routes(self) -> list[Route]:
        """Return a route for each path, in the order in which they are tried: fixed words before names."""
        return [
            Route(path, partial(self._handle, operations), methods=METHODS)
            for path, operations in sorted(_by_path().items(), key=lambda item: "{" in item[0])
        ]

    def fixed_paths(self) -> dict[str, Handler]:
        """Return the function that answers each path without names in it."""
        return {path: partial(self._handle, operations) for path, operations in _by_path().items() if "{" not in path}

    async def _handle(self, operations: Mapping[str, Operation], request: Request) -> Response:
        """Answer a request for one of the operations of a path, and count it."""
        start = self._board.clock.monotonic()
        operation = operations.get("GET" if request.method == "HEAD" else request.method)
        if operation is None:
            return problem_response(HttpProblem("wrong-method", headers={"Allow": ", ".join(sorted(operations))}))
        response = await self._respond(operation, request)
        seconds = (self._board.clock.monotonic() - start) / 1e6
        self.requests.count(operation.name, response.status_code, seconds)
        return response

    async def _respond(self, operation: Operation, request: Request) -> Response:
        try:
            if operation.is_event_stream:
                return await self._stream(operation, request)
            answer = await self._answer(operation, request)
        except HttpProblem as problem:
            return problem_response(problem)
        except BlackboardError as error:
            return problem_response(problem_of(error, is_redacted=True))
        except ClientDisconnect:
            return Response(status_code=400)  # the client has gone
        except Exception as error:  # a bug must not end the server
            log.error("an operation failed", operation=operation.name, error=error)
            return problem_response(HttpProblem("internal"))
        return Response(answer.body, answer.status, dict(answer.headers), JSON)

    async def _answer(self, operation: Operation, request: Request) -> EncodedAnswer:
        """Answer a request whose answer is in one piece. Only a thread checks its token and parses its body."""
        token = bearer_of(request.headers.get("authorization"))
        if operation.streams:
            return await self._answer_bulk(operation, request, token)
        asked = Asked(operation, request, token, await self._read_body(operation, request))
        if operation.run_together is not None:
            return await self._together.run(asked)
        if operation.waits:
            return await self._answer_when_claimed(asked)

        def work() -> EncodedAnswer:
            call = self._call(operation, request, token)
            return self._run(operation, replace(call, body=asked.parsed()), request)

        return await self._threads[operation.pool].run(work)

    async def _read_body(self, operation: Operation, request: Request) -> bytes:
        """Return the body of a request; nothing if the operation takes none."""
        if operation.body is None:
            return b""
        body = await read_body(request, self._settings.max_body)
        if body:
            check_media_type(request, JSON)
        return body

    async def _answer_bulk(self, operation: Operation, request: Request, token: str) -> EncodedAnswer:
        """Answer a request whose body is processed while it arrives."""
        threads = self._threads[operation.pool]
        check_media_type(request, bulk_deposits.NDJSON)
        bulk = await bulk_deposits.receive(
            request,
            threads,
            lambda: self._call(operation, request, token),
            self._settings.max_body,
            self._settings.max_bulk,
        )
        return await threads.run(lambda: self._run(operation, replace(bulk.call, body=bulk), request))

    async def _answer_when_claimed(self, asked: Asked) -> EncodedAnswer:
        """Answer a claim as soon as there is work. What its client does not wait for is given back."""
        operation, request, token = asked.operation, asked.request, asked.token
        threads = self._threads[operation.pool]

        def begin() -> tuple[Call, RemoteActivation | None]:
            call = replace(self._call(operation, request, token), body=asked.parsed())
            return call, operation.run(call)

        try:
            call, found = await threads.run(begin)
            claim = claim_operations.waiting_claim(call, lambda: holder_of(self._board.find_token(token)))
            seconds = parse_duration(call.parameters.wait) / 1e6
            if found is None and seconds:
                found = await _unless_left(request, self.claims.wait(call.parameters.agent, claim, seconds))
        except BlackboardError as error:
            raise problem_of(error) from None
        headers = {"Cache-Control": "no-store"}
        if found is None:
            return EncodedAnswer(b"", headers, 204)
        if await request.is_disconnected():
            claimed = found
            await threads.run(lambda: claim.give_back(claimed))
            raise ClientDisconnect
        return EncodedAnswer(_encode(found), headers)

    async def _stream(self, operation: Operation, request: Request) -> Response:
        token = bearer_of(request.headers.get("authorization"))

        def work() -> tuple[Caller, Choice]:
            call = self._call(operation, request, token)
            try:
                return call.caller, operation.run(call)
            except BlackboardError as error:
                raise problem_of(error, is_redacted=call.caller.is_redacted) from None

        caller, choice = await self._threads[operation.pool].run(work)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        if request.method == "HEAD":
            return Response(b"", headers=headers, media_type=EVENT_STREAM)
        texts = await self.events.open(caller, choice)
        return StreamingResponse(texts, headers=headers, media_type=EVENT_STREAM)

    def caller_of(self, token: str) -> Caller:
        """Return who sent a request, and count it for the limit of its token.

        Raises:
            HttpProblem: The token is not valid, or is used too often.
        """
        return self._counted(self._board.find_token(token))

    def _counted(self, found: AccessToken | None) -> Caller:
        caller = holder_of(found)
        self._rates.check(caller.token.name, self._board.clock.monotonic())
        return caller

    def _answer_together(self, requests: Sequence[Asked]) -> list[EncodedAnswer | Exception]:
        """Answer requests for operations that may be run together: their tokens and their work share transactions."""
        tokens = list({asked.token for asked in requests})
        found = dict(zip(tokens, self._board.find_tokens(tokens), strict=True))
        answers: list[EncodedAnswer | Exception | None] = [None] * len(requests)
        calls: dict[int, Call] = {}
        for index, asked in enumerate(requests):
            try:
                call = self._call_of(asked.operation, asked.request, self._counted(found[asked.token]))
                calls[index] = replace(call, body=asked.parsed())
            except Exception as error:
                answers[index] = error
        for run in {asked.operation.run_together for asked in requests}:
            indexes = [index for index in calls if requests[index].operation.run_together is run]
            results = run([calls[index] for index in indexes]) if run is not None and indexes else ()
            for index, result in zip(indexes, results, strict=True):
                asked, call = requests[index], calls[index]
                answers[index] = self._encoded(asked, call, result)
        return [answer for answer in answers if answer is not None]

    def _encoded(self, asked: Asked, call: Call, result: Any) -> EncodedAnswer | Exception:
        if isinstance(result, BlackboardError):
            return problem_of(result, is_redacted=call.caller.is_redacted)
        if isinstance(result, Exception):
            return result
        return self._shown(asked.operation, call, asked.request, result)

    def _call(self, operation: Operation, request: Request, token: str) -> Call:
        """Return the call of a request, if its sender may make it."""
        return self._call_of(operation, request, self.caller_of(token))

    def _call_of(self, operation: Operation, request: Request, caller: Caller) -> Call:
        query = request.query_params.multi_items()
        _check_scope(operation, caller, {name for name, _ in query})
        parameters = parse_parameters(request.path_params, query, operation.parameters)
        key = request.headers.get("idempotency-key") if operation.takes_key else None
        last_event_id = request.headers.get("last-event-id") or None
        board = self._board.as_author(caller.token.author)
        return Call(board, caller, parameters, None, key, self._model, last_event_id=last_event_id)

    def _run(self, operation: Operation, call: Call, request: Request) -> EncodedAnswer:
        """Run an operation, and return its answer."""
        try:
            if operation.scope == "read":
                with call.board.reads_within(READING_TIME):
                    value = operation.run(call)
            else:
                value = operation.run(call)
        except BlackboardError as error:
            raise problem_of(error, is_redacted=call.caller.is_redacted) from None
        return self._shown(operation, call, request, value)

    def _shown(self, operation: Operation, call: Call, request: Request, value: Any) -> EncodedAnswer:
        """Return the answer that a result of an operation becomes for its caller."""
        is_redacted = call.caller.is_redacted
        shown: Callable[[Any], Any] = self._redaction if is_redacted else lambda item: item
        headers = {"Cache-Control": "no-store", **call.headers}
        if isinstance(value, Page):
            return _page(value, request, headers, shown)
        if operation.state is not None:
            tag = f'"{hashlib.sha256(_encode(shown(operation.state(value)))).hexdigest()[:32]}"'
            headers |= {"ETag": tag, "Cache-Control": "no-cache"}
            if _matches(request.headers.get("if-none-match", ""), tag):
                return EncodedAnswer(b"", headers, 304)
        return EncodedAnswer(_encode(shown(value)), headers)


async def _unless_left(request: Request, waiting: Coroutine[Any, Any, T]) -> T:
    """Wait for a result, or until the client leaves.

    Raises:
        ClientDisconnect: The client has left. The wait was cancelled.
    """
    result, leaving = asyncio.ensure_future(waiting), asyncio.ensure_future(_until_left(request))
    try:
        await asyncio.wait((result, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not result.done():
            raise ClientDisconnect
        return result.result()
    finally:
        result.cancel()
        leaving.cancel()


async def _until_left(request: Request) -> None:
    """Return when the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _by_path() -> dict[str, dict[str, Operation]]:
    """Return the operations of each path by their methods."""
    paths: dict[str, dict[str, Operation]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = operation
    return paths


def _check_scope(operation: Operation, caller: Caller, parameters: set[str]) -> None:
    """Check that a token allows an operation with some parameters.

    Raises:
        HttpProblem: The token does not allow the operation.
    """
    if operation.scope == "read" and caller.is_redacted:
        if operation.withheld_if_redacted:
            raise HttpProblem("withheld", f"nothing would be left of the answer of {operation.name!r}")
        if withheld := sorted(parameters.intersection(operation.parameters_withheld)):
            raise HttpProblem("withheld", f"the parameter {withheld[0]!r} would confirm a guess")
    elif operation.scope == "deposit":
        if not (caller.scopes.allow("deposit") or caller.scopes.allow("answer")):
            caller.require("deposit")
    else:
        caller.require(operation.scope)


def _page(page: Page, request: Request, headers: dict[str, str], shown: Callable[[Any], Any]) -> EncodedAnswer:
    """Return a page of a list, with a link to the next page if there is one."""
    encoded: list[bytes] = []
    size = 0
    for item in page.items[: page.limit]:
        text = _encode(shown(item))
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
        others = _encode(shown(page.others)).removesuffix(b"}")
        body = others + b"," + _encode(page.member) + b":" + body + b"}"
    return EncodedAnswer(body, headers)


def _encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=json_value).encode("utf-8", "replace")


def _matches(header: str, tag: str) -> bool:
    """Return whether a header `If-None-Match` names a tag."""
    tags: Sequence[str] = [item.strip().removeprefix("W/") for item in header.split(",")]
    return "*" in tags or tag in tags
