"""A program reads a board by SQL through the board's own library, and cannot change anything by it."""

from __future__ import annotations

import re
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Float, Integer, Text, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

import blackboard
from blackboard import Blackboard, ManualClock, Mark, Row, sqlalchemy_views
from blackboard.core.records.view_columns import VIEWS
from blackboard.errors import InvalidQuery, QueryStopped, StoreError, StoreForeign, StoreMissing, UsageError
from tests.support.bounds import BOUND_SECONDS
from tests.support.threads import join_all
from tests.support.world import World, kind

FOREVER = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


class Pebble(Mark, kind="pebble", on_repeat="separate"):
    size: int = 0


@pytest.fixture
def board(tmp_path: Path) -> Any:
    """Return a board with three marks, half an hour apart."""
    clock = ManualClock(datetime(2026, 3, 4, 9, tzinfo=UTC))
    with Blackboard.open(tmp_path / "board.db", author="ann", clock=clock) as board:
        for number in range(3):
            board.deposit(Pebble(subject=f"p{number}", size=number, intensity=1 + number))
            clock.advance(timedelta(minutes=30))
        yield board


@pytest.mark.postgresql
def test_rows_read_by_name_and_by_position(world: World) -> None:
    world.deploy({"lead": kind("lead")})
    world.put("lead", "ada", 2.0)
    [row] = world.board.query("SELECT kind, subject AS who, 2 + 2 AS four FROM live_marks")
    assert isinstance(row, Row)
    assert (row["kind"], row["who"], row["four"]) == (row[0], row[1], row[2]) == ("lead", "ada", 4)
    assert dict(row) == {"kind": "lead", "who": "ada", "four": 4}
    assert row == ("lead", "ada", 4)
    assert [*row] == ["lead", "ada", 4]
    assert row[-2:] == ("ada", 4)
    assert row in {row}
    with pytest.raises(KeyError, match="did you mean 'who'"):
        row["whom"]
    assert world.board.query("SELECT kind FROM live_marks WHERE subject = 'nobody'") == []


def test_parameters_are_given_by_position_or_by_name(board: Blackboard) -> None:
    by_size = "SELECT subject FROM live_marks WHERE payload ->> '$.size' >= {} ORDER BY id"
    assert [row[0] for row in board.query(by_size.format("?"), [1])] == ["p1", "p2"]
    assert [row[0] for row in board.query(by_size.format(":size"), {"size": 2})] == ["p2"]
    since = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
    assert len(board.query("SELECT 1 FROM live_marks WHERE deposited_at >= ?", [since])) == 2
    assert len(board.query("SELECT 1 FROM live_marks WHERE deposited_at > :since", {"since": since})) == 1


@pytest.mark.postgresql(only=True)
def test_parameters_on_postgresql_have_its_placeholders(world: World) -> None:
    world.deploy({"lead": kind("lead")})
    world.put("lead", "ada")
    assert world.board.query("SELECT kind FROM live_marks WHERE subject = %s", ["ada"]) == [("lead",)]
    assert world.board.query("SELECT kind FROM live_marks WHERE subject = %(who)s", {"who": "bob"}) == []


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM event",
        "UPDATE board SET paused = 1",
        "CREATE TABLE mine (a INTEGER)",
        "CREATE TEMP TABLE mine (a INTEGER)",
        "SELECT 1; DELETE FROM event",
        "COMMIT; DELETE FROM event",
        "BEGIN",
        "",
        "nonsense",
        "SELECT * FROM live_mark",
        "SELECT nothing FROM live_marks",
    ],
)
def test_what_is_not_a_query_is_refused_and_changes_nothing(world: World, sql: str) -> None:
    world.deploy({"lead": kind("lead")})
    world.put("lead", "ada")
    with pytest.raises(InvalidQuery):
        world.board.query(sql)
    assert len(world.board.query("SELECT id FROM live_marks")) == 1
    world.put("lead", "bob")
    assert len(world.board.query("SELECT id FROM live_marks")) == 2


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("ATTACH 'other.db' AS other", "ATTACH"),
        ("PRAGMA query_only = OFF", "PRAGMA"),
        ("PRAGMA journal_mode = DELETE", "PRAGMA"),
        ("VACUUM INTO 'copy.db'", "ATTACH"),
        ("SELECT load_extension('x')", "load_extension"),
        ("WITH live_marks AS (SELECT 1) DELETE FROM mark", "deleting"),
        ("SELECT kind FROM live_mark", "did you mean 'live_marks'"),
        ("SELECT ?", "bindings"),
    ],
)
def test_a_refusal_says_why(board: Blackboard, sql: str, word: str) -> None:
    with pytest.raises(InvalidQuery, match=word):
        board.query(sql)


