"""The doctor reports every fault of a board with advice, and no fault of a sound board."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, ManualClock, Mark, agent, strength
from blackboard.board.deployment_effects.deployment_activation import activate
from blackboard.board.diagnosis.doctor import examine_board
from blackboard.core.records.finding import Finding
from blackboard.core.specs.deployment import Deployment
from blackboard.store.database_interfaces.process_interface import MAX_SILENCE
from blackboard.store.statements import ACTIVATIONS
from tests.support.board_steps import in_transaction
from tests.support.file_boards import path_of
from tests.support.manual_daemons import run_until_idle, served


class Smoke(Mark, kind="smoke", on_repeat="separate"):
    pass


@agent(watches=strength(Smoke) >= 0.5, max_attempts=1, cooldown_after_failures=1)
def broken(marks: Any, context: Any) -> None:
    raise ValueError("no")


def wrong(board: Blackboard, deployment: Deployment | None = None) -> dict[str, Finding]:
    return {item.name: item for item in examine_board(board, deployment) if item.state == "wrong"}


def test_a_sound_board_has_no_finding(board: Blackboard) -> None:
    board.deploy(broken)
    findings = examine_board(board, board.deployment)
    assert [finding for finding in findings if finding.state == "wrong"] == []
    names = {"engine", "schema", "clock", "workers", "leases", "dead activations", "deployment"}
    if path_of(board) is not None:
        names |= {"journal mode", "pages", "disk", "write-ahead log", "permissions"}
    assert names <= {finding.name for finding in findings}


@pytest.mark.file_only("the fault is in the permissions of the file")
def test_a_file_that_others_may_read_is_reported_with_advice(board: Blackboard, path: Path) -> None:
    os.chmod(path, 0o644)
    assert "chmod" in wrong(board)["permissions"].advice


def _a_clock_in_doubt(board: Blackboard, clock: ManualClock) -> None:
    clock.step(timedelta(days=800))


def _a_pause(board: Blackboard, clock: ManualClock) -> None:
    board.pause(reason="the price list is wrong")


def _a_dead_worker(board: Blackboard, clock: ManualClock) -> None:
    board.session.write(
        lambda txn: (
            txn.sql.run(
                ACTIVATIONS.insert_worker,
                id="host-1-dead",
                pid=1,
                host="host",
                started_at=txn.now,
                seen_at=txn.now - MAX_SILENCE,  # no lock shows that it is alive
                version="1",
                agents="{}",
                schema=None,
                model=None,
                lock_key=None,
            )
            and None
        )
    )


def _a_dead_activation(board: Blackboard, clock: ManualClock) -> None:
    board.deposit(Smoke(subject="kitchen"))
    run_until_idle(served(board, broken))


def _an_expired_lease(board: Blackboard, clock: ManualClock) -> None:
    from blackboard.board.activations.agent_claims import claims
    from blackboard.board.activations.agent_claims.claims import ClaimRequest

    board.deploy(broken)
    board.deposit(Smoke(subject="kitchen"))
    assert (
        board.session.write(
            lambda txn: claims.claim(txn, txn.deployment.agent("broken"), ClaimRequest("somebody", 1_000_000))
        )
        is not None
    )
    clock.advance(timedelta(hours=1))


@pytest.mark.parametrize(
    ("fault", "name", "advice"),
    [
        (_a_clock_in_doubt, "clock", "blackboard resume"),
        (_a_pause, "pause", "blackboard resume"),
        (_a_dead_worker, "workers", "start a daemon"),
        (_a_dead_activation, "dead activations", "blackboard retry"),
        (_a_dead_activation, "failures", "blackboard activations"),
        (_an_expired_lease, "leases", "start a daemon"),
    ],
)
def test_each_fault_is_reported_with_advice(
    board: Blackboard, clock: ManualClock, fault: Callable[..., None], name: str, advice: str
) -> None:
    fault(board, clock)
    found = wrong(board)
    assert advice in found[name].advice


@pytest.mark.postgresql
def test_a_deployment_file_that_is_not_active_is_drift(board: Blackboard) -> None:
    board.deploy(broken)
    wanted = board.deployment
    assert "deployment" not in wrong(board, wanted)
    changed = wanted.model_copy(update={"trust": {"webform": 0.5}})
    assert "blackboard init" in wrong(board, changed)["deployment"].advice
    in_transaction(board, activate, changed)
    assert "deployment" not in wrong(board, changed)


@pytest.mark.file_only("PostgreSQL looks after its disk and its log itself")
def test_a_nearly_full_disk_and_a_large_log_are_reported(board: Blackboard, monkeypatch: pytest.MonkeyPatch) -> None:
    from blackboard.board.diagnosis import store_findings

    monkeypatch.setattr(store_findings, "MIN_FREE_BYTES", 1 << 60)
    monkeypatch.setattr(store_findings, "MAX_LOG_BYTES", 1)
    board.deposit(Smoke(subject="kitchen"))
    assert {"disk", "write-ahead log"} <= set(wrong(board))
