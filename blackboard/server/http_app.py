"""The HTTP application: its routes, and the layers around each request."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from blackboard import Blackboard
from blackboard.board.program_preloading import preload_program
from blackboard.server import openapi
from blackboard.server.access.request_callers import RequestCallers
from blackboard.server.access.request_origin import root_of
from blackboard.server.access.session_cookie import SessionCookie
from blackboard.server.access.sign_in_tickets import SignInTickets
from blackboard.server.access.web_sessions import WebSessions
from blackboard.server.api_docs_page import DOCS_POLICY, docs_page
from blackboard.server.api_framework.call_builder import CallBuilder
from blackboard.server.api_routes import HTTP_METHODS, ApiRoutes, Handler
from blackboard.server.http_limits import SlowClient
from blackboard.server.http_problems import HttpProblem, problem_response
from blackboard.server.mcp_endpoint import McpEndpoint
from blackboard.server.monitoring.monitoring_routes import health_routes, metrics_route
from blackboard.server.pages import page_rendering
from blackboard.server.pages.page_routes import PageRoutes
from blackboard.server.sbp.sbp_callers import SbpCallers
from blackboard.server.sbp.sbp_routes import SbpRoutes
from blackboard.server.transport.addresses import Address
from blackboard.server.transport.request_guards import RequestGuards, allow_origins
from blackboard.server.work_threads import WorkThreads
from blackboard.settings.sections import ServerSection
from blackboard.system.log_queue import Log

log = Log("blackboard.server")

SQL_THREADS = 2
"""The number of SQL queries that run at the same time. Each runs in a process of its own, so they are few."""
MAX_WAITING_QUERIES = 8
"""The number of SQL queries that may wait."""


def build_app(
    board: Blackboard,
    settings: ServerSection,
    model: str,
    address: Address | None,
    deployment_file: Path | None = None,
    tickets: SignInTickets | None = None,
) -> RequestGuards:
    """Build the application that serves a board.

    Args:
        board: The board that the server serves.
        settings: Its limits, and the names that clients use for it.
        model: The provider and the model that a daemon would use, as text.
        address: Where it listens; None for a Unix socket.
        deployment_file: The deployment file; None for the file in the current folder.
        tickets: The tickets that browsers sign in with; None if no person can be shown a ticket.
    """
    preload_program("settings", "sinks", "server", *(["mcp_server"] if find_spec("mcp") else []))
    page_rendering.load_files()
    threads = WorkThreads(settings.threads)
    pools = {"board": threads, "sql": WorkThreads(SQL_THREADS, MAX_WAITING_QUERIES)}
    cookie = SessionCookie(board.board_id)
    sessions = WebSessions(board, tickets or SignInTickets(board.clock), cookie, threads)
    callers = RequestCallers(board, cookie, settings.requests_per_second)
    api = ApiRoutes(board, settings, callers, CallBuilder(board, callers, model), pools)
    pages = PageRoutes(board, callers, threads, model, settings.max_streams, deployment_file)
    stops = [api.claims.stop, api.events.stop, pages.updates.stop]
    sbp_routes: list[Route] = []
    if settings.sbp:
        sbp = SbpRoutes(board, SbpCallers(board, callers, settings, address), threads, api, settings.max_body)
        sbp_routes = sbp.routes()
        stops.append(sbp.evaluator.stop)
    routes = [
        *health_routes(board, threads),
        *sessions.routes(),
        Route("/v1/openapi.json", _show_openapi),
        Route("/v1/docs", _show_docs),
        metrics_route(board, callers, api.metrics, threads),
        McpEndpoint(board, callers, pools, api.metrics, settings.max_body).route(),
        *api.routes(),
        *sbp_routes,
        *pages.routes(),
    ]
    handlers = {HTTPException: _report_http, HttpProblem: _report_problem, Exception: _report_bug}

    def stop() -> None:
        for stop_waiting in stops:
            stop_waiting()

    app: ASGIApp = Shortcut(Starlette(routes=routes, exception_handlers=handlers), api.fixed_paths())
    if settings.origins:
        app = allow_origins(app, settings.origins)
    return RequestGuards(app, settings, address, stop)


class Shortcut:
    """A shortcut for most requests: requests to a fixed path. All others go through the routes of an application.

    Args:
        app: The ASGI application for all other paths.
        paths: The function that handles each path.
    """

    def __init__(self, app: ASGIApp, paths: Mapping[str, Handler]) -> None:
        self._app, self._paths = app, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        handle = self._paths.get(scope["path"])
        if handle is None or scope["method"] not in HTTP_METHODS:
            await self._app(scope, receive, send)
            return
        scope["path_params"] = {}
        request = Request(scope, receive, send)
        try:
            response = await handle(request)
            await response(scope, receive, send)
        except Exception as error:
            await _report_bug(request, error)
            raise


async def _show_openapi(request: Request) -> Response:
    return JSONResponse(openapi.document(root_of(request)))


async def _show_docs(request: Request) -> Response:
    page = docs_page(openapi.document(root_of(request)))
    return HTMLResponse(page, headers={"Content-Security-Policy": DOCS_POLICY})


async def _report_http(request: Request, error: Exception) -> Response:
    """Report a path or a method that does not exist."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return problem_response(HttpProblem("wrong-method", headers=error.headers))
    return problem_response(HttpProblem("not-found", "the server has no such path; /v1/docs lists its paths"))


async def _report_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HttpProblem)
    return problem_response(error)


async def _report_bug(request: Request, error: Exception) -> Response:
    if isinstance(error, SlowClient):
        log.info("a client was disconnected, because it stopped reading its response", path=request.url.path)
    else:
        log.error("a request failed", path=request.url.path, error=error)
    return problem_response(HttpProblem("internal"))
