"""Workers of two versions of a module take turns on one board as docs/upgrades.md says, and nothing is lost.

Each version is a folder with a module of the same name and a deployment file. All processes are real.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from blackboard import Blackboard
from blackboard.store.schema.schema_revisions import HEAD
from tests.support.bounds import BOUND_SECONDS
from tests.support.started_processes import ROOT, Process, started

pytestmark = pytest.mark.processes

MODULE = """
from blackboard import Mark, agent, strength

class Order(Mark, kind="order", on_repeat="separate"):
    pass

class Bill(Mark, kind="bill", on_repeat="separate"):
    by: str

@agent(watches=strength(Order) >= {threshold}, writes=[Bill])
def clerk(marks, context):
    # {words}
    return [Bill(subject=mark.subject, by="{by}") for mark in marks]

@agent(watches=strength(Bill) >= 0.5)
def archive(marks, context):
    return []
"""


class Version:
    """A version of the module, and commands in its folder."""

    def __init__(
        self, board: str, folder: Path, by: str, *, agents: str = "clerk", threshold: float = 0.5, words: str = ""
    ) -> None:
        folder.mkdir()
        (folder / "desk.py").write_text(MODULE.format(by=by, threshold=threshold, words=words))
        names = ", ".join(f'"desk:{name}"' for name in agents.split())
        (folder / "blackboard.toml").write_text(
            f'[database]\nurl = "{board}"\n[deployment]\nagents = [{names}]\n'
            f'kinds = ["desk:Bill"]\n[daemon]\ntick = "200ms"\n'
        )
        self.folder, self.board = folder, board

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "blackboard", *words],
            cwd=self.folder,
            env={"PATH": "", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=BOUND_SECONDS,
            check=False,
        )

    def json(self, *words: str) -> Any:
        return json.loads(self.command(*words, "--json").stdout)

    def order(self, subject: str) -> None:
        with Blackboard.open(self.board) as board:
            board.deposit("order", subject=subject)

    def bills(self) -> dict[str, str]:
        with Blackboard.open(self.board) as board:
            return {bill.subject: str(bill.payload["by"]) for bill in board.marks("bill")}


@pytest.fixture
def serve() -> Iterator[Any]:
    """Return a function that starts a daemon of a version and waits until it has started."""
    with ExitStack() as stack:

        def start(version: Version, *options: str) -> Process:
            arguments = ["-m", "blackboard", "run", *options]
            process = stack.enter_context(
                started(arguments, folder=version.folder, environment={"PYTHONPATH": str(ROOT)})
            )
            log(process, "started")
            return process

        yield start


def log(process: Process, words: str) -> dict[str, Any]:
    """Return the next log line with these words in its event."""
    line = process.line(lambda line: line.startswith("{") and words in json.loads(line)["event"])
    return dict(json.loads(line))


def stop(process: Process) -> None:
    process.signal(signal.SIGTERM)
    assert process.ends() == 0, "\n".join(process.lines[-20:])


def test_a_new_version_takes_over_from_a_running_one(tmp_path: Path, board_url: str, serve: Any) -> None:
    first = Version(board_url, tmp_path / "first", "first")
    second = Version(board_url, tmp_path / "second", "second")
    old = serve(first)
    first.order("a")
    log(old, "done")
    # 1. The new version does not start beside the old one by mistake.
    refused = second.command("run", "--until-quiescent")
    assert refused.returncode == 1
    assert "serves clerk with the active code" in refused.stderr
    assert "--replace" in refused.stderr
    # 2. It takes over on request. From that instant on, the old worker claims nothing.
    new = serve(second, "--replace")
    assert log(old, "this worker does not claim")["agents"] == ["clerk"]
    second.order("b")
    log(new, "done")
    assert second.bills() == {"a": "first", "b": "second"}
    workers = second.json("status")["workers"]
    assert len({worker["version"] for worker in workers}) == 1  # both run this version of blackboard
    assert sum(worker["problem"] is not None for worker in workers) == 1
    assert "note   code" in second.command("doctor").stdout
    # 3. The old worker can be stopped at any time; what it had is not lost.
    stop(old)
    assert "code" not in second.command("doctor").stdout.replace("code of", "")
    # 4. The way back is the same.
    back = serve(first, "--replace")
    log(new, "this worker does not claim")
    first.order("c")
    log(back, "done")
    stop(new)
    stop(back)
    assert first.bills() == {"a": "first", "b": "second", "c": "first"}


def test_other_comments_and_thresholds_do_not_make_another_version(tmp_path: Path, board_url: str, serve: Any) -> None:
    first = Version(board_url, tmp_path / "first", "same")
    second = Version(board_url, tmp_path / "second", "same", threshold=0.4, words="another comment")
    old, new = serve(first), serve(second)
    for number in range(6):
        first.order(f"o/{number}")
    while len(second.bills()) < 6:
        log(new, "done")
    stop(old)
    stop(new)


def test_init_registers_new_code_and_the_old_worker_does_not_run_under_it(
    tmp_path: Path, board_url: str, serve: Any
) -> None:
    first = Version(board_url, tmp_path / "first", "first")
    second = Version(board_url, tmp_path / "second", "second")
    old = serve(first)
    old.signal(signal.SIGHUP)
    assert "new code needs a restart" in log(old, "reloaded")["note"]
    done = second.command("init")
    assert done.returncode == 0
    assert "it has other code than the active one for clerk" in done.stderr
    log(old, "this worker does not claim")
    second.order("a")
    explained = second.json("explain", "clerk")
    assert "does not claim for it" in explained["held_by"]
    assert second.command("doctor").returncode == 1
    # A reload does not bring the old code back.
    old.signal(signal.SIGHUP)
    assert "restart this process" in log(old, "cannot be deployed")["error"]
    assert second.bills() == {}
    stop(old)
    new = serve(second)
    log(new, "done")
    assert second.bills() == {"a": "second"}
    stop(new)


def test_a_second_file_takes_no_agents_away(tmp_path: Path, board_url: str, serve: Any) -> None:
    clerks = Version(board_url, tmp_path / "clerks", "one", agents="clerk")
    archives = Version(board_url, tmp_path / "archives", "one", agents="archive")
    both = Version(board_url, tmp_path / "both", "one", agents="clerk archive")
    first = serve(clerks)
    for command in ("run", "init"):
        refused = archives.command(command)
        assert refused.returncode == 1
        assert "serves clerk, which would be removed" in refused.stderr
    clerks.order("a")
    log(first, "done")
    # A file with all agents may be deployed, and the worker that alone serves an agent may remove it.
    second = serve(both)
    (both.folder / "blackboard.toml").write_text((clerks.folder / "blackboard.toml").read_text())
    second.signal(signal.SIGHUP)
    log(second, "reloaded")
    assert [agent["agent"] for agent in clerks.json("agents")] == ["clerk"]
    replaced = archives.command("init", "--replace")
    assert replaced.returncode == 0
    assert "does not have its agents clerk" in replaced.stderr
    log(first, "this worker does not claim")
    stop(first)
    stop(second)


def test_a_worker_under_a_newer_schema_stops_claiming(tmp_path: Path, board_url: str, serve: Any) -> None:
    version = Version(board_url, tmp_path / "only", "only")
    worker = serve(version)
    set_schema(board_url, "9999")
    assert "schema 9999, which this version does not know" in log(worker, "the board cannot be used")["error"]
    for command in ("status", "doctor", "explain"):
        done = version.command(command, *(["clerk"] if command == "explain" else []))
        assert done.returncode == 1
        assert "9999" in done.stdout + done.stderr
    set_schema(board_url, "0003")  # while a worker is alive, a command does not upgrade an older schema either
    refused = version.command("init")
    assert refused.returncode == 1
    assert "runs on it; stop every worker" in refused.stderr
    set_schema(board_url, HEAD)
    log(worker, "the board can be used again")
    version.order("a")
    log(worker, "done")
    stop(worker)


def set_schema(url: str, number: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :number"), {"number": number})
    engine.dispose()
