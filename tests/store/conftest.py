"""A board for tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blackboard import ManualClock
from tests.support.storage import Storage
from tests.support.world import World


@pytest.fixture
def stored_there(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Store the boards of the test in its storage."""
    monkeypatch.setattr(World, "storage", storage)


@pytest.fixture
def world(stored_there: None, tmp_path: Path, clock: ManualClock) -> Iterator[World]:
    """Create a board for the test."""
    world = World(tmp_path / "board.db", clock)
    yield world
    world.close()
