"""Forgotten data is gone from the file, or the board notes that a compaction is missing; nobody waits long."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, Mark
from blackboard.board.diagnosis import doctor
from blackboard.errors import NotFound, StoreBusy, StoreError
from blackboard.store.dialects.sqlite_library import sqlite
from blackboard.store.sqlite import compaction
from blackboard.system.files.board_files import BoardFiles
from tests.support.bounds import BOUND_SECONDS
from tests.support.file_boards import sqlite_database_of
from tests.support.manual_daemons import run_until_idle, served

pytestmark = pytest.mark.file_only("PostgreSQL compacts its tables itself")

ROOT = Path(__file__).parents[2]
ANN = "ann@example.org"
SECRET = "likes-marzipan-0451"


class Lead(Mark, kind="lead", on_repeat="separate"):
    text: str = ""


class Profile(Mark, kind="profile", on_repeat="replace"):
    text: str = ""


def overwrite_nothing(board: Blackboard) -> None:
    """Let the board be written as by a version that did not overwrite what it deletes."""
    board.deposit(Lead(subject="first"))
    board.database.writer.connection.execute("PRAGMA secure_delete = OFF")


def fill(board: Blackboard, others: int = 200) -> None:
    """Deposit words about a subject among those about others, and rewrite them, which leaves remains."""
    for number in range(others):
        board.deposit(Lead(subject=f"other/{number}", text="x" * 400))
        if number % 10 == 0:
            board.deposit(Lead(subject=ANN, text=f"{SECRET} {number}"))
            board.deposit(Profile(subject=ANN, text=f"{SECRET} " * (number % 7)))


def words_in(path: Path) -> list[str]:
    """Return the files in which words about the subject are found."""
    words = [SECRET.encode(), ANN.encode()]
    files = [file for file in BoardFiles(path).existing() if file.is_file()]
    return [file.name for file in files if any(word in file.read_bytes() for word in words)]


def is_owed(board: Blackboard) -> bool:
    return any(finding.name == "erasure" and finding.state == "wrong" for finding in doctor.examine_board(board))


def refuse(*_: Any, **__: Any) -> bool:
    raise StoreError("the disk is full")


def test_words_are_gone_with_the_commit_even_if_the_file_cannot_be_compacted(
    board: Blackboard, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(board)
    board.deposit_many(Lead(subject=ANN, text=f"{SECRET} {number}" * 500) for number in range(20))
    board.deposit_many(Lead(subject=f"other/{number}") for number in range(20))
    with monkeypatch.context() as patched:
        patched.setattr(compaction, "compact", refuse)
        report = board.forget(ANN)
    assert report.not_compacted == "the disk is full"
    assert words_in(path) == []
    assert is_owed(board)


def test_a_compaction_that_is_owed_is_finished_by_the_same_call_again(
    board: Blackboard, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overwrite_nothing(board)
    fill(board)
    with monkeypatch.context() as patched:
        patched.setattr(compaction, "compact", refuse)
        assert board.forget(ANN).not_compacted
        assert words_in(path)
        again = board.forget(ANN)
        assert (again.name, again.events, again.not_compacted) == ("", 0, "the disk is full")
    assert is_owed(board)
    assert board.forget(ANN).not_compacted is None
    assert not is_owed(board)
    assert words_in(path) == []
    with pytest.raises(NotFound):
        board.forget(ANN)


def test_a_daemon_finishes_a_compaction_that_is_owed(
    board: Blackboard, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overwrite_nothing(board)
    fill(board)
    with monkeypatch.context() as patched:
        patched.setattr(compaction, "compact", refuse)
        board.forget(ANN)
    assert words_in(path)
    daemon = served(board)
    run_until_idle(daemon)
    daemon.close()
    assert not is_owed(board)
    assert words_in(path) == []


def test_a_reader_that_needs_the_log_is_named_and_the_rest_is_owed(board: Blackboard, path: Path) -> None:
    fill(board)
    reader = sqlite.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    [before] = reader.execute("SELECT count(*) FROM event WHERE payload IS NOT NULL").fetchone()
    report = board.forget(ANN)
    assert report.not_compacted is not None
    assert "a reader still needs the write-ahead log" in report.not_compacted
    assert reader.execute("SELECT count(*) FROM event WHERE payload IS NOT NULL").fetchone() == (before,)
    with pytest.raises(StoreBusy):
        board.compact()
    reader.close()
    assert is_owed(board)
    board.compact()
    assert not is_owed(board)
    assert words_in(path) == []


def test_a_forget_during_a_compaction_needs_another_compaction(
    board: Blackboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(board)
    board.deposit(Lead(subject="bob", text="a cake"))
    compact = compaction.compact

    def forget_another(*words: Any, **options: Any) -> bool:
        monkeypatch.setattr(compaction, "compact", refuse)
        done = compact(*words, **options)
        board.forget("bob")
        return done

    monkeypatch.setattr(compaction, "compact", forget_another)
    assert board.forget(ANN).not_compacted is None
    assert is_owed(board)


def test_a_compaction_gives_space_back_after_retention(board: Blackboard, path: Path) -> None:
    ids = [board.deposit(Lead(subject=f"other/{n}", text="x" * 2000)).mark_id for n in range(400)]
    board.session.write(lambda txn: txn.sql.cursor.execute("DELETE FROM event WHERE mark_id % 10 <> 0"))
    before = {mark.id for mark in board.marks("lead", limit=1000)}
    report = board.compact()
    assert report.bytes_after < 0.7 * report.bytes_before
    assert path.stat().st_size == report.bytes_after
    assert {mark.id for mark in board.marks("lead", limit=1000)} == before == set(ids)
    board.deposit(Lead(subject="new"))
    assert not BoardFiles(path).compacted.database.exists()


def test_the_new_content_is_built_again_if_others_wrote_meanwhile(
    board: Blackboard, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(board)
    build = compaction.write_content
    built: list[int] = []

    def build_while_others_write(*words: Any) -> None:
        build(*words)
        if len(built) < compaction.MAX_TRIES:  # in the last try, writers are held off
            board.deposit(Lead(subject=f"meanwhile/{len(built)}"))
        built.append(1)

    monkeypatch.setattr(compaction, "write_content", build_while_others_write)
    assert not compaction.compact(sqlite_database_of(board), insist=False)
    built.clear()
    assert compaction.compact(sqlite_database_of(board))
    assert len(built) == compaction.MAX_TRIES + 1
    assert len(board.subjects("meanwhile/")) == compaction.MAX_TRIES
    assert words_in(path)  # nothing was forgotten


def test_only_one_process_compacts_at_a_time(board: Blackboard) -> None:
    files = sqlite_database_of(board).place.files
    with compaction.create_beside(files), pytest.raises(StoreBusy, match="another process is compacting"):
        board.compact()
    board.compact()


# -- several processes -------------------------------------------------------------------------------------------------

PROGRAM = """
import resource, sys
from blackboard import Blackboard

