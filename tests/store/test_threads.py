"""Several threads of one process may create, upgrade, copy and restore boards at the same time.

A process has one context of Alembic, and one number in the names of its files. A process that fails here may end by a
signal, so it is a child.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from blackboard import Blackboard, ManualClock, Mark
from blackboard.board import backups_and_copies
from blackboard.clock import SystemClock
from blackboard.store.schema import schema_revisions, schema_upgrades
from blackboard.store.schema.schema_revisions import HEAD
from tests.support.bounds import BOUND_SECONDS

pytestmark = pytest.mark.whole_boards

DUMP = Path(__file__).with_name("board_0002.sql")
THREADS = 12


class Pebble(Mark, kind="pebble", on_repeat="separate"):
    weight: int = 0


def at_once(work: Callable[[int], object]) -> None:
    """Run work in several threads that begin together, and raise the first error."""
    start = threading.Barrier(THREADS, timeout=BOUND_SECONDS)

    def run(number: int) -> object:
        start.wait(BOUND_SECONDS)
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(run, range(THREADS)))


def open_boards(folder: Path, files: int) -> None:
    """Open boards in threads at the same time, several threads to a file; each deposits a mark."""
    clock = ManualClock()

    def deposit(number: int) -> None:
        with Blackboard.open(folder / f"{number % files}.db", clock=clock) as board:
            board.deposit(Pebble(subject=f"thread/{number}"))

    at_once(deposit)
    for number in range(files):
        with Blackboard.open(folder / f"{number}.db", clock=clock) as board:
            assert schema_revisions.revision_of(board.database) == HEAD
            assert len(board.marks("pebble")) == THREADS // files


def open_in_a_child(folder: Path, files: int) -> None:
    """Open boards in the threads of a child process, which must end well."""
    code = f"from pathlib import Path; import {__name__} as t; t.open_boards(Path({str(folder)!r}), {files})"
    child = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-3000:]


@pytest.mark.processes
@pytest.mark.parametrize("files", [THREADS, 3, 1])
def test_threads_create_boards_at_once(tmp_path: Path, files: int) -> None:
    open_in_a_child(tmp_path, files)


@pytest.mark.processes
@pytest.mark.parametrize("files", [THREADS, 3])
def test_threads_upgrade_boards_at_once(tmp_path: Path, files: int) -> None:
    for number in range(files):
        connection = sqlite3.connect(tmp_path / f"{number}.db")
        connection.executescript(DUMP.read_text("utf-8"))
        connection.close()
    open_in_a_child(tmp_path, files)


def test_threads_back_up_and_restore_at_once(tmp_path: Path) -> None:
    with Blackboard.open(tmp_path / "board.db") as board:
        board.deposit(Pebble(subject="one"))
        at_once(lambda number: backups_and_copies.back_up(board, tmp_path / f"copy-{number}.db"))
    now = SystemClock().now()
    at_once(
        lambda number: backups_and_copies.restore(tmp_path / f"copy-{number}.db", tmp_path / "back.db", now + number)
    )
    with Blackboard.open(tmp_path / "back.db") as board:
        assert [mark.subject for mark in board.marks("pebble")] == ["one"]


def test_a_child_does_not_inherit_the_lock_of_an_upgrade(tmp_path: Path) -> None:
    with schema_upgrades.alembic_lock:
        child = os.fork()
        if child == 0:
            try:
                Blackboard.open(tmp_path / "board.db").close()
            except BaseException:
                os._exit(1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
