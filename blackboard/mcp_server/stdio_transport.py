"""The MCP server on stdin and stdout of this process, until its client closes them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from mcp import types
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage

from blackboard.mcp_server.board_access import BoardAccess
from blackboard.mcp_server.channel_events import CAPABILITY, METHOD, Channel
from blackboard.mcp_server.sdk_server import RunInThread, build_server

T = TypeVar("T")

TOOL_THREADS = 8
"""How many tools use the board at the same time."""


def serve_stdio(access: BoardAccess, channel: str | None = None) -> None:
    """Serve a board to the client that started this process, until it closes stdin.

    Args:
        access: The board.
        channel: The remote agent whose work is announced to a coding agent; None to announce no work.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the library reads stdin in a thread that nothing else ends
    with ThreadPoolExecutor(TOOL_THREADS, thread_name_prefix="blackboard-tool") as threads:
        asyncio.run(_serve(access, threads, channel))


async def _serve(access: BoardAccess, threads: ThreadPoolExecutor, channel: str | None) -> None:
    """Serve a board on stdin and stdout, and announce the work of an agent meanwhile."""

    async def run(work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    def run_of(pool: str) -> RunInThread[Any]:
        return run

    server = build_server(lambda context: access, run_of)
    capabilities: dict[str, dict[str, Any]] = {} if channel is None else {CAPABILITY: {}}
    async with stdio_server() as (reader, writer):
        announcing = _announce_once_ready(server, access, channel, run, writer) if channel is not None else None
        try:
            await server.run(reader, writer, server.create_initialization_options(None, capabilities))
        finally:
            if announcing is not None:
                announcing.cancel()


def _announce_once_ready(
    server: Server[Any], access: BoardAccess, agent: str, run: RunInThread[Any], writer: Any
) -> asyncio.Task[None]:
    """Announce the work of an agent as soon as the client has completed the handshake."""
    is_ready = asyncio.Event()

    async def send(params: dict[str, Any]) -> None:
        await writer.send(SessionMessage(types.JSONRPCNotification(jsonrpc="2.0", method=METHOD, params=params)))

    async def note_ready(context: Any, params: Any) -> None:
        is_ready.set()

    async def announce() -> None:
        await is_ready.wait()
        await Channel(access, agent, run, send).announce()

    server.add_notification_handler("notifications/initialized", types.NotificationParams, note_ready)
    return asyncio.create_task(announce())
