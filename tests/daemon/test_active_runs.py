"""A thread claims its agent's next run in the transaction that ends a run, and threads are shared fairly."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from blackboard import Blackboard, ManualClock, Mark, agent, strength
from blackboard.board.activations.run_ends import activation_recovery
from blackboard.board.daemon_work.worker import Worker
from blackboard.core.agents.agent_definition import Agent
from blackboard.core.records.states import SUSPECT_DEATHS
from blackboard.daemon import DaemonLoop
from blackboard.daemon.agent_runs.active_runs import MAX_SEQUENCE_RUNS
from blackboard.daemon.loop.deployment_reload import DeployFile, ReloadedFile
from blackboard.settings.sections import DaemonSection
from tests.support.board_steps import in_transaction
from tests.support.bounds import BOUND_SECONDS


class Errand(Mark, kind="errand", on_repeat="separate"):
    pass


class Favour(Mark, kind="favour", on_repeat="separate"):
    pass


@pytest.fixture
def board(board_url: str, clock: ManualClock) -> Iterator[Blackboard]:
    with Blackboard.open(board_url, clock=clock, kinds=(Errand, Favour)) as opened:
        yield opened


def serve(board: Blackboard, *agents: Agent, workers: int = 1, deploy_file: DeployFile | None = None) -> DaemonLoop:
    return DaemonLoop(board, agents, DaemonSection(workers=workers), rng=random.Random(1), deploy_file=deploy_file)


def put(board: Blackboard, kind: type[Mark], count: int) -> None:
    for number in range(count):
        board.deposit(kind(subject=f"{kind.kind}/{number}"))


def test_the_end_of_a_run_and_the_next_claim_share_a_commit(board: Blackboard) -> None:
    @agent(watches=strength(Errand) >= 0.5, batch=1, concurrency=1)
    def runner(marks: list[Errand], context: Any) -> None:
        pass

    board.deploy(runner, kinds=(Errand,))
    put(board, Errand, 40)
    commits = 0

    def count() -> None:
        nonlocal commits
        commits += 1

    board.database.on_commit.subscribe(count)
    serve(board, runner).run(until_quiescent=True)
    assert len(board.activations(state="done", limit=100)) == 40
    assert commits < 40 + 20  # notifications of the daemon's own start and end


def test_a_thread_counts_as_one_worker_even_while_it_commits(board: Blackboard) -> None:
    taken: list[int] = []

    @agent(watches=strength(Errand) >= 0.5, batch=1, concurrency=1)
    def runner(marks: list[Errand], context: Any) -> None:
        pass

    board.deploy(runner, kinds=(Errand,))
    put(board, Errand, 5)
    daemon = serve(board, runner, workers=2)
    board.database.on_commit.subscribe(lambda: taken.append(daemon.runs.busy_threads()))
    daemon.run(until_quiescent=True)
    assert set(taken) == {0, 1}


def test_a_busy_agent_does_not_keep_threads_from_another(board: Blackboard, clock: ManualClock) -> None:
    order: list[str] = []

    @agent(watches=strength(Errand) >= 0.5, batch=1, concurrency=4)
    def busy(marks: list[Errand], context: Any) -> None:
        order.append("busy")
        clock.advance(timedelta(seconds=1))

    @agent(watches=strength(Favour) >= 0.5, batch=1)
    def patient(marks: list[Favour], context: Any) -> None:
        order.append("patient")

    board.deploy(busy, patient, kinds=(Errand, Favour))
    put(board, Errand, 12)
    put(board, Favour, 1)
    serve(board, busy, patient).run(until_quiescent=True)
    assert order.count("busy") == 12
    assert order.index("patient") <= 1


def test_a_claimed_next_run_is_not_recovered_as_lost(board: Blackboard) -> None:
    runs: list[int] = []

    @agent(watches=strength(Errand) >= 0.5, batch=1, concurrency=1)
    def runner(marks: list[Errand], context: Any) -> None:
        runs.append(marks[0].id)
        daemon.maintenance.recovery.run_once()

    board.deploy(runner, kinds=(Errand,))
    put(board, Errand, 5)
    daemon = serve(board, runner)
    daemon.run(until_quiescent=True)
    assert len(runs) == len(set(runs)) == 5
    assert {item.interruptions for item in board.activations(state="done", limit=10)} == {0}


def test_a_thread_does_not_continue_with_an_agent_replaced_by_a_reload(board: Blackboard) -> None:
    ran: list[str] = []
    reloading = threading.Event()

    @agent(watches=strength(Errand) >= 0.5, batch=1, concurrency=1)
    def runner(marks: list[Errand], context: Any) -> None:
        ran.append("as it was")
        daemon.request_reload()
        reloading.wait(BOUND_SECONDS)

    @agent(watches=strength(Errand) >= 0.5, batch=1, concurrency=1, name="runner")
    def again(marks: list[Errand], context: Any) -> None:
        ran.append("as it is")

    def reload(worker: str) -> ReloadedFile:
        board.deploy(again)
        reloading.set()
        return ReloadedFile({"runner": again}, {})

    board.deploy(runner, kinds=(Errand,))
    put(board, Errand, 3)
    daemon = serve(board, runner, workers=2, deploy_file=reload)
    daemon.run(until_quiescent=True)
    assert ran == ["as it was", "as it is", "as it is"]


def test_a_thread_does_not_continue_after_the_daemon_stops(board: Blackboard) -> None:
    runs: list[int] = []

    @agent(watches=strength(Errand) >= 0.5, batch=1, concurrency=1)
    def runner(marks: list[Errand], context: Any) -> None:
        runs.append(marks[0].id)
        daemon.stop()

    board.deploy(runner, kinds=(Errand,))
    put(board, Errand, 3)
    daemon = serve(board, runner)
    daemon.run()
    assert len(runs) == 1
    serve(board, runner_again := _quiet(runner)).run(until_quiescent=True)
    assert len(board.activations(state="done", limit=10)) == 3
    assert runner_again.name == runner.name


def _quiet(declared: Agent) -> Agent:
    return agent(watches=strength(Errand) >= 0.5, batch=1, concurrency=1, name=declared.name)(
        lambda marks, context: None
    )


def test_a_claimed_run_that_has_not_begun_is_handed_back_at_a_stop(board: Blackboard) -> None:
    runs: list[int] = []

    @agent(watches=strength(Errand) >= 0.5, batch=1, concurrency=1)
    def runner(marks: list[Errand], context: Any) -> None:
        runs.append(marks[0].id)

    board.deploy(runner, kinds=(Errand,))
    put(board, Errand, 3)
    daemon = serve(board, runner)
    daemon.on_event.append(lambda event, details: daemon.stop() if event == "done" else None)
    daemon.run()
    assert len(runs) == 1
    assert [(item.state, item.attempt) for item in board.activations(limit=10)] == [("ready", 0), ("done", 1)]


def test_an_agent_publishes_before_its_next_claim(board: Blackboard) -> None:
    running: list[int] = []

    def notice(reader: Any, settings: Any) -> None:
        running.append(len(board.activations(state="running", limit=10)))

    @agent(watches=strength(Errand) >= 0.5, batch=1, concurrency=1, publish=notice)
    def runner(marks: list[Errand], context: Any) -> None:
        pass

    board.deploy(runner, kinds=(Errand,))
    put(board, Errand, 3)
    serve(board, runner).run(until_quiescent=True)
    assert running == [0, 0, 0, 0]  # at the start and after each run


def test_a_failed_next_claim_does_not_fail_the_finished_run(board: Blackboard, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []

    @agent(watches=strength(Errand) >= 0.5, batch=1, concurrency=1)
    def runner(marks: list[Errand], context: Any) -> None:
        runs.append(marks[0].id)
        if len(runs) == 1:
            monkeypatch.setattr(daemon.runs, "claim_next", broken)

    def broken(txn: Any, run: Any, readings: Any) -> None:
        monkeypatch.undo()
        raise RuntimeError("no such row")

    board.deploy(runner, kinds=(Errand,))
    put(board, Errand, 3)
    daemon = serve(board, runner)
    daemon.run(until_quiescent=True)
    assert len(runs) == len(set(runs)) == 3
    assert {item.attempt for item in board.activations(state="done", limit=10)} == {1}


def test_no_agent_waits_forever_on_a_clock_that_does_not_advance(board: Blackboard) -> None:
    order: list[str] = []

    @agent(watches=strength(Errand) >= 0.5, batch=1, concurrency=1)
    def busy(marks: list[Errand], context: Any) -> None:
        order.append("busy")

    @agent(watches=strength(Favour) >= 0.5, batch=1)
    def patient(marks: list[Favour], context: Any) -> None:
        order.append("patient")

    board.deploy(busy, patient, kinds=(Errand, Favour))
    put(board, Errand, MAX_SEQUENCE_RUNS + 20)
    put(board, Favour, 1)
    serve(board, busy, patient).run(until_quiescent=True)
    assert order.index("patient") == MAX_SEQUENCE_RUNS


def test_what_must_run_alone_waits_for_all_other_runs_and_no_other_starts_beside_it(board: Blackboard) -> None:
    beside: list[int] = []

    @agent(watches=strength(Errand) >= 0.5, batch=1, concurrency=4)
    def runner(marks: list[Errand], context: Any) -> None:
        if marks[0].subject == "errand/0":
            beside.append(len(daemon.runs.current()))

    @agent(watches=strength(Favour) >= 0.5, batch=1, concurrency=4)
    def other(marks: list[Favour], context: Any) -> None:
        pass

    board.deploy(runner, other, kinds=(Errand, Favour))
    put(board, Errand, 1)
    for _ in range(SUSPECT_DEATHS):
        gone = Worker(board, 60_000_000, {})
        assert len(gone.claim_ready(["runner"], 1)) == 1
        in_transaction(board, activation_recovery.recover, [gone.id], expired=False)
    put(board, Favour, 30)
    daemon = serve(board, runner, other, workers=4)
    daemon.run(until_quiescent=True)
    assert beside == [1]
    assert {row.state for row in board.activations(limit=100)} == {"done"}
