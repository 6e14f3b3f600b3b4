"""A process whose wait is interrupted, by a signal's handler, lets all others write immediately."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from pathlib import Path

import pytest

from blackboard import Blackboard, Mark
from blackboard.system.files.board_files import BoardFiles
from tests.support.bounds import BOUND_SECONDS
from tests.support.started_processes import started

pytestmark = pytest.mark.processes


class Job(Mark, kind="job", on_repeat="separate"):
    n: int = 0


DEPOSITOR = """
import signal, sys
from blackboard import Blackboard
from tests.processes.test_interrupted_processes import Job

def late(*_):
    raise TimeoutError("the request took too long")

signal.signal(signal.SIGALRM, late)
board = Blackboard.open(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
try:
    board.deposit(Job(subject="interrupted"))
except TimeoutError:
    print("interrupted", flush=True)
sys.stdin.readline()
print(board.deposit(Job(subject="again")).outcome, flush=True)
"""


def wait_until_queued(path: Path) -> None:
    """Wait until a process holds the queue lock, which is while it waits to write next."""
    until = time.monotonic() + BOUND_SECONDS
    with open(BoardFiles(path).write_queue) as file:
        while time.monotonic() < until:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            fcntl.flock(file, fcntl.LOCK_UN)
            os.sched_yield()
    raise AssertionError("no process waits for the write lock")


def test_an_interrupted_wait_for_the_write_lock_locks_no_other_process_out(tmp_path: Path) -> None:
    path = tmp_path / "board.db"
    with Blackboard.open(path) as board:
        board.deposit(Job(subject="first"))
        with started(["-c", DEPOSITOR, str(path)]) as waiting:
            waiting.line(lambda line: line == "open")
            with board.database.exclusive_transaction():
                waiting.say()
                wait_until_queued(path)
                waiting.signal(signal.SIGALRM)
                waiting.line(lambda line: line == "interrupted")
            with Blackboard.open(path) as other:
                other.deposit(Job(subject="other"))  # StoreBusy if the lock were still held
            waiting.say()
            waiting.line(lambda line: line == "deposited")
        assert {mark.subject for mark in board.marks(Job)} == {"first", "other", "again"}
