"""A board for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blackboard.clock import ManualClock
from tests.support.cache_checks import check_transaction_cache
from tests.support.storage import Storage
from tests.support.world import World


@pytest.fixture(autouse=True)
def stored_there(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Store the boards of the test in its storage."""
    monkeypatch.setattr(World, "storage", storage)
    check_transaction_cache(monkeypatch)


@pytest.fixture
def world(tmp_path: Path, clock: ManualClock) -> Iterator[World]:
    """Create a board for the test."""
    world = World(tmp_path / "board.db", clock)
    yield world
    world.close()
