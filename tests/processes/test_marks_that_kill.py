"""A mark that kills each process that works on it is found and quarantined; all other work is done."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from blackboard import Blackboard
from tests.support.bounds import BOUND_SECONDS
from tests.support.started_processes import ROOT

pytestmark = pytest.mark.processes

PROGRAM = """
import os, signal, sys
from blackboard import Blackboard, Daemon, Mark, agent, strength

class Job(Mark, kind="job", on_repeat="separate"):
    pass

class Letter(Mark, kind="letter", on_repeat="separate"):
    pass

class Done(Mark, kind="done", on_repeat="separate"):
    pass

@agent(watches=strength(Job) >= 0.5, writes=[Done], batch=6)
def worker(jobs, context):
    if any(job.subject == "poison" for job in jobs):
        os.kill(os.getpid(), signal.SIGKILL)
    return [Done(subject=job.subject) for job in jobs]

@agent(watches=strength(Letter) >= 0.5, writes=[Done], batch=1, concurrency=3)
def clerk(letters, context):
    return [Done(subject=letter.subject) for letter in letters]

url, *words = sys.argv[1:]
with Blackboard.open(url, kinds=(Job, Letter, Done)) as board:
    if words == ["fill"]:
        board.deploy(worker, clerk)
        for number in range(9):
            board.deposit(Job(subject="poison" if number == 4 else f"job/{number}"))
            board.deposit(Letter(subject=f"letter/{number}"))
    else:
        Daemon(board, [worker, clerk]).run(until_quiescent=True)
"""


def run(folder: Path, url: str, *words: str) -> int:
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    command = [sys.executable, "program.py", url, *words]
    return subprocess.run(
        command, cwd=folder, env=environment, timeout=BOUND_SECONDS, check=False, capture_output=True
    ).returncode


def test_a_mark_that_kills_the_daemon_is_quarantined(tmp_path: Path, board_url: str) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    assert run(tmp_path, board_url, "fill") == 0
    ends = []
    while (end := run(tmp_path, board_url)) == -signal.SIGKILL:  # a supervisor starts it again
        ends.append(end)
        assert len(ends) < 10
    assert end == 0
    assert len(ends) <= 3 + 3  # a batch of 6, 3, 2, 1
    with Blackboard.open(board_url) as board:
        done = {mark.subject for mark in board.marks("done")}
        [bad] = board.activations(state="quarantined")
        [need] = board.inbox()
        assert board.activations(state="ready") == []
    assert done == {f"{name}/{n}" for name in ("job", "letter") for n in range(9)} - {"job/4"}
    assert (bad.agent, bad.marks_absorbed) == ("worker", 1)
    assert str(bad.id) in need.question
