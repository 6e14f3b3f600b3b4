"""One board for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blackboard.clock import ManualClock
from tests.board.world import World
from tests.support.storage import Storage


@pytest.fixture(autouse=True)
def stored_there(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Store the test's boards where it shall run."""
    monkeypatch.setattr(World, "storage", storage)


@pytest.fixture
def world(tmp_path: Path, clock: ManualClock) -> Iterator[World]:
    """A new board of this test's own."""
    world = World(tmp_path / "board.db", clock)
    yield world
    world.close()
