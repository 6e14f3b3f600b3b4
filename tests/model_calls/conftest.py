"""The fixtures of the tests of model calls: a fake API, and a board with an agent that calls it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blackboard.clock import ManualClock
from tests.model_calls.later_batches import BatchEndsLater
from tests.support.messages_api import MessagesApi
from tests.support.paying_board import KEY, PayingBoard, answer


@pytest.fixture
def api() -> Iterator[MessagesApi]:
    with MessagesApi(answer, key=KEY) as api:
        yield api


@pytest.fixture
def world_of(
    board_url: str, clock: ManualClock, api: MessagesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., PayingBoard]]:
    """Return a function that creates the world with settings of the judge and budgets."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # a board on PostgreSQL has its spool there
    made: list[PayingBoard] = []

    def make(**options: Any) -> PayingBoard:
        made.append(PayingBoard(board_url, clock, api.url, **options))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(world_of: Callable[..., PayingBoard]) -> PayingBoard:
    return world_of()


@pytest.fixture
def patient(api: MessagesApi) -> Iterator[Callable[..., BatchEndsLater]]:
    """Return a function that makes clients whose batches end later."""
    made: list[BatchEndsLater] = []

    def make(**options: Any) -> BatchEndsLater:
        made.append(BatchEndsLater(api, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()
