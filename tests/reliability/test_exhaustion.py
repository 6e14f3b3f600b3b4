"""A system without descriptors, threads, disk or memory ends no daemon, and costs no mark an attempt."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from blackboard import Blackboard, ManualClock, Mark, agent, strength
from blackboard.board.activations.run_ends import activation_results
from blackboard.cli.app import app
from blackboard.daemon import DaemonLoop
from blackboard.errors import StoreExhausted
from blackboard.store.dialects import driver_errors
from tests.support.bounds import BOUND_SECONDS
from tests.support.manual_daemons import run_until_idle, served
from tests.support.threads import join_all


class Job(Mark, kind="job", on_repeat="separate"):
    pass


class Done(Mark, kind="done", on_repeat="separate"):
    pass


@agent(watches=strength(Job) >= 0.5, writes=[Done], batch=1)
def worker(jobs: list[Job], context: Any) -> Done:
    return Done(subject=jobs[0].subject)


@agent(watches=strength(Job) >= 0.5, writes=[Done], batch=1, name="worker")
async def asynchronous(jobs: list[Job], context: Any) -> Done:
    return Done(subject=jobs[0].subject)


class Failing:
    """A function that raises an error until it is mended."""

    def __init__(self, work: Callable[..., Any], error: Exception) -> None:
        self.work, self.error, self.broken, self.calls = work, error, True, 0

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.calls += 1
        if self.broken:
            raise self.error
        return self.work(*arguments, **options)


def events(logs: list[Any], *, level: str = "error") -> list[str]:
    return [entry["event"] for entry in logs if entry["log_level"] == level]


def attempts(board: Blackboard) -> list[tuple[str, int]]:
    return [(row.state, row.attempt) for row in board.activations()]


WANTS = [
    MemoryError(),
    OSError(24, "Too many open files"),
    RuntimeError("can't start new thread"),
    StoreExhausted("the disk is full"),
]


@pytest.mark.parametrize("error", [*WANTS, KeyError("a mistake of ours")], ids=lambda error: type(error).__name__)
def test_the_loop_outlives_an_error_and_says_it_once(
    board: Blackboard, clock: ManualClock, logs: list[Any], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    daemon = served(board, worker)
    due = Failing(daemon.worker.due_work, error)
    monkeypatch.setattr(daemon.worker, "due_work", due)
    board.deposit(Job(subject="job"))
    for _ in range(20):
        daemon.run_once()
        daemon.wake.clear()
        daemon.sleep()  # a tick of the manual clock
    assert due.calls == 20
    assert len(events(logs)) == 1
    due.broken = False
    clock.advance(timedelta(minutes=2))
    run_until_idle(daemon)
    assert attempts(board) == [("done", 1)]
    assert sum(event.endswith("again") for event in events(logs, level="info")) == 1


@pytest.mark.parametrize("error", WANTS, ids=lambda error: type(error).__name__)
def test_agents_go_on_while_maintenance_fails(
    board: Blackboard, logs: list[Any], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    daemon = served(board, worker)
    checkpoint = Failing(daemon.worker.board_maintenance.checkpoint, error)
    monkeypatch.setattr(daemon.worker.board_maintenance, "checkpoint", checkpoint)
    board.session.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    board.deposit(Job(subject="job"))
    run_until_idle(daemon)
    run_until_idle(daemon)
    assert attempts(board) == [("done", 1)]
    assert checkpoint.calls == 1, "it waits for its next interval"
    assert len(events(logs)) == 1


def test_a_result_without_memory_to_save_it_costs_no_attempt(
    board: Blackboard, clock: ManualClock, logs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = Failing(activation_results.finish, MemoryError())
    monkeypatch.setattr(activation_results, "finish", finish)
    daemon = served(board, worker)
    board.deposit(Job(subject="job"))
    run_until_idle(daemon)
    for _ in range(5):
        clock.advance(timedelta(seconds=30))  # recovery puts it back, and it fails in the same way
        run_until_idle(daemon)
    assert finish.calls > 3
    assert events(logs) == ["the board cannot be used; each tick tries again"]
    finish.broken = False
    clock.advance(timedelta(minutes=2))
    run_until_idle(daemon)
    assert [row.state for row in board.activations()] == ["done"]
    assert len(board.marks(Done)) == 1


def test_a_system_without_threads_puts_work_back(
    board: Blackboard, clock: ManualClock, logs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = served(board, worker)
    start = Failing(threading.Thread.start, RuntimeError("can't start new thread"))
    monkeypatch.setattr(threading.Thread, "start", lambda thread: start(thread))  # noqa: PLW0108  # binds to the thread
    board.deposit(Job(subject="job"))
    for _ in range(5):
        run_until_idle(daemon)
        clock.advance(timedelta(seconds=10))
    assert start.calls > 3
    assert len(events(logs)) == 1
    start.broken = False
    clock.advance(timedelta(minutes=2))
    run_until_idle(daemon)
    assert [row.state for row in board.activations()] == ["done"]


def test_an_asynchronous_agent_without_an_event_loop_loses_no_attempt(
    board: Blackboard, clock: ManualClock, logs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    new_loop = Failing(asyncio.new_event_loop, OSError(24, "Too many open files"))
    monkeypatch.setattr(asyncio, "new_event_loop", new_loop)
    daemon = served(board, asynchronous)
    board.deposit(Job(subject="job"))
    for _ in range(5):
        run_until_idle(daemon)
        clock.advance(timedelta(seconds=10))
    assert new_loop.calls > 3
    assert len(events(logs)) == 1
    new_loop.broken = False
    clock.advance(timedelta(minutes=2))
    run_until_idle(daemon)
    assert [row.state for row in board.activations()] == ["done"]
    daemon.close()


def test_a_program_that_waits_for_quiescence_hears_of_a_mistake(
    board: Blackboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = DaemonLoop(board, [worker])
    monkeypatch.setattr(daemon.worker, "due_work", Failing(daemon.worker.due_work, KeyError("a mistake of ours")))
    with pytest.raises(KeyError):
        daemon.run(until_quiescent=True)


def test_a_reader_without_a_descriptor_waits_for_the_connection_of_another_thread(
    board: Blackboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    board.deposit(Job(subject="job"))
    database = board.database
    holding, tried, seen = threading.Event(), threading.Event(), []

    def hold() -> None:
        with database.read():
            holding.set()
            tried.wait(BOUND_SECONDS)

    holder = threading.Thread(target=hold)
    holder.start()
    assert holding.wait(BOUND_SECONDS)
    database.reader_pool.close()

    def connect(*, writes: bool) -> Any:
        tried.set()
        raise StoreExhausted("no descriptor is free")

    monkeypatch.setattr(database, "connect", connect)
    monkeypatch.setattr(driver_errors, "is_without_descriptors", lambda: True)
    seen = [mark.subject for mark in board.marks(Job)]
    join_all(holder)
    assert seen == ["job"]
    with database.read(), pytest.raises(StoreExhausted):  # no other thread would ever give one back
        board.marks(Job)


def test_a_command_without_memory_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Blackboard, "open", Failing(Blackboard.open, MemoryError()))
    result = CliRunner().invoke(app, ["--database", str(tmp_path / "board.db"), "status"])
    assert result.exit_code == 1
    assert "this process has no memory left" in result.output + capsys.readouterr().err
