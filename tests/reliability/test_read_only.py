"""A board and a backup that cannot be written, such as on a read-only mount, can be read."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from blackboard import Blackboard, Mark
from blackboard.board import backups_and_copies, user_queries
from blackboard.board.diagnosis import doctor
from blackboard.errors import BlackboardError, StoreError
from blackboard.store.sqlite import sqlite_upkeep, sqlite_user_queries
from blackboard.store.sqlite.local_processes import worker_liveness
from blackboard.store.sqlite.local_processes.worker_liveness import WorkerLiveness
from blackboard.store.sqlite.open_files import log_guarded_connection
from blackboard.system.files.board_files import BoardFiles
from tests.support.file_boards import sqlite_database_of
from tests.support.forked_children import without_rights

IMPORTED = (sqlite_user_queries, sqlite_upkeep)
"""Modules that a user without rights cannot import later."""
pytestmark = pytest.mark.filterwarnings("ignore::blackboard.errors.ForeignFilesWarning")  # root makes the boards


class Smoke(Mark, kind="smoke", on_repeat="separate"):
    pass


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(dir="/tmp") as name:  # a folder that every user may enter
        os.chmod(name, 0o755)
        yield Path(name)
        for place in (Path(name), *Path(name).rglob("*")):
            place.chmod(0o755)


def closed(path: Path) -> None:
    """Make a board that nobody uses, which has no log."""
    with Blackboard.open(path) as board:
        board.deposit(Smoke(subject="kitchen"))


def copied_in_use(path: Path) -> None:
    """Make a copy of a board in use, with its log, and the index of it."""
    with Blackboard.open(path.with_name("original.db")) as board:
        board.deposit(Smoke(subject="kitchen"))
        for source, copy in zip(
            sqlite_database_of(board).place.files.of_sqlite, BoardFiles(path).of_sqlite, strict=True
        ):
            if source.exists():
                shutil.copy(source, copy)


def read_everything(path: Path) -> str:
    """Return what one sees of a board; run by a user who cannot write it."""
    try:
        with Blackboard.open(path, create=False, writes=False) as board:
            files = {"pages", "journal mode"}
            findings = [f"{item.name} {item.state}" for item in doctor.examine_board(board, None) if item.name in files]
            seen: list[Any] = [
                [mark.subject for mark in board.marks(Smoke)],
                board.status().marks,
                [
                    len(board.history("kitchen")),
                    len(board.database.readonly.query("SELECT * FROM live_marks", (), 10)),
                ],
                findings,
            ]
            with TemporaryDirectory() as elsewhere:
                copy = backups_and_copies.back_up(board, Path(elsewhere) / "copy.db")
                seen.append(copy.marks)
            try:
                board.deposit(Smoke(subject="cellar"))
            except StoreError:
                seen.append("refused")
        return repr(seen)
    except BlackboardError as error:
        return f"{type(error).__name__}: {error}"


SEEN = "[['kitchen'], {'smoke': 1}, [1, 1], ['journal mode ok', 'pages ok'], 1, 'refused']"


def take_away(folder: Path) -> None:
    """Let nobody but root write to a folder, and let everybody read it."""
    for path in folder.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    folder.chmod(0o555)


@pytest.mark.processes
@pytest.mark.parametrize("made", [closed, copied_in_use], ids=lambda made: made.__name__)
def test_a_board_that_cannot_be_written_is_read(folder: Path, made: Callable[[Path], None]) -> None:
    path = folder / "mounted" / "board.db"
    made(path)
    take_away(path.parent)
    before = {item.name: item.read_bytes() for item in path.parent.iterdir() if item.is_file()}
    assert without_rights(lambda: read_everything(path)) == SEEN
    assert {item.name: item.read_bytes() for item in path.parent.iterdir() if item.is_file()} == before


@pytest.mark.processes
def test_a_log_without_an_index_is_not_left_out(folder: Path) -> None:
    path = folder / "mounted" / "board.db"
    copied_in_use(path)
    BoardFiles(path).shm.unlink()
    take_away(path.parent)
    assert "needs an index" in without_rights(lambda: read_everything(path))


@pytest.mark.processes
def test_a_backup_that_cannot_be_written_is_restored(folder: Path) -> None:
    copy = folder / "mounted" / "copy.db"
    with Blackboard.open(folder / "board.db") as board:
        board.deposit(Smoke(subject="kitchen"))
        copy.parent.mkdir()
        backups_and_copies.back_up(board, copy)
    take_away(copy.parent)

    def restored() -> str:
        with TemporaryDirectory(dir="/tmp") as elsewhere:
            path = Path(elsewhere) / "board.db"
            backups_and_copies.restore(copy, path, 1_800_000_000_000_000)
            with Blackboard.open(path) as board:
                board.deposit(Smoke(subject="cellar"))
                return json.dumps(sorted(mark.subject for mark in board.marks(Smoke)))

    assert json.loads(without_rights(restored)) == ["cellar", "kitchen"]


@pytest.mark.processes
@pytest.mark.parametrize(
    ("protected", "message"),
    [("folder", "board.db-write-queue cannot be opened"), ("file", "board.db cannot be written")],
)
def test_a_program_that_writes_is_refused_at_once(folder: Path, protected: str, message: str) -> None:
    path = folder / "mounted" / "board.db"
    closed(path)
    take_away(path.parent)
    if protected == "file":
        for other in (path.parent, *(item for item in path.parent.iterdir() if item != path)):
            other.chmod(0o777)

    def opened() -> str:
        try:
            Blackboard.open(path).close()
        except StoreError as error:
            return str(error)
        return "opened"

    assert message in without_rights(opened)


@pytest.mark.processes
def test_a_living_worker_is_seen_through_a_lock_that_cannot_be_written(folder: Path) -> None:
    path = folder / "board.db"
    worker = WorkerLiveness(path, lambda: None)
    worker.enter()
    take_away(folder)
    alive = worker.id  # a forked worker gets a new one
    assert without_rights(lambda: repr(worker_liveness.living_workers(path, [alive, "gone-1"]))) == repr({alive})
    folder.chmod(0o755)
    BoardFiles(path).run_folder.chmod(0o755)
    worker.release()


def test_a_file_that_was_read_without_a_log_is_opened_anew_with_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "board.db"
    closed(path)
    with monkeypatch.context() as patched:
        patched.setattr(log_guarded_connection, "read_only_parameters", lambda files: "mode=ro&immutable=1")
        reading = Blackboard.open(path, writes=False)
        assert len(reading.marks(Smoke)) == 1
        assert user_queries.run_query(reading, "SELECT kind FROM live_marks").rows == [["smoke"]]
    with Blackboard.open(path) as writing:
        writing.deposit(Smoke(subject="cellar"))
        assert len(reading.marks(Smoke)) == 2
    reading.close()
