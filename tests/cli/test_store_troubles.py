"""The law: a database that cannot be used is told of with what to do, and never with a traceback."""

from __future__ import annotations

import os
import sqlite3

import pytest


def test_a_file_that_is_no_database_is_refused(typed):
    typed.write("notes.txt", "these are notes, and there are enough of them to be longer than a header is\n" * 20)
    done = typed("marks", "--database", "notes.txt")
    assert done.code == 1
    assert "not a database" in done.err
    assert (typed.folder / "notes.txt").read_text().startswith("these are notes")


def test_the_database_of_another_program_is_refused(typed):
    with sqlite3.connect(typed.folder / "other.db") as other:
        other.execute("CREATE TABLE customers (id INTEGER)")
    other.close()
    done = typed("marks", "--database", "other.db")
    assert done.code == 1
    assert "another program" in done.err


def test_a_board_of_a_newer_program_is_refused(house):
    house("init")
    with sqlite3.connect(house.folder / "house.db") as board:
        board.execute("UPDATE alembic_version SET version_num = '9999'")
    board.close()
    done = house("marks")
    assert done.code == 1
    assert "newer version" in done.err


def test_a_damaged_board_is_told_of(house):
    house("init")
    path = house.folder / "house.db"
    data = bytearray(path.read_bytes())
    data[100:4096] = b"\xff" * 3996
    for extra in ("-wal", "-shm"):
        (house.folder / f"house.db{extra}").unlink(missing_ok=True)
    path.write_bytes(data)
    done = house("marks")
    assert done.code == 1
    assert "damaged" in done.err or "not a database" in done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_board_that_may_not_be_written_is_told_of(house):
    house("init")
    (house.folder / "house.db").chmod(0o400)
    done = house("deposit", "call", "x", "--payload", '{"text": "x"}')
    assert done.code == 1
    assert "permissions" in done.err


@pytest.mark.parametrize("url", ["nonsense://x", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_cannot_be_used_is_wrong_usage(typed, url):
    done = typed("marks", "--database", url)
    assert done.code == 2
    assert "database.url" in done.err


def test_a_folder_that_cannot_be_made_is_told_of(typed):
    typed.write("file", "x")
    done = typed("marks", "--database", "file/board.db")
    assert done.code == 1
    assert "cannot be made" in done.err or "cannot be opened" in done.err
