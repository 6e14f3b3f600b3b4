"""Daemons that are killed, and sessions that are ended, lose and double nothing, and leave no worker behind."""

from __future__ import annotations

import random
import signal
import time
from contextlib import ExitStack

import pytest

from blackboard import Blackboard
from tests.postgresql.postgresql_sessions import PostgresqlSessions
from tests.support.started_processes import Process, started
from tests.support.worker_program import Done, Task

pytestmark = [pytest.mark.postgresql(only=True, long=True), pytest.mark.processes, pytest.mark.timeout(600)]

TASKS, KILLS = 120, 8
BOUND_SECONDS = 150.0


def test_killed_daemons_lose_and_double_nothing(
    board: Blackboard, board_url: str, sessions: PostgresqlSessions
) -> None:
    rng = random.Random(1)
    arguments = ["-m", "tests.support.worker_program", board_url]
    with ExitStack() as stack:
        daemons: list[Process] = [stack.enter_context(started(arguments)) for _ in range(3)]
        for process in daemons:
            process.event("started")
        for number in range(TASKS):
            board.deposit(Task(subject=f"s/{number}", n=number))
            if number % (TASKS // KILLS) == 0:
                victim = daemons.pop(rng.randrange(len(daemons)))
                victim.signal(signal.SIGKILL)
                victim.popen.wait(BOUND_SECONDS)
                daemons.append(stack.enter_context(started(arguments)))
            if number % 40 == 20:
                sessions.end_all()
        for process in daemons:
            if not process.has_said("started"):
                process.event("started")
        until = time.monotonic() + BOUND_SECONDS
        while len(board.marks(Done, limit=None)) < TASKS:
            assert time.monotonic() < until, sorted(mark.n for mark in board.marks(Done, limit=None))
            for process in daemons:
                process.has_said("done")
        assert sorted(mark.n for mark in board.marks(Done, limit=None)) == list(range(TASKS))
        while len(workers := board.query("SELECT id FROM worker")) > len(daemons):
            assert time.monotonic() < until, workers  # living workers remove the rows of dead workers
        for process in daemons:
            process.signal(signal.SIGTERM)
        assert [process.ends() for process in daemons] == [0] * len(daemons)
    assert board.query("SELECT id FROM worker") == []
    assert {activation.state for activation in board.activations(limit=1000)} == {"done"}
