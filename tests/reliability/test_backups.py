"""A copy during use is intact and of one instant; a restore loses only later deposits and keeps the old board.

The drill: back up, lose the board, restore, continue.
"""

from __future__ import annotations

import os
import random
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, ManualClock, Mark, agent, strength
from blackboard.errors import StoreError, StoreForeign, StoreMissing
from blackboard.store.sqlite import sqlite_backups
from blackboard.store.sqlite.local_processes.worker_liveness import any_alive
from blackboard.store.sqlite.sqlite_database import SqliteDatabase
from blackboard.system.files.board_files import BoardFiles
from tests.support.bounds import BOUND_SECONDS
from tests.support.file_boards import sqlite_database_of
from tests.support.manual_daemons import run_until_idle, served
from tests.support.threads import join_all

pytestmark = pytest.mark.file_only("PostgreSQL has programs of its own for copies")


class Smoke(Mark, kind="smoke", on_repeat="separate"):
    detail: str = ""


class Alarm(Mark, kind="alarm", on_repeat="separate"):
    of: int


@agent(watches=strength(Smoke) >= 0.5, writes=[Alarm], batch=5)
def watchman(marks: Any, context: Any) -> list[Alarm]:
    return [Alarm(subject=mark.subject, of=mark.id) for mark in marks]


def subjects(path: Path, clock: ManualClock) -> set[str]:
    with Blackboard.open(f"sqlite:///{path}", clock=clock) as board:
        return {mark.subject for mark in board.marks("smoke")}


def test_a_copy_during_deposits_is_of_one_instant(board: Blackboard, path: Path, tmp_path: Path) -> None:
    board.deposit_many(Smoke(subject=f"before{n}", detail="x" * 1500) for n in range(3000))
    begun, stop, written = threading.Event(), threading.Event(), 0

    def deposit() -> None:
        nonlocal written
        while not stop.is_set():
            # Two marks in one transaction: a copy has both or none.
            board.deposit_many([Smoke(subject=f"a{written}"), Smoke(subject=f"b{written}")])
            written += 1
            begun.set()

    thread = threading.Thread(target=deposit)
    thread.start()
    assert begun.wait(BOUND_SECONDS)
    steps: list[int] = []
    during: list[int] = []

    def progress(done: int, of: int) -> None:
        steps.append(done)
        during.append(written)
        if len(steps) == 1:  # another deposit comes before the next step
            begun.clear()
            assert begun.wait(BOUND_SECONDS)

    made = sqlite_backups.back_up(sqlite_database_of(board), tmp_path / "copy.db", progress)
    stop.set()
    join_all(thread)
    assert len(steps) > 2, "in steps"
    assert during[-1] > during[0], "depositors went on"
    assert oct(os.stat(made.path).st_mode & 0o777) == "0o600"
    with Blackboard.open(f"sqlite:///{made.path}") as copy:
        there = {mark.subject for mark in copy.marks("smoke")}
    first = {name[1:] for name in there if name.startswith("a")}
    assert first == {name[1:] for name in there if name.startswith("b") and not name.startswith("before")}
    assert sum(name.startswith("before") for name in there) == 3000


def test_a_backup_is_checked_and_restored(path: Path, tmp_path: Path, clock: ManualClock) -> None:
    rng = random.Random(8)
    board = Blackboard.open(f"sqlite:///{path}", clock=clock)
    daemon = served(board, watchman)
    for number in range(20):
        board.deposit(Smoke(subject=f"s{number}"), key=f"key{number}")
        if rng.random() < 0.5:
            run_until_idle(daemon)
    with board.database.exclusive_transaction() as transaction:  # as if a worker had died during a transaction
        transaction.cursor.execute("SELECT 1")
    made = sqlite_backups.back_up(sqlite_database_of(board), tmp_path / "copy.db")
    for number in range(20, 30):
        board.deposit(Smoke(subject=f"s{number}"), key=f"key{number}")
    daemon.close()
    board.close()
    for file in BoardFiles(path).of_sqlite:
        file.unlink(missing_ok=True)

    restored, aside = sqlite_backups.restore(made.path, SqliteDatabase.at(path), "20270131T000000Z")
    assert aside is None
    assert restored.marks == made.marks
    clock.advance(timedelta(hours=1))
    with Blackboard.open(f"sqlite:///{path}", clock=clock) as board:
        daemon = served(board, watchman)
        run_until_idle(daemon)
        # Deposits after the backup are repeated, and so are deposits before it: keys prevent duplicates.
        for number in range(30):
            board.deposit(Smoke(subject=f"s{number}"), key=f"key{number}")
        run_until_idle(daemon)
        run_until_idle(daemon)
        smoke = board.marks(Smoke)
        assert len(smoke) == 30
        assert sorted(mark.of for mark in board.marks(Alarm)) == sorted(mark.id for mark in smoke)


