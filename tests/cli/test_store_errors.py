"""An unusable database is reported with advice and never with a traceback."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

import pytest
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from blackboard.store.schema.schema_revisions import HEAD
from blackboard.system.files.board_files import BoardFiles
from tests.support.command_line import CommandLine

pytestmark = pytest.mark.file_only("a file or its folder is in the way")

DUMP = Path(__file__).parents[1] / "store" / "board_0002.sql"


@pytest.mark.parametrize("name", ["quest?ion.db", "a%20board.db", "plain.db"])
def test_the_path_of_a_database_may_have_any_characters(typed: CommandLine, name: str) -> None:
    assert typed("init", "--database", name).code == 0
    assert (typed.folder / name).exists()
    assert name in typed("status", "--database", name).out


def test_a_file_that_is_not_a_database_is_refused(typed: CommandLine) -> None:
    typed.write("notes.txt", "these are notes, and there are enough of them to be longer than a header is\n" * 20)
    done = typed("marks", "--database", "notes.txt")
    assert done.code == 1
    assert "not a database" in done.err
    assert (typed.folder / "notes.txt").read_text().startswith("these are notes")


def test_the_database_of_another_program_is_refused(typed: CommandLine) -> None:
    with sqlite3.connect(typed.folder / "other.db") as other:
        other.execute("CREATE TABLE customers (id INTEGER)")
    other.close()
    done = typed("marks", "--database", "other.db")
    assert done.code == 1
    assert "another program" in done.err


def test_a_board_of_a_newer_version_is_refused(house: CommandLine) -> None:
    house("init")
    with sqlite3.connect(house.folder / "house.db") as board:
        board.execute("UPDATE alembic_version SET version_num = '9999'")
    board.close()
    done = house("marks")
    assert done.code == 1
    assert "newer version" in done.err


def test_a_command_that_upgrades_the_schema_says_so(house: CommandLine) -> None:
    with sqlite3.connect(house.folder / "house.db") as board:
        board.executescript(DUMP.read_text("utf-8"))
    board.close()
    assert "run 'blackboard init'" in house("check", "--against-board").err  # it changes nothing
    done = house("status")
    assert done.code == 0
    assert f"was upgraded from 0002 to {HEAD}; " in done.err
    [copy] = house.folder.glob("house.db.before-*")
    assert f"{copy.name} is a backup from before" in done.err.replace("\n", "")
    assert house("status").err == ""


def test_a_board_in_an_empty_file_is_not_an_upgrade(house: CommandLine) -> None:
    (house.folder / "house.db").touch()
    done = house("init")
    assert done.code == 0
    assert "upgraded" not in done.err


def test_a_damaged_board_is_reported(house: CommandLine) -> None:
    house("init")
    path = house.folder / "house.db"
    data = bytearray(path.read_bytes())
    data[100:4096] = b"\xff" * 3996
    for file in (BoardFiles(path).wal, BoardFiles(path).shm):
        file.unlink(missing_ok=True)
    path.write_bytes(data)
    done = house("marks")
    assert done.code == 1
    assert "house.db is damaged: " in done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_board_is_reported(house: CommandLine) -> None:
    house("init")
    (house.folder / "house.db").chmod(0o400)
    done = house("deposit", "call", "x", "--payload", '{"text": "x"}')
    assert done.code == 1
    assert "permissions" in done.err


@pytest.mark.parametrize("url", ["nonsense://x", "mysql://x", "sqlite://", "sqlite:///:memory:"])
def test_an_unusable_url_is_a_usage_error(typed: CommandLine, url: str) -> None:
    done = typed("marks", "--database", url)
    assert done.code == 2
    assert "database.url" in done.err


def test_a_folder_that_cannot_be_created_is_reported(typed: CommandLine) -> None:
    typed.write("file", "x")
    done = typed("init", "--database", "file/board.db")
    assert done.code == 1
    assert "board.db cannot be created: " in done.err


def test_a_new_board_is_reported_on_stderr(house: CommandLine) -> None:
    words = ("deposit", "call", "x", "--payload", '{"text": "x"}', "--json")
    done = house(*words)
    assert (done.code, done.json["outcome"]) == (0, "deposited")
    assert done.err == f"{house.folder / 'house.db'} is a new board\n"
    assert house(*words).err == ""


@pytest.mark.parametrize("words", [("marks",), ("status",), ("sql", "select 1"), ("pause",), ("withdraw", "1")])
def test_a_reading_command_creates_no_folder(house: CommandLine, words: tuple[str, ...]) -> None:
    done = house(*words, "--database", "tpyo/house.db")
    assert done.code == 1
    assert f"there is no board at {house.folder / 'tpyo' / 'house.db'}" in done.err
    assert not (house.folder / "tpyo").exists()


@pytest.mark.parametrize("words", [("init",), ("deposit", "call", "x", "--payload", '{"text": "x"}')])
def test_a_command_that_creates_a_board_creates_its_folder_and_says_so(
    house: CommandLine, words: tuple[str, ...]
) -> None:
    done = house(*words, "--database", "new/house.db")
    assert done.code == 0
    assert f"{house.folder / 'new' / 'house.db'} is a new board" in done.err


def test_a_missing_driver_is_named_with_advice(typed: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    done = typed("marks", "--database", "postgresql+psycopg://ada:secret@127.0.0.1/board")
    assert done.code == 2
    assert "needs the package psycopg, which is not installed" in done.err
    assert "pip install -c constraints.txt '.[postgresql]'" in done.err
    assert "secret" not in done.err


@pytest.mark.parametrize("scheme", ["mysql", "postgresql+psycopg2", "oracle"])
def test_a_database_that_cannot_have_a_board_is_refused_with_the_schemes_that_can(
    typed: CommandLine, scheme: str
) -> None:
    done = typed("marks", "--database", f"{scheme}://ada:secret@127.0.0.1/board")
    assert done.code == 2
    assert "as in sqlite:///board.db or postgresql+psycopg://host/database" in done.err
    assert "secret" not in done.err


def test_a_missing_library_of_the_driver_is_named_with_advice(
    typed: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(cls: type) -> None:
        raise ImportError("no pq wrapper available.")  # as psycopg does

    monkeypatch.setattr(PGDialect_psycopg, "import_dbapi", classmethod(fail))
    done = typed("marks", "--database", "postgresql+psycopg://ada:secret@127.0.0.1/board")
    assert done.code == 2
    assert "needs the library libpq, which psycopg did not find; install it or psycopg[binary]" in done.err
    assert "secret" not in done.err


def test_an_orphaned_log_is_reported(house: CommandLine) -> None:
    house("init")
    (house.folder / "house.db").rename(house.folder / "elsewhere.db")
    (house.folder / "house.db-wal").write_bytes(b"what was written last")
    for words in (("doctor",), ("marks",), ("backup", "copy.db")):
        done = house(*words)
        assert done.code == 1
        assert "house.db-wal is still there; put the file back" in done.out + done.err
    assert not (house.folder / "house.db").exists()


def test_the_doctor_says_that_there_is_no_board(house: CommandLine) -> None:
    done = house("doctor")
    assert done.code == 1
    assert "there is no board at" in done.out
    assert not (house.folder / "house.db").exists()
