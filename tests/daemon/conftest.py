"""The board of the daemon's tests, on the manual clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from blackboard import Blackboard, ManualClock


@pytest.fixture
def board(board_url: str, clock: ManualClock) -> Iterator[Blackboard]:
    with Blackboard.open(board_url, clock=clock, author="person:ada") as opened:
        yield opened
