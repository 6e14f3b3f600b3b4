"""The routes of the pages, of their styles and scripts, and of the stream that keeps an open page up to date."""

from __future__ import annotations

import mimetypes
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from blackboard import Blackboard
from blackboard.board import page_readings
from blackboard.core.request_limits import MAX_READING_TIME
from blackboard.errors import BlackboardError
from blackboard.server.access.request_callers import RequestCallers
from blackboard.server.access.request_origin import root_of
from blackboard.server.access.response_redaction import Redaction
from blackboard.server.api_framework.request_parsing import parse_parameters
from blackboard.server.api_framework.response_encoding import EventStreamResponse
from blackboard.server.http_problems import HttpProblem, problem_of, problem_response
from blackboard.server.pages import (
    activations_page,
    agenda_page,
    agents_page,
    board_page,
    costs_page,
    deployment_file_check,
    deployment_page,
    health_page,
    inbox_page,
    sql_page,
    subject_page,
)
from blackboard.server.pages.chart_data import epoch_milliseconds
from blackboard.server.pages.page_definition import LiveCounts, LivePage, PageCall, PageFields, Viewer
from blackboard.server.pages.page_rendering import html_safe_json, live_parts, render_page, static_files, static_version
from blackboard.server.pages.page_updates import (
    MIN_RENDERING_INTERVAL_SECONDS,
    RELOAD_INTERVAL_SECONDS,
    PageState,
    PageUpdates,
)
from blackboard.server.work_threads import WorkThreads

