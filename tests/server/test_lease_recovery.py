"""Activations of remote workers that died come back while only a server runs."""

from __future__ import annotations

import re
import threading
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from blackboard import Blackboard
from blackboard.board.diagnosis.doctor import examine_board
from blackboard.core.specs.sink_spec import SinkSpec
from blackboard.errors import StoreBusy
from blackboard.server import lease_recovery
from blackboard.server.lease_recovery import LeaseRecovery
from tests.support.bounds import BOUND_SECONDS
from tests.support.event_client import Listening
from tests.support.served_board import Served, deploy_remote
from tests.support.server_process import process

CLAIMS = "/v1/agents/review/claims"

REMOTE_AGENT = """
[agents.review]
remote = true
watches = 'strength("lead") >= 0.5'
writes = ["reply"]
"""


@pytest.fixture
def remote(served: Served) -> Served:
    """Return a served board with one remote agent and a lead."""
    deploy_remote(served.board)
    served.board.deposit("lead", subject="lead/1")
    return served


def states(board: Blackboard) -> list[str]:
    return [record.state for record in board.activations()]


def test_an_expired_lease_ends_without_another_claim(remote: Served) -> None:
    board = remote.board
    remote.client("claim:review").post(CLAIMS, params={"lease": "1m"})
    assert (board.recover_leases(), states(board)) == (0, ["running"])
    remote.clock.advance(timedelta(minutes=1))
    (finding,) = [finding for finding in _findings(board) if finding["state"] != "ok"]
    assert "a server or a daemon recovers" in finding["advice"]
    assert (board.recover_leases(), states(board)) == (1, ["ready"])
    assert [finding for finding in _findings(board) if finding["state"] != "ok"] == []
    assert board.recover_leases() == 0


def _findings(board: Blackboard) -> list[dict[str, str]]:
    return [asdict(finding) for finding in examine_board(board) if finding.name == "leases"]


def test_people_are_told_of_what_is_dead(remote: Served) -> None:
    """A run until the timeout of its agent is a failure; that of the last attempt is dead."""
    board, deployment = remote.board, remote.board.deployment
    settings = deployment.agents["review"].settings.model_copy(update={"max_attempts": 1, "timeout": 60_000_000})
    agent = deployment.agents["review"].model_copy(update={"settings": settings})
    sinks = {"phone": SinkSpec(on=("dead",))}
    board.deploy(deployment.model_copy(update={"agents": {"review": agent}, "sinks": sinks}))
    remote.client("claim:review").post(CLAIMS, params={"lease": "1h"})
    remote.clock.advance(timedelta(seconds=61))
    assert (board.recover_leases(), states(board)) == (1, ["dead"])
    assert [message.topic for message in board.outbox()] == ["dead"]


def test_many_leases_end_in_several_transactions(remote: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blackboard.board.remote_work.remote_runs.RECOVERED_AT_ONCE", 2)
    for number in range(2, 6):
        remote.board.deposit("lead", subject=f"lead/{number}")
    client = remote.client("claim:review")
    assert {client.post(CLAIMS, params={"lease": "1s"}).status_code for _ in range(5)} == {200}
    remote.clock.advance(timedelta(seconds=1))
    assert remote.board.recover_leases() == 5


def test_a_board_that_cannot_be_used_is_tried_again(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_recovery, "RECOVERY_SECONDS", 0.001)
    tried = threading.Semaphore(0)

    def fail(board: Blackboard) -> int:
        tried.release()
        raise StoreBusy("another process has locked the board")

    monkeypatch.setattr(Blackboard, "recover_leases", fail)
    with LeaseRecovery(served.board):
        assert all(tried.acquire(timeout=BOUND_SECONDS) for _ in range(3))


@pytest.mark.processes
def test_a_server_alone_recovers_a_worker_that_died(tmp_path: Path, board_url: str) -> None:
    with (
        process(tmp_path, board_url, "serve", "--listen", "127.0.0.1:0", file=REMOTE_AGENT) as (child, url),
        Blackboard.open(board_url) as board,
    ):
        token = board.create_token("dying", may=["claim:review", "read"])
        headers = {"Authorization": f"Bearer {token}"}
        with httpx2.Client(base_url=url, headers=headers, timeout=BOUND_SECONDS, trust_env=False) as client:
            board.deposit("lead", subject="lead/1")
            with Listening(client, "?streams=activity&agent=review") as stream:
                assert client.post(CLAIMS, params={"lease": "1s"}).status_code == 200
                events = stream.take(2)
            assert [(event.data["event"], event.data["state"]) for event in events] == [
                ("activation", "running"),
                ("activation", "ready"),
            ]
            claimed = client.post(CLAIMS).json()
            assert (claimed["fence"], claimed["attempt"]) == (2, 1)
        child.terminate()
        assert child.wait(BOUND_SECONDS) == 0


def test_the_page_on_remote_agents_says_how_soon() -> None:
    text = (Path(__file__).parents[2] / "docs/remote-agents.md").read_text("utf-8")
    said = re.search(r"within (\d+) seconds", text)
    assert said is not None
    assert float(said[1]) == lease_recovery.RECOVERY_SECONDS
