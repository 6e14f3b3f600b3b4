"""An answer that the database does not accept is kept beside it and recorded before the next call is sent."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from blackboard import ManualClock
from blackboard.board import model_calls
from blackboard.board_files import BoardFiles
from blackboard.errors import StoreError
from tests.economy.world import World
from tests.support.messages_api import MessagesApi


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Simulate a full disk for `full` commits of an answer."""
    left: list[int] = []
    real = model_calls.record_answer

    def answered(*given: Any) -> Any:
        if left:
            left.pop()
            raise StoreError("the disk is full; make room, nothing was half written")
        return real(*given)

    monkeypatch.setattr(model_calls, "record_answer", answered)
    return left


def spooled(world: World) -> list[Path]:
    folder = BoardFiles(world.path).spool_folder
    return sorted(folder.glob("*")) if folder.exists() else []


def test_an_answer_that_could_not_be_committed_is_recorded_later_and_not_paid_again(
    world: World, api: MessagesApi, full: list[int]
) -> None:
    leads = world.deposit_leads(2)
    full.append(1)
    world.run_until_quiescent()
    assert world.judged == leads
    assert api.paid == 1
    assert world.states() == ["applied"]
    assert spooled(world) == []


def test_the_spool_outlives_the_process_and_comes_before_the_next_call(
    world: World, api: MessagesApi, clock: ManualClock, full: list[int]
) -> None:
    leads = world.deposit_leads(2)
    full += [1] * 1000
    daemon = world.daemon()
    daemon.on_event.append(lambda event, details: daemon.stop() if event == "claimed" else None)
    daemon.run()
    kept = spooled(world)
    assert len(kept) == 1
    assert stat.S_IMODE(os.stat(kept[0]).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(kept[0].parent).st_mode) == 0o700
    full.clear()
    world.close()
    again = World(world.path, clock, api.url)
    again.run_until_quiescent()
    assert again.judged == leads
    assert api.paid == 1
    assert again.states() == ["applied"]
    assert spooled(again) == []
    again.close()


def test_an_answer_waits_in_memory_if_no_file_can_be_written(world: World, api: MessagesApi, full: list[int]) -> None:
    leads = world.deposit_leads()
    BoardFiles(world.path).spool_folder.write_text("in the way")
    full.append(1)
    world.run_until_quiescent()
    assert world.judged == leads
    assert api.paid == 1


def test_the_answers_of_another_board_are_ignored(world: World, api: MessagesApi) -> None:
    folder = BoardFiles(world.path).spool_folder
    folder.mkdir()
    strange = folder / "1.json"
    strange.write_text(json.dumps({"board": "another", "call": 1, "raw": "{}", "request_id": None}))
    broken = folder / "2.json"
    broken.write_text("{")
    leads = world.deposit_leads()
    world.run_until_quiescent()
    assert world.judged == leads
    assert api.paid == 1
    assert strange.exists()
    assert broken.exists()
