"""A process that forks loses nothing, nor do its children: no connection, lock or socket crosses a fork."""

from __future__ import annotations

import json
import os
import select
import signal
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard
from blackboard.store.sqlite.sqlite_backups import examine_copy
from blackboard.system.files.board_files import BoardFiles
from tests.processes.forking_process import Note
from tests.support.bounds import BOUND_SECONDS
from tests.support.started_processes import started

pytestmark = pytest.mark.processes


def scenario(name: str, path: Path) -> Any:
    with started(["-m", "tests.processes.forking_process", name, str(path)]) as process:
        process.ends()
        assert process.popen.returncode == 0, "\n".join(process.lines)
        return json.loads(process.lines[-1])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "board.db"


def test_workers_of_a_prefork_server_lose_nothing(path: Path) -> None:
    found = scenario("prefork", path)
    assert found == {"codes": [0, 0], "killed": [-signal.SIGKILL], "notes": 2 + 2 * 21 + 20}


def test_children_that_end_without_using_the_board_harm_nothing(path: Path) -> None:
    assert scenario("idle", path) == {"notes": 10}
    with started(["-m", "tests.processes.forking_process", "idle", str(path), "dies"]) as process:
        assert process.ends() == -signal.SIGKILL
    with Blackboard.open(path) as board:
        assert len(board.marks(Note)) == 20
    assert examine_copy(path).marks == 20


def test_a_process_may_fork_while_its_threads_write_and_read(path: Path) -> None:
    found = scenario("busy", path)
    assert found["codes"] == [0] * 10
    assert found["notes"] == found["expected"]


def test_a_child_of_a_transaction_cannot_use_the_file(path: Path) -> None:
    found = scenario("within", path)
    assert len(found["errors"]) == 2
    assert all("the parent process was using it" in error for error in found["errors"])
    assert found["rows"] == [1, 3]


def test_a_child_of_a_fork_that_closed_nothing_cannot_use_the_file(path: Path) -> None:
    found = scenario("unprepared", path)
    assert "the parent process was using it" in found["error"]
    assert (found["codes"], found["notes"]) == ([0], 2)


def test_a_daemon_made_before_a_fork_runs_in_each_child_as_a_worker_of_its_own(path: Path) -> None:
    assert scenario("daemons", path) == {"codes": [0, 0], "workers": 2, "states": ["done"], "left": []}


AGENTS = """
import asyncio, json, os, sys, threading
from blackboard import Mark, agent, strength
class Note(Mark, kind="note", on_repeat="separate"):
    text: str
class Done(Mark, kind="done", on_repeat="separate"):
    pass
def record(child):
    with open("children", "a") as file:
        print(child, file=file)
def leave(way):
    if way == "exit": sys.exit(3)
    if way == "raise": raise ValueError("the child fails")
def fork(way):
    child = os.fork()
    if child == 0:
        leave(way)
    else:
        record(child)
    return child
def done(notes):
    return [Done(subject=note.subject) for note in notes]
@agent(watches=strength(Note) >= 0.5, writes=[Done], retry_after="1s", max_attempts=1)
def plain(notes, context):
    fork(os.environ["WAY"])
    return done(notes)
@agent(watches=strength(Note) >= 0.5, writes=[Done], max_attempts=1)
async def coroutine(notes, context):
    await asyncio.sleep(0)
    if fork(os.environ["WAY"]) == 0:
        await asyncio.sleep(0)
        record(-1)
    await asyncio.to_thread(os.getpid)
    return done(notes)
@agent(watches=strength(Note) >= 0.5, writes=[Done], max_attempts=1)
async def task(notes, context):
    async def part():
        fork(os.environ["WAY"])
    await asyncio.gather(part(), asyncio.to_thread(os.getpid))
    return done(notes)
@agent(watches=strength(Note) >= 0.5, writes=[Done], max_attempts=1)
async def thread(notes, context):
    await asyncio.to_thread(fork, os.environ["WAY"])
    return done(notes)
@agent(watches=strength(Note) >= 0.5, writes=[Done], max_attempts=1)
def generator(notes, context):
    yield from done(notes)
    fork(os.environ["WAY"])
def isolate(note):
    fork(os.environ["WAY"])
    return False
@agent(watches=strength(Note) >= 0.5, writes=[Done], max_attempts=1, isolate=isolate)
def isolating(notes, context):
    return done(notes)
def publish(reader, settings):
    if reader.marks(Done): fork(os.environ["WAY"])
@agent(watches=strength(Note) >= 0.5, writes=[Done], max_attempts=1, publish=publish)
def publishing(notes, context):
    return done(notes)
@agent(watches=strength(Note) >= 0.5, writes=[Done], max_attempts=1)
def descriptors(notes, context):
    child = os.fork()
    if child == 0:
        paths = [f"/proc/self/fd/{n}" for n in os.listdir("/proc/self/fd")]
        links = [os.readlink(path) for path in paths if os.path.lexists(path)]
        with open("open", "w") as file: json.dump(links, file)
        sys.exit(0)
    os.waitpid(child, 0)
    return done(notes)
@agent(watches=strength(Note) >= 0.5, writes=[Done], retry_after="1s")
def lingering(notes, context):
    if context.attempt == 1 and not os.path.exists("children"):
        child = os.fork()
        if child == 0:
            threading.Event().wait()  # until it is killed
            os._exit(0)
        record(child)
        print("forked")
        threading.Event().wait()
    return done(notes)
"""


