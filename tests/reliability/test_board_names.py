"""A board has one set of locks and one log, whatever name of it a process was given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import blackboard
from blackboard import Blackboard, Mark, agent, strength
from blackboard.board import backups_and_copies
from blackboard.board.diagnosis import doctor
from blackboard.errors import StoreBusy, StoreError
from blackboard.store.database_factory import database_of
from blackboard.store.sqlite import sqlite_health
from tests.support.file_boards import path_of
from tests.support.manual_daemons import served


class Note(Mark, kind="note", on_repeat="separate"):
    pass


@agent(watches=strength(Note) >= 0.5)
def reader(marks: object, context: object) -> None:
    return None


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("name", ["link.db", "chain.db", "folder/board.db", "folder/../disk/board.db", "100%.db"])
def test_each_name_of_a_board_leads_to_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, exists: bool
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    (tmp_path / "link.db").symlink_to("disk/board.db")
    (tmp_path / "chain.db").symlink_to("link.db")
    (tmp_path / "100%.db").symlink_to(disk / "board.db")
    (tmp_path / "folder").symlink_to("disk")
    if exists:
        Blackboard.open(disk / "board.db").close()
    monkeypatch.chdir(tmp_path)
    for url in (tmp_path / name, name, f"sqlite:///{name}", f"sqlite:///{tmp_path / name}"):
        with Blackboard.open(url) as board:
            assert path_of(board) == disk / "board.db"
            monkeypatch.chdir("/")
            board.deposit(Note(subject=str(url)))
            monkeypatch.chdir(tmp_path)
    with Blackboard.open(disk / "board.db") as board:
        assert len(board.marks(Note)) == 4
    assert {path.name for path in tmp_path.iterdir()} == {"disk", "folder", "link.db", "chain.db", "100%.db"}


def test_a_daemon_is_seen_through_a_link_and_restore_replaces_what_the_link_names(tmp_path: Path) -> None:
    path, link = tmp_path / "board.db", tmp_path / "elsewhere" / "link.db"
    link.parent.mkdir()
    link.symlink_to("../board.db")
    with Blackboard.open(path) as board:
        board.deposit(Note(subject="kept"))
        copy = backups_and_copies.back_up(board, tmp_path / "copy.db")
        board.deposit(Note(subject="later"))
        daemon = served(board, reader)
        assert database_of(link).processes.is_served()
        with pytest.raises(StoreBusy, match="stop it first"):
            backups_and_copies.restore(copy.path, link, 0)
        daemon.close()
    backups_and_copies.restore(copy.path, link, 0)
    assert link.is_symlink()
    with Blackboard.open(path) as board:
        assert [mark.subject for mark in board.marks(Note)] == ["kept"]


def test_a_file_with_a_hard_link_is_refused_by_each_of_its_names(tmp_path: Path) -> None:
    path, other = tmp_path / "board.db", tmp_path / "other.db"
    Blackboard.open(path).close()
    os.link(path, other)
    for name in (path, other):
        with pytest.raises(StoreError, match=r"has a second name, a hard link \("):
            Blackboard.open(name, create=False)
        with pytest.raises(StoreError, match="second name"):
            blackboard.connect(name)
    other.unlink()
    with Blackboard.open(path) as board:
        board.deposit(Note(subject="one"))
        os.link(path, other)
        with pytest.raises(StoreError, match="second name"):
            board.deposit(Note(subject="lost"))
        with pytest.raises(StoreError, match="second name"):
            board.marks()
        other.unlink()
        board.deposit(Note(subject="two"))
        assert [mark.subject for mark in board.marks(Note)] == ["one", "two"]


def test_a_board_whose_restoration_was_interrupted_is_refused_until_it_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "board.db"
    with Blackboard.open(path) as board:
        board.deposit(Note(subject="kept"))
        copy = backups_and_copies.back_up(board, tmp_path / "copy.db")
        board.deposit(Note(subject="later"))

    def fails(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", fails)
        with pytest.raises(KeyboardInterrupt):
            backups_and_copies.restore(copy.path, path, 0)
    with pytest.raises(StoreError, match="restore'; if that was interrupted"):
        Blackboard.open(path)
    backups_and_copies.restore(copy.path, path, 1_000_000)
    with Blackboard.open(path) as board:
        assert [mark.subject for mark in board.marks(Note)] == ["kept"]


def test_a_backup_with_hard_links_can_be_restored(tmp_path: Path) -> None:
    with Blackboard.open(tmp_path / "board.db") as board:
        board.deposit(Note(subject="one"))
        copy = backups_and_copies.back_up(board, tmp_path / "copy.db")
    os.link(copy.path, tmp_path / "yesterday.db")
    restored, _ = backups_and_copies.restore(tmp_path / "yesterday.db", tmp_path / "new.db", 0)
    assert restored.marks == 1


def test_the_doctor_reports_a_file_that_is_mounted_without_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mountinfo"
    monkeypatch.setattr(sqlite_health, "MOUNTS", mounts)
    path = tmp_path / "my board.db"
    with Blackboard.open(path) as board:
        for point, expected in ((tmp_path, False), (path, True)):
            escaped = str(point).replace(" ", "\\040")
            mounts.write_text(f"36 35 98:0 /disk {escaped} rw,noatime shared:1 - ext4 /dev/root rw\n")
            assert any(item.name == "mount" for item in doctor.examine_board(board)) is expected
