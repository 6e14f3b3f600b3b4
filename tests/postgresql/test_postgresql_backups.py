"""A backup of a board on PostgreSQL is one snapshot, is checked, and is restored completely or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from blackboard import Blackboard, Mark
from blackboard.board import backups_and_copies
from blackboard.errors import StoreError, StoreForeign, StoreMissing
from tests.support.postgresql import postgresql_programs

pytestmark = [pytest.mark.postgresql(only=True), pytest.mark.processes]


class Ash(Mark, kind="ash", on_repeat="separate"):
    """A kind of which each deposit is a mark."""


@pytest.fixture(autouse=True)
def _programs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Find the programs that belong to the database server of the tests before others of the system."""
    if (programs := request.config.getoption("--postgresql-programs") or postgresql_programs()) is not None:
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")


def test_a_restored_backup_is_the_same_board(board: Blackboard, empty_url: str, tmp_path: Path) -> None:
    for number in range(3):
        board.deposit(Ash(subject=f"{number}"))
    copy = backups_and_copies.back_up(board, tmp_path / "board.dump")
    board.deposit(Ash(subject="later"))
    assert (copy.marks, copy.events, copy.path) == (3, 3, tmp_path / "board.dump")
    assert copy.path.stat().st_mode & 0o777 == 0o600

    restored, previous = backups_and_copies.restore(copy.path, empty_url, 0)
    assert (restored.marks, restored.events, restored.last_recorded_at, previous) == (
        3,
        3,
        copy.last_recorded_at,
        None,
    )
    with Blackboard.open(empty_url) as other:
        assert other.board_id == board.board_id
        assert sorted(mark.subject for mark in other.marks()) == ["0", "1", "2"]
        other.deposit(Ash(subject="goes on"))
        assert len(other.query("SELECT * FROM live_marks")) == 4


def test_a_backup_replaces_nothing(board: Blackboard, board_url: str, tmp_path: Path) -> None:
    board.deposit(Ash(subject="a"))
    copy = backups_and_copies.back_up(board, tmp_path / "board.dump")
    with pytest.raises(StoreError, match="already exists"):
        backups_and_copies.back_up(board, copy.path)
    with pytest.raises(StoreError, match="is not empty"):
        backups_and_copies.restore(copy.path, board_url, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["board.dump"]


def test_only_a_whole_backup_is_restored(board: Blackboard, empty_url: str, tmp_path: Path) -> None:
    board.deposit(Ash(subject="a"))
    whole = backups_and_copies.back_up(board, tmp_path / "board.dump").path.read_bytes()
    broken = tmp_path / "broken.dump"
    for content in (b"not an archive", whole[: len(whole) // 2]):
        broken.write_bytes(content)
        with pytest.raises(StoreForeign):
            backups_and_copies.restore(broken, empty_url, 0)
    with pytest.raises(StoreMissing):
        backups_and_copies.restore(tmp_path / "none.dump", empty_url, 0)


def test_without_the_programs_of_the_server_the_error_says_so(
    board: Blackboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError, match="pg_dump is not installed"):
        backups_and_copies.back_up(board, tmp_path / "board.dump")
