"""Runs that fail: a wrong result, an error, a timeout, a refused answer; the board takes nothing from them."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from blackboard import Blackboard, ManualClock, Mark, agent, of_subject, strength, strongest_of
from blackboard.daemon import DaemonEventDetails, DaemonLoop
from blackboard.errors import ModelError
from tests.daemon.smoke_boards import Alarm, Smoke, Stray, Verdict, deploy, run_until_quiescent, smoke
from tests.support.bounds import BOUND_SECONDS


def test_an_agent_that_returns_an_undeclared_kind_fails_and_deposits_nothing(board: Blackboard) -> None:
    @agent(watches=strength(Smoke) >= 0.7, writes=[Alarm], max_attempts=1)
    def watchman(smokes: list[Smoke], context: Any) -> list[Mark]:
        return [Alarm(subject="x", level=1), Stray(subject="x")]

    deploy(board, watchman)
    smoke(board)
    run_until_quiescent(board, watchman)
    (only,) = board.activations()
    assert only.state == "dead"
    assert "it returned a mark of the kind 'stray', which it does not declare in writes" in str(only.error)
    assert board.marks(Alarm) == []


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (42, "an agent returns marks"),
        (["marks"], "it returned str among its marks"),
        ("smoke", "it returned str; an agent returns marks"),
    ],
)
def test_an_invalid_result_is_refused_with_the_reason(board: Blackboard, result: Any, words: str) -> None:
    @agent(watches=strength(Smoke) >= 0.7, writes=[Alarm], max_attempts=1)
    def watchman(smokes: list[Smoke], context: Any) -> Any:
        return result

    deploy(board, watchman)
    smoke(board)
    run_until_quiescent(board, watchman)
    assert words in str(board.activations()[0].error)


def test_a_failing_batch_is_split_until_the_bad_mark_is_alone(board: Blackboard) -> None:
    @agent(watches=strength(Smoke) >= 0.1, writes=[Alarm], batch=8, max_attempts=2)
    def watchman(smokes: list[Smoke], context: Any) -> list[Alarm]:
        if any(item.subject == "e" for item in smokes):
            raise ValueError("poison")
        return [Alarm(subject=item.subject, level=1) for item in smokes]

    deploy(board, watchman)
    for subject in "abcdefgh":
        smoke(board, subject)
    report = run_until_quiescent(board, watchman)
    assert sorted(alarm.subject for alarm in board.marks(Alarm)) == list("abcdfgh")
    (dead,) = board.activations(state="dead")
    assert dead.marks_absorbed == 1
    assert "ValueError: poison" in str(dead.error)
    assert "Traceback" in str(dead.error), "the dead activation holds the whole error"
    assert any("1 dead" in line for line in report.lines)


def test_a_person_retries_or_discards_a_dead_activation(board: Blackboard) -> None:
    broken = True

    @agent(watches=strength(Smoke) >= 0.1, writes=[Alarm], max_attempts=1)
    def watchman(smokes: list[Smoke], context: Any) -> list[Alarm]:
        if broken:
            raise ValueError("not yet")
        return [Alarm(subject=item.subject, level=1) for item in smokes]

    deploy(board, watchman)
    smoke(board, "a")
    run_until_quiescent(board, watchman)
    smoke(board, "b")
    run_until_quiescent(board, watchman)
    first, second = sorted(item.id for item in board.activations(state="dead"))
    broken = False
    board.retry(first)
    board.discard(second)
    run_until_quiescent(board, watchman)
    assert [alarm.subject for alarm in board.marks(Alarm)] == ["a"]
    assert {item.state for item in board.activations()} == {"done", "discarded"}


def test_an_agent_that_hangs_past_its_timeout_fails_and_its_late_end_is_refused(
    board: Blackboard, clock: ManualClock
) -> None:
    release = threading.Event()

    @agent(watches=strength(Smoke) >= 0.1, writes=[Alarm], timeout="5m", max_attempts=1)
    def watchman(smokes: list[Smoke], context: Any) -> list[Alarm]:
        clock.advance(timedelta(minutes=6))
        nudge.set()
        assert release.wait(BOUND_SECONDS)
        return [Alarm(subject="late", level=1)]

    deploy(board, watchman)
    smoke(board)
    daemon = DaemonLoop(board, [watchman])
    nudge = daemon.wake

    def record(event: str, details: DaemonEventDetails) -> None:
        if event == "failed":
            release.set()

    daemon.on_event.append(record)
    daemon.run(until_quiescent=True)
    (only,) = board.activations()
    assert only.state == "dead"
    assert "ran past its timeout of 300 s" in str(only.error)
    assert board.marks(Alarm) == []


@pytest.mark.postgresql
def test_a_retry_sees_the_same_marks_with_the_same_strengths(board: Blackboard) -> None:
    seen: list[tuple[list[float], list[float], str]] = []

    @agent(watches=strength(Alarm) >= 1, reads=[of_subject(Smoke), strongest_of(Alarm)], max_attempts=2)
    def medic(alarms: list[Alarm], context: Any) -> None:
        seen.append(([a.strength for a in alarms], [s.strength for s in context.read(Smoke)], context.now.isoformat()))
        if len(seen) == 1:
            smoke(board, "ward", 3.0)
            raise ValueError("again")

    deploy(board, medic)
    smoke(board, "ward", 0.5)
    board.deposit(Alarm(subject="ward", level=1))
    run_until_quiescent(board, medic)
    assert seen[0] == seen[1]
    assert seen[0][1] == [0.5]


def test_an_undeclared_read_is_refused(board: Blackboard) -> None:
    @agent(watches=strength(Smoke) >= 0.1, reads=[of_subject(Alarm)], max_attempts=1)
    def watchman(smokes: list[Smoke], context: Any) -> None:
        context.read("alram")

    deploy(board, watchman)
    smoke(board)
    run_until_quiescent(board, watchman)
    assert "does not declare that it reads 'alram'; did you mean 'alarm'?" in str(board.activations()[0].error)


def test_an_agent_may_ask_once(board: Blackboard) -> None:
    @agent(watches=strength(Smoke) >= 0.1, max_attempts=1)
    def watchman(smokes: list[Smoke], context: Any) -> None:
        for _ in range(2):
            context.ask("Judge.", {}, Verdict, offline=lambda data: Verdict(level=1))

    deploy(board, watchman)
    smoke(board)
    run_until_quiescent(board, watchman)
    assert "asked twice" in str(board.activations()[0].error)


def test_an_answer_that_the_agent_rejects_is_a_failure_like_any_other(board: Blackboard) -> None:
    @agent(watches=strength(Smoke) >= 0.1, max_attempts=2)
    def watchman(smokes: list[Smoke], context: Any) -> None:
        raise ModelError("no verdict for mark 7")

    deploy(board, watchman)
    smoke(board)
    run_until_quiescent(board, watchman)
    (only,) = board.activations()
    assert (only.state, only.attempt, only.error) == ("dead", 2, "ModelError: no verdict for mark 7")