def test_the_board_that_is_replaced_is_kept_with_its_log(path: Path, tmp_path: Path, clock: ManualClock) -> None:
    board = Blackboard.open(f"sqlite:///{path}", clock=clock)
    board.deposit(Smoke(subject="early"))
    made = sqlite_backups.back_up(sqlite_database_of(board), tmp_path / "copy.db")
    board.deposit(Smoke(subject="late"))
    assert path.with_name("board.db-wal").stat().st_size > 0
    _, aside = sqlite_backups.restore(made.path, SqliteDatabase.at(path), "20270131T000000Z")
    assert aside is not None
    with pytest.raises(StoreError, match="was replaced"):
        board.deposit(Smoke(subject="nowhere"))
    board.deposit(Smoke(subject="after"))
    board.close()
    assert subjects(path, clock) == {"early", "after"}
    assert subjects(aside, clock) == {"early", "late"}
    assert sqlite_backups.backups_of(path) == [made.path, aside]


def test_the_log_of_a_lost_board_is_never_applied_to_the_restored_board(path: Path, tmp_path: Path) -> None:
    with Blackboard.open(f"sqlite:///{path}") as board:
        board.deposit(Smoke(subject="early"))
        made = sqlite_backups.back_up(sqlite_database_of(board), tmp_path / "copy.db")
        board.deposit(Smoke(subject="late"))
        lost = path.with_name("board.db-wal").read_bytes()
    path.unlink()
    path.with_name("board.db-wal").write_bytes(lost)  # as after a killed process
    with pytest.raises(StoreMissing, match="its log"):
        Blackboard.open(f"sqlite:///{path}")
    assert not path.exists(), "SQLite would have thrown the log away"
    _, aside = sqlite_backups.restore(made.path, SqliteDatabase.at(path), "20270131T000000Z")
    assert aside is None
    with Blackboard.open(f"sqlite:///{path}") as board:
        assert [mark.subject for mark in board.marks(Smoke)] == ["early"]
    assert path.with_name("board.db.before-20270131T000000Z-wal").read_bytes() == lost


def test_a_copy_replaces_no_file_and_is_complete_or_absent(board: Blackboard, tmp_path: Path) -> None:
    taken = tmp_path / "copy.db"
    taken.write_text("mine")
    with pytest.raises(StoreError, match="exists"):
        sqlite_backups.back_up(sqlite_database_of(board), taken)
    assert taken.read_text() == "mine"

    def fails(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sqlite_backups.back_up(sqlite_database_of(board), tmp_path / "other.db", fails)
    assert not [name for name in os.listdir(tmp_path) if "other" in name]
    with pytest.raises(StoreError, match="cannot be written"):
        sqlite_backups.back_up(sqlite_database_of(board), tmp_path / "no such folder" / "copy.db")


def test_a_damaged_or_foreign_copy_is_not_restored(board: Blackboard, path: Path, tmp_path: Path) -> None:
    board.deposit_many(Smoke(subject=f"s{n}", detail="x" * 500) for n in range(500))
    made = sqlite_backups.back_up(sqlite_database_of(board), tmp_path / "copy.db").path
    with made.open("r+b") as file:
        file.seek(30 * 4096)
        file.write(b"\xff" * 4096 * 3)
    foreign = tmp_path / "letter.db"
    foreign.write_text("Dear diary, " * 999)
    target = SqliteDatabase.at(path)
    before = path.stat().st_ino
    for copy, error in ((made, StoreError), (foreign, StoreForeign), (tmp_path / "none.db", StoreMissing)):
        with pytest.raises(error):
            sqlite_backups.restore(copy, target, "20270131T000000Z")
    assert path.stat().st_ino == before
    assert len(board.marks("smoke")) == 500


def test_a_path_may_contain_special_characters(board: Blackboard, tmp_path: Path) -> None:
    board.deposit(Smoke(subject="kitchen"))
    made = sqlite_backups.back_up(sqlite_database_of(board), tmp_path / "a copy?mode=ro#100%.db")
    assert sqlite_backups.examine_copy(made.path).marks == 1


def test_a_live_worker_is_recognized_by_its_lock(board: Blackboard, path: Path) -> None:
    assert not any_alive(path)
    daemon = served(board, watchman)
    assert any_alive(path)
    daemon.close()
    assert not any_alive(path)
