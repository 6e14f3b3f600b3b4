"""The MCP endpoint, /mcp: the tools for models over streamable HTTP, with the tokens and the limits of the server.

Each request has its token, and the server keeps nothing between two requests. So in the middle of a session, the server
may be restarted, or another server of the board may handle the next request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from blackboard import Blackboard
from blackboard.clock import seconds_in
from blackboard.errors import BlackboardError, MissingPackage
from blackboard.mcp_server.board_access import BoardAccess
from blackboard.server.access.request_callers import RequestCallers
from blackboard.server.access.token_checks import bearer_of
from blackboard.server.http_problems import HttpProblem, problem_of
from blackboard.server.monitoring.request_metrics import RequestMetrics
from blackboard.server.work_threads import WorkThreads

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

MCP_PATH = "/mcp"
ACCESS = "blackboard.mcp_access"
"""The name in an ASGI scope under which the rights of the caller are recorded."""


class McpEndpoint:
    """An application that handles the requests of MCP clients. The SDK is imported at the first request.

    Args:
        board: The board that the server serves.
        callers: Finds the holders of tokens.
        pools: The threads of each pool.
        metrics: Counts the responses.
        max_body: The largest body of a request, in bytes.
    """

    def __init__(
        self,
        board: Blackboard,
        callers: RequestCallers,
        pools: Mapping[str, WorkThreads],
        metrics: RequestMetrics,
        max_body: int,
    ) -> None:
        self._board, self._callers, self._pools, self._metrics = board, callers, pools, metrics
        self._max_body = max_body
        self._starting = asyncio.Lock()
        self._manager: StreamableHTTPSessionManager | None = None
        self._task: asyncio.Task[None] | None = None

    def route(self) -> Route:
        """Return the route of the path."""
        return Route(MCP_PATH, self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request.

        Raises:
            HttpProblem: The request has no valid token, or another method, or the extra `mcp` is not installed.
        """
        start, status = self._board.clock.monotonic(), 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            scope[ACCESS] = await self._access_of(Request(scope))
            # The HTTP parser keeps white space at the end of a value, and the SDK compares values with the body.
            scope["headers"] = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
            manager = self._manager or await self._start()
            await manager.handle_request(scope, receive, send_and_note)
        except HttpProblem as problem:
            status = problem.type.status
            raise
        except BlackboardError as error:
            refused = problem_of(error)
            status = refused.type.status
            raise refused from None
        finally:
            self._metrics.count("mcp", status, seconds_in(self._board.clock.monotonic() - start))

    async def _access_of(self, request: Request) -> BoardAccess:
        """Return the board, limited to what the token of a request may do.

        Raises:
            HttpProblem: The request has no valid token, or another method than POST.
        """
        if request.method != "POST":  # the server sends nothing by itself, so no stream stays open
            raise HttpProblem("wrong-method", headers={"Allow": "POST"})
        token = bearer_of(request.headers.get("authorization"))
        caller = await self._pools["board"].run(lambda: self._callers.caller_of(token))
        return BoardAccess(self._board.as_author(caller.token.author), caller.scopes)

    async def _start(self) -> StreamableHTTPSessionManager:
        """Start the session manager of the SDK, once.

        Raises:
            MissingPackage: The extra is not installed.
        """
        async with self._starting:
            if self._manager is None:
                manager = await self._pools["board"].run(self._build)
                ready = asyncio.Event()
                self._task = asyncio.create_task(_keep_running(manager, ready))
                await ready.wait()
                self._manager = manager
        return self._manager

    def _build(self) -> StreamableHTTPSessionManager:
        """Import the SDK, and return its session manager, which is not started yet.

        Raises:
            MissingPackage: The extra is not installed.
        """
        try:
            from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

            from blackboard.mcp_server.sdk_server import build_server
        except ModuleNotFoundError as error:
            raise MissingPackage("the MCP server", error.name, extra="mcp") from None

        def access_of(context: Any) -> BoardAccess:
            access: BoardAccess = context.request.scope[ACCESS]
            return access

        server = build_server(access_of, lambda pool: self._pools[pool].run)
        return StreamableHTTPSessionManager(
            server, json_response=True, stateless=True, max_request_body_size=self._max_body
        )


async def _keep_running(manager: StreamableHTTPSessionManager, ready: asyncio.Event) -> None:
    """Keep the tasks of the session manager until the event loop ends, which cancels this task."""
    async with manager.run():
        ready.set()
        await asyncio.Event().wait()
