"""Daemons in separate processes are woken by a datagram, proven dead by a lock, and fenced when they wake late.

They obey signals.
"""

from __future__ import annotations

import fcntl
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta

import pytest

from blackboard import Blackboard, Need, Overdue
from tests.support.bounds import BOUND_SECONDS
from tests.support.file_boards import path_of
from tests.support.started_processes import Process, started, wait_for_any
from tests.support.worker_program import Cold, Done, Ember, Lamp, Lit, Task, Told

pytestmark = pytest.mark.processes


@pytest.fixture
def board(board_url: str) -> Iterator[Blackboard]:
    with Blackboard.open(board_url, author="person:ada") as board:
        yield board


def worker(board: Blackboard, *arguments: str) -> AbstractContextManager[Process]:
    return started(["-m", "tests.support.worker_program", board.database.url, *arguments])


def start_a_job_and_die(board: Blackboard) -> int:
    """Kill a worker during an activation, and return the number of the activation."""
    with worker(board, "patient", "waits") as process:
        process.event("started")
        board.deposit(Task(subject="s", n=1))
        number: int = process.event("claimed")["id"]
        process.line(lambda line: "at work" in line)
        process.signal(signal.SIGKILL)
        process.popen.wait(BOUND_SECONDS)
    return number


@contextmanager
def hold_write_lock(board: Blackboard) -> Iterator[None]:
    """Keep other processes from holding or awaiting the write lock, so that a paused process blocks no other."""
    with ExitStack() as held:
        for name in ("write-queue", "write-lock"):
            file = held.enter_context(open(f"{path_of(board)}-{name}"))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.mark.postgresql
def test_a_deposit_of_another_process_is_noticed_at_once(board: Blackboard) -> None:
    with worker(board, "patient") as process:
        process.event("started")
        for n in range(20):
            board.deposit(Task(subject=f"s/{n}", n=n))
            process.event("claimed")  # in time only by the datagram
            process.event("done")


def test_worker_ids_are_new_at_each_start(board: Blackboard) -> None:
    seen = set()
    for _ in range(2):
        with worker(board) as process:
            seen.add(process.event("started")["worker"])
    assert len(seen) == 2


@pytest.mark.file_only("a lock on PostgreSQL proves only after seconds that a worker has ended")
def test_the_activation_of_a_dead_worker_is_recovered_at_the_next_start(board: Blackboard) -> None:
    number = start_a_job_and_die(board)
    with worker(board) as process:
        assert process.event("started")["recovered"] == 1
        assert process.event("done")["id"] == number


def test_the_activation_of_a_dead_worker_is_done_by_the_next_worker(board: Blackboard) -> None:
    number = start_a_job_and_die(board)
    with worker(board, "patient") as process:  # no lease ends before the test: only the lock proves the death
        assert process.event("done")["id"] == number
    [done] = board.marks(Done)
    assert done.by == "one that did not"


@pytest.mark.postgresql
def test_live_workers_notice_a_death_at_once(board: Blackboard) -> None:
    with worker(board, "patient", "waits") as victim:
        victim.event("started")
        board.deposit(Task(subject="s", n=1))
        number = victim.event("claimed")["id"]
        victim.line(lambda line: "at work" in line)
        with worker(board, "patient") as survivor:
            assert survivor.event("started")["recovered"] == 0
            victim.signal(signal.SIGKILL)
            assert survivor.event("claimed")["id"] == number
            survivor.event("done")
    assert len(board.marks(Done)) == 1


@pytest.mark.file_only("it holds the lock files of a board, so that the suspended process has none of them")
def test_a_daemon_suspended_past_its_lease_cannot_apply_a_result(board: Blackboard) -> None:
    with worker(board, "waits") as sleeper:
        sleeper.event("started")
        board.deposit(Task(subject="s", n=1))
        number = sleeper.event("claimed")["id"]
        sleeper.line(lambda line: "at work" in line)
        with hold_write_lock(board):
            sleeper.signal(signal.SIGSTOP)
        with worker(board) as other:
            assert other.event("done")["id"] == number
        sleeper.say("the paused one may end now")
        sleeper.signal(signal.SIGCONT)
        sleeper.line(lambda line: "a late result was refused" in line)
    [done] = board.marks(Done)
    assert done.by == "one that did not"
    [activation] = board.activations()
    assert (activation.state, activation.marks_deposited) == ("done", 1)


@pytest.mark.postgresql
def test_a_falling_crossing_wakes_an_agent_by_itself(board: Blackboard) -> None:
    with worker(board, "patient") as process:
        process.event("started")
        for n in range(10):
            board.deposit(Ember(subject=f"s/{n}", intensity=0.8))
            process.event("done")  # in time only if the daemon sleeps until the crossing
    lags = [
        item.started_at - item.crossed_at for item in board.activations(agent="warden") if item.started_at is not None
    ]
    assert len(lags) == 10
    assert min(lags) >= timedelta(), "never before the crossing"


