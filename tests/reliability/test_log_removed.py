"""No acknowledged deposit is lost after somebody has removed the write-ahead log of a board in use.

The board saves a log that has lost its path. If another process has begun a new log meanwhile, each knows it before it
acknowledges anything, and neither deletes or overwrites the log of the other.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from blackboard import Blackboard, Mark
from blackboard.errors import StoreError
from blackboard.store.database_factory import database_of
from blackboard.system.files.board_files import BoardFiles
from tests.support.bounds import BOUND_SECONDS
from tests.support.threads import join_all

ROOT = Path(__file__).parents[2]
PARTS = [("wal", "shm"), ("wal",), ("shm",)]


class Pebble(Mark, kind="pebble", on_repeat="separate"):
    pass


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the file of a board."""
    Blackboard.open(tmp_path / "board.db").close()
    return tmp_path / "board.db"


OTHER = """
import os, sys
from blackboard import Blackboard, Mark
from blackboard.errors import StoreError
class Pebble(Mark, kind="pebble", on_repeat="separate"):
    pass
board = Blackboard.open(sys.argv[1])
for subject in sys.argv[3:]:
    try:
        board.deposit(Pebble(subject=subject))
    except StoreError:
        continue
    print(subject, flush=True)
if sys.argv[2] == "dies":
    os._exit(9)
board.close()
"""


def other(path: Path, ending: str, *subjects: str) -> set[str]:
    """Deposit from another process, which ends well or dies; return what was acknowledged."""
    command = [sys.executable, "-c", OTHER, str(path), ending, *subjects]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=BOUND_SECONDS, check=False)
    return set(run.stdout.split())


def remove(path: Path, parts: tuple[str, ...]) -> None:
    for part in parts:
        getattr(BoardFiles(path), part).unlink()


def subjects(path: Path) -> set[str]:
    """Return the subjects on a board whose file must be intact."""
    with Blackboard.open(path) as board:
        with board.database.read() as transaction:
            assert transaction.cursor.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {mark.subject for mark in board.marks("pebble")}


@pytest.mark.parametrize("parts", PARTS, ids="+".join)
@pytest.mark.parametrize("first", ["deposit", "question", "close"])
def test_a_removed_log_is_saved(path: Path, parts: tuple[str, ...], first: str) -> None:
    with Blackboard.open(path) as board:
        board.deposit(Pebble(subject="before"))
        board.marks("pebble")
        remove(path, parts)
        if first == "deposit":
            board.deposit(Pebble(subject="after"))
        elif first == "question":
            assert {mark.subject for mark in board.marks("pebble")} == {"before"}
    assert subjects(path) == {"before"} | ({"after"} if first == "deposit" else set())


@pytest.mark.processes
@pytest.mark.parametrize("parts", PARTS, ids="+".join)
@pytest.mark.parametrize(
    ("first", "ending"),
    [("deposit", "closes"), ("deposit", "dies"), ("question", "dies"), ("query", "dies"), ("close", "dies")],
)
def test_two_logs_are_told_apart(path: Path, parts: tuple[str, ...], first: str, ending: str) -> None:
    """The other process sees the file without the removed log, and begins a new one; both must survive from then on."""
    acknowledged = set()
    with Blackboard.open(path) as board:
        board.deposit(Pebble(subject="before"))
        board.marks("pebble")
        board.query("SELECT 1 FROM live_marks")
        remove(path, parts)
        acknowledged |= other(path, ending, "other/1", "other/2")
        for number in range(3):
            try:
                if first == "question" and number == 0:
                    board.marks("pebble")
                if first == "query" and number == 0:
                    board.query("SELECT id FROM live_marks")
                if first != "close":
                    board.deposit(Pebble(subject=f"own/{number}"))
                    acknowledged.add(f"own/{number}")
            except StoreError:
                continue
        if first != "close":
            assert {"own/1", "own/2"} <= acknowledged  # only the attempt that finds another log fails
        acknowledged |= other(path, "closes", "other/3")
    assert acknowledged <= subjects(path)
    if parts != ("wal",):  # beside an index without its log, the other process cannot work until the log is saved
        assert {"other/1", "other/2", "other/3"} <= acknowledged


@pytest.mark.processes
def test_a_commit_into_a_log_that_was_replaced_is_not_acknowledged(path: Path) -> None:
    with Blackboard.open(path) as board:
        board.deposit(Pebble(subject="before"))

        def replaced(transaction: object) -> str:
            remove(path, ("wal", "shm"))
            assert other(path, "dies") == set()  # it only reads, but this begins a log
            BoardFiles(path).wal.write_bytes(b"what another process has written")
            return "done"

        with pytest.raises(StoreError, match=r"board\.db-wal was removed .* this change may be missing too"):
            board.database.write(replaced)


def test_a_commit_into_a_log_that_was_only_removed_is_saved_and_acknowledged(path: Path) -> None:
    with Blackboard.open(path) as board:

        def removed(txn: object) -> None:
            remove(path, ("wal", "shm"))

        receipts = []
        threads = [
            threading.Thread(target=lambda n=n: receipts.append(board.deposit(Pebble(subject=f"{n}"))))
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        board.database.write(removed)
        join_all(*threads)
        assert len(receipts) == 4
        board.database.write(removed)
    assert subjects(path) == {"0", "1", "2", "3"}


@pytest.mark.processes
def test_all_work_in_a_commit_learns_that_its_log_was_lost(path: Path) -> None:
    database = database_of(path)
    inside, waiting, results = threading.Event(), threading.Semaphore(0), []
    database.group_commit.on_wait = waiting.release

    def slow(transaction: object) -> None:
        inside.set()
        for _ in range(2):
            assert waiting.acquire(timeout=BOUND_SECONDS)

    def lost(transaction: object) -> None:
        for part in ("wal", "shm"):
            getattr(BoardFiles(path), part).unlink(missing_ok=True)
            getattr(BoardFiles(path), part).write_bytes(b"of another process")

    def run(work: object) -> None:
        try:
            database.write(work)  # type: ignore[arg-type]
            results.append("acknowledged")
        except StoreError as error:
            results.append(str(error).partition(" was ")[0])

    threads = [threading.Thread(target=run, args=(slow,))]
    threads[0].start()
    assert inside.wait(BOUND_SECONDS)
    threads += [threading.Thread(target=run, args=(work,)) for work in (lost, lambda transaction: None)]
    for thread in threads[1:]:
        thread.start()
    join_all(*threads)
    assert results == ["acknowledged", f"{path}-wal", f"{path}-wal"]
    BoardFiles(path).wal.unlink()
    BoardFiles(path).shm.unlink()
    database.close()


@pytest.mark.processes
def test_boards_of_one_process_leave_a_lost_log_together(path: Path) -> None:
    with Blackboard.open(path) as first, Blackboard.open(path) as second:
        first.deposit(Pebble(subject="first"))
        second.deposit(Pebble(subject="second"))
        remove(path, ("wal", "shm"))
        acknowledged = other(path, "dies", "other")
        for number, board in enumerate((first, second, first, second, first, second)):
            try:
                board.deposit(Pebble(subject=f"{number}"))
                acknowledged.add(f"{number}")
            except StoreError:
                continue
        assert {"other", "4", "5"} <= acknowledged
    assert acknowledged <= subjects(path)
