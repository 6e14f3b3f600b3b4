"""A board works behind a pooler that gives each transaction another connection, if `prepare` is false."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import InternalError

from blackboard import Blackboard, Mark
from blackboard.board.diagnosis.doctor import examine_board
from blackboard.errors import InvalidQuery, StoreBusy
from blackboard.store.dialects import postgresql_dialect
from blackboard.store.postgresql.postgresql_writing_connection import PostgresqlWritingConnection
from blackboard.store.transaction import CommitState
from tests.postgresql.optimistic_boards import be_optimistic
from tests.postgresql.postgresql_sessions import PostgresqlSessions
from tests.support.bounds import BOUND_SECONDS
from tests.support.pgbouncer import pooler_program, start_pooler
from tests.support.threads import join_all

pytestmark = [pytest.mark.postgresql(only=True), pytest.mark.processes]


class Ash(Mark, kind="ash", on_repeat="separate"):
    """A kind of which each deposit is a mark."""


@pytest.fixture
def pooled_url(board_url: str, sessions: PostgresqlSessions) -> Iterator[str]:
    """Return the URL of the board behind a pooler."""
    if (program := pooler_program()) is None:
        pytest.skip("pgbouncer is not installed")
    with start_pooler(program, board_url) as url:
        yield url


def test_many_connections_share_two_sessions(pooled_url: str, board: Blackboard) -> None:
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with Blackboard.open(pooled_url, prepare=False) as mine:
                for turn in range(25):  # often enough for a driver to prepare the statement
                    mine.deposit(Ash(subject=f"{number}/{turn}"))
                    assert mine.marks(subject=f"{number}/{turn}")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    join_all(*threads)
    assert errors == []
    assert len(board.marks(kind="ash", limit=None)) == 150
    assert board.query("SELECT count(*) AS count FROM writer") == [(0,)]


def test_rules_run_without_the_lock_behind_a_pooler(
    pooled_url: str, board: Blackboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = PostgresqlWritingConnection.commit_optimistic
    committed = []

    def noted(writer: Any, transaction: Any) -> None:
        commit(writer, transaction)
        committed.append(transaction.commit_state is CommitState.COMMITTED)

    monkeypatch.setattr(PostgresqlWritingConnection, "commit_optimistic", noted)
    made: dict[int, str] = {}

    def work(number: int) -> None:
        with Blackboard.open(pooled_url, prepare=False) as mine:
            mine.deposit(Ash(subject=f"{number}"))
            be_optimistic(mine)
            for subject in (f"{number}/{turn}" for turn in range(15)):
                made[mine.deposit(Ash(subject=subject)).mark_id] = subject

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    join_all(*threads)
    assert sum(committed) >= 30
    assert len(made) == 60
    assert board.query("SELECT count(*) AS count, max(id) AS last FROM event") == [(64, 64)]
    assert {mark.id: mark.subject for mark in board.marks(kind="ash", limit=None)}.items() >= made.items()


def test_each_writing_transaction_has_its_settings(
    pooled_url: str, board: Blackboard, sessions: PostgresqlSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_dialect, "BUSY_SECONDS", 0.2)
    with Blackboard.open(pooled_url, prepare=False) as mine:
        with sessions.foreign() as foreign, foreign.transaction():
            foreign.execute("SELECT * FROM board FOR UPDATE")
            with pytest.raises(StoreBusy):
                mine.deposit(Ash(subject="a"))
        mine.deposit(Ash(subject="a"))


def test_the_query_of_a_person_is_a_single_statement(pooled_url: str) -> None:
    with Blackboard.open(pooled_url, prepare=False) as mine:
        assert [dict(row) for row in mine.query("SELECT 1 AS one")] == [{"one": 1}]
        with pytest.raises(InvalidQuery):
            mine.query("SELECT 1; COMMIT; DELETE FROM event")


def test_an_engine_can_only_read(pooled_url: str) -> None:
    with Blackboard.open(pooled_url, prepare=False) as mine:
        mine.deposit(Ash(subject="a"))
        with mine.engine().connect() as connection:
            for _ in range(10):
                assert connection.execute(text("SELECT subject FROM live_marks")).scalar() == "a"
            with pytest.raises(InternalError, match="read-only transaction"):
                connection.execute(text("DELETE FROM mark"))


@pytest.mark.parametrize(("prepare", "state"), [(True, "wrong"), (False, "ok")])
def test_doctor_sees_the_pooler(pooled_url: str, prepare: bool, state: str) -> None:
    with Blackboard.open(pooled_url, prepare=prepare) as mine:
        findings = {finding.name: finding for finding in examine_board(mine)}
    assert findings["pooler"].state == state
    assert ("notifications" in findings) is not prepare


def test_with_a_direct_url_commits_are_heard_behind_a_pooler(pooled_url: str, board_url: str) -> None:
    heard = threading.Event()
    with (
        Blackboard.open(pooled_url, prepare=False, direct_url=board_url) as mine,
        Blackboard.open(pooled_url, prepare=False) as other,
        mine.database.processes.hear_commits(heard.set) as is_heard,
    ):
        assert is_heard
        assert heard.wait(BOUND_SECONDS)
        heard.clear()
        other.session.notify()
        assert heard.wait(BOUND_SECONDS)
        with other.database.processes.hear_commits(heard.set) as is_heard_there:
            assert not is_heard_there
