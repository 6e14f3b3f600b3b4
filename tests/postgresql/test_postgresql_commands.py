"""Queries of people and the doctor work on PostgreSQL, and publishing takes turns."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from blackboard import Blackboard, Mark
from blackboard.board import user_queries
from blackboard.board.diagnosis.doctor import examine_board
from blackboard.clock import SystemClock
from blackboard.core.records.query_result_rows import QueryResult
from blackboard.errors import InvalidQuery, QueryStopped, StoreBusy, StoreError, WorkError
from tests.postgresql.postgresql_sessions import PostgresqlSessions
from tests.support.bounds import BOUND_SECONDS
from tests.support.postgresql_boards import reader_url
from tests.support.threads import join_all

pytestmark = pytest.mark.postgresql(only=True)


class Ash(Mark, kind="ash", on_repeat="separate"):
    """A kind of which each deposit is a mark."""


def test_a_query_returns_at_most_the_limit(board: Blackboard) -> None:
    for number in range(5):
        board.deposit(Ash(subject=f"{number}"))
    result = user_queries.run_query(board, "SELECT subject, kind FROM live_marks ORDER BY subject", limit=2)
    assert result == (("subject", "kind"), [["0", "ash"], ["1", "ash"]], True)
    assert not user_queries.run_query(board, "SELECT 1 WHERE false").rows


def test_a_board_on_postgresql_is_not_deleted(board: Blackboard) -> None:
    board.deposit(Ash(subject="kept"))
    with pytest.raises(StoreError, match="is on PostgreSQL, where only the owner of the database can drop it"):
        board.database.place.delete()
    assert [mark.subject for mark in board.marks(Ash)] == ["kept"]


def test_a_query_returns_numbers_and_texts(board: Blackboard) -> None:
    row = "SELECT CAST(1.5 AS numeric) AS half, CAST(2 AS numeric) AS two, DATE '2026-01-05' AS day, true AS yes"
    values = user_queries.run_query(board, row).rows[0]
    assert values == [1.5, 2, "2026-01-05", True]
    assert not any(isinstance(value, Decimal) for value in values)


@pytest.mark.parametrize(
    "sql", ["DELETE FROM mark", "SELECT 1; SELECT 2", "SELECT nothing FROM live_marks", "SET lock_timeout = 0"]
)
def test_only_a_query_is_allowed(board: Blackboard, sql: str) -> None:
    with pytest.raises(InvalidQuery):
        user_queries.run_query(board, sql)


def test_a_query_is_stopped_in_time(board: Blackboard) -> None:
    with pytest.raises(QueryStopped, match=r"longer than 0\.1 s"):
        user_queries.run_query(board, "SELECT pg_sleep(30)", seconds=0.1)


def test_a_query_of_others_needs_a_user_who_may_only_read(board: Blackboard, board_url: str, tmp_path: Path) -> None:
    with pytest.raises(WorkError, match="name one as 'query_url'"):
        user_queries.run_query(board, "SELECT 1", is_trusted=False)
    with Blackboard.open(board_url, query_url=board_url) as careless, pytest.raises(WorkError, match="may change"):
        user_queries.run_query(careless, "SELECT 1", is_trusted=False)
    file = f"{tmp_path / 'board.db'}"
    with Blackboard.open(board_url, query_url=file) as mistaken, pytest.raises(WorkError, match="names a file"):
        user_queries.run_query(mistaken, "SELECT 1", is_trusted=False)


@pytest.fixture
def asked(board: Blackboard, board_url: str) -> Iterator[Callable[..., QueryResult]]:
    """Return a function that runs a query of others."""
    with Blackboard.open(board_url, query_url=reader_url(board_url)) as opened:
        yield partial(user_queries.run_query, opened, is_trusted=False)


def test_a_query_of_others_reads_and_leaves_nothing_behind(
    asked: Callable[..., QueryResult], board: Blackboard
) -> None:
    board.deposit_many(Ash(subject=subject) for subject in "ab")
    assert asked("SELECT subject FROM live_marks ORDER BY id", limit=1) == (("subject",), [["a"]], True)
    assert asked("SELECT subject FROM live_marks WHERE id = %s", [2]).rows == [["b"]]
    assert len(asked("SELECT * FROM generate_series(1, 1234)", limit=1200).rows) == 1200
    for changing in (
        "DELETE FROM mark",
        "SELECT 1; SELECT 2",
        "SELECT nextval('mark_id_seq')",
        "SELECT * FROM nothing",
    ):
        with pytest.raises(InvalidQuery):
            asked(changing)
    asked("SELECT pg_advisory_lock(7), set_config('search_path', 'nowhere', false)")
    assert user_queries.run_query(board, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").rows == [[0]]
    assert asked("SELECT count(*) FROM live_marks").rows == [[2]]


def test_a_query_of_others_is_limited_in_time_and_memory(asked: Callable[..., QueryResult]) -> None:
    with pytest.raises(QueryStopped, match=r"longer than 0\.1 s"):
        asked("SELECT pg_sleep(30)", seconds=0.1)
    with pytest.raises(QueryStopped, match="too much memory"):
        asked("SELECT repeat('x', 1000000) FROM generate_series(1, 100000)")


def test_doctor_examines_the_server(board: Blackboard) -> None:
    findings = {finding.name: finding for finding in examine_board(board)}
    assert findings["database server"].detail.endswith(", the primary server")
    assert findings["database clock"].state == "ok"
    assert "synchronous_commit" in findings["durability"].detail  # PostgreSQL in the tests does not wait for the disk
    assert "pooler" not in findings


def test_doctor_reports_a_clock_that_is_off(board: Blackboard, monkeypatch: pytest.MonkeyPatch) -> None:
    now = SystemClock.now
    monkeypatch.setattr(SystemClock, "now", lambda clock: now(clock) + 90_000_000)
    findings = {finding.name: finding for finding in examine_board(board)}
    assert findings["database clock"].state == "wrong"
    assert "ahead of the database server" in findings["database clock"].detail


def test_one_process_publishes_at_a_time(board: Blackboard, board_url: str, sessions: PostgresqlSessions) -> None:
    order: list[str] = []
    taken = threading.Event()

    def publish_second() -> None:
        with Blackboard.open(board_url) as other:
            taken.set()
            with other.database.processes.lock("publish", BOUND_SECONDS).hold():
                order.append("second")

    with Blackboard.open(board_url) as third:
        with board.database.processes.lock("publish", BOUND_SECONDS).hold():
            thread = threading.Thread(target=publish_second)
            thread.start()
            assert taken.wait(BOUND_SECONDS)
            with pytest.raises(StoreBusy), third.database.processes.lock("publish", 0.2).hold():
                raise AssertionError
            order.append("first")
        join_all(thread)
    assert order == ["first", "second"]


def test_a_publisher_whose_session_ends_holds_nobody(
    board: Blackboard, board_url: str, sessions: PostgresqlSessions
) -> None:
    with board.database.processes.lock("publish", BOUND_SECONDS).hold():
        sessions.end_all()
        with board.database.processes.lock("publish", BOUND_SECONDS).hold():
            held_again = True
    assert held_again
