"""A worker claims only for agents whose active code is its own, and takes none from another that is alive."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from blackboard import Blackboard, ManualClock, Mark, agent, strength
from blackboard.board.deployments.deployer import Deployer
from blackboard.board.diagnosis import doctor
from blackboard.core.agents.agent_definition import Agent
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.daemon import DaemonEventDetails, DaemonLoop
from blackboard.errors import AgentInUse
from tests.support.manual_daemons import lose, run_until_idle


class Smoke(Mark, kind="smoke", on_repeat="separate"):
    """A cause."""


class Alarm(Mark, kind="alarm", on_repeat="separate"):
    by: str


def version(number: str, name: str = "watchman", threshold: float = 0.5) -> Agent:
    @agent(watches=strength(Smoke) >= threshold, writes=[Alarm], name=name, version=number)
    def function(marks: Any, context: Any) -> Any:
        return [Alarm(subject=mark.subject, by=number) for mark in marks]

    return function


@pytest.fixture
def board(board_url: str, clock: ManualClock) -> Iterator[Blackboard]:
    with Blackboard.open(board_url, clock=clock, author="person:test", kinds=[Smoke, Alarm]) as opened:
        yield opened


@pytest.fixture
def started(board: Blackboard) -> Iterator[Any]:
    """Return a function that starts a daemon; all are closed at the end."""
    daemons: list[DaemonLoop] = []

    def start(*agents: Agent, replace: bool = False) -> DaemonLoop:
        daemon = DaemonLoop(board, agents, rng=random.Random(1), replace=replace)
        try:
            daemon.start()
        except BaseException:
            daemon.close()
            raise
        daemons.append(daemon)
        run_until_idle(daemon)
        return daemon

    yield start
    for daemon in daemons:
        daemon.close()


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as entries:
        yield entries


def smoke(board: Blackboard) -> None:
    board.deposit(Smoke(subject="kitchen"))


def alarms(board: Blackboard) -> list[str]:
    return sorted(alarm.by for alarm in board.marks(Alarm))


def warnings(logs: list[Any]) -> list[list[str]]:
    return [entry["agents"] for entry in logs if "this worker does not claim" in entry["event"]]


def test_a_worker_registers_its_agents_and_their_code(board: Blackboard, started: Any) -> None:
    daemon = started(version("1"), version("1", "other"))
    [status] = board.status().workers
    assert (status.id, status.agents, status.problem) == (daemon.worker.id, ("watchman", "other"), None)
    assert status.version


def test_a_start_with_other_code_is_refused_while_a_worker_serves_the_active_code(
    board: Blackboard, started: Any
) -> None:
    daemon = started(version("1"))
    with pytest.raises(AgentInUse, match=f"worker {daemon.worker.id} serves watchman .*--replace"):
        started(version("2"))
    assert board.deployment.agents["watchman"].code == version("1").spec.code
    assert len(board.status().workers) == 1
    smoke(board)
    run_until_idle(daemon)
    assert alarms(board) == ["1"]


def test_replaced_code_claims_nothing_more_and_says_so(board: Blackboard, started: Any, logs: list[Any]) -> None:
    old = started(version("1"))
    new = started(version("2"), replace=True)
    smoke(board)
    run_until_idle(old)
    assert alarms(board) == []
    run_until_idle(new)
    run_until_idle(old)
    assert alarms(board) == ["2"]
    assert warnings(logs) == [["watchman"]]
    problems = {worker.id: worker.problem for worker in board.status().workers}
    assert problems[new.worker.id] is None
    assert "other code than the active one for watchman" in (problems[old.worker.id] or "")
    [finding] = [finding for finding in doctor.examine_board(board) if finding.name == "code"]
    assert (finding.state, old.worker.id in finding.detail) == ("note", True)  # another worker serves the agent
    assert board.explain("watchman").held_by is None
    new.close()
    smoke(board)
    run_until_idle(old)
    assert alarms(board) == ["2"]
    [finding] = [finding for finding in doctor.examine_board(board) if finding.name == "code"]
    assert finding.state == "wrong"
    assert f"worker {old.worker.id} does not claim for it" in (board.explain("watchman").held_by or "")


def test_code_that_is_active_again_claims_again(board: Blackboard, started: Any, logs: list[Any]) -> None:
    old = started(version("1"))
    board.deploy(version("2"))
    smoke(board)
    run_until_idle(old)
    board.deploy(version("1"))
    run_until_idle(old)
    assert alarms(board) == ["1"]
    assert [entry["agents"] for entry in logs if "claims for these agents again" in entry["event"]] == [["watchman"]]


def test_a_run_of_replaced_code_ends_and_is_followed_by_the_new_code(board: Blackboard, started: Any) -> None:
    """The thread that ends an activation claims the next one in the same transaction: here it must not."""

    @agent(watches=strength(Smoke) >= 0.5, writes=[Alarm], name="watchman", batch=1)
    def slow(marks: Any, context: Any) -> Any:
        board.deploy(version("2"))
        return [Alarm(subject=mark.subject, by="slow") for mark in marks]

    old = started(slow)
    smoke(board)
    smoke(board)
    run_until_idle(old)
    assert alarms(board) == ["slow"]
    run_until_idle(started(version("2")))
    assert alarms(board) == ["2", "slow"]


def test_tunables_do_not_tell_code_apart(board: Blackboard, started: Any) -> None:
    daemon = started(version("1"))
    board.deploy(version("1", threshold=0.9))
    board.deposit(Smoke(subject="kitchen"), intensity=0.7)
    board.deposit(Smoke(subject="kitchen"), intensity=0.95)
    run_until_idle(daemon)
    assert alarms(board) == ["1"]
    started(version("1", threshold=0.3))  # and a start changes no registered threshold
    assert board.deployment.agents["watchman"].watches[0].when == 'strength("smoke") >= 0.9'


def test_a_daemon_with_other_code_is_quiescent_with_work_that_it_must_not_do(board: Blackboard) -> None:
    daemon = DaemonLoop(board, [version("1")], rng=random.Random(1))

    def replace(event: str, details: DaemonEventDetails) -> None:
        if event == "started":
            board.deploy(version("2"))

    daemon.on_event.append(replace)
    smoke(board)
    report = daemon.run(until_quiescent=True)
    assert "this daemon does not run that agent" in report.lines[0]


def test_agents_that_a_worker_serves_are_not_removed(board: Blackboard, started: Any) -> None:
    daemon = started(version("1"), version("1", "other"))
    kinds = {kind.kind: KindSpec.of(kind.defaults) for kind in (Smoke, Alarm)}
    without = Deployment(kinds=kinds, agents={"watchman": version("1").spec})
    with pytest.raises(AgentInUse, match=f"worker {daemon.worker.id} serves other, which would be removed"):
        board.deploy(without)
    assert board.deployment.agents.keys() == {"watchman", "other"}
    # The only worker that serves an agent may remove it itself.
    Deployer(worker_id=daemon.worker.id).deploy(board.session, lambda txn: without, board.author)
    assert board.deployment.agents.keys() == {"watchman"}
    board.deploy(Deployment(kinds=kinds), replace=True)
    assert board.deployment.agents == {}
    run_until_idle(daemon)
    [status] = board.status().workers
    assert status.problem == "the active deployment does not have its agents watchman, other"


def test_the_preview_foretells_a_refusal_and_idle_workers(board: Blackboard, started: Any) -> None:
    daemon = started(version("1"), version("1", "other"))
    new = board.deployment.model_copy(update={"agents": {"watchman": version("2").spec}})
    found = board.preview(new)
    with pytest.raises(AgentInUse) as refused:
        board.deploy(new)
    assert found.refusal == str(refused.value)
    agents = {name: version("2", name).spec for name in ("watchman", "other")}
    new = board.deployment.model_copy(update={"agents": agents})
    found = board.preview(new)
    assert found.refusal is None
    board.deploy(new)
    [status] = board.status().workers
    assert found.idle_workers == {daemon.worker.id: status.problem}


def test_agents_of_a_dead_worker_may_be_removed(board: Blackboard, started: Any) -> None:
    daemon = started(version("1"))
    lose(daemon)
    board.deploy(Deployment())
    assert board.deployment.agents == {}


def test_a_reload_changes_no_code(board: Blackboard, started: Any) -> None:
    daemon = started(version("1"))
    board.deploy(version("2"))
    mine = board.deployment.model_copy(update={"agents": {"watchman": version("1").spec}})
    with pytest.raises(AgentInUse, match="other code than this process for watchman; restart"):
        Deployer(new_code="never", worker_id=daemon.worker.id).deploy(board.session, lambda txn: mine, board.author)


def test_a_worker_of_an_older_schema_is_shown(board: Blackboard, started: Any) -> None:
    daemon = started(version("1"))
    with board.database.exclusive_transaction() as transaction:
        transaction.cursor.execute("UPDATE worker SET schema = '0003'")
    [status] = board.status().workers
    assert "it knows schema 0003 of the board" in (status.problem or "")
    assert "claims nothing" in (board.explain("watchman").held_by or "")
    assert daemon.worker.id in next(finding.detail for finding in doctor.examine_board(board) if finding.name == "code")
