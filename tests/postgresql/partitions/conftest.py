"""Boards with and without partitions of their history, and a session of another program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url

from blackboard import Blackboard, ManualClock
from tests.postgresql.partitions.partitioned_boards import partition

if TYPE_CHECKING:
    import psycopg  # which an extra installs


@pytest.fixture
def board(empty_url: str, clock: ManualClock) -> Iterator[Blackboard]:
    """Return a board with a history in partitions."""
    with Blackboard.open(empty_url, author="person:ada", clock=clock, create=True) as board:
        partition(board)
        yield board


@pytest.fixture
def plain(tmp_path: Path, clock: ManualClock) -> Iterator[Blackboard]:
    """Return a board in a file, whose history has no partitions."""
    with Blackboard.open(tmp_path / "plain.db", author="person:ada", clock=clock) as board:
        yield board


@pytest.fixture
def foreign(empty_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Return a session of another program."""
    import psycopg

    url = make_url(empty_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        yield connection
