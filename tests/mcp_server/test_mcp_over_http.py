"""The path /mcp of a server: a real process, its tokens, its checks of origins, and its limits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from blackboard import Blackboard, ManualClock
from tests.mcp_server.sessions import MODES, VERSIONS, Finding, awaited, deploy, over_http
from tests.support.served_board import Served, serve
from tests.support.server_process import process, token_for

NO_HEADERS: Mapping[str, str] = {}
HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


@pytest.fixture
def server(board_url: str) -> Iterator[Served]:
    with serve(board_url, max_body=100_000) as served:
        deploy(served.board)
        served.board.deposit(Finding(subject="a", text="smoke"))
        yield served


def post(client: httpx2.Client, method: str, headers: Mapping[str, str] = NO_HEADERS, **params: Any) -> httpx2.Response:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return client.post("/mcp", json=body, headers={**HEADERS, **headers})


@pytest.mark.processes
@pytest.mark.parametrize(("mode", "version"), VERSIONS.items())
@awaited
async def test_a_client_uses_a_server_in_another_process(
    tmp_path: Path, board_url: str, mode: str, version: str
) -> None:
    with process(tmp_path, board_url, "serve", "--listen", "127.0.0.1:0") as (_, url):
        token = token_for(board_url, "read", "deposit")["Authorization"].removeprefix("Bearer ")
        async with over_http(url, token, mode) as session:
            assert session.client.protocol_version == version
            assert await session.tools() == ["find", "deposit", "agenda", "explain"]
            receipt = await session.call("deposit", kind="lead", subject="a", payload={"company": "Acme"})
            assert receipt["crossed"] == ["sales"]
            [mark] = (await session.call("find"))["marks"]
            assert mark["author"] == "test"
            assert (await session.read("board://status"))["board"]["waiting"] == 1


@pytest.mark.parametrize("mode", MODES)
@awaited
async def test_each_session_is_its_token(server: Served, mode: str) -> None:
    tokens = {name: server.board.create_token(name, may=["read", "deposit", "claim:review"]) for name in "ab"}
    async with over_http(server.url, tokens["a"], mode) as a, over_http(server.url, tokens["b"], mode) as b:
        await a.call("deposit", kind="verdict", subject="v")
        [mark] = (await b.call("find", kind="verdict"))["marks"]
        assert mark["author"] == "a"
        work = await b.call("claim", agent="review")
        run = {"agent": "review", "id": work["id"], "fence": work["fence"]}
        assert (await a.refused("finish", **run, result={}))["problem"] == "lease-lost"
        assert (await b.call("finish", **run, result={}))["state"] == "done"


@awaited
async def test_a_revoked_token_ends_the_session(server: Served) -> None:
    token = server.board.create_token("t", may=["read"])
    async with over_http(server.url, token) as session:
        await session.call("find")
        server.board.revoke_token("t")
        with pytest.raises(Exception, match="an error response"):
            await session.call("find")


def test_without_a_token_nothing_is_answered(server: Served) -> None:
    answer = post(server.client(), "tools/list")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert post(server.client(token="bbt_wrong"), "tools/list").status_code == 401


def test_the_cookie_of_a_browser_is_not_a_token(server: Served) -> None:
    ticket = server.tickets.issue()
    browser = server.client()
    browser.get("/sign-in", params={"ticket": ticket})
    assert post(browser, "tools/list", headers={"Origin": server.url}).status_code == 401


def test_pages_of_other_origins_are_refused(server: Served) -> None:
    client = server.client("read")
    assert post(client, "ping", headers={"Origin": "https://evil.example"}).status_code == 403
    assert post(client, "ping", headers={"Host": "evil.example"}).status_code == 421
    assert post(client, "ping", headers={"Origin": server.url}).status_code == 200


def test_the_server_sends_nothing_by_itself(server: Served) -> None:
    client = server.client("read")
    for method in ("GET", "DELETE", "PUT"):
        answer = client.request(method, "/mcp", headers=HEADERS)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_a_large_body_is_refused(server: Served) -> None:
    answer = post(server.client("deposit"), "tools/call", name="deposit", arguments={"kind": "x" * 200_000})
    assert answer.status_code == 413


def test_a_token_that_is_used_too_often_waits(board_url: str) -> None:
    with serve(board_url, requests_per_second=2) as served:
        client = served.client("read")
        answers = [post(client, "ping").status_code for _ in range(5)]
        assert answers == [200, 200, 429, 429, 429]
        assert isinstance(served.clock, ManualClock)


def test_answers_are_counted(server: Served) -> None:
    post(server.client("read"), "ping")
    post(server.client(), "ping")
    metrics = server.client("read").get("/metrics").text
    assert 'blackboard_http_requests_total{operation="mcp",status="200"} 1.0' in metrics
    assert 'blackboard_http_requests_total{operation="mcp",status="401"} 1.0' in metrics


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
def test_each_revision_with_a_handshake_is_negotiated_without_a_session(server: Served, version: str) -> None:
    client = server.client("read")
    info = {"name": "old", "version": "1"}
    hello = post(client, "initialize", protocolVersion=version, capabilities={}, clientInfo=info)
    assert hello.json()["result"]["protocolVersion"] == version
    assert "mcp-session-id" not in hello.headers
    found = post(client, "tools/call", headers={"MCP-Protocol-Version": version}, name="find", arguments={})
    content = found.json()["result"]["content"][0]
    assert json.loads(content["text"])["marks"][0]["subject"] == "a"


def test_a_deposit_continues_the_trace_of_its_client(server: Served) -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    params = {
        "name": "deposit",
        "arguments": {"kind": "verdict", "subject": "t"},
        "_meta": {"traceparent": traceparent},
    }
    headers = {"MCP-Protocol-Version": "2025-11-25"}
    assert post(server.client("deposit"), "tools/call", headers=headers, **params).status_code == 200
    [event] = server.board.history("t")
    assert event.traceparent == traceparent


def test_a_server_of_a_board_without_marks_answers(board_url: str) -> None:
    with serve(board_url) as served:
        assert isinstance(served.board, Blackboard)
        answer = post(served.client("read"), "tools/call", name="find", arguments={})
        assert answer.json()["result"]["structuredContent"]["marks"] == []
