"""An error of a file beside the board says what to do about its cause."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from blackboard import Blackboard
from blackboard.board import backups_and_copies
from blackboard.errors import StoreError, StoreExhausted, StoreForeign
from blackboard.system.files.board_files import BoardFiles
from blackboard.system.files.file_errors import file_failure


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.EACCES, "check the permissions of {path}"),
        (errno.EPERM, "check the permissions of {path}"),
        (errno.ENOTDIR, "check that {path.parent} is a folder"),
        (errno.EISDIR, "remove this folder"),
        (errno.EROFS, "Read-only file system"),
    ],
)
def test_the_cause_decides_about_the_advice(tmp_path: Path, code: int, advice: str) -> None:
    path = tmp_path / "board.db-lock"
    path.touch()
    failure = file_failure(path, "cannot be opened", OSError(code, os.strerror(code)))
    assert not isinstance(failure, StoreExhausted)
    assert str(failure).endswith(advice.format(path=path))
    assert f"{path} cannot be opened: {os.strerror(code)}" in str(failure)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.ENOMEM, errno.EDQUOT])
def test_what_is_used_up_has_nothing_to_do_with_permissions(tmp_path: Path, code: int) -> None:
    failure = file_failure(tmp_path / "x", "cannot be created", OSError(code, os.strerror(code)))
    assert isinstance(failure, StoreExhausted)
    assert "permission" not in str(failure)


def test_the_folder_of_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    failure = file_failure(tmp_path / "x", "cannot be created", OSError(errno.EACCES, os.strerror(errno.EACCES)))
    assert str(failure).endswith(f"check the permissions of {tmp_path}")


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_not_a_file_is_neither_opened_nor_replaced(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path, copy = tmp_path / "board.db", tmp_path / "copy.db"
    with Blackboard.open(tmp_path / "other.db") as board:
        backups_and_copies.back_up(board, copy)
    make(path)
    for create in (True, False):
        with pytest.raises(StoreForeign, match=r"is a folder|is not a file"):
            Blackboard.open(path, create=create)
    with pytest.raises(StoreForeign, match=r"is a folder|is not a file"):
        backups_and_copies.restore(copy, path, 0)
    assert not path.is_file()
    assert [file.name for file in tmp_path.glob("board.db*")] == ["board.db"]


@pytest.mark.parametrize("name", ["write_lock", "write_queue"])
def test_a_folder_in_place_of_a_lock_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "board.db"
    Blackboard.open(path).close()
    lock: Path = getattr(BoardFiles(path), name)
    lock.unlink()
    lock.mkdir()
    with pytest.raises(StoreError, match="remove this folder"), Blackboard.open(path) as board:
        board.pause()
