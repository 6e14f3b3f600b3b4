"""All processes of a board on PostgreSQL follow its clock, so a machine whose clock is off changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from blackboard import Blackboard, Exponential, ManualClock, Mark, SystemClock
from blackboard.clock import Instant
from blackboard.durations import HOUR, SECOND
from blackboard.store.postgresql.connected_processes.postgresql_clock import PostgresqlClock
from blackboard.store.postgresql.postgresql_database import PostgresqlDatabase
from tests.support import worker_program
from tests.support.started_processes import started
from tests.support.worker_program import Done, Task

postgresql_only = pytest.mark.postgresql(only=True)


class Ember(Mark, kind="ember", decay=Exponential("30m"), floor=0.0):
    """A mark that fades."""


@pytest.fixture(params=[HOUR, -HOUR], ids=["an hour ahead", "an hour behind"])
def strange(request: pytest.FixtureRequest, board_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Blackboard]:
    """Return the board on a machine whose clock is off."""
    now = SystemClock.now
    monkeypatch.setattr(SystemClock, "now", lambda clock: now(clock) + request.param)
    with Blackboard.open(board_url, author="person:eve") as board:
        yield board


def database_time(board: Blackboard) -> Instant:
    assert isinstance(board.database, PostgresqlDatabase)
    return board.database.database_time()


@postgresql_only
def test_a_machine_whose_clock_is_off_deposits_at_the_time_of_the_server(strange: Blackboard) -> None:
    before = database_time(strange)
    strange.deposit(Ember(subject="a"))
    [event] = strange.query("SELECT recorded_at FROM event")
    assert before <= int(event["recorded_at"] or 0) <= database_time(strange)
    earliest, now, latest = database_time(strange), strange.clock.now(), database_time(strange)
    assert earliest - SECOND < now < latest + SECOND


@postgresql_only
def test_strengths_in_python_and_in_the_views_agree_on_such_a_machine(strange: Blackboard) -> None:
    strange.deposit(Ember(subject="a"))
    [mark] = strange.marks()
    [row] = strange.query("SELECT strength FROM live_marks")
    assert mark.strength == pytest.approx(float(row["strength"] or 0), abs=1e-3)
    assert mark.strength == pytest.approx(1.0, abs=0.01)


@postgresql_only
def test_time_goes_on_after_a_deposit_of_such_a_machine(strange: Blackboard, board_url: str) -> None:
    strange.deposit(Ember(subject="a"))
    first = strange.session.now()
    strange.deposit(Ember(subject="b"))
    assert first < strange.session.now() <= database_time(strange)


@postgresql_only
@pytest.mark.processes
def test_a_daemon_sleeps_until_an_instant_of_the_server(board_url: str) -> None:
    with Blackboard.open(board_url, author="person:ada") as board:
        arguments = ["-m", "tests.support.worker_program", board_url, "patient", "an-hour-ahead"]
        with started(arguments) as process:
            process.event("started")
            board.deposit(Task(subject="s", n=1))
            process.event("done")
            board.deposit(worker_program.Ember(subject="s", intensity=0.8))
            process.event("done", agent="warden")  # in time only if the daemon sleeps by the clock of PostgreSQL
        [done] = board.marks(Done)
        assert done.n == 1
        earliest, now, latest = database_time(board), board.session.now(), database_time(board)
        assert earliest - SECOND < now < latest + SECOND


@postgresql_only
def test_a_manual_clock_stays_manual(board_url: str) -> None:
    clock = ManualClock()
    with Blackboard.open(board_url, clock=clock) as board:
        clock.advance(timedelta(days=1))
        assert board.session.now() == clock.now()


class Machine(SystemClock):
    """The monotonic time of a machine, which the test moves."""

    def __init__(self) -> None:
        self.at = 0


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine whose monotonic time the test moves; the clocks of servers follow it."""
    machine = Machine()
    monkeypatch.setattr(PostgresqlClock, "monotonic", lambda clock: machine.at)
    return machine


def test_a_clock_asks_once_and_counts_on(machine: Machine) -> None:
    asked = []

    def ask() -> Instant:
        asked.append(machine.at)
        machine.at += 2000
        return 1_000_000

    clock = PostgresqlClock(ask)
    assert clock.now() == 1_001_000
    machine.at += 500
    assert clock.now() == 1_001_500
    assert asked == [0]


def test_a_slow_answer_does_not_replace_an_exact_one(machine: Machine) -> None:
    clock = PostgresqlClock(lambda: 0)
    machine.at = 100
    clock.observe(1_000_050, 0)  # exact to 50 us
    machine.at = 5_000_100
    clock.observe(1_000_100, 100)  # an answer that waited for 5 seconds
    assert clock.now() == 6_000_100


def test_a_clock_of_the_server_that_was_set_is_followed_at_once(machine: Machine) -> None:
    clock = PostgresqlClock(lambda: 0)
    machine.at = 100
    clock.observe(1_000_050, 0)
    machine.at = 20_100
    clock.observe(9_000_000, 100)
    assert clock.now() == 9_010_000