def test_a_falling_crossing_without_a_daemon_is_handled_once_with_its_true_time(board: Blackboard) -> None:
    with worker(board) as process:
        process.event("started")
    receipt = board.deposit(Ember(subject="s", intensity=0.8))
    [left] = board.history("s")
    crosses = left.recorded_at + timedelta(microseconds=135_614)  # 200 ms x log2(0.8 / 0.5)
    with worker(board) as process:  # starting takes longer than that
        process.event("done", watch="watch")
        process.signal(signal.SIGTERM)
        assert process.ends() == 0
    [cold] = board.marks(Cold)
    [activation] = board.activations(agent="warden")
    assert cold.subject == "s"
    assert receipt.mark_id > 0
    assert abs(activation.crossed_at - crosses) <= timedelta(microseconds=2)
    assert activation.started_at is not None
    assert activation.started_at > crosses


@pytest.mark.postgresql
def test_a_condition_that_lasts_crosses_once_for_two_daemons(board: Blackboard) -> None:
    with worker(board) as one, worker(board) as other:
        daemons = [one, other]
        for process in daemons:
            process.event("started")
        for n in range(3):
            board.deposit(Lamp(subject=f"s/{n}"))
        wait_for_any(daemons, "done", 3)
        for process in daemons:
            process.signal(signal.SIGTERM)
        assert [process.ends() for process in daemons] == [0, 0]
    assert sorted(mark.subject for mark in board.marks(Lit)) == ["s/0", "s/1", "s/2"]
    crossed = {activation.subject: activation.crossed_at for activation in board.activations(agent="keeper")}
    assert len(board.activations(agent="keeper")) == len(crossed) == 3
    for mark in board.marks(Lamp):
        [lit] = [event for event in board.history(mark.subject) if event.kind == "lamp"]
        assert crossed[mark.subject] - lit.recorded_at == timedelta(seconds=1)


def test_a_need_that_is_due_becomes_overdue_once_for_three_daemons(board: Blackboard) -> None:
    early = [board.deposit(Need(subject="early", question=str(n), due=f"{n}ms")).mark_id for n in range(3)]
    with worker(board) as one, worker(board) as other, worker(board) as third:
        daemons = [one, other, third]
        for process in daemons:
            process.event("started")
        later = [board.deposit(Need(subject="later", question=str(n), due=f"{500 + n}ms")).mark_id for n in range(4)]
        board.deposit(Need(subject="much later", question="?", due="1h"))
        needs = early + later
        wait_for_any(daemons, "done", len(needs))
        for process in daemons:
            process.signal(signal.SIGTERM)
        assert [process.ends() for process in daemons] == [0, 0, 0]
    due = {need.id: need.due_at for need in board.inbox() if need.overdue and need.due_at is not None}
    assert sorted(due) == needs
    events = [event for name in ("early", "later") for event in board.history(name) if event.kind == "overdue"]
    assert len(events) == len(needs)
    for mark, [event] in ((mark, [e for e in events if e.mark_id == mark.id]) for mark in board.marks(Overdue)):
        assert event.occurred_at == due[mark.need] <= event.recorded_at
    assert sorted(mark.need for mark in board.marks(Told)) == needs


def test_sigterm_lets_running_activations_finish(board: Blackboard) -> None:
    with worker(board, "waits") as process:
        process.event("started")
        board.deposit(Task(subject="s", n=1))
        process.line(lambda line: "at work" in line)
        process.signal(signal.SIGTERM)
        process.line(lambda line: "stopping" in line)
        board.deposit(Task(subject="t", n=2))
        process.say("end")
        process.event("done")
        assert process.ends() == 0
    assert [mark.n for mark in board.marks(Done)] == [1]
    assert [row.subject for row in board.agenda()] == ["t"]


def test_a_second_signal_stops_at_once_and_hands_back(board: Blackboard) -> None:
    with worker(board, "waits") as process:
        process.event("started")
        board.deposit(Task(subject="s", n=1))
        process.line(lambda line: "at work" in line)
        process.signal(signal.SIGTERM)
        process.line(lambda line: "stopping" in line)
        process.signal(signal.SIGTERM)
        assert process.ends() == 0
    assert board.marks(Done) == []
    [activation] = board.activations()
    assert activation.state == "ready"
    with worker(board) as process:
        assert process.event("started")["recovered"] == 0
        process.event("done")
    assert [mark.n for mark in board.marks(Done)] == [1]
