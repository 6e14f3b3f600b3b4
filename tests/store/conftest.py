"""A board for tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blackboard import ManualClock
from tests.board.world import World
from tests.support.storage import Storage


@pytest.fixture
def world(storage: Storage, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Create a board for the test."""
    monkeypatch.setattr(World, "storage", storage)
    world = World(tmp_path / "board.db", clock)
    yield world
    world.close()