def grow_by(megabytes):
    size = int(open("/proc/self/statm").read().split()[0]) * 4096
    resource.setrlimit(resource.RLIMIT_AS, (size + megabytes * 2**20,) * 2)

with Blackboard.open(sys.argv[1]) as board:
    if sys.argv[2] == "little":
        board.marks(limit=1)
        grow_by(40)
    print("begins", flush=True)
    report = board.forget(sys.argv[3])
    print(report.not_compacted, flush=True)
"""


def forgetting(path: Path, how: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, f"sqlite:///{path}", how, ANN]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a board of 30 MB with words about the subject."""
    path = tmp_path / "board.db"
    with Blackboard.open(f"sqlite:///{path}", kinds=(Lead, Profile)) as board:
        fill(board, 100)
        board.deposit_many(Lead(subject=f"p/{n}", text=os.urandom(12_000).hex()) for n in range(1200))
    return path


@pytest.mark.processes
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the size of a process on Linux")
def test_a_board_larger_than_the_memory_is_compacted(file: Path) -> None:
    with forgetting(file, "little") as child:
        out, _ = child.communicate(timeout=BOUND_SECONDS)
    assert out.splitlines() == ["begins", "None"]
    assert words_in(file) == []


@pytest.mark.processes
def test_a_process_that_dies_during_a_compaction_leaves_the_board_whole(file: Path) -> None:
    rng = random.Random(7)
    for _ in range(8):
        with forgetting(file, "much") as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "begins\n"
            with contextlib.suppress(subprocess.TimeoutExpired):  # any instant of the compaction
                child.wait(rng.uniform(0, 1.5))
            child.send_signal(signal.SIGKILL)
        with Blackboard.open(f"sqlite:///{file}") as board:
            assert {item.state for item in doctor.examine_board(board) if item.name == "pages"} == {"ok"}
            assert len(board.subjects("p/", limit=10_000)) == 1200
    with Blackboard.open(f"sqlite:///{file}") as board:
        if is_owed(board) or board.history(ANN):  # on a busy machine, each may have died before it forgot anything
            assert board.forget(ANN).not_compacted is None
    assert words_in(file) == []
    assert not BoardFiles(file).compacted.database.exists()


@pytest.mark.processes
def test_writers_wait_only_while_the_new_content_is_put_in_place(file: Path) -> None:
    with forgetting(file, "much") as child, Blackboard.open(f"sqlite:///{file}", kinds=(Lead,)) as board:
        assert child.stdout is not None
        assert child.stdout.readline() == "begins\n"
        count = 0
        while child.poll() is None:
            board.deposit(Lead(subject=f"during/{count}"))  # StoreBusy after 10 seconds
            count += 1
        assert child.stdout.read() == "None\n"
        assert len(board.subjects("during/", limit=100_000)) == count
    assert count > 1
    assert words_in(file) == []