PAGES: tuple[LivePage, ...] = (
    board_page.PAGE,
    agenda_page.PAGE,
    activations_page.PAGE,
    activations_page.ONE,
    inbox_page.PAGE,
    agents_page.PAGE,
    deployment_page.PAGE,
    costs_page.PAGE,
    health_page.PAGE,
    sql_page.PAGE,
    subject_page.PAGE,
)
BY_PATH = {page.path: page for page in PAGES}

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The content security policy: nothing is fetched from elsewhere, and no script or style stands in a page."""
HEADERS = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-store", "Referrer-Policy": "same-origin"}


class PageRoutes:
    """The pages of one board.

    Args:
        board: The board that the server serves.
        callers: Finds the holders of tokens.
        threads: The threads that read the board.
        model: The provider and the model that a daemon would use, as text.
        limit: How many pages may be open.
        deployment_file: The deployment file of the server; None for the file in the current folder.
    """

    def __init__(
        self,
        board: Blackboard,
        callers: RequestCallers,
        threads: WorkThreads,
        model: str,
        limit: int,
        deployment_file: Path | None,
    ) -> None:
        self._board, self._callers, self._threads = board, callers, threads
        self._model, self._deployment_file = model, deployment_file
        self._checks = WorkThreads(1)
        self.updates = PageUpdates(board, WorkThreads(2), limit)
        self._counts = LiveCounts(board)
        self._redaction: Redaction | None = None

    def routes(self) -> list[Route]:
        """Return the routes of the pages, of their styles and scripts, and of the stream that keeps them up to date."""
        return [
            *(Route(page.path, self._page(page)) for page in PAGES),
            Route("/live", self._live),
            Route("/deployment/check", self._check, methods=["POST"]),
            Route("/static/{version}/{name}", _static_file),
        ]

    def _page(self, page: LivePage) -> Callable[[Request], Awaitable[Response]]:
        async def show(request: Request) -> Response:
            def work() -> str:
                call = self._call(page, request, request.query_params.multi_items())
                return render_page(page.name, self._values(page, call, request) | {"is_live": False})

            try:
                return HTMLResponse(await self._threads.run(work), headers=HEADERS)
            except HttpProblem as problem:
                return self._refusal_page(problem, request)
            except BlackboardError as error:
                return self._refusal_page(problem_of(error, is_redacted=True), request)

        return show

    async def _live(self, request: Request) -> Response:
        """Stream the changes of a page. The parameter `page` is its address, with its own parameters."""
        address = urlsplit(request.query_params.get("page", ""))
        if (page := BY_PATH.get(address.path)) is None:
            return problem_response(HttpProblem("not-found", "the server has no such page"), is_redacted=True)

        def work() -> PageCall[PageFields]:
            return self._call(page, request, parse_qsl(address.query, keep_blank_values=True))

        try:
            call = await self._threads.run(work)
            key = (page.path, call.parameters.model_dump_json(), call.viewer.rights, root_of(request))
            # A page of the board at another time changes little: only its menu and its forecast do.
            every = RELOAD_INTERVAL_SECONDS if getattr(call.parameters, "at", None) else MIN_RENDERING_INTERVAL_SECONDS
            stream = await self.updates.watch(
                call.viewer.caller, key, lambda: self._page_state(page, call, request), every
            )
        except (HttpProblem, BlackboardError) as error:
            return problem_response(error, is_redacted=True)
        return EventStreamResponse(stream)

    async def _check(self, request: Request) -> Response:
        """Return the changes that the deployment file of the server would make now, as a part of a page."""

        def work() -> str:
            call = self._call(deployment_page.PAGE, request, [])
            call.viewer.caller.require("operate")
            result = deployment_file_check.check_file(self._deployment_file, self._board.url)
            preview = result.get("against_board") or {}
            return render_page("checked", {"mistakes": (), "warnings": (), **result, "preview": preview})

        try:
            return HTMLResponse(await self._checks.run(work), headers=HEADERS)
        except (HttpProblem, BlackboardError) as error:
            return problem_response(error, is_redacted=True)

    def _call(self, page: LivePage, request: Request, query: list[tuple[str, str]]) -> PageCall[PageFields]:
        """Return the call of a page by the sender of a request, if the sender may see it.

        Raises:
            HttpProblem: The sender may not, or the parameters are not valid.
        """
        caller = self._callers.caller_of(self._callers.token_of(request))
        if self._redaction is None:
            self._redaction = Redaction(self._board.secret("subjects"))
        viewer = Viewer(caller, self._redaction)
        if not page.is_for(viewer):
            name = "withheld" if caller.is_redacted else "not-allowed"
            raise HttpProblem(name, f"the token {caller.token.name!r} may not see this page")
        given = [(name, text) for name, text in query if text]
        if caller.is_redacted and (names := sorted({name for name, _ in given}.intersection(page.parameters_withheld))):
            raise HttpProblem(
                "withheld",
                f"a token with read-redacted may not use the parameter {names[0]!r}, because the page could confirm a"
                " guess of a hidden text",
            )
        return PageCall(self._board, viewer, parse_parameters({}, given, page.parameters), self._model, self._counts)

    def _values(self, page: LivePage, call: PageCall[PageFields], request: Request) -> dict[str, Any]:
        """Return the values of a page's template."""
        viewer = call.viewer
        try:
            with call.board.reads_within(MAX_READING_TIME):
                content = page.read(call)
                menu = page_readings.menu_counts(call.board)
        except BlackboardError as error:
            raise problem_of(error, is_redacted=viewer.caller.is_redacted) from None
        drawn = {**viewer.visible_part(content.drawn), **content.drawn_settings} if content.drawn is not None else None
        root = root_of(request)
        return {
            **viewer.visible_part(content.results),
            **content.settings,
            "page": page,
            "now": epoch_milliseconds(call.board.now()),
            "menu": [item for item in PAGES if item.is_in_menu and item.is_for(viewer)],
            "counts": {"inbox": menu.needs, "agenda": menu.waiting, "activations": menu.stuck, "running": menu.running},
            "paused": menu.paused,
            "root": root,
            "static": f"{root}/static/{static_version()}",
            "author": viewer.caller.token.author,
            "may": {verb: viewer.may(verb) for verb in ("operate", "answer", "sql", "deposit", "admin")},
            "is_redacted": viewer.caller.is_redacted,
            "has_activity": call.board.deployment.activity,
            "parameters": call.parameters,
            "drawing": drawn,
            "encoded": html_safe_json,
        }

    def _page_state(self, page: LivePage, call: PageCall[PageFields], request: Request) -> PageState:
        values = self._values(page, call, request) | {"is_live": True}
        drawn: Mapping[str, Any] = values["drawing"] or {}
        items = {item["id"]: item for item in drawn.get("items", ())}
        others = {name: value for name, value in drawn.items() if name != "items"}
        return PageState(live_parts(page.name, values), others, items)

    def _refusal_page(self, problem: HttpProblem, request: Request) -> Response:
        """Return the page that says why the requested page is refused, and what to do."""
        root = root_of(request)
        values = {
            "problem": problem,
            "root": root,
            "static": f"{root}/static/{static_version()}",
            "is_unknown": problem.type.status == 401,
            "address": f"{request.url.path.removeprefix(root)}{f'?{query}' if (query := request.url.query) else ''}",
        }
        headers = {**HEADERS, **problem.headers}
        return HTMLResponse(render_page("refused", values), problem.type.status, headers)


async def _static_file(request: Request) -> Response:
    """Return a style or a script. Its address changes with its content, so a browser keeps it."""
    name = request.path_params["name"]
    content = static_files().get(name)
    if content is None:
        return problem_response(HttpProblem("not-found", "the server has no such file"))
    is_current = request.path_params["version"] == static_version()
    headers = {"Cache-Control": "public, max-age=31536000, immutable" if is_current else "no-cache"}
    return Response(content, headers=headers, media_type=mimetypes.guess_type(name)[0])