def house(folder: Path, agent: str) -> None:
    (folder / "forking.py").write_text(AGENTS)
    (folder / "blackboard.toml").write_text(
        f'[database]\nurl = "sqlite:///board.db"\n[deployment]\nagents = ["forking:{agent}"]\n'
    )


def ends(pid: int) -> bool:
    """Wait until a process has ended; return False if it has not after the bound of tests."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], BOUND_SECONDS)[0])
    finally:
        os.close(handle)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"


@pytest.mark.parametrize(
    ("agent", "way"),
    [
        ("plain", "exit"), ("plain", "raise"), ("plain", "return"), ("coroutine", "exit"), ("coroutine", "return"),
        ("task", "return"), ("thread", "return"), ("generator", "return"), ("isolating", "exit"),
        ("publishing", "exit"),
    ],
)  # fmt: skip
def test_a_child_that_an_agent_forks_ends_where_the_agents_code_ends(tmp_path: Path, agent: str, way: str) -> None:
    house(tmp_path, agent)
    environment = {"WAY": way}
    with Blackboard.open(tmp_path / "board.db", kinds=[Note]) as board:
        for n in range(3):
            board.deposit("note", subject=f"s{n}", payload={"text": "x"})
        with started(
            ["-m", "blackboard", "run", "--until-quiescent"], folder=tmp_path, environment=environment
        ) as process:
            assert process.ends() == 0, "\n".join(process.lines)
            assert {item.state for item in board.activations()} == {"done"}, "\n".join(process.lines)
        assert len(board.marks("done")) == 3
        assert board.status().workers == ()
    children = [int(line) for line in (tmp_path / "children").read_text().split()]
    assert children
    assert -1 not in children, "the child went on after it had given way to the event loop"
    assert all(ends(child) for child in children)


def test_a_child_of_an_agent_has_no_file_lock_or_socket_of_the_board(tmp_path: Path) -> None:
    house(tmp_path, "descriptors")
    with Blackboard.open(tmp_path / "board.db", kinds=[Note]) as board:
        board.deposit("note", subject="s", payload={"text": "x"})
        with started(["-m", "blackboard", "run", "--until-quiescent"], folder=tmp_path) as process:
            assert process.ends() == 0, "\n".join(process.lines)
    found = json.loads((tmp_path / "open").read_text())
    assert not [name for name in found if "board.db" in name]
    assert not [name for name in found if name.startswith("socket:")]


def test_a_killed_daemons_work_is_recovered_at_once_though_a_child_of_its_agent_lives(tmp_path: Path) -> None:
    house(tmp_path, "lingering")
    with (tmp_path / "blackboard.toml").open("a") as settings:
        settings.write('[daemon]\nlease = "1h"\n')  # nobody could wait for its end
    with Blackboard.open(tmp_path / "board.db", kinds=[Note]) as board:
        board.deposit("note", subject="s", payload={"text": "x"})
        with started(["-m", "blackboard", "run"], folder=tmp_path) as first:
            first.line(lambda line: "forked" in line)
            first.signal(signal.SIGKILL)
            first.popen.wait(BOUND_SECONDS)
            child = int((tmp_path / "children").read_text())
            assert lives(child)
            with started(["-m", "blackboard", "run", "--until-quiescent"], folder=tmp_path) as second:
                assert second.ends() == 0
            assert lives(child)
        assert len(board.marks("done")) == 1
    assert not list(BoardFiles(tmp_path / "board.db").run_folder.iterdir())
    os.kill(child, signal.SIGKILL)
