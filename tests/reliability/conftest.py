"""A board for each test, and a captured log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from blackboard import Blackboard, ManualClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "board.db"


@pytest.fixture
def board(board_url: str, clock: ManualClock) -> Iterator[Blackboard]:
    with Blackboard.open(board_url, clock=clock, author="person:test") as opened:
        yield opened


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as entries:
        yield entries