def test_a_query_is_stopped_at_its_limit_of_time(board: Blackboard) -> None:
    with pytest.raises(QueryStopped, match=r"longer than 0.05 s"):
        board.query(FOREVER, timeout="50ms")
    assert board.query("SELECT count(*) FROM live_marks", timeout=timedelta(seconds=BOUND_SECONDS)) == [(3,)]
    with pytest.raises(UsageError):
        board.query("SELECT 1", timeout="soon")


@pytest.mark.postgresql(only=True)
def test_a_query_on_postgresql_is_stopped_at_its_limit_of_time(world: World) -> None:
    with pytest.raises(QueryStopped):
        world.board.query("SELECT pg_sleep(30)", timeout="50ms")
    assert world.board.query("SELECT 1") == [(1,)]


def test_queries_run_in_several_threads_while_others_deposit(board: Blackboard) -> None:
    counts: list[int] = []

    def ask() -> None:
        counts.extend(int(str(board.query("SELECT count(*) FROM live_marks")[0][0])) for _ in range(30))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        board.deposit(Pebble(subject=f"more{number}"))
    join_all(*threads)
    assert len(counts) == 120
    assert set(counts) <= set(range(3, 24))


def test_a_connection_for_the_db_api_can_only_read(board: Blackboard, tmp_path: Path) -> None:
    connection = blackboard.connect(tmp_path / "board.db")
    cursor = connection.cursor()
    cursor.execute("SELECT subject, strength FROM live_marks WHERE strength > ? ORDER BY id", (1.5,))
    assert [column[0] for column in cursor.description] == ["subject", "strength"]
    assert [row[0] for row in cursor.fetchall()] == ["p1", "p2"]
    assert len(connection.execute("PRAGMA table_info(live_marks)").fetchall()) == len(VIEWS["live_marks"])
    for sql in ("DELETE FROM mark", "PRAGMA query_only = OFF", "ATTACH 'x.db' AS x", "BEGIN IMMEDIATE", "VACUUM"):
        with pytest.raises(board.database.dialect.errors.base):
            connection.execute(sql)
    connection.execute("BEGIN")  # several queries of one instant
    assert connection.execute("SELECT count(*) FROM live_marks").fetchone() == (3,)
    board.deposit(Pebble(subject="later"))
    assert connection.execute("SELECT count(*) FROM live_marks").fetchone() == (3,)
    connection.execute("COMMIT")
    assert connection.execute("SELECT count(*) FROM live_marks").fetchone() == (4,)
    connection.close()


def test_connect_leaves_a_board_at_rest_as_it_was(board: Blackboard, tmp_path: Path) -> None:
    board.close()
    before = sorted(file.name for file in tmp_path.iterdir())
    connection = blackboard.connect(f"sqlite:///{tmp_path / 'board.db'}")
    assert connection.execute("SELECT count(*) FROM live_marks").fetchone() == (3,)
    connection.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == before


