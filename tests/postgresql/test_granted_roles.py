"""The roles of `packaging/postgresql/grants.sql`: each user may do what its role says, and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from blackboard import Blackboard, Daemon, Mark, agent, strength
from blackboard.core.records.view_columns import VIEWS
from blackboard.errors import InvalidQuery, StoreError
from blackboard.store.schema.schema_views import rewrite_views
from tests.postgresql.postgresql_sessions import PostgresqlSessions

pytestmark = pytest.mark.postgresql(only=True)

GRANTS = Path(__file__).resolve().parents[2] / "packaging" / "postgresql" / "grants.sql"
ROLES = ("blackboard_programs", "blackboard_readers", "blackboard_dashboards")


class Lead(Mark, kind="lead", on_repeat="separate"):
    """A mark that wakes the agent."""


@agent(watches=strength(Lead) >= 0.5)
def sales(leads: Any, context: Any) -> None:
    """Do nothing with the marks."""


@pytest.fixture
def owner(board: Blackboard, sessions: PostgresqlSessions) -> Iterator[psycopg.Connection[Any]]:
    """Return a session of the owner, with a user in each role."""
    board.deploy(sales, kinds=[Lead])
    with sessions.foreign() as connection:
        for _ in range(2):  # after an upgrade it is run again
            connection.execute(GRANTS.read_text("utf-8"))
        for role in ROLES:
            connection.execute(f"CREATE ROLE {role}_user LOGIN IN ROLE {role}")
        yield connection
        for role in ROLES:
            connection.execute(f"DROP OWNED BY {role}, {role}_user")
            connection.execute(f"DROP ROLE {role}, {role}_user")


@pytest.fixture
def url_of(owner: psycopg.Connection[Any], board_url: str) -> Callable[[str], str]:
    """Return a function that returns the URL of the board for the user in a role."""
    return lambda role: make_url(board_url).set(username=f"{role}_user").render_as_string(hide_password=False)


def test_a_program_deposits_and_works_and_changes_no_schema(url_of: Callable[[str], str]) -> None:
    with Blackboard.open(url_of("blackboard_programs"), author="person:web") as board:
        board.deposit(Lead(subject="a"))
        Daemon(board, [sales]).run(until_quiescent=True)
        assert [done.state for done in board.activations()] == ["done"]
        assert board.create_token("laptop", may=["read"])
        board.forget("a")
        with pytest.raises(StoreError), board.database.exclusive_transaction() as transaction:
            transaction.cursor.execute("DROP TABLE mark")
        with pytest.raises(StoreError), board.database.exclusive_transaction() as transaction:
            transaction.cursor.execute("UPDATE alembic_version SET version_num = '0'")


def test_a_reader_reads_all_but_tokens_and_secrets(url_of: Callable[[str], str], board: Blackboard) -> None:
    board.deposit(Lead(subject="a"))
    with Blackboard.open(url_of("blackboard_readers"), writes=False) as reading:
        assert [mark.subject for mark in reading.marks()] == ["a"]
        assert reading.status().marks == {"lead": 1}
        assert reading.explain("sales").agent == "sales"
        assert reading.query("SELECT count(*) FROM live_marks") == [(1,)]
        with pytest.raises(StoreError, match="cannot be written"):
            reading.deposit(Lead(subject="b"))
        for table in ("access_token", "secret"):
            with pytest.raises(InvalidQuery, match="permission denied"):
                reading.query(f"SELECT * FROM {table}")


def test_a_dashboard_reads_the_views_alone_also_after_they_were_replaced(
    url_of: Callable[[str], str], board: Blackboard, owner: psycopg.Connection[Any]
) -> None:
    board.deposit(Lead(subject="a"))
    owner.execute("UPDATE board SET views_hash = NULL")
    with board.database.exclusive_transaction() as transaction:
        rewrite_views(transaction)
    url = make_url(url_of("blackboard_dashboards")).set(drivername="postgresql").render_as_string()
    with psycopg.connect(url, autocommit=True) as connection:
        for view in VIEWS:
            connection.execute(f"SELECT * FROM {view}")
        assert connection.execute("SELECT subject FROM live_marks").fetchall() == [("a",)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM mark")


def test_a_view_with_other_columns_is_made_anew(board: Blackboard, owner: psycopg.Connection[Any]) -> None:
    owner.execute("DROP VIEW agenda")
    owner.execute("CREATE VIEW agenda AS SELECT 1 AS former")
    owner.execute("UPDATE board SET views_hash = NULL")
    with board.database.exclusive_transaction() as transaction:
        rewrite_views(transaction)
    assert board.query("SELECT id FROM agenda") == []
