"""The views on PostgreSQL reach the indexes, whatever the size of the board."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from blackboard import Blackboard, Exponential, Mark
from tests.postgresql.postgresql_sessions import PostgresqlSessions

pytestmark = pytest.mark.postgresql(only=True)

MARKS = 5_000
COPY_MARKS = """
INSERT INTO mark ({columns})
SELECT {values} FROM mark, generate_series(1, {count}) AS copy (number) WHERE mark.kind = 'smoke'
"""
STRONGEST = """
SELECT subject, strength FROM live_marks
WHERE kind = 'smoke' AND law = 'exponential(half_life=30d)' ORDER BY order_key DESC LIMIT 20
"""


class Smoke(Mark, kind="smoke", decay=Exponential("30d"), on_repeat="separate"):
    """A kind whose marks keep their order."""


def copy_mark(connection: psycopg.Connection[Any]) -> None:
    """Copy the only mark of the board, each copy a little stronger than the one before it."""
    columns = [row[0] for row in connection.execute("SELECT * FROM mark LIMIT 0").description or ()]
    changed = {"id": "id + number", "subject": "'s' || number", "order_key": "order_key + number * 1e-6"}
    values = ", ".join(changed.get(column, column) for column in columns)
    connection.execute(COPY_MARKS.format(columns=", ".join(columns), values=values, count=MARKS))
    connection.execute("ANALYZE mark, kind, law, board")


@pytest.fixture
def connection(board: Blackboard, sessions: PostgresqlSessions) -> Any:
    """Return a connection to a board with some thousand marks."""
    board.deposit(Smoke(subject="s"))
    with sessions.foreign() as connection:
        copy_mark(connection)
        yield connection


def plan(connection: psycopg.Connection[Any], query: str) -> str:
    """Return the plan by which a query ran, with the rows that each step read."""
    rows = connection.execute(f"EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF) {query}")
    return "\n".join(row[0] for row in rows)


def test_the_strongest_of_a_kind_come_from_the_index(connection: psycopg.Connection[Any]) -> None:
    shown = plan(connection, STRONGEST)
    assert "Index Scan Backward using ix_mark_kind_law_order_key" in shown
    assert "Sort" not in shown
    assert [row[0] for row in connection.execute(STRONGEST)] == [f"s{MARKS - number}" for number in range(20)]


def test_the_clock_is_read_once(connection: psycopg.Connection[Any]) -> None:
    steps = plan(connection, "SELECT sum(strength) FROM live_marks").splitlines()
    for table in ("board b", "event e"):
        [step] = [step for step in steps if f" on {table} " in step]
        assert step.endswith("loops=1)")


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT * FROM live_marks WHERE kind = 'smoke' AND subject = 's7'", "ix_mark_kind_subject"),
        ("SELECT * FROM live_marks WHERE id = 7", "mark_pkey"),
        ("SELECT * FROM mark_tags WHERE mark_id = 7", "mark_pkey"),
    ],
)
def test_few_marks_come_from_an_index(connection: psycopg.Connection[Any], query: str, index: str) -> None:
    shown = plan(connection, query)
    assert f"using {index}" in shown or f"on {index}" in shown
    assert "Seq Scan on mark " not in shown
