"""`blackboard mcp` in a process of its own, with the SDK's client and with messages of the oldest revision."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard
from tests.mcp_server.sessions import MODES, ROOT, VERSIONS, Finding, awaited, deploy, on_stdio
from tests.support.bounds import BOUND_SECONDS
from tests.support.server_process import process, token_for

pytestmark = pytest.mark.processes

OLDEST = "2024-11-05"


@pytest.fixture
def database(board_url: str) -> str:
    with Blackboard.open(board_url, author="person:ada") as board:
        deploy(board)
        board.deposit(Finding(subject="a", text="smoke"))
    return board_url


@pytest.mark.parametrize(("mode", "version"), VERSIONS.items())
@awaited
async def test_a_client_uses_the_board_on_stdio(database: str, mode: str, version: str) -> None:
    async with on_stdio("--database", database, "--author", "claude", "mcp", mode=mode) as session:
        assert session.client.protocol_version == version
        assert "deposit" in await session.tools()
        assert "answer" not in await session.tools()
        [mark] = (await session.call("find", text="smoke"))["marks"]
        assert mark["author"] == "person:ada"
        await session.call("deposit", kind="finding", subject="b", payload={"text": "fire"})
        rows = await session.call("query", sql="SELECT author FROM live_marks WHERE subject = 'b'")
        assert rows["rows"] == [["claude"]]
        assert (await session.call("claim", agent="review"))["claimed"] is True


@awaited
async def test_options_limit_what_the_model_may_do(database: str) -> None:
    words = ("--database", database, "--author", "claude", "mcp", "--may", "read", "--may", "answer")
    async with on_stdio(*words) as session:
        assert await session.tools() == ["find", "deposit", "agenda", "explain", "answer"]
        assert (await session.refused("deposit", kind="finding", subject="b"))["problem"] == "not-allowed"


@pytest.mark.parametrize("mode", MODES)
@awaited
async def test_the_board_may_be_behind_a_server(tmp_path: Path, board_url: str, mode: str) -> None:
    with process(tmp_path, board_url, "serve", "--listen", "127.0.0.1:0") as (_, url):
        token = token_for(board_url, "read", "deposit:lead", "sql")["Authorization"].removeprefix("Bearer ")
        async with on_stdio("--url", url, "mcp", mode=mode, environment={"BLACKBOARD_TOKEN": token}) as session:
            await session.call("deposit", kind="lead", subject="a/1", payload={"company": "Acme"})
            [mark] = (await session.call("find"))["marks"]
            assert (mark["author"], mark["payload"]["company"]) == ("test", "Acme")
            refused = await session.refused("deposit", kind="reply", subject="a/1")
            assert refused["problem"] == "not-allowed"
            unfit = await session.refused("deposit", kind="lead", subject="a/1", payload={"name": "x"})
            assert "company" in unfit["payload_schema"]["properties"]
            assert (await session.call("query", sql="SELECT count(*) FROM live_marks"))["rows"] == [[1]]
            assert (await session.call("agenda"))["crossings"][0]["agent"] == "sales"
            assert (await session.call("explain", agent="sales"))["agent"] == "sales"
            assert len((await session.read("board://subject/a%2F1"))["marks"]) == 1
            assert "lead" in (await session.read("board://status"))["kinds"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_although_stdin_stays_open(database: str, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "blackboard", "--database", database, "--author", "claude", "mcp"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps(request(1, "nothing/at/all")) + "\n")
        child.stdin.flush()
        assert child.stdout.readline()
        child.send_signal(number)
        assert child.wait(BOUND_SECONDS) == -number


def exchange(database: str, *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Send messages to a process of its own as lines, each request after the result of the one before."""
    with subprocess.Popen(
        [sys.executable, "-m", "blackboard", "--database", database, "--author", "claude", "mcp"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdin is not None
        assert child.stdout is not None
        answers = []
        for message in messages:
            child.stdin.write(json.dumps(message) + "\n")
            child.stdin.flush()
            if "id" in message:
                answers.append(json.loads(child.stdout.readline()))
        child.stdin.close()
        assert child.wait(BOUND_SECONDS) == 0
        assert child.stdout.read() == ""
    return answers


def request(number: int, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def test_the_oldest_revision_is_served(database: str) -> None:
    info = {"name": "old", "version": "1"}
    answers = exchange(
        database,
        request(1, "initialize", protocolVersion=OLDEST, capabilities={}, clientInfo=info),
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        request(2, "tools/call", name="find", arguments={"kind": "finding"}),
    )
    by_id = {answer["id"]: answer["result"] for answer in answers}
    assert by_id[1]["protocolVersion"] == OLDEST
    assert json.loads(by_id[2]["content"][0]["text"])["marks"][0]["subject"] == "a"


def test_what_is_not_a_request_is_answered_by_an_error(database: str) -> None:
    [answer] = exchange(database, {"neither": "this"}, request(1, "nothing/at/all"))
    assert "error" in answer


def test_help_shows_how_scopes_are_written() -> None:
    words = [sys.executable, "-m", "blackboard", "mcp", "--help"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    assert "claim:AGENT" in subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout
