"""Every failure of the file gives one clear message without a traceback.

Nothing is half written, no acknowledged mark is lost while the file is intact, and work continues when the cause is
gone.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from blackboard import Blackboard, Daemon, ManualClock, Mark, agent, strength
from blackboard.daemon import DaemonEventDetails
from blackboard.errors import BlackboardError, ForeignFilesWarning, StoreError, StoreForeign, StoreMissing, StoreNewer
from blackboard.store.dialects import sqlite_library
from blackboard.store.schema.schema_revisions import HEAD
from blackboard.store.sqlite.sqlite_backups import back_up, examine_copy
from blackboard.system.files.board_files import BoardFiles
from tests.support.file_boards import sqlite_database_of
from tests.support.forked_children import without_rights
from tests.support.manual_daemons import run_until_idle, served

pytestmark = pytest.mark.file_only("the tests damage and fill the file")


class Smoke(Mark, kind="smoke", on_repeat="separate"):
    detail: str = ""


@agent(watches=strength(Smoke) >= 0.5, batch=10)
def watchman(marks: Any, context: Any) -> None:
    """Absorb the marks."""


def whole(path: Path) -> bool:
    connection = sqlite_library.sqlite.connect(str(path))
    try:
        return bool(connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok")
    finally:
        connection.close()


def errors(logs: list[Any]) -> list[str]:
    return [entry["error"] for entry in logs if entry["event"].startswith("the board cannot be used")]


def back(logs: list[Any]) -> int:
    return sum(entry["event"] == "the board can be used again" for entry in logs)


def limit_pages(board: Blackboard, more: int | None) -> None:
    """Limit the growth of the file to a number of pages, like a full disk; None removes the limit."""
    with board.database.exclusive_transaction() as transaction:
        now = transaction.cursor.execute("PRAGMA page_count").fetchone()[0]
        transaction.cursor.execute(f"PRAGMA max_page_count = {now + more if more is not None else 2**31}")


def deposited_until_it_fails(board: Blackboard, words: str) -> int:
    for kept in range(100):
        try:
            board.deposit(Smoke(subject="large", detail="x" * 2000))
        except StoreError as error:
            if words not in str(error):
                raise
            return kept
    raise AssertionError("it never failed")


def test_a_full_disk_refuses_deposits_and_work_continues_when_there_is_room(
    board: Blackboard, path: Path, logs: list[Any]
) -> None:
    daemon = served(board, watchman)
    board.deposit(Smoke(subject="before"))
    limit_pages(board, 2)
    kept = 1 + deposited_until_it_fails(board, "the disk is full; make room")
    for _ in range(3):
        run_until_idle(daemon)
    assert len(board.marks("smoke")) == kept
    assert whole(path)
    limit_pages(board, None)
    run_until_idle(daemon)
    board.deposit(Smoke(subject="after"))
    run_until_idle(daemon)
    assert len(board.marks("smoke")) == kept + 1
    assert sum(row.marks_absorbed for row in board.activations(limit=100)) == kept + 1


def test_an_activation_whose_end_meets_a_full_disk_is_recovered(
    board: Blackboard, clock: ManualClock, logs: list[Any]
) -> None:
    tries: list[int] = []

    @agent(watches=strength(Smoke) >= 0.5, writes=[Smoke], name="writer")
    def writer(marks: Any, context: Any) -> Smoke:
        tries.append(context.activation_id)
        if len(tries) == 1:
            limit_pages(board, 0)
        return Smoke(subject="written", detail="y" * 50_000)

    daemon = served(board, writer)
    board.deposit(Smoke(subject="kitchen"))
    run_until_idle(daemon)
    assert [row.state for row in board.activations()] == ["running"]
    limit_pages(board, None)
    clock.advance(timedelta(minutes=1))
    run_until_idle(daemon)
    assert tries == [1, 1]
    assert [row.state for row in board.activations()] == ["done"]
    assert [mark.subject for mark in board.marks(Smoke)].count("written") == 1


def test_a_removed_file_is_reported_once_and_used_again_when_it_is_back(
    board: Blackboard, path: Path, logs: list[Any]
) -> None:
    daemon = served(board, watchman)
    board.deposit(Smoke(subject="kitchen"))
    away = path.with_name("away.db")
    path.rename(away)
    for _ in range(3):
        run_until_idle(daemon)
    assert not path.exists(), "nothing is made in its place"
    assert len(errors(logs)) == 1
    assert "was removed while it was open" in errors(logs)[0]
    with pytest.raises(StoreMissing):
        board.deposit(Smoke(subject="lost"))
    with pytest.raises(StoreMissing, match="its log"):  # a process that starts now does not create a file either
        Blackboard.open(f"sqlite:///{path}")
    assert not path.exists()
    away.rename(path)
    run_until_idle(daemon)
    board.deposit(Smoke(subject="cellar"))
    run_until_idle(daemon)
    assert back(logs) == 1
    assert sorted(mark.subject for mark in board.marks(Smoke)) == ["cellar", "kitchen"]


def test_a_daemon_that_is_stopped_while_its_board_is_away_ends_in_order(board: Blackboard, path: Path) -> None:
    away = path.with_name("away.db")

    def move_away(event: str, details: DaemonEventDetails) -> None:
        if event == "claimed":
            path.rename(away)
            daemon.stop(now=True)

    daemon = Daemon(board, [watchman])
    daemon.on_event.append(move_away)
    board.deposit(Smoke(subject="kitchen"))
    [line] = daemon.run().lines
    assert "was removed while it was open" in line
    away.rename(path)
    run_until_idle(served(board, watchman))
    assert [(row.state, row.marks_absorbed) for row in board.activations()] == [("done", 1)]


def test_a_replaced_board_is_opened_and_the_old_board_is_not_written(
    board: Blackboard, path: Path, tmp_path: Path, clock: ManualClock, logs: list[Any]
) -> None:
    daemon = served(board, watchman)
    board.deposit(Smoke(subject="old"))
    other = tmp_path / "other.db"
    with Blackboard.open(f"sqlite:///{other}", clock=clock) as fresh:
        fresh.deposit(Smoke(subject="new"))
    old = tmp_path / "old.db"
    os.rename(path, old)
    shutil.copy(other, path)
    for file in (BoardFiles(path).wal, BoardFiles(path).shm):
        file.unlink(missing_ok=True)
    with pytest.raises(StoreError, match="was replaced by another file"):
        board.deposit(Smoke(subject="neither"))
    for _ in range(3):
        run_until_idle(daemon)
    assert [mark.subject for mark in board.marks(Smoke)] == ["new"]
    board.deposit(Smoke(subject="newer"))
    assert sorted(mark.subject for mark in board.marks(Smoke)) == ["new", "newer"]
    assert whole(path)
    assert whole(old)


def test_a_damaged_page_is_reported_and_a_restored_file_is_used(
    path: Path, tmp_path: Path, clock: ManualClock, logs: list[Any]
) -> None:
    board = Blackboard.open(f"sqlite:///{path}", clock=clock)
    board.deposit_many(Smoke(subject=f"s{i}", detail="z" * 200) for i in range(2000))
    copy = back_up(sqlite_database_of(board), tmp_path / "copy.db").path
    board.compact()
    board.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        for page in range(4, size // 4096):
            file.seek(page * 4096)
            file.write(b"\xde\xad" * 2048)
    with pytest.raises(StoreError, match="damaged"):
        examine_copy(path)
    with pytest.raises(StoreError, match="restore a backup"):
        Blackboard.open(f"sqlite:///{path}", clock=clock).marks()
    os.replace(copy, path)
    with Blackboard.open(f"sqlite:///{path}", clock=clock) as board:
        assert len(board.marks()) == 2000


def test_a_newer_schema_stops_the_daemon_until_the_schema_is_old_again(
    board: Blackboard, path: Path, logs: list[Any], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = served(board, watchman)
    with board.database.exclusive_transaction() as transaction:
        transaction.cursor.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreNewer, match="use the newer version"):
        Blackboard.open(f"sqlite:///{path}", clock=clock)

    with pytest.raises(StoreNewer, match="9999"):
        board.deposit("smoke", subject="kitchen")
    run_until_idle(daemon)
    run_until_idle(daemon)
    assert ["9999" in error for error in errors(logs)] == [True]
    with board.database.exclusive_transaction() as transaction:
        transaction.cursor.execute("UPDATE alembic_version SET version_num = ?", (HEAD,))
    run_until_idle(daemon)
    assert back(logs) == 1


def _foreign(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (title TEXT)")
    connection.commit()
    connection.close()


def _no_database(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 1000)


def _cut_short(path: Path) -> None:
    Blackboard.open(f"sqlite:///{path}").close()
    with path.open("r+b") as file:
        file.truncate(20_000)


@pytest.mark.parametrize(
    ("made", "error"), [(_foreign, StoreForeign), (_no_database, StoreForeign), (_cut_short, StoreError)]
)
def test_a_file_that_is_not_a_board_is_refused_and_not_changed(
    path: Path, made: Callable[[Path], None], error: type[StoreError]
) -> None:
    made(path)
    before = path.read_bytes()
    with pytest.raises(error):
        Blackboard.open(f"sqlite:///{path}").marks()
    assert path.read_bytes() == before


@pytest.mark.processes
def test_an_unwritable_file_or_folder_is_a_clear_error() -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "board.db"
        with Blackboard.open(f"sqlite:///{path}") as board:
            board.deposit(Smoke(subject="kitchen"))
        before = path.read_bytes()
        for item in Path(name).iterdir():
            os.chmod(item, 0o444)
        os.chmod(name, 0o555)

        def opened(target: Path) -> str:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ForeignFilesWarning)
                    Blackboard.open(f"sqlite:///{target}").close()
            except BlackboardError as error:
                return f"{type(error).__name__}: {error}"
            return "opened"

        assert without_rights(lambda: opened(path)).startswith("StoreError: ")
        assert without_rights(lambda: opened(path.with_name("new.db"))).startswith("StoreError: ")
        os.chmod(name, 0o755)
        assert path.read_bytes() == before


@pytest.mark.processes
def test_a_file_size_limit_causes_neither_a_traceback_nor_damage(path: Path) -> None:
    """Test with RLIMIT_FSIZE, which fails a write in its middle like a quota."""
    pid = os.fork()
    if pid == 0:  # pragma: no cover
        import resource

        status = 1
        try:
            board = Blackboard.open(f"sqlite:///{path}")
            resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
            kept = 0
            try:
                for number in range(5000):
                    board.deposit(Smoke(subject=f"s{number}", detail="q" * 500))
                    kept += 1
            except StoreError:
                status = 0 if 0 < kept < 5000 else 2
            path.with_suffix(".kept").write_text(str(kept))
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    kept = int(path.with_suffix(".kept").read_text())
    assert whole(path)
    with Blackboard.open(f"sqlite:///{path}") as board:
        assert len(board.marks()) == kept
