"""Python and SQL agree on whether a mark is live."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from hypothesis import example, given
from hypothesis import strategies as st

from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.sql_composition import compose_text
from blackboard.store.statements import MARKS

INSTANTS = st.integers(-(2**62), 2**62)
QUERY = compose_text(
    "SELECT {is_live(:at)} FROM (SELECT :evaporates_at AS evaporates_at) AS mark",
    MARKS.get_mark.fragments["sqlite"],
    (),
)


@given(st.none() | INSTANTS, INSTANTS)
@example(5, 5)
@example(6, 5)
@example(None, 5)
def test_python_and_sql_agree_on_whether_a_mark_is_live(evaporates_at: int | None, at: int) -> None:
    row = MarkRow(1, "smoke", "s", "{}", "ada", 1.0, "never()", 0, 1, 0, 0, 0, evaporates_at, None)
    with closing(sqlite3.connect(":memory:")) as connection:
        [(live,)] = connection.execute(QUERY, {"at": at, "evaporates_at": evaporates_at}).fetchall()
    assert bool(live) == row.is_live(at)
