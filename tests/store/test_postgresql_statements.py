"""Every statement and view can be prepared on PostgreSQL and returns no decimals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from blackboard import Mark
from blackboard.core.records.view_columns import VIEWS
from tests.support.file_boards import path_of
from tests.support.world import World
from tools.statement_variants import every_statement, variants

pytestmark = pytest.mark.postgresql(only=True)
SLOT = re.compile(r"(?<![:\w]):([a-z_]\w*)")
NUMERIC = 1700
"""The number of the type `numeric` in PostgreSQL, for which Python would get a Decimal."""


class Note(Mark, kind="note", search=["text"]):
    text: str


@pytest.fixture
def connection(world: World) -> Iterator[Any]:
    """Return a connection to a board with the table of the index, which the first searched kind creates."""
    if path_of(world.board) is not None:
        pytest.skip("this run has no PostgreSQL server")
    world.board.deposit(Note(subject="one", text="words"))
    connection = world.board.database.connect(writes=True)
    yield connection
    connection.close()


def numbered(text: str) -> str:
    """Return a text with the parameters of PostgreSQL."""
    names = list(dict.fromkeys(SLOT.findall(text)))
    return SLOT.sub(lambda slot: f"${names.index(slot[1]) + 1}", text)


def failures(connection: Any, texts: Iterator[tuple[str, str]]) -> dict[str, str]:
    """Return the errors of statements that the database server cannot prepare, by name."""
    found = {}
    for name, text in texts:
        answer = connection.pgconn.prepare(b"", text.encode())
        if answer.error_message:
            found[name] = answer.error_message.decode()
            continue
        columns = connection.pgconn.describe_prepared(b"")
        decimals = [columns.fname(i) for i in range(columns.nfields) if columns.ftype(i) == NUMERIC]
        if decimals:
            found[name] = f"decimals: {decimals}"
    return found


def test_every_statement_can_be_prepared_and_returns_no_decimals(connection: Any) -> None:
    texts = (
        (name, numbered(variant.text("postgresql")))
        for statement in every_statement()
        for name, variant in variants(statement)
    )
    assert failures(connection, texts) == {}


def test_no_view_returns_decimals(connection: Any) -> None:
    assert failures(connection, ((name, f"SELECT * FROM {name}") for name in VIEWS)) == {}
