"""Shares in SQL: equal to the shares in Python to 1e-9, for each law and each installed SQLite."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard.core.marks.decay import Decay
from tests.core.strategies import ages, landmarks, laws


@pytest.fixture(scope="module", params=["sqlite3", "pysqlite3"])
def connection(request: pytest.FixtureRequest) -> Iterator[Any]:
    try:
        module = importlib.import_module(request.param)
    except ImportError:
        pytest.skip(f"{request.param} has no build for this machine")
    connection = module.connect(":memory:")
    try:
        connection.execute("select power(2.0, 1.0)")
    except module.OperationalError:
        pytest.skip(f"the SQLite of {request.param} was built without mathematical functions")
    connection.execute("CREATE TABLE law_segment (law TEXT, age INTEGER, share REAL, slope REAL)")
    yield connection
    connection.close()


def in_sql(connection: Any, law: Decay, age: int) -> float:
    length, shape = law.parameters
    connection.execute("DELETE FROM law_segment")
    connection.executemany("INSERT INTO law_segment VALUES ('law', ?, ?, ?)", law.segments)
    expression = law.share_sql("'law'", f"{float(age)!r}", f"{length!r}", f"{shape!r}")
    return float(connection.execute(f"SELECT {expression}").fetchone()[0])


@given(law=laws, age=ages)
def test_sql_and_python_agree_at_any_age(connection: Any, law: Decay, age: int) -> None:
    assert in_sql(connection, law, age) == pytest.approx(law.share(age), rel=1e-9, abs=1e-12)


@given(law=laws, data=st.data())
def test_sql_and_python_agree_at_the_corners(connection: Any, law: Decay, data: st.DataObject) -> None:
    age = data.draw(st.sampled_from(landmarks(law)))
    assert in_sql(connection, law, age) == pytest.approx(law.share(age), rel=1e-9, abs=1e-12)
