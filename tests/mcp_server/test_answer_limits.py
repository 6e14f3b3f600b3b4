"""No answer is longer than its limit, and further calls get what does not fit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from blackboard import Blackboard, Need
from blackboard.mcp_server import sdk_server
from blackboard.mcp_server.board_access import BoardAccess
from blackboard.mcp_server.resources_and_prompts import MAX_READ_BYTES, MAX_RESOURCE_BYTES
from blackboard.mcp_server.sdk_server import MAX_TOOL_RESULT_BYTES
from tests.mcp_server.sessions import Finding, awaited, subject_uri, within

MARKS = 30


def deploy_batches(board: Blackboard) -> None:
    """Let the agent take as many marks in one batch as it finds."""
    spec = board.deployment.agents["review"]
    spec = spec.model_copy(update={"settings": spec.settings.model_copy(update={"batch": 1000, "per": "batch"})})
    board.deploy(board.deployment.model_copy(update={"agents": {"review": spec}}))


def size(answer: Any) -> int:
    return len(json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode())


@awaited
async def test_all_marks_of_a_claim_can_be_read(shared_board: Blackboard) -> None:
    deploy_batches(shared_board)
    for number in range(MARKS):
        shared_board.deposit(Finding(subject=f"s/{number}", text=str(number).ljust(3500)))
    async with within(BoardAccess(shared_board)) as session:
        work = await session.call("claim", agent="review")
        seen = {mark["subject"]: mark["payload"]["text"] for mark in work["marks"]}
        assert work["more_marks"] == len(work["other_marks"]) == MARKS - len(seen)
        assert "find by its subject" in work["hint"]
        assert f"blackboard activation {work['id']} --json" in work["hint"]
        for other in work["other_marks"]:
            [mark] = (await session.call("find", subject=other["subject"]))["marks"]
            assert mark["id"] == other["id"]
            seen[mark["subject"]] = mark["payload"]["text"]
        assert {text.strip() for text in seen.values()} == set(map(str, range(MARKS)))


@awaited
async def test_a_claim_that_shows_all_has_no_hint(shared_board: Blackboard) -> None:
    shared_board.deposit(Finding(subject="a"))
    async with within(BoardAccess(shared_board)) as session:
        work = await session.call("claim", agent="review")
        assert (work["more_marks"], work["more_reads"]) == (0, 0)
        assert "hint" not in work
        assert "other_marks" not in work


@awaited
async def test_a_claim_of_many_long_subjects_is_answered(shared_board: Blackboard) -> None:
    deploy_batches(shared_board)
    for number in range(200):
        shared_board.deposit(Finding(subject=f"{number}/".ljust(500, "é")))
    async with within(BoardAccess(shared_board)) as session:
        work = await session.call("claim", agent="review")
        assert work["claimed"]
        assert work["more_marks"] > len(work["other_marks"]) > 0
        assert size(work) < MAX_TOOL_RESULT_BYTES


@awaited
async def test_all_needs_of_an_agenda_can_be_read(shared_board: Blackboard) -> None:
    for number in range(30):
        shared_board.deposit(Need(subject=f"n/{number}", question="Deploy?", detail="x" * 3000))
    async with within(BoardAccess(shared_board)) as session:
        agenda = await session.call("agenda", limit=50)
        assert agenda["more_needs"]
        assert "kind 'need'" in agenda["hint"]
        found: set[int] = set()
        page = await session.call("find", kind="need")
        while True:
            found |= {mark["id"] for mark in page["marks"]}
            if "next" not in page:
                break
            page = await session.call("find", kind="need", cursor=page["next"])
        assert found == {need.id for need in shared_board.inbox(all_needs=True)}
        assert found > {need["id"] for need in agenda["needs"]}


@pytest.mark.parametrize("text", ["x" * 400_000, '"' * 300_000, "é" * 300_000, "\U0001f600" * 150_000])
@awaited
async def test_a_resource_is_limited_too(shared_board: Blackboard, text: str) -> None:
    shared_board.deposit(Finding(subject="long", text=text))
    async with within(BoardAccess(shared_board)) as session:
        resource = await session.read(subject_uri("long"))
        [mark] = resource["marks"]
        assert mark["payload"]["cut_from_bytes"] > MAX_READ_BYTES
        assert json.dumps(text[:1000], ensure_ascii=False)[1:-1] in mark["payload"]["beginning"]
        assert size(resource) <= MAX_RESOURCE_BYTES


@awaited
async def test_a_resource_that_is_too_long_is_refused(
    shared_board: Blackboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sdk_server, "MAX_RESOURCE_BYTES", 100)
    async with within(BoardAccess(shared_board)) as session:
        with pytest.raises(MCPError, match="the resource is too long; use the tools"):
            await session.read("board://status")
