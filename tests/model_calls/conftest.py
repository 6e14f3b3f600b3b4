"""The fixtures of the tests of model calls: a fake API, and a board with an agent that calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blackboard.clock import ManualClock
from tests.model_calls.paying_board import KEY, PayingBoard, answer
from tests.support.messages_api import MessagesApi


@pytest.fixture
def api() -> Iterator[MessagesApi]:
    with MessagesApi(answer, key=KEY) as api:
        yield api


@pytest.fixture
def world_of(
    tmp_path: Path, board_url: str, clock: ManualClock, api: MessagesApi
) -> Iterator[Callable[..., PayingBoard]]:
    """Return a function that creates the world with settings of the judge and budgets."""
    made: list[PayingBoard] = []

    def make(**options: Any) -> PayingBoard:
        made.append(PayingBoard(tmp_path / "board.db", clock, api.url, database=board_url, **options))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(world_of: Callable[..., PayingBoard]) -> PayingBoard:
    return world_of()
