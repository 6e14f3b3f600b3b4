"""One board for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blackboard.clock import ManualClock
from tests.board.world import World


@pytest.fixture
def world(tmp_path: Path, clock: ManualClock) -> Iterator[World]:
    """A new board on a file of this test's own."""
    world = World(tmp_path / "board.db", clock)
    yield world
    world.close()
