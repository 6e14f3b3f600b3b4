"""Writers take turns, and a failed write does not affect others."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from blackboard import Blackboard, Mark
from blackboard.durations import HOUR
from blackboard.errors import StoreError
from blackboard.store.database_factory import database_of
from blackboard.store.sqlite.sqlite_database import SqliteDatabase
from blackboard.store.sqlite.sqlite_file import SqliteFile
from tests.support.bounds import BOUND_SECONDS
from tests.support.threads import join_all
from tests.support.world import World, kind, prepared


class Ash(Mark, kind="ash", on_repeat="separate"):
    """A kind without a deployment."""


def test_simultaneous_writers_get_their_own_results(world: World) -> None:
    world.deploy({"smoke": kind("smoke", on_repeat="separate")})
    answers: dict[int, list[int]] = {}
    errors: list[BaseException] = []
    start = threading.Barrier(6, timeout=BOUND_SECONDS)

    def work(number: int) -> None:
        start.wait(BOUND_SECONDS)
        try:
            answers[number] = [world.put("smoke", f"{number}/{i}").mark_id for i in range(15)]
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    join_all(*threads)
    assert errors == []
    subjects = {mark.id: mark.subject for mark in world.board.marks()}
    assert len(subjects) == 90
    for number, ids in answers.items():
        assert [subjects[item] for item in ids] == [f"{number}/{i}" for i in range(15)]


@pytest.mark.parametrize("name", ["a board.db", "a%20board.db", "a#1;b.db", "ä.db", "b.db?timeout=5"])
def test_a_url_names_the_file_that_sqlalchemy_finds_in_it(tmp_path: Path, name: str) -> None:
    url = f"sqlite:///{tmp_path}/{name}"
    database = database_of(url)
    assert isinstance(database, SqliteDatabase)
    assert str(database.path) == make_url(url).database
    database.close()


def test_a_failed_write_does_not_fail_others(world: World) -> None:
    world.deploy({"smoke": kind("smoke", on_repeat="separate")})
    outcomes: list[str] = []
    start = threading.Barrier(8, timeout=BOUND_SECONDS)

    def work(number: int) -> None:
        start.wait(BOUND_SECONDS)
        try:
            if number % 2:
                world.put("smoke", f"s{number}")
            else:
                world.board.session.write(lambda txn: 1 // 0)
            outcomes.append("kept")
        except ZeroDivisionError:
            outcomes.append("failed")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    join_all(*threads)
    assert sorted(outcomes) == ["failed"] * 4 + ["kept"] * 4
    assert len(world.board.marks()) == 4


def test_a_failed_transaction_registers_nothing(world: World) -> None:
    board = world.board

    def work(txn: Any) -> None:
        prepared(txn, board, "ash", "s", {}, 1.0, "person:ada", None)
        raise RuntimeError("stop")

    board.session.classes.add([Ash])
    with pytest.raises(RuntimeError, match="stop"):
        board.session.write(work)
    assert "ash" not in board.deployment.kinds
    world.deploy({"smoke": kind("smoke")})
    world.put("smoke")
    board.deposit(Ash(subject="s"))
    assert {mark.kind for mark in board.marks()} == {"smoke", "ash"}


@pytest.mark.postgresql
def test_a_reading_transaction_is_one_snapshot(world: World) -> None:
    world.deploy({"smoke": kind("smoke", on_repeat="separate")})

    def work(txn: Any) -> tuple[int, int]:
        def count() -> int:
            return int(txn.sql.cursor.execute("SELECT count(*) FROM mark").fetchone()[0])

        before = count()
        world.put("smoke")
        return before, count()

    assert world.board.session.read(work) == (0, 0)
    assert len(world.board.marks()) == 1


@pytest.mark.postgresql
def test_a_reading_transaction_cannot_write(world: World) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        world.board.session.read(lambda txn: txn.sql.cursor.execute("DELETE FROM mark"))
    world.advance(HOUR)
    assert world.board.marks() == []


def test_a_connection_that_is_in_use_when_the_board_is_closed_is_closed_after_its_use(world: World) -> None:
    database = world.board.database
    with database.read() as transaction:
        connection = transaction.cursor.connection
        world.board.close()
    with pytest.raises(database.dialect.errors.base):
        connection.execute("SELECT 1")


def test_a_board_can_be_used_again_after_it_was_closed(world: World) -> None:
    world.deploy({"smoke": kind("smoke")})
    world.board.close()
    world.put("smoke")
    assert len(world.board.marks()) == 1


@pytest.mark.file_only("a file has a log")
@pytest.mark.whole_boards
def test_a_file_that_another_process_creates_meanwhile_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, others, check = tmp_path / "board.db", list[Blackboard](), SqliteFile.check

    def create_meanwhile(file: SqliteFile) -> None:
        monkeypatch.undo()
        others.append(Blackboard.open(path))
        assert file.files.wal.exists()
        check(file)

    # To open a board, a process first looks for the file, and then calls `check`.
    monkeypatch.setattr(SqliteFile, "check", create_meanwhile)
    with Blackboard.open(path) as board:
        assert [other.board_id for other in others] == [board.board_id]
    others[0].close()
