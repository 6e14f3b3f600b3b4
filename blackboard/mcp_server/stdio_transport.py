"""The MCP server on stdin and stdout of this process, until its client closes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from mcp.server.stdio import stdio_server

from blackboard.mcp_server.board_access import BoardAccess
from blackboard.mcp_server.protocol_handlers import Run, build_server

T = TypeVar("T")

THREADS = 8
"""How many tools use the board at once."""


def serve_stdio(access: BoardAccess) -> None:
    """Serve a board to the client that started this process, until it closes stdin."""
    with ThreadPoolExecutor(THREADS, thread_name_prefix="blackboard-tool") as threads:
        asyncio.run(_serve(access, threads))


async def _serve(access: BoardAccess, threads: ThreadPoolExecutor) -> None:
    async def run(work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    def run_of(pool: str) -> Run[Any]:
        return run

    server = build_server(lambda context: access, run_of)
    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())
