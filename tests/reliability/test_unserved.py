"""`doctor`, `explain` and `status` say that nobody serves a board or an agent, and since when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from blackboard import Agent, Blackboard, ManualClock, Mark, agent, count, strength
from blackboard.board.diagnosis import doctor
from blackboard.core.records.finding import Finding
from blackboard.core.specs.deployment import Deployment
from tests.support.manual_daemons import lose, run_until_idle, served


class Smoke(Mark, kind="smoke", on_repeat="separate", decay={"law": "linear", "lifetime": "1h"}):
    pass


def an_agent(name: str, version: str = "1", **declared: Any) -> Agent:
    @agent(watches=declared.pop("watches", strength(Smoke) >= 0.5), name=name, version=version, **declared)
    def function(marks: Any, context: Any) -> None:
        return None

    return function


WATCHMAN = an_agent("watchman")


def finding(board: Blackboard, name: str) -> Finding:
    return next(item for item in doctor.examine_board(board) if item.name == name)


def without_agents(board: Blackboard) -> Deployment:
    return board.deployment.model_copy(update={"agents": {}})


@pytest.fixture
def deserted(board: Blackboard, clock: ManualClock) -> str:
    """Return when the only daemon of a board ended, a day ago."""
    daemon = served(board, WATCHMAN)
    clock.advance(timedelta(minutes=5))
    daemon.close()
    ended = "2026-01-05T09:05"
    clock.advance(timedelta(days=1))
    return ended


@pytest.mark.postgresql
def test_work_that_waits_for_a_daemon_is_wrong_and_an_idle_board_is_not(board: Blackboard, deserted: str) -> None:
    idle = finding(board, "workers")
    assert (idle.state, deserted in idle.detail) == ("note", True)
    board.deposit(Smoke(subject="kitchen"))
    waiting = finding(board, "workers")
    assert (waiting.state, "waiting crossings and activations: 1" in waiting.detail) == ("wrong", True)
    assert "blackboard run" in waiting.advice
    explained = board.explain("watchman", "kitchen")
    assert explained.held_by == explained.unserved
    assert (explained.held_by or "").startswith(f"no daemon has served it since {deserted}")
    assert explained.unserved_since is not None
    assert f"{explained.unserved_since:%Y-%m-%dT%H:%M}" == deserted
    assert "no daemon has served it since" in explained.watches[0].verdict


def test_a_pause_is_explained_beside_a_missing_daemon(board: Blackboard, deserted: str) -> None:
    board.deposit(Smoke(subject="kitchen"))
    board.pause("watchman", "a holiday")
    explained = board.explain("watchman", "kitchen")
    assert explained.held_by == "it is paused: a holiday"
    assert deserted in (explained.unserved or "")
    assert finding(board, "workers").state == "note"  # a daemon would not wake a paused agent


def test_a_board_that_was_never_served_says_so(board: Blackboard) -> None:
    board.deploy(WATCHMAN)
    board.deposit(Smoke(subject="kitchen"))
    assert "no earlier daemon is known" in finding(board, "workers").detail
    assert board.explain("watchman").unserved_since is None


@pytest.mark.postgresql
def test_a_board_whose_agents_were_all_replaced_says_since_when_it_is_not_served(
    board: Blackboard, clock: ManualClock, deserted: str
) -> None:
    board.deploy(without_agents(board))
    board.deploy(an_agent("successor"))
    assert deserted in finding(board, "workers").detail
    board.deposit(Smoke(subject="kitchen"))
    waiting = finding(board, "workers")
    assert (waiting.state, deserted in waiting.detail) == ("wrong", True)
    board.deploy(without_agents(board))
    assert deserted in finding(board, "workers").detail
    lose(served(board, an_agent("third")))
    clock.advance(timedelta(hours=1))
    board.deploy(without_agents(board))
    assert "2026-01-06T09:05" in finding(board, "workers").detail


def test_work_in_a_batch_window_and_a_fall_that_is_due_wait_for_a_daemon(board: Blackboard, clock: ManualClock) -> None:
    board.deploy(an_agent("patient", batch_window="1h"))
    board.deposit(Smoke(subject="kitchen"))
    assert finding(board, "workers").state == "wrong"
    board.pause("patient")
    assert finding(board, "workers").state == "note"
    board.deploy(an_agent("cooler", watches=count(Smoke) < 1))
    clock.advance(timedelta(minutes=59))
    assert finding(board, "workers").state == "note"
    clock.advance(timedelta(minutes=2))
    assert finding(board, "workers").state == "wrong"


def test_an_agent_that_no_daemon_names_is_reported_beside_those_that_are_served(
    board: Blackboard, clock: ManualClock
) -> None:
    both = served(board, WATCHMAN, an_agent("other"))
    one = served(board, WATCHMAN)
    clock.advance(timedelta(minutes=5))
    both.close()
    clock.advance(timedelta(days=1))
    found = finding(board, "agent")
    assert (found.state, "other: no daemon has served it since 2026-01-05T09:05" in found.detail) == ("note", True)
    board.deposit(Smoke(subject="kitchen"))
    run_until_idle(one)
    assert finding(board, "agent").state == "wrong"
    assert board.explain("watchman").unserved is None
    one.close()


def test_a_worker_without_the_active_code_served_until_that_changed(board: Blackboard, clock: ManualClock) -> None:
    old = served(board, WATCHMAN)
    clock.advance(timedelta(hours=1))
    board.deploy(an_agent("watchman", "2"))
    clock.advance(timedelta(hours=1))
    board.deploy(an_agent("other"))  # a later deployment does not change the instant
    clock.advance(timedelta(hours=1))
    since = board.explain("watchman").unserved_since
    assert since is not None
    assert f"{since:%H:%M}" == "10:00"
    old.close()
    clock.advance(timedelta(hours=1))
    explained = board.explain("watchman")
    assert (explained.unserved or "").startswith("no daemon has served it since 2026-01-05T10:00")


@pytest.mark.file_only("a lock on PostgreSQL proves only after seconds that a worker has ended")
def test_a_dead_worker_is_shown_as_dead_until_its_work_is_recovered(board: Blackboard, clock: ManualClock) -> None:
    daemon = served(board, WATCHMAN)
    assert [worker.alive for worker in board.status().workers] == [True]
    lose(daemon)
    clock.advance(timedelta(hours=1))
    [worker] = board.status().workers
    assert (worker.alive, f"{worker.seen_at:%H:%M}") == (False, "09:00")
    assert "last seen at 2026-01-05T09:00" in finding(board, "workers").detail
    assert (board.explain("watchman").unserved or "").startswith("no daemon has served it since 2026-01-05T09:00")
    other = served(board, WATCHMAN)
    assert [worker.alive for worker in board.status().workers] == [True]
    assert board.explain("watchman").unserved is None
    other.close()
