"""An agent that uses up all file descriptors harms its own activation and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.started_processes import started

pytestmark = pytest.mark.processes

PROGRAM = """
import contextlib, json, os, resource, sys, threading
from blackboard import Blackboard, Mark, agent, strength
from blackboard.daemon.loop.daemon_loop import DaemonLoop
from blackboard.errors import StoreError
from blackboard.store.connections import reader_pool
class Job(Mark, kind="job", on_repeat="separate"): pass
class Fine(Mark, kind="fine", on_repeat="separate"): pass
class Done(Mark, kind="done", on_repeat="separate"): pass
kept, ended = [], []
@agent(watches=strength(Job) >= 0.5, writes=[Done])
def leaky(jobs, context):
    try:
        while True:
            kept.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        return [Done(subject=job.subject) for job in jobs]
@agent(watches=strength(Fine) >= 0.5, writes=[Done], batch=1)
def honest(jobs, context):
    return [Done(subject=job.subject) for job in jobs]
resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
board = Blackboard.open(sys.argv[1])
board.deploy(leaky, honest)
board.deposit(Job(subject="job"))
daemon = DaemonLoop(board, [leaky, honest])
held, awaited, sleep_for = threading.Event(), threading.Event(), reader_pool.sleep_for
def noted_sleep(length):
    awaited.set()
    sleep_for(length)
def hold_and_give_back():
    with contextlib.ExitStack() as readers:
        with contextlib.suppress(StoreError):
            while True:  # every connection for reading, until there is no descriptor for another one
                readers.enter_context(board.database.read())
        reader_pool.sleep_for = noted_sleep
        held.set()
        awaited.wait()  # until the daemon needs one
def go_on(event, details):
    if event == "done" and details["agent"] == "leaky":
        daemon.maintenance.recovery.run_once()
        threading.Thread(target=hold_and_give_back).start()
        held.wait()
        board.deposit_many(Fine(subject=f"fine {n}") for n in range(3))
    ended.extend([event] if event == "done" else [])
    if len(ended) == 4:
        daemon.stop()
daemon.on_event.append(go_on)
daemon.run()
for descriptor in kept:
    os.close(descriptor)
print(json.dumps([len(kept) > 100, len(board.marks("done"))]), flush=True)
"""


def test_a_daemon_without_free_descriptors_goes_on(tmp_path: Path) -> None:
    with started(["-c", PROGRAM, str(tmp_path / "board.db")]) as process:
        assert process.ends() == 0, "\n".join(process.lines)
        assert json.loads(process.lines[-1]) == [True, 4]
