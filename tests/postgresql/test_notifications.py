"""Processes on PostgreSQL hear of commits immediately and of workers' deaths soon, and no promise depends on that."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from blackboard import Blackboard, Mark
from blackboard.durations import SECOND
from blackboard.store.database_interfaces.process_interface import Liveness
from blackboard.store.postgresql.connected_processes import commit_notifications, worker_locks
from blackboard.store.statements import ACTIVATIONS
from tests.postgresql.postgresql_sessions import PostgresqlSessions
from tests.support.bounds import BOUND_SECONDS
from tests.support.started_processes import started
from tests.support.threads import join_all
from tests.support.worker_program import Done, Task
from tests.support.world import spec

pytestmark = pytest.mark.postgresql(only=True)


class Lead(Mark, kind="lead", on_repeat="separate"):
    """What wakes an agent."""


@pytest.fixture
def other(board: Blackboard, board_url: str) -> Iterator[Blackboard]:
    """Return the board as another process has it open. An agent watches it."""
    with Blackboard.open(board_url, author="person:bob", kinds=[Lead]) as other:
        other.deposit(Lead(subject="first"))
        deployment = other.deployment
        agent = spec("reader", 'count("lead") >= 1', kinds=[Lead])
        other.deploy(deployment.model_copy(update={"agents": {"reader": agent}}))
        yield other


@pytest.fixture
def heard(board: Blackboard, other: Blackboard) -> Iterator[threading.Event]:
    """Return an event that commits of other processes set, as in a process that waits for work."""
    event = threading.Event()
    with board.database.processes.hear_commits(event.set) as is_heard:
        assert is_heard
        assert event.wait(BOUND_SECONDS)  # each connection begins with a reading of the board
        event.clear()
        yield event


def test_a_commit_that_may_wake_an_agent_is_heard(heard: threading.Event, other: Blackboard) -> None:
    for number in range(5):
        other.deposit(Lead(subject=f"{number}"))
        assert heard.wait(BOUND_SECONDS)
        heard.clear()


def test_a_process_does_not_hear_its_own_commits(
    heard: threading.Event, board: Blackboard, other: Blackboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[tuple[str, bool]] = []
    has_received = threading.Event()
    read = commit_notifications._received  # noqa: SLF001 -- it is replaced below

    def note(connection: Any) -> Iterator[str]:
        """Note each sender, and whether the commits before were heard: they are, before the next notification."""
        senders = [*read(connection)]
        received.extend((sender, heard.is_set()) for sender in senders)
        yield from senders
        if senders:
            has_received.set()

    monkeypatch.setattr(commit_notifications, "_received", note)
    board.deposit(Lead(subject="own"))
    assert has_received.wait(BOUND_SECONDS)
    other.deposit(Lead(subject="of another"))
    assert heard.wait(BOUND_SECONDS)
    own, of_another = received
    assert own[0] != of_another[0]
    assert not of_another[1]


def test_after_a_lost_connection_a_listener_looks_and_hears_again(
    heard: threading.Event, other: Blackboard, sessions: PostgresqlSessions
) -> None:
    for number in range(10):
        sessions.end_all()
        assert heard.wait(BOUND_SECONDS)  # it looks, because it may have missed a commit
        heard.clear()
        other.deposit(Lead(subject=f"{number}"))
        assert heard.wait(BOUND_SECONDS)
        heard.clear()


def test_a_process_has_one_listening_connection(board: Blackboard, other: Blackboard) -> None:
    events = [threading.Event() for _ in range(3)]
    with (
        board.database.processes.hear_commits(events[0].set),
        board.database.processes.hear_commits(events[1].set),
        board.database.processes.hear_commits(events[2].set),
    ):
        assert all(event.wait(BOUND_SECONDS) for event in events[:1])
        other.deposit(Lead(subject="a"))
        assert all(event.wait(BOUND_SECONDS) for event in events)
        assert len([thread for thread in threading.enumerate() if thread.name == "blackboard-listener"]) == 1
    join_all(*(thread for thread in threading.enumerate() if thread.name == "blackboard-listener"))


def register(board: Blackboard, liveness: Liveness) -> None:
    """Register a worker with its lock."""
    values = {"pid": 1, "host": "here", "version": "1", "agents": "{}", "schema": None, "model": None}
    board.session.write(
        lambda txn: (
            txn.sql.run(
                ACTIVATIONS.insert_worker,
                id=liveness.id,
                started_at=txn.now,
                seen_at=txn.now,
                lock_key=liveness.lock_key,
                **values,
            )
            and None
        )
    )


def wait_for_lock(liveness: Liveness, woken: threading.Event) -> None:
    """Wait until a worker holds its lock, which wakes it."""
    while not liveness.is_proven:
        assert woken.wait(BOUND_SECONDS)
        woken.clear()


def test_the_lock_of_a_worker_shows_that_it_is_alive(
    board: Blackboard, other: Blackboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_locks, "GRACE", SECOND // 5)
    monkeypatch.setattr(commit_notifications, "LOCK_CHECK_SECONDS", 0.05)
    told, woken = threading.Event(), threading.Event()
    one, two = board.database.processes.liveness(told.set), other.database.processes.liveness(woken.set)
    one.enter()
    two.enter()
    try:
        wait_for_lock(one, told)
        wait_for_lock(two, woken)
        register(board, one)
        register(other, two)
        assert board.session.dead_workers() == frozenset()
        assert not two.check_peers()
        one.release()
        while not two.check_peers():
            assert woken.wait(BOUND_SECONDS)
            woken.clear()
        rows = board.session.read(lambda txn: txn.sql.all(ACTIVATIONS.workers))
        assert two.dead_among(rows, board.session.now()) == [one.id]
        assert board.session.dead_workers() == frozenset([one.id])
        assert not two.check_peers()  # it is reported once
    finally:
        one.release()
        two.release()


def test_a_worker_whose_connection_ends_takes_its_lock_again(
    board: Blackboard, other: Blackboard, sessions: PostgresqlSessions
) -> None:
    woken = threading.Event()
    liveness = board.database.processes.liveness(woken.set)
    liveness.enter()
    try:
        for _ in range(5):
            woken.clear()
            sessions.end_all()
            wait_for_lock(liveness, woken)
    finally:
        liveness.release()
    assert not liveness.lock_key


@pytest.mark.postgresql(only=True, long=True)
@pytest.mark.processes
def test_daemons_whose_listeners_are_ended_lose_and_double_nothing(
    board: Blackboard, board_url: str, sessions: PostgresqlSessions
) -> None:
    arguments = ["-m", "tests.support.worker_program", board_url]
    with started(arguments) as one, started(arguments) as two:
        one.event("started")
        two.event("started")
        for number in range(30):
            if not number % 3:
                sessions.end_all()
            board.deposit(Task(subject=f"s/{number}", n=number))
        until = time.monotonic() + BOUND_SECONDS
        while len(board.marks(Done, limit=None)) < 30:
            assert time.monotonic() < until
            one.has_said("done")
        assert sorted(mark.n for mark in board.marks(Done, limit=None)) == list(range(30))
