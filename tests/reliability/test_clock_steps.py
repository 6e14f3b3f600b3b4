"""Steps of the clock never raise strengths, fire nothing twice, miss nothing, and are logged once.

A leap that no person confirms changes nothing irreversible.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard import Blackboard, Exponential, ManualClock, Mark, agent, strength
from blackboard.board.board_clock import clock_confirmation
from blackboard.daemon.loop.clock_jumps import ClockWatch
from blackboard.errors import InvalidMark
from blackboard.presentation.json_shapes import status_of, summary
from tests.support.bounds import BOUND_SECONDS
from tests.support.hypothesis_examples import examples
from tests.support.manual_daemons import run_until_idle, served


class Smoke(Mark, kind="smoke", decay=Exponential("1h"), on_repeat="separate"):
    pass


class Slow(Mark, kind="slow", decay=Exponential("365d")):
    pass


SEEN: list[str] = []


@agent(watches={"new": strength(Smoke) >= 0.5, "cold": strength(Smoke) < 0.25}, batch=10, timeout="1m")
def watchman(marks: Any, context: Any) -> None:
    SEEN.extend(f"{context.watch} {mark.subject}" for mark in marks)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    SEEN.clear()


def strengths(board: Blackboard) -> dict[str, float]:
    return {mark.subject: mark.strength for mark in board.marks("smoke")}


def count_logs(logs: list[Any], words: str) -> int:
    return sum(words in entry["event"] for entry in logs)


def test_a_step_back_of_hours_freezes_strengths_and_is_logged_once(
    board: Blackboard, clock: ManualClock, logs: list[Any]
) -> None:
    daemon = served(board, watchman)
    board.deposit(Smoke(subject="kitchen"))
    run_until_idle(daemon)
    clock.advance(timedelta(minutes=30))
    run_until_idle(daemon)
    before = strengths(board)
    clock.step(timedelta(hours=-5))
    for _ in range(5):
        run_until_idle(daemon)
        clock.advance(timedelta(minutes=1))
        assert strengths(board) == before
    assert count_logs(logs, "stepped back") == 1
    clock.advance(timedelta(hours=6))
    run_until_idle(daemon)
    assert strengths(board)["kitchen"] < before["kitchen"]
    assert SEEN == ["new kitchen"]


def test_a_step_forward_of_hours_fires_each_predicted_crossing_once_at_its_true_instant(
    board: Blackboard, clock: ManualClock, logs: list[Any]
) -> None:
    daemon = served(board, watchman)
    board.deposit(Smoke(subject="kitchen"))
    run_until_idle(daemon)
    clock.step(timedelta(hours=6))
    run_until_idle(daemon)
    run_until_idle(daemon)
    clock.step(timedelta(hours=-6))
    run_until_idle(daemon)
    clock.step(timedelta(hours=6))
    run_until_idle(daemon)
    assert SEEN == ["new kitchen", "cold kitchen"]
    assert count_logs(logs, "stepped forward") == 2
    cold = next(row for row in board.activations(agent="watchman") if row.watch == "cold")
    assert cold.crossed_at.isoformat().startswith("2026-01-05T11:00:00")


def test_a_step_forward_ends_no_activation_and_expires_no_lease(board: Blackboard, clock: ManualClock) -> None:
    from threading import Event

    begun, go_on = Event(), Event()
    ends: list[str] = []

    @agent(watches=strength(Smoke) >= 0.5, timeout="1m", name="patient")
    def patient(marks: Any, context: Any) -> None:
        begun.set()
        assert go_on.wait(BOUND_SECONDS)
        ends.append("done")

    daemon = served(board, patient)
    board.deposit(Smoke(subject="kitchen"))
    daemon.run_once()
    assert begun.wait(BOUND_SECONDS)
    other = Blackboard.open(board.database.url, clock=clock, author="person:test")
    second = served(other, patient)
    clock.step(timedelta(hours=9))  # the machine slept
    second.run_once()
    daemon.run_once()
    go_on.set()
    run_until_idle(daemon)
    run_until_idle(second)
    assert ends == ["done"]
    assert [row.state for row in board.activations()] == ["done"]
    other.close()


@examples(0.15)
@given(st.lists(st.tuples(st.booleans(), st.integers(-20, 20)), min_size=1, max_size=12))
def test_under_any_steps_each_mark_fires_once_and_strengths_only_fall(steps: list[tuple[bool, int]]) -> None:
    from tempfile import TemporaryDirectory

    SEEN.clear()
    clock = ManualClock()
    with TemporaryDirectory() as folder, Blackboard.open(f"sqlite:///{folder}/b.db", clock=clock) as board:
        daemon = served(board, watchman)
        board.deposit(Smoke(subject="kitchen"))
        latest = 1.0
        for really, hours in steps:
            (clock.advance if really else clock.step)(timedelta(hours=hours))
            run_until_idle(daemon)
            now = strengths(board).get("kitchen", 0.0)
            assert now <= latest + 1e-12
            latest = now
        clock.advance(timedelta(days=30))
        run_until_idle(daemon)
    assert SEEN == ["new kitchen", "cold kitchen"]


# -- leaps -----------------------------------------------------------------------------------------------------------


def test_a_leap_changes_nothing_and_deposits_one_question(
    board: Blackboard, clock: ManualClock, logs: list[Any]
) -> None:
    daemon = served(board, watchman)
    board.deposit(Smoke(subject="kitchen"))
    run_until_idle(daemon)
    before = strengths(board)
    clock.step(timedelta(days=400))
    for _ in range(5):
        run_until_idle(daemon)
        clock.advance(timedelta(minutes=1))
    assert strengths(board) == before
    assert SEEN == ["new kitchen"]
    (question,) = board.inbox()
    assert question.subject == clock_confirmation.CLOCK_SUBJECT
    assert "2027-02-09" in question.question
    assert count_logs(logs, "leapt ahead") == 1
    doubted = board.status().doubted_clock
    assert doubted is not None
    assert doubted.date() == date(2027, 2, 9)
    assert status_of(summary(board.status(), "here", "no model")).doubted_clock == doubted


def test_a_clock_that_comes_back_withdraws_the_question_and_does_not_move_time(
    board: Blackboard, clock: ManualClock, logs: list[Any]
) -> None:
    daemon = served(board, watchman)
    board.deposit(Smoke(subject="kitchen"))
    clock.step(timedelta(days=4000))
    run_until_idle(daemon)
    clock.step(timedelta(days=-4000))
    clock.advance(timedelta(hours=1))
    run_until_idle(daemon)
    assert board.inbox() == []
    assert board.status().doubted_clock is None
    assert strengths(board)["kitchen"] == pytest.approx(0.5, rel=1e-6)
    assert count_logs(logs, "believed again") == 1


def test_a_leap_that_is_corrected_before_anybody_doubts_it_is_not_recorded(
    board: Blackboard, clock: ManualClock
) -> None:
    daemon = served(board, watchman)
    board.deposit(Smoke(subject="kitchen"))
    before = board.now()
    watch = ClockWatch(daemon.worker)
    clock.step(timedelta(days=4000))
    jump = watch.check()
    clock.step(timedelta(days=-4000))  # between two lines of the daemon's turn
    for seen in (jump, watch.check()):
        watch.update_board(seen, daemon.worker.due_work().doubted_clock)
    assert board.now() == before


def test_a_person_confirms_the_clock_of_a_long_unused_board(path: Path, clock: ManualClock) -> None:
    url = f"sqlite:///{path}"
    with Blackboard.open(url, clock=clock) as board:
        board.deposit(Smoke(subject="old"))
        board.deposit(Slow(subject="oak"))
    clock.advance(timedelta(days=400))
    with Blackboard.open(url, clock=clock) as board:
        board.deposit(Smoke(subject="new"))
        (question,) = board.inbox()
        with pytest.raises(InvalidMark, match="answer yes"):
            board.answer(question.id, "perhaps")
        board.answer(question.id, "yes")
        assert strengths(board) == {"new": pytest.approx(1.0)}  # marks deposited in the meantime count from now
        assert board.marks("slow")[0].strength == pytest.approx(0.5 ** (400 / 365), rel=1e-6)
        assert board.inbox() == []


@pytest.mark.postgresql
def test_resuming_the_board_confirms_the_clock_too(board: Blackboard, clock: ManualClock) -> None:
    daemon = served(board, watchman)
    board.deposit(Smoke(subject="kitchen"))
    run_until_idle(daemon)
    clock.step(timedelta(days=400))
    run_until_idle(daemon)
    board.resume()
    run_until_idle(daemon)
    assert strengths(board) == {}
    assert SEEN == ["new kitchen", "cold kitchen"]


def test_the_views_do_not_believe_it_either(path: Path) -> None:
    long_ago = ManualClock(datetime(2001, 1, 1, tzinfo=UTC))  # after it, the machine's clock is a leap
    with Blackboard.open(f"sqlite:///{path}", clock=long_ago) as board:
        board.deposit(Smoke(subject="kitchen"))
        shown = board.session.read(
            lambda txn: txn.sql.cursor.execute("SELECT strength, as_of FROM live_marks").fetchall()
        )
    assert shown[0][0] == 1.0
    assert shown[0][1].startswith("2001-01-01T00:00:00")


def test_the_setting_leap_says_which_clock_is_not_believed(board: Blackboard, clock: ManualClock) -> None:
    daemon = served(board, watchman, leap="2h")
    clock.step(timedelta(hours=3))
    run_until_idle(daemon)
    assert len(board.inbox()) == 1
