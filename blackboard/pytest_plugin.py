"""The pytest plugin: a board on a manual clock. It imports the board only when a test requests one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from blackboard.board.blackboard import Blackboard
    from blackboard.clock import ManualClock


@pytest.fixture
def board_clock() -> ManualClock:
    """Return the clock of the fixture `board`, at 2026-01-05T09:00Z, which only the test and a daemon move."""
    from blackboard.clock import ManualClock

    return ManualClock()


@pytest.fixture
def board(tmp_path: Path, board_clock: ManualClock) -> Iterator[Blackboard]:
    """Open an empty board in the test's folder, on the manual clock `board_clock`, whose deposits sign as `test`."""
    from blackboard.board.blackboard import Blackboard

    with Blackboard.open(tmp_path / "board.db", author="test", clock=board_clock) as opened:
        opened.database.skip_disk_flush()  # it ends with the test
        yield opened