def test_connect_opens_boards_only(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        blackboard.connect(tmp_path / "missing.db")
    assert not (tmp_path / "missing.db").exists()
    (tmp_path / "text.db").write_text("a text file, and no database at all")
    (tmp_path / "empty.db").touch()
    for name in ("text.db", "empty.db"):
        with pytest.raises(StoreForeign):
            blackboard.connect(tmp_path / name)


def test_connect_opens_no_board_on_postgresql() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError, match=r"board\.engine"):
        blackboard.connect("postgresql+psycopg://localhost/board")


@pytest.mark.parametrize("name", VIEWS)
def test_each_view_is_a_table_with_the_columns_of_the_view(board: Blackboard, name: str) -> None:
    table = getattr(sqlalchemy_views, name)
    assert tuple(table.c.keys()) == VIEWS[name]
    with board.engine().connect() as connection:
        assert tuple(connection.execute(select(table)).keys()) == VIEWS[name]
    assert name in sqlalchemy_views.__all__


def test_each_column_has_the_type_that_the_page_of_the_views_names() -> None:
    page = (Path(__file__).parents[2] / "docs" / "views.md").read_text("utf-8")
    types = {
        "integer": Integer,
        "real": Float,
        "text": Text,
        "JSON text": sqlalchemy_views.Payload,
        "time": sqlalchemy_views.Time,
    }
    types["date"] = sqlalchemy_views.Day
    rows = re.compile(r"^\| `(\w+)` \| ([\w ]+) \|", re.MULTILINE)
    everywhere = dict(rows.findall(page))
    for name in VIEWS:
        _, _, rest = page.partition(f"\n## `{name}`\n")
        documented = everywhere | dict(rows.findall(rest.partition("\n## ")[0]))
        columns = getattr(sqlalchemy_views, name).c
        assert {column.name: type(column.type) for column in columns} == {
            column.name: types[documented[column.name]] for column in columns
        }


@pytest.mark.postgresql
def test_views_are_selected_with_python_s_types(world: World) -> None:
    world.deploy({"lead": kind("lead")})
    start = world.clock.now()
    world.deploy({"lead": kind("lead")})
    world.put("lead", "ada", 2.0)
    world.clock.advance(timedelta(hours=1))
    world.put("lead", "bob", 0.5)
    live = sqlalchemy_views.live_marks
    with world.board.engine().connect() as connection:
        strong = select(live).where(live.c.strength > 1, live.c.deposited_at <= world.board.now())
        [row] = connection.execute(strong)
        assert row.subject == "ada"
        assert row.deposited_at.utcoffset() == timedelta(0)
        assert row.deposited_at == blackboard.clock.to_datetime(start)
        assert isinstance(row.payload, dict)
        later = select(func.count()).where(live.c.deposited_at > row.deposited_at)
        assert connection.execute(later).scalar_one() == 1
        assert connection.execute(later.where(live.c.deposited_at < "2026-01-01")).scalar_one() == 0


def test_days_and_payloads_of_views(board: Blackboard) -> None:
    live = sqlalchemy_views.live_marks
    with board.engine().connect() as connection:
        large = select(live.c.subject).where(live.c.payload["size"].as_integer() >= 2)
        assert connection.execute(large).scalars().all() == ["p2"]
        costs = select(sqlalchemy_views.costs).where(sqlalchemy_views.costs.c.day >= date(2026, 1, 1))
        assert connection.execute(costs).all() == []
    assert inspect(board.engine()).get_columns("costs")[0]["name"] == "day"


@pytest.mark.postgresql
def test_an_engine_can_only_read(world: World) -> None:
    world.deploy({"lead": kind("lead")})
    world.put("lead", "ada")
    with world.board.engine().connect() as connection, pytest.raises(DBAPIError):
        connection.execute(text("DELETE FROM event"))
    with world.board.engine().begin() as connection, pytest.raises(DBAPIError):
        connection.execute(sqlalchemy_views.live_marks.delete())
    assert len(world.board.query("SELECT id FROM live_marks")) == 1
