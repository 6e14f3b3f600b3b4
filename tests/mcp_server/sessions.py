"""Boards with an agent for coding sessions, and sessions of the SDK's own client in this process and in others."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, ParamSpec
from urllib.parse import quote

import httpx2
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from blackboard import Blackboard, ManualClock, Mark, Need, agent, strength
from blackboard.mcp_server.board_access import BoardAccess
from blackboard.mcp_server.resources_and_prompts import SUBJECT_URI
from blackboard.mcp_server.sdk_server import build_server
from tests.support.bounds import BOUND_SECONDS

P = ParamSpec("P")

ROOT = Path(__file__).parents[2]
VERSIONS = {"legacy": "2025-11-25", "auto": "2026-07-28"}
"""The modes of the client, with the revision that each agrees on: the last with a handshake, and the newest."""
MODES = tuple(VERSIONS)


class Finding(Mark, kind="finding", search=("text",), tags=("area",)):
    text: str = ""
    area: str = ""


class Verdict(Mark, kind="verdict"):
    text: str = ""


@agent(watches=strength(Finding) >= 1, writes=[Verdict], name="review", batch=1)
def review(findings: Any, context: Any) -> None:
    return None


def deploy(board: Blackboard) -> None:
    """Deploy the agent `review`, whose workers claim for it, and the kinds."""
    board.deploy(review, kinds=[Finding, Verdict, Need])
    spec = review.spec.model_copy(update={"remote": True, "code": None})
    board.deploy(board.deployment.model_copy(update={"agents": {"review": spec}}))


@contextmanager
def open_board(url: str, author: str = "claude") -> Iterator[Blackboard]:
    with Blackboard.open(url, clock=ManualClock(), author=author) as board:
        deploy(board)
        yield board


class Session:
    """A session of the SDK's client.

    Args:
        client: The client.
    """

    def __init__(self, client: Client) -> None:
        self.client = client

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that succeeds, and return its answer. Its text is the JSON of its structured content."""
        result = await self.client.call_tool(name, arguments)
        assert not result.is_error, result.content
        assert json.loads(_text(result)) == result.structured_content
        return dict(result.structured_content)

    async def refused(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that fails, and return what the model is told."""
        result = await self.client.call_tool(name, arguments)
        assert result.is_error, result.content
        return dict(json.loads(_text(result)))

    async def read(self, uri: str) -> dict[str, Any]:
        result = await self.client.read_resource(uri)
        contents: list[Any] = list(result.contents)
        assert len(contents) == 1
        return dict(json.loads(contents[0].text))

    async def tools(self) -> list[str]:
        return [tool.name for tool in (await self.client.list_tools()).tools]


def _text(result: Any) -> str:
    [content] = result.content
    text: str = content.text
    return text


def awaited(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Return a test that runs a coroutine to its end."""

    @functools.wraps(test)
    def run(*args: P.args, **options: P.kwargs) -> None:
        asyncio.run(test(*args, **options))

    return run


@asynccontextmanager
async def within(access: BoardAccess, mode: str = "auto") -> AsyncIterator[Session]:
    """Open a session with a server in this process."""

    def run_of(pool: str) -> Any:
        async def run(work: Callable[[], Any]) -> Any:
            return work()

        return run

    async with Client(build_server(lambda context: access, run_of), mode=mode) as client:
        yield Session(client)


@asynccontextmanager
async def on_stdio(*words: str, mode: str = "auto", environment: Mapping[str, str] = {}) -> AsyncIterator[Session]:
    """Start `blackboard` with these words, and open a session with it on its stdin and stdout."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    server = StdioServerParameters(command=sys.executable, args=["-m", "blackboard", *words], env=environ)
    async with Client(stdio_client(server), mode=mode) as client:
        yield Session(client)


@asynccontextmanager
async def over_http(url: str, token: str, mode: str = "auto") -> AsyncIterator[Session]:
    """Open a session with a server over HTTP."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=BOUND_SECONDS, trust_env=False) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield Session(client)


def subject_uri(subject: str) -> str:
    """Return the address of the resource about a subject."""
    return SUBJECT_URI + quote(subject, safe="")
