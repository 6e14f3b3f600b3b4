"""No two SQLite libraries have a board's file open in one process; whichever comes second is refused.

A second library that closes the file drops the locks of the first: acknowledged deposits were lost, and files damaged.
"""

from __future__ import annotations

import gc
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

import blackboard
from blackboard import Blackboard, Mark
from blackboard.errors import LibraryConflict, StoreError
from blackboard.store.dialects import sqlite_library
from blackboard.store.sqlite.open_files.second_library_guard import OTHERS_ANNOUNCE
from tests.support.bounds import BOUND_SECONDS

ROOT = Path(__file__).parents[2]
two_libraries = pytest.mark.skipif(not OTHERS_ANNOUNCE, reason="the board uses the interpreter's SQLite")


class Pebble(Mark, kind="pebble", on_repeat="separate"):
    pass


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the file of a board with one mark."""
    with Blackboard.open(tmp_path / "board.db") as board:
        board.deposit(Pebble(subject="one"))
    return tmp_path / "board.db"


def as_uri(form: str) -> Callable[[Path], Any]:
    return lambda path: sqlite3.connect(form.format(path=path, name=path.name), uri=True)


def by_symbolic_link(path: Path) -> Any:
    link = path.with_name("link.db")
    link.symlink_to(path)
    return sqlite3.connect(link)


def by_relative_path(path: Path) -> Any:
    return sqlite3.connect(os.path.relpath(path))


def by_sqlalchemy(path: Path) -> Any:
    with create_engine(f"sqlite:///{path}").connect() as connection:
        return connection.execute(text("SELECT 1"))


WAYS: dict[str, Callable[[Path], Any]] = {
    "path": sqlite3.connect,
    "text": lambda path: sqlite3.connect(str(path)),
    "bytes": lambda path: sqlite3.connect(os.fsencode(path)),
    "relative path": by_relative_path,
    "symbolic link": by_symbolic_link,
    "class": lambda path: sqlite3.Connection(str(path)),
    "keyword": lambda path: sqlite3.connect(database=path, timeout=1),
    "uri": as_uri("file:{path}?mode=ro"),
    "uri with an authority": as_uri("file://localhost{path}"),
    "uri with escapes": as_uri("file:{path.parent}/%62oard.db#fragment"),
    "sqlalchemy": by_sqlalchemy,
}


@two_libraries
@pytest.mark.parametrize("way", WAYS)
def test_a_second_library_is_refused_by_whatever_name(path: Path, way: str) -> None:
    with Blackboard.open(path) as board:
        with pytest.raises((sqlite3.OperationalError, OperationalError)) as caught:
            WAYS[way](path)
        error = caught.value.orig if isinstance(caught.value, OperationalError) else caught.value
        assert isinstance(error, LibraryConflict)
        assert isinstance(error, StoreError)
        for instead in ("board.query(", "blackboard.connect(", "board.engine()"):
            assert instead in str(caught.value)
        board.deposit(Pebble(subject="two"))
        assert {mark.subject for mark in board.marks("pebble")} == {"one", "two"}


@two_libraries
def test_other_files_and_closed_boards_are_open_to_all(path: Path, tmp_path: Path) -> None:
    with Blackboard.open(path):
        for name in (tmp_path / "other.db", ":memory:", "", tmp_path / "board.db-copy"):
            sqlite3.connect(name).close()
        with pytest.raises(TypeError):
            sqlite3.connect(7)  # type: ignore[call-overload]
    sqlite3.connect(path).close()


@two_libraries
def test_a_board_is_refused_while_another_library_has_its_file_open(path: Path) -> None:
    with sqlite3.connect(path) as other:  # this does not close it
        other.execute("SELECT 1 FROM live_marks")
    with pytest.raises(LibraryConflict, match="open already"):
        Blackboard.open(path)
    with pytest.raises(LibraryConflict, match="open already"):
        blackboard.connect(path)
    assert other.execute("SELECT count(*) FROM live_marks").fetchone() == (1,)
    other.close()
    with Blackboard.open(path) as board:
        assert len(board.marks("pebble")) == 1


@two_libraries
def test_a_board_is_refused_while_its_file_is_open_without_sqlite(path: Path) -> None:
    with path.open("rb"), pytest.raises(LibraryConflict, match="open already"):
        Blackboard.open(path)
    Blackboard.open(path).close()


@two_libraries
def test_every_connection_of_the_board_holds_the_file(path: Path) -> None:
    connection = blackboard.connect(path)
    with pytest.raises(LibraryConflict):
        sqlite3.connect(path)
    connection.close()
    sqlite3.connect(path).close()
    board = Blackboard.open(path)
    with board.engine().connect() as selected:
        selected.execute(text("SELECT 1"))
    board.close()
    sqlite3.connect(path).close()
    left_to_the_collector = Blackboard.open(path)
    assert left_to_the_collector.marks("pebble")
    del left_to_the_collector
    gc.collect()
    sqlite3.connect(path).close()


def test_several_boards_of_one_process_share_a_file(path: Path) -> None:
    with Blackboard.open(path) as first, Blackboard.open(path) as second:
        first.deposit(Pebble(subject="two"))
        assert len(second.marks("pebble")) == 2
        first.close()
        second.deposit(Pebble(subject="three"))
        assert len(second.marks("pebble")) == 3


def test_a_forked_child_opens_the_board_of_its_parent(path: Path) -> None:
    with Blackboard.open(path) as board:
        board.marks("pebble")
        child = os.fork()
        if child == 0:
            try:
                own = Blackboard.open(path)
                own.deposit(Pebble(subject="two"))
            except BaseException:
                os._exit(1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert len(board.marks("pebble")) == 2


QUESTIONER = """
import os, sqlite3, sys
from blackboard import Blackboard, Mark
class Pebble(Mark, kind="pebble", on_repeat="separate"):
    pass
