"""The routes of all operations: each runs the operation that a request names, and reports each error as a problem."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from blackboard import Blackboard, RemoteActivation
from blackboard.clock import seconds_in
from blackboard.core.request_limits import MAX_READING_TIME
from blackboard.durations import parse_duration
from blackboard.errors import BlackboardError
from blackboard.server.access.request_callers import RequestCallers
from blackboard.server.access.token_checks import Caller
from blackboard.server.api_framework.call_builder import CallBuilder, ReceivedRequest
from blackboard.server.api_framework.operation_definition import Empty, Operation, OperationCall
from blackboard.server.api_framework.request_parsing import check_media_type
from blackboard.server.api_framework.response_encoding import (
    EVENT_STREAM,
    EncodedResponse,
    EventStreamResponse,
    ResponseEncoder,
    encode_json,
)
from blackboard.server.http_limits import read_body
from blackboard.server.http_problems import HttpProblem, problem_of, problem_response
from blackboard.server.monitoring.request_metrics import RequestMetrics
from blackboard.server.open_requests.claim_queue import ClaimQueue, await_unless_disconnected
from blackboard.server.open_requests.event_stream_text import StreamChoice
from blackboard.server.open_requests.open_event_streams import EventStreams
from blackboard.server.operations import bulk_deposits, claim_operations
from blackboard.server.operations.claim_operations import ClaimParameters
from blackboard.server.operations.operation_table import operations_by_path
from blackboard.server.request_batcher import RequestBatcher
from blackboard.server.work_threads import MAX_WAITING_PER_THREAD, WorkThreads
from blackboard.settings.sections import ServerSection
from blackboard.system.log_queue import Log
from blackboard.system.media_types import JSON_TYPE, NDJSON_TYPE
from blackboard.system.tracing import within_trace

log = Log("blackboard.server")

Handler = Callable[[Request], Awaitable[Response]]
HTTP_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
"""The methods of HTTP. Each path handles all of them, so that a wrong method never falls through to another path."""


class ApiRoutes:
    """The operations of one board.

    Args:
        board: The board that the server serves.
        settings: The limits.
        callers: Finds the callers.
        builder: Builds the calls of operations.
        threads: The threads of each pool.
    """

    def __init__(
        self,
        board: Blackboard,
        settings: ServerSection,
        callers: RequestCallers,
        builder: CallBuilder,
        threads: Mapping[str, WorkThreads],
    ) -> None:
        self._clock, self._settings, self._threads = board.clock, settings, threads
        self._callers, self._builder = callers, builder
        self._encoder = ResponseEncoder(board)
        batcher = RequestBatcher(self._respond_together, settings.threads * (1 + MAX_WAITING_PER_THREAD))
        self._batcher = batcher
        self.metrics = RequestMetrics({**threads, "deposits": batcher})
        """The metrics of the requests that were handled."""
        self.claims = ClaimQueue(board, threads["board"])
        """The claims of remote workers that wait."""
        self.events = EventStreams(
            board, threads["board"], settings.max_streams, encode_json, self._encoder.redacted_json
        )
        """The event streams."""

    def routes(self) -> list[Route]:
        """Return a route for each path, in the order of the attempts: fixed words before names."""
        return [
            Route(path, partial(self._handle, operations), methods=HTTP_METHODS)
            for path, operations in sorted(operations_by_path().items(), key=lambda item: "{" in item[0])
        ]

    def fixed_paths(self) -> dict[str, Handler]:
        """Return the function that handles each path without names in it."""
        paths = operations_by_path().items()
        return {path: partial(self._handle, operations) for path, operations in paths if "{" not in path}

    async def _handle(self, operations: Mapping[str, Operation], request: Request) -> Response:
        """Handle a request for one of the operations of a path, and count it."""
        start = self._clock.monotonic()
        operation = operations.get("GET" if request.method == "HEAD" else request.method)
        if operation is None:
            return problem_response(HttpProblem("wrong-method", headers={"Allow": ", ".join(sorted(operations))}))
        response = await self._respond(operation, request)
        seconds = seconds_in(self._clock.monotonic() - start)
        self.metrics.count(operation.name, response.status_code, seconds)
        return response

    async def _respond(self, operation: Operation, request: Request) -> Response:
        try:
            if operation.is_event_stream:
                return await self._stream(operation, request)
            response = await self._respond_at_once(operation, request)
        except (HttpProblem, BlackboardError) as error:
            return problem_response(error, is_redacted=True)
        except ClientDisconnect:
            return Response(status_code=400)  # the client has gone
        except Exception as error:  # a bug must not end the server
            log.error("an operation failed", operation=operation.name, error=error)
            return problem_response(HttpProblem("internal"))
        return Response(response.body, response.status, dict(response.headers), JSON_TYPE)

    async def _respond_at_once(self, operation: Operation, request: Request) -> EncodedResponse:
        """Handle a request whose response is in one piece. Only a thread checks its token and parses its body."""
        token = self._callers.token_of(request)
        if operation.line is not None:
            return await self._respond_to_bulk(operation, request, token)
        received = ReceivedRequest(operation, request, token, await self._read_body(operation, request))
        if operation.run_together is not None:
            return await self._batcher.run(received)
        if operation.waits:
            return await self._respond_when_claimed(received)

        def work() -> EncodedResponse:
            call = received.add_body(self._builder.build(operation, request, token))
            return self._run(operation, call, request)

        return await self._threads[operation.pool].run(work)

    async def _read_body(self, operation: Operation, request: Request) -> bytes:
        """Return the body of a request; nothing if the operation takes none."""
        if operation.body is None:
            return b""
        body = await read_body(request, self._settings.max_body)
        if body:
            check_media_type(request, JSON_TYPE)
        return body

    async def _respond_to_bulk(self, operation: Operation, request: Request, token: str) -> EncodedResponse:
        """Handle a request whose body is processed while it arrives."""
        threads = self._threads[operation.pool]
        check_media_type(request, NDJSON_TYPE)
        bulk = await bulk_deposits.receive(
            request,
            threads,
            lambda: self._builder.build(operation, request, token),
            self._settings.max_body,
            self._settings.max_bulk,
        )
        return await threads.run(lambda: self._run(operation, bulk.call.with_body(bulk), request))

    async def _respond_when_claimed(self, received: ReceivedRequest) -> EncodedResponse:
        """Respond to a claim as soon as there is work. If the client has left, the activation is given back."""
        operation, request, token = received.operation, received.request, received.token
        threads = self._threads[operation.pool]

        def begin() -> tuple[OperationCall[ClaimParameters, Empty], RemoteActivation | None]:
            call = received.add_body(self._builder.build(operation, request, token))
            return call, operation.run(call)

        try:
            call, found = await threads.run(begin)
            claim = claim_operations.waiting_claim(call, lambda: self._callers.holder_of(token))
            seconds = seconds_in(parse_duration(call.parameters.wait))
            if found is None and seconds:
                found = await await_unless_disconnected(
                    request, self.claims.wait(call.parameters.agent, claim, seconds)
                )
        except BlackboardError as error:
            raise problem_of(error) from None
        headers = {"Cache-Control": "no-store"}
        if found is None:
            return EncodedResponse(b"", headers, 204)
        if await request.is_disconnected():
            claimed = found
            await threads.run(lambda: claim.give_back(claimed), is_accepted=True)
            raise ClientDisconnect
        return EncodedResponse(encode_json(found), headers)

    async def _stream(self, operation: Operation, request: Request) -> Response:
        token = self._callers.token_of(request)

        def work() -> tuple[Caller, StreamChoice]:
            call = self._builder.build(operation, request, token)
            try:
                return call.caller, operation.run(call)
            except BlackboardError as error:
                raise problem_of(error, is_redacted=call.caller.is_redacted) from None

        caller, choice = await self._threads[operation.pool].run(work)
        if request.method == "HEAD":
            return Response(b"", headers=EventStreamResponse.HEADERS, media_type=EVENT_STREAM)
        texts = await self.events.open(caller, choice)
        return EventStreamResponse(texts)

    def _respond_together(self, requests: Sequence[ReceivedRequest]) -> list[EncodedResponse | Exception]:
        """Handle requests for operations that may be run together: their tokens and their work share transactions."""
        found = self._callers.records_of(received.token for received in requests)
        responses: dict[int, EncodedResponse | Exception] = {}
        calls: dict[int, OperationCall[Any, Any]] = {}
        for index, received in enumerate(requests):
            try:
                call = self._builder.build_for(received.operation, received.request, found[received.token])
                calls[index] = received.add_body(call)
            except Exception as error:
                responses[index] = error
        for run in {received.operation.run_together for received in requests}:
            indexes = [index for index in calls if requests[index].operation.run_together is run]
            results = run([calls[index] for index in indexes]) if run is not None and indexes else ()
            for index, result in zip(indexes, results, strict=True):
                received, call = requests[index], calls[index]
                responses[index] = self._encoded_response(received, call, result)
        return [responses[index] for index in range(len(requests))]

    def _encoded_response(
        self, received: ReceivedRequest, call: OperationCall[object, object], result: Any
    ) -> EncodedResponse | Exception:
        if isinstance(result, BlackboardError):
            return problem_of(result, is_redacted=call.caller.is_redacted)
        if isinstance(result, Exception):
            return result
        return self._encoder.response(received.operation, call, received.request, result)

    def _run(self, operation: Operation, call: OperationCall[Any, Any], request: Request) -> EncodedResponse:
        """Run an operation, and return its response."""
        try:
            if operation.scope == "read":
                with call.board.reads_within(MAX_READING_TIME):
                    value = operation.run(call)
            else:
                with within_trace(call.traceparent):
                    value = operation.run(call)
        except BlackboardError as error:
            raise problem_of(error, is_redacted=call.caller.is_redacted) from None
        return self._encoder.response(operation, call, request, value)
