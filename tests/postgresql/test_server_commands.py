"""Queries of people and the doctor work on a server, and publishing takes turns."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from blackboard import Blackboard, Mark
from blackboard.board import administration
from blackboard.board.doctor import examine_board
from blackboard.board.worker import publish_lock
from blackboard.clock import SystemClock
from blackboard.errors import InvalidQuery, QueryStopped, StoreBusy, StoreError
from tests.postgresql.server_sessions import ServerSessions

pytestmark = pytest.mark.postgresql(only=True)


class Ash(Mark, kind="ash", on_repeat="separate"):
    """A kind of which each deposit is a mark."""


def test_a_query_returns_at_most_the_limit(board: Blackboard) -> None:
    for number in range(5):
        board.deposit(Ash(subject=f"{number}"))
    result = administration.query(board, "SELECT subject, kind FROM live_marks ORDER BY subject", limit=2)
    assert result == (("subject", "kind"), [["0", "ash"], ["1", "ash"]], True)
    assert not administration.query(board, "SELECT 1 WHERE false").rows


def test_a_query_returns_numbers_and_texts(board: Blackboard) -> None:
    row = "SELECT CAST(1.5 AS numeric) AS half, CAST(2 AS numeric) AS two, DATE '2026-01-05' AS day, true AS yes"
    values = administration.query(board, row).rows[0]
    assert values == [1.5, 2, "2026-01-05", True]
    assert not any(isinstance(value, Decimal) for value in values)


@pytest.mark.parametrize(
    "sql", ["DELETE FROM mark", "SELECT 1; SELECT 2", "SELECT nothing FROM live_marks", "SET lock_timeout = 0"]
)
def test_only_a_query_is_allowed(board: Blackboard, sql: str) -> None:
    with pytest.raises(InvalidQuery):
        administration.query(board, sql)


def test_a_query_is_stopped_in_time(board: Blackboard) -> None:
    with pytest.raises(QueryStopped, match=r"longer than 0\.1 s"):
        administration.query(board, "SELECT pg_sleep(30)", seconds=0.1)


def test_a_query_from_elsewhere_is_refused_because_its_functions_are_not_limited(board: Blackboard) -> None:
    with pytest.raises(StoreError, match="does not limit the functions"):
        administration.query(board, "SELECT 1", is_trusted=False)


def test_doctor_examines_the_server(board: Blackboard) -> None:
    findings = {finding.name: finding for finding in examine_board(board)}
    assert findings["server"].detail.endswith(", the primary server")
    assert findings["server clock"].state == "ok"
    assert "synchronous_commit" in findings["durability"].detail  # the server of the tests does not wait for the disk
    assert "pooler" not in findings


def test_doctor_reports_a_clock_that_is_off(board: Blackboard, monkeypatch: pytest.MonkeyPatch) -> None:
    now = SystemClock.now
    monkeypatch.setattr(SystemClock, "now", lambda clock: now(clock) + 90_000_000)
    findings = {finding.name: finding for finding in examine_board(board)}
    assert findings["server clock"].state == "wrong"
    assert "ahead of the server" in findings["server clock"].detail


def test_one_process_publishes_at_a_time(board: Blackboard, board_url: str, sessions: ServerSessions) -> None:
    order: list[str] = []
    taken = threading.Event()

    def publish_second() -> None:
        with Blackboard.open(board_url) as other:
            taken.set()
            with publish_lock(other, 10).acquired():
                order.append("second")

    with Blackboard.open(board_url) as third:
        with publish_lock(board, 10).acquired():
            thread = threading.Thread(target=publish_second)
            thread.start()
            assert taken.wait(10)
            with pytest.raises(StoreBusy), publish_lock(third, 0.2).acquired():
                raise AssertionError
            order.append("first")
        thread.join()
    assert order == ["first", "second"]


def test_a_publisher_whose_session_ends_holds_nobody(
    board: Blackboard, board_url: str, sessions: ServerSessions
) -> None:
    with publish_lock(board, 10).acquired():
        sessions.end_all()
        with publish_lock(board, 1).acquired():
            pass
