"""An agent may raise, hang, flood or lie; it harms only its own activation.

A person sees the whole error, and can retry or discard the activation.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from blackboard import ActivationRecord, Blackboard, ManualClock, Mark, agent, strength
from blackboard.daemon.agent_runs.active_runs import MAX_HANGING_THREADS
from tests.support.bounds import BOUND_SECONDS
from tests.support.manual_daemons import run_until_idle, served
from tests.support.threads import join_all


class Smoke(Mark, kind="smoke", on_repeat="separate"):
    detail: str = ""


class Alarm(Mark, kind="alarm", on_repeat="separate"):
    text: str = ""


def until_dead(board: Blackboard, clock: ManualClock, daemon: Any, hours: int = 12) -> ActivationRecord:
    """Return the first activation after its last attempt."""
    for _ in range(hours * 6):
        run_until_idle(daemon)
        (*_, row) = board.activations()
        if row.state == "dead":
            return row
        clock.advance(timedelta(minutes=10))
    raise AssertionError(f"it is still {row.state}")


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (lambda: itertools.repeat(Alarm(subject="a")), "more than 1000 marks (max_marks)"),
        (lambda: [Alarm(subject="a")] * 1_000_000, "more than 1000 marks (max_marks)"),
        (lambda: Alarm(subject="a", text="x" * 10_000_000), "at most 262144 are allowed (max_payload)"),
        (lambda: [Alarm(subject="a", text="x" * 250_000) for _ in range(100)], "(max_total)"),
        (lambda: Smoke(subject="a"), "does not declare in writes"),
        (lambda: Alarm(subject="x" * 10_000), "at most 512"),
        (lambda: Alarm(subject="a\x00b"), "not valid text"),
        (lambda: Alarm(subject="a", intensity=float("nan")), "intensity must be a number"),
        (lambda: Alarm(subject="a", text="\ud800"), "not JSON"),
        (lambda: 42, "an agent returns marks, Withdraw, Reinforce or None"),
        (lambda: [None], "returned NoneType among its marks"),
        (lambda: (Alarm(subject=str(1 // (n - 2))) for n in range(5)), "ZeroDivisionError"),
    ],
)
def test_a_forbidden_result_is_a_dead_activation_with_its_reason_and_no_deposits(
    board: Blackboard, clock: ManualClock, left: Any, words: str
) -> None:
    @agent(watches=strength(Smoke) >= 0.5, writes=[Alarm], name="flood")
    def flood(marks: Any, context: Any) -> Any:
        return left()

    daemon = served(board, flood)
    board.deposit(Smoke(subject="kitchen"))
    row = until_dead(board, clock, daemon)
    assert words in str(row.error)
    assert row.attempt == 3
    assert board.marks(Alarm) == []
    assert [mark.subject for mark in board.marks(Smoke)] == ["kitchen"]


@pytest.mark.parametrize(
    "raised", [ValueError("no"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), MemoryError()]
)
def test_the_daemon_survives_every_exception_and_keeps_the_whole_error(
    board: Blackboard, clock: ManualClock, raised: BaseException
) -> None:
    @agent(watches=strength(Smoke) >= 0.5, name="raises")
    def raises(marks: Any, context: Any) -> None:
        raise raised

    daemon = served(board, raises)
    board.deposit(Smoke(subject="kitchen"))
    error = str(until_dead(board, clock, daemon).error)
    assert error.startswith(type(raised).__name__)
    assert "in raises" in error, "the place is in it"


def test_a_failing_batch_is_split_until_the_bad_mark_is_alone(board: Blackboard, clock: ManualClock) -> None:
    @agent(watches=strength(Smoke) >= 0.5, writes=[Alarm], batch=32, cooldown_after_failures=100, name="picky")
    def picky(marks: Any, context: Any) -> Iterator[Alarm]:
        if any(mark.subject == "s13" for mark in marks):
            raise ValueError("thirteen")
        return (Alarm(subject=mark.subject) for mark in marks)

    daemon = served(board, picky)
    board.deposit_many(Smoke(subject=f"s{number}") for number in range(32))
    for _ in range(40):
        run_until_idle(daemon)
        clock.advance(timedelta(minutes=5))
    assert {mark.subject for mark in board.marks(Alarm)} == {f"s{n}" for n in range(32)} - {"s13"}
    (dead,) = board.activations(state="dead")
    assert dead.marks_absorbed == 1
    assert "thirteen" in str(dead.error)


def test_a_dead_activation_is_retried_with_new_attempts_or_discarded(board: Blackboard, clock: ManualClock) -> None:
    broken = True

    @agent(watches=strength(Smoke) >= 0.5, writes=[Alarm], name="mended")
    def mended(marks: Any, context: Any) -> Any:
        if broken:
            raise ValueError("not yet")
        return [Alarm(subject=mark.subject) for mark in marks]

    daemon = served(board, mended)
    board.deposit(Smoke(subject="kitchen"))
    row = until_dead(board, clock, daemon)
    board.retry(row.id)
    assert until_dead(board, clock, daemon).attempt == 3
    broken = False
    board.retry(row.id)
    clock.advance(timedelta(hours=1))
    run_until_idle(daemon)
    assert [mark.subject for mark in board.marks(Alarm)] == ["kitchen"]
    broken = True
    board.deposit(Smoke(subject="cellar"))
    for _ in range(40):
        run_until_idle(daemon)
        clock.advance(timedelta(minutes=10))
    (dead,) = board.activations(state="dead")
    board.discard(dead.id)
    run_until_idle(daemon)
    assert board.activations(state="discarded")[0].id == dead.id
    assert len(board.marks(Alarm)) == 1


def test_an_agent_that_always_fails_has_growing_cooldowns_and_others_have_none(
    board: Blackboard, clock: ManualClock
) -> None:
    tries: list[int] = []
    fine: list[str] = []

    @agent(watches=strength(Smoke) >= 0.5, cooldown_after_failures=3, max_attempts=100, retry_after="1s", name="broken")
    def broken(marks: Any, context: Any) -> None:
        tries.append(clock.now())
        raise ValueError("always")

    @agent(watches=strength(Smoke) >= 0.5, name="fine")
    def other(marks: Any, context: Any) -> None:
        fine.extend(mark.subject for mark in marks)

    daemon = served(board, broken, other)
    for number in range(120):
        board.deposit(Smoke(subject=f"s{number}"))
        run_until_idle(daemon)
        clock.advance(timedelta(seconds=10))
    assert len(fine) == 120
    assert len(tries) < 40, "a hundred and twenty marks came"
    assert board.agents()[0].until is not None


def test_an_agent_that_hangs_occupies_only_a_few_threads(
    board: Blackboard, clock: ManualClock, logs: list[Any]
) -> None:
    release = threading.Event()
    begun: list[int] = []
    begins = threading.Semaphore(0)

    @agent(
        watches=strength(Smoke) >= 0.5,
        timeout="1s",
        retry_after="1s",
        cooldown_after_failures=1000,
        max_attempts=100,
        name="hangs",
    )
    def hangs(marks: Any, context: Any) -> None:
        begun.append(context.activation_id)
        begins.release()
        release.wait(BOUND_SECONDS)

    daemon = served(board, hangs)
    claimed: list[str] = []
    daemon.on_event.append(lambda event, details: claimed.append(event) if event == "claimed" else None)
    board.deposit(Smoke(subject="kitchen"))
    for _ in range(60):
        daemon.run_once()
        while claimed:  # its thread begins before the time goes on
            claimed.pop()
            assert begins.acquire(timeout=BOUND_SECONDS)
        clock.advance(timedelta(minutes=5))
    assert len(begun) == MAX_HANGING_THREADS
    assert sum("threads hang" in entry["event"] for entry in logs) == 1
    release.set()
    run_until_idle(daemon)
    for _ in range(5):
        clock.advance(timedelta(minutes=30))
        run_until_idle(daemon)
    assert [row.state for row in board.activations()] == ["done"]


def test_threads_started_by_an_agent_block_nothing(board: Blackboard, clock: ManualClock) -> None:
    release = threading.Event()
    threads: list[threading.Thread] = []

    @agent(watches=strength(Smoke) >= 0.5, writes=[Alarm], batch=1, name="leaks")
    def leaks(marks: Any, context: Any) -> Alarm:
        threads.append(threading.Thread(target=release.wait, args=(60,), daemon=True))
        threads[-1].start()
        return Alarm(subject=marks[0].subject)

    daemon = served(board, leaks)
    for number in range(5):
        board.deposit(Smoke(subject=f"s{number}"))
    run_until_idle(daemon)
    for _ in range(10):
        run_until_idle(daemon)
    assert len(board.marks(Alarm)) == 5
    release.set()
    join_all(*threads)
