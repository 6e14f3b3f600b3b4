"""The routes of the protocol: JSON-RPC at /sbp and /rpc, and a path of its own for some methods."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from blackboard import Blackboard
from blackboard.clock import seconds_in, whole_milliseconds_in
from blackboard.errors import BlackboardError
from blackboard.server.api_framework.request_parsing import check_media_type
from blackboard.server.api_routes import ApiRoutes
from blackboard.server.http_limits import read_body
from blackboard.server.http_problems import HttpProblem
from blackboard.server.sbp import sbp_methods
from blackboard.server.sbp.sbp_callers import SbpCallers
from blackboard.server.sbp.sbp_errors import (
    INTERNAL,
    INVALID_REQUEST,
    PARSE_ERROR,
    SbpError,
    error_of_fields,
    sbp_error_of,
)
from blackboard.server.sbp.sbp_fields import SbpFields
from blackboard.server.sbp.sbp_methods import SCENT_METHODS, SbpCall
from blackboard.server.sbp.scents.scent_evaluator import ScentEvaluator
from blackboard.server.sbp.scents.trigger_streams import TriggerStreams
from blackboard.server.starlette_internals import ProgramRoute
from blackboard.server.work_threads import WorkThreads
from blackboard.system.log_queue import Log
from blackboard.system.media_types import JSON_TYPE

log = Log("blackboard.server")

VERSIONS = ("0.1", "0.2")
SESSION, VERSION, AGENT = "Sbp-Session-Id", "Sbp-Protocol-Version", "Sbp-Agent-Id"
MAX_HEADER_CHARACTERS = 200

RequestHandler = Callable[[Request], Awaitable[Response]]


class RpcRequest(SbpFields):
    """A message of JSON-RPC that asks for a method."""

    jsonrpc: Literal["2.0"]
    id: str | int | float
    method: str
    params: Any = None


class SbpRoutes:
    """The routes of one board.

    Args:
        board: The board that the server serves.
        callers: Who may send requests.
        threads: The threads that use the board.
        api: The event streams of the board, and the metrics of its requests.
        max_body: The largest body of a request, in bytes.
    """

    def __init__(
        self, board: Blackboard, callers: SbpCallers, threads: WorkThreads, api: ApiRoutes, max_body: int
    ) -> None:
        self._board, self._callers, self._threads = board, callers, threads
        self._metrics, self._max_body = api.metrics, max_body
        self._start = board.clock.monotonic()
        self._has_started_evaluator = False
        self.evaluator = ScentEvaluator(board)
        """Measures the scents."""
        self._triggers = TriggerStreams(board, callers, self.evaluator, api.events, threads)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/sbp", self._count_responses(self._handle_rpc), methods=["POST"]),
            Route("/sbp", self._count_responses(self._listen), methods=["GET"]),
            Route("/rpc", self._count_responses(self._handle_rpc), methods=["POST"]),
            Route("/emit", self._count_responses(self._direct("sbp/emit")), methods=["POST"]),
            Route("/sniff", self._count_responses(self._direct("sbp/sniff")), methods=["POST"]),
            Route("/scents", self._count_responses(self._direct("sbp/register_scent")), methods=["POST"]),
            Route("/scents/{scent_id:path}", self._count_responses(self._deregister), methods=["DELETE"]),
            Route("/inspect", self._count_responses(self._show), methods=["GET"]),
            ProgramRoute("/health", self._count_responses(self._show_health), methods=["GET"]),
        ]

    def _count_responses(self, work: RequestHandler) -> RequestHandler:
        """Return a function that handles requests by `work`, counts its responses, and reports its errors."""

        async def respond(request: Request) -> Response:
            start = self._board.clock.monotonic()
            try:
                response = await work(request)
            except SbpError as error:
                response = _error_response(error, {"error": error.document()}, error.status)
            except ClientDisconnect:
                response = Response(status_code=400)  # the client has gone
            self._metrics.count("sbp", response.status_code, seconds_in(self._board.clock.monotonic() - start))
            return response

        return respond

    async def _listen(self, request: Request) -> Response:
        """Respond with a stream of the triggers for a session."""
        session = _session(request)
        response = await self._triggers.respond(request, session)
        response.headers[SESSION] = session
        response.headers[VERSION] = _version(request)
        return response

    async def _handle_rpc(self, request: Request) -> Response:
        """Handle a request of JSON-RPC. Its errors are in the body, with the id of the request if that is known."""
        session = _session(request)
        headers = {SESSION: session, VERSION: _version(request), "Cache-Control": "no-store"}
        identifier: str | int | float | None = None
        try:
            rpc_request = rpc_request_of(await self._read(request))
            identifier = rpc_request.id
            result = await self._run(rpc_request.method, rpc_request.params, request, session)
        except SbpError as error:
            document = {"jsonrpc": "2.0", "id": identifier, "error": error.document()}
            return _error_response(error, document, error.status, headers)
        return JSONResponse({"jsonrpc": "2.0", "id": identifier, "result": result}, headers=headers)

    def _direct(self, method: str) -> RequestHandler:
        """Return a function that runs a method with the body as its parameters, and responds with the result alone."""

        async def respond(request: Request) -> Response:
            return await self._handle_direct(method, await self._read(request), request)

        return respond

    async def _show(self, request: Request) -> Response:
        included = request.query_params.get("include")
        return await self._handle_direct("sbp/inspect", {"include": included.split(",")} if included else {}, request)

    async def _deregister(self, request: Request) -> Response:
        return await self._handle_direct("sbp/deregister_scent", dict(request.path_params), request)

    async def _show_health(self, request: Request) -> Response:
        """Respond that the process lives, without a token."""
        return JSONResponse({"status": "ok", "version": f"{VERSIONS[-1]}.0", "transport": "streamable-http-sse"})

    async def _handle_direct(self, method: str, parameters: Any, request: Request) -> Response:
        """Respond with the result of a method alone. A refusal has a status of its own."""
        try:
            result = await self._run(method, parameters, request, _header_value(request.headers.get(SESSION)) or "")
        except SbpError as error:
            status = error.status
            if status == 200:  # the status of an error inside a response of JSON-RPC
                status = 500 if error.code == INTERNAL else 400
            return _error_response(error, {"error": error.document()}, status)
        return JSONResponse(result, headers={"Cache-Control": "no-store"})

    async def _read(self, request: Request) -> Any:
        """Return the JSON value of a body.

        Raises:
            SbpError: The body is not JSON, is too large, or did not arrive in time.
        """
        try:
            body = await read_body(request, self._max_body)
            check_media_type(request, JSON_TYPE)
        except HttpProblem as problem:
            raise sbp_error_of(problem) from None
        return parse_message(body)

    async def _run(self, method: str, raw_parameters: Any, request: Request, session: str) -> dict[str, Any]:
        """Run a method in a thread, and return its result.

        Raises:
            SbpError: The method cannot be run.
        """
        agent = _header_value(request.headers.get(AGENT))

        def work(token: str | None) -> dict[str, Any]:
            caller = self._callers.caller_of(token)
            parameters = sbp_methods.parameters_of(method, raw_parameters)
            uptime = whole_milliseconds_in(self._board.clock.monotonic() - self._start)
            call = SbpCall(self._board.as_author(caller.token.author), caller, session, agent, uptime)
            return sbp_methods.run(method, call, parameters)

        try:
            token = self._callers.token_of(request)
            result = await self._threads.run(lambda: work(token))
        except (HttpProblem, BlackboardError) as error:
            raise sbp_error_of(error) from None
        except SbpError:
            raise
        except Exception as error:  # a bug must not end the server
            log.error("a method of SBP failed", method=method, error=error)
            raise SbpError(INTERNAL, "this is a bug in blackboard; the log of the server has the details") from None
        if method in SCENT_METHODS or not self._has_started_evaluator:
            self._has_started_evaluator = True  # scents may be left from before a restart
            self.evaluator.start()
        return result


def _error_response(
    error: SbpError, document: Mapping[str, Any], status: int, headers: Mapping[str, str] | None = None
) -> Response:
    given = {**(headers or {"Cache-Control": "no-store"}), **error.headers}
    if status == 401:
        given["WWW-Authenticate"] = "Bearer"
    return JSONResponse(dict(document), status, given)


def _version(request: Request) -> str:
    """Return the protocol version of a response: the version of the request if it is known, or else the newest."""
    requested = request.headers.get(VERSION, "")
    return requested if requested in VERSIONS else VERSIONS[-1]


def _session(request: Request) -> str:
    """Return the session of a request; a new one if it names none."""
    return _header_value(request.headers.get(SESSION)) or uuid.uuid4().hex


def _header_value(text: str | None) -> str | None:
    """Return the value of a header; None if it is missing, or is not a short printable text."""
    return text if text and len(text) <= MAX_HEADER_CHARACTERS and text.isascii() and text.isprintable() else None


def parse_message(body: bytes) -> Any:
    """Return the value of a body.

    Raises:
        SbpError: The body is not JSON.
    """
    try:
        return json.loads(body, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        raise SbpError(PARSE_ERROR, "the body is not JSON", status=400) from None


def rpc_request_of(message: Any) -> RpcRequest:
    """Return a request of JSON-RPC.

    Raises:
        SbpError: The value is not a request.
    """
    try:
        return RpcRequest.model_validate(message)
    except ValidationError as error:
        raise error_of_fields(error, INVALID_REQUEST, "this is not a request of JSON-RPC 2.0") from None


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number