board = Blackboard.open(sys.argv[1])
for n in range(10):
    print(board.deposit(Pebble(subject=f"{os.getpid()}/{n}")).mark_id, flush=True)
    try:
        connection = sqlite3.connect(sys.argv[1])
        connection.execute("SELECT count(*) FROM live_marks").fetchone()
        connection.close()
    except sqlite3.OperationalError as error:
        assert len(board.query("SELECT id FROM live_marks WHERE subject = ?", [f"{os.getpid()}/{n}"])) == 1
os._exit(9)  # as if it was killed
"""
"""A program that deposits, asks the views through `sqlite3` as well as it can, and dies."""

SAFE_INTERPRETER = "import sqlite3; sqlite3.sqlite_version_info = (3, 51, 3)\n"


def ask_and_die(path: Path, code: str) -> list[subprocess.Popen[str]]:
    return [
        subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]


@pytest.mark.processes
@pytest.mark.parametrize("library", ["the board's own", "the interpreter's"])
def test_programs_that_ask_through_sqlite3_lose_nothing(path: Path, library: str) -> None:
    programs = ask_and_die(path, (SAFE_INTERPRETER if library == "the interpreter's" else "") + QUESTIONER)
    acknowledged = {int(line) for program in programs for line in program.communicate(timeout=BOUND_SECONDS)[0].split()}
    assert [program.returncode for program in programs] == [9, 9, 9]
    assert len(acknowledged) == 30
    with Blackboard.open(path) as board:
        assert acknowledged <= {mark.id for mark in board.marks("pebble")}
        assert board.query("SELECT count(*) AS n FROM live_marks")[0]["n"] == 31
    check = sqlite3.connect(path)
    assert check.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    check.close()


def test_the_interpreter_s_library_is_used_where_it_is_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))
    assert sqlite_library.choose_driver() is sqlite3
    monkeypatch.setattr(sqlite3, "connect", lambda name: NoPower())
    assert sqlite_library.choose_driver() is not sqlite3  # decay laws need its mathematical functions


class NoPower:
    """A connection to an SQLite that was built without mathematical functions."""

    def execute(self, sql: str) -> Any:
        raise sqlite3.OperationalError("no such function: power")

    def close(self) -> None:
        pass


def test_an_unsafe_library_is_used_only_if_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))
    bundled = pytest.importorskip("pysqlite3")
    assert sqlite_library.choose_driver() is bundled
    monkeypatch.setattr(bundled, "sqlite_version_info", (3, 40, 1))
    assert sqlite_library.choose_driver() is sqlite3  # of two unsafe libraries, the one that is there anyway
    monkeypatch.setitem(sys.modules, "pysqlite3", None)
    assert sqlite_library.choose_driver() is sqlite3
