"""An answer that the database does not accept is kept beside it and recorded before the next call is sent."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import structlog

from blackboard import ManualClock
from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.call_records.answer_spool import AnswerSpool, SpooledAnswer
from blackboard.errors import StoreError
from tests.support.invented_owners import MALLORY, Owners
from tests.support.invented_owners import owners as owners
from tests.support.messages_api import MessagesApi
from tests.support.paying_board import PayingBoard


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Simulate a full disk for `full` commits of an answer."""
    left: list[int] = []
    real = model_calls.record_answer

    def answered(*given: Any) -> Any:
        if left:
            left.pop()
            raise StoreError("the disk is full; make room; no write was left half done")
        return real(*given)

    monkeypatch.setattr(model_calls, "record_answer", answered)
    return left


def spooled(world: PayingBoard) -> list[Path]:
    folder = AnswerSpool(world.board.session).folder
    return sorted(folder.glob("*")) if folder.exists() else []


def test_an_answer_that_could_not_be_committed_is_recorded_later_and_not_paid_again(
    world: PayingBoard, api: MessagesApi, full: list[int]
) -> None:
    leads = world.deposit_leads(2)
    full.append(1)
    world.run_until_quiescent()
    assert world.judged == leads
    assert api.paid == 1
    assert world.states() == ["applied"]
    assert spooled(world) == []


def test_the_spool_outlives_the_process_and_comes_before_the_next_call(
    world: PayingBoard, api: MessagesApi, clock: ManualClock, full: list[int]
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
    again = PayingBoard(world.database, clock, api.url)
    again.run_until_quiescent()
    assert again.judged == leads
    assert api.paid == 1
    assert again.states() == ["applied"]
    assert spooled(again) == []
    again.close()


def test_forget_removes_the_spooled_answers_of_a_subject(world: PayingBoard, api: MessagesApi, full: list[int]) -> None:
    world.deposit_leads(2)
    full += [1] * 1000
    daemon = world.daemon()
    daemon.on_event.append(lambda event, details: daemon.stop() if event == "claimed" else None)
    daemon.run()
    assert len(spooled(world)) == 1
    world.board.forget("lead/1")
    assert spooled(world) == []
    full.clear()
    world.run_until_quiescent()
    assert [mark.subject for mark in world.board.marks("judged")] == ["lead/2"]


def test_an_answer_waits_in_memory_if_no_file_can_be_written(
    world: PayingBoard, api: MessagesApi, full: list[int]
) -> None:
    leads = world.deposit_leads()
    AnswerSpool(world.board.session).folder.write_text("in the way")
    full.append(1)
    world.run_until_quiescent()
    assert world.judged == leads
    assert api.paid == 1


def test_the_answers_of_another_board_are_ignored(world: PayingBoard, api: MessagesApi) -> None:
    folder = AnswerSpool(world.board.session).folder
    folder.mkdir()
    strange = folder / "1.json"
    strange.write_text(json.dumps({"board": "another", "call_id": 1, "raw": "{}", "request_id": None}))
    broken = folder / "2.json"
    broken.write_text("{")
    leads = world.deposit_leads()
    world.run_until_quiescent()
    assert world.judged == leads
    assert api.paid == 1
    assert strange.exists()
    assert broken.exists()


def test_a_spool_folder_of_another_user_is_never_used(world: PayingBoard, owners: Owners) -> None:
    spool = AnswerSpool(world.board.session)
    spool.folder.mkdir(mode=0o700)
    forged = {"board": world.board.board_id, "call_id": 1, "raw": "forged", "request_id": None}
    (spool.folder / "1.json").write_text(json.dumps(forged))
    owners.set(spool.folder, owner=MALLORY, mode=0o777)
    with structlog.testing.capture_logs() as lines:
        assert list(spool.waiting_answers()) == []
        assert list(spool.waiting_answers()) == []
        spool.put(SpooledAnswer(2, "paid", None))
    assert [line.get("owner") for line in lines] == ["mallory", None]
    assert "belongs to mallory, and this process runs as alice" in lines[1]["error"]
    assert list(spool.waiting_answers()) == [SpooledAnswer(2, "paid", None)]
    assert spooled(world) == [spool.folder / "1.json"]


def test_a_link_is_not_a_spool_folder(world: PayingBoard, tmp_path: Path) -> None:
    spool, elsewhere = AnswerSpool(world.board.session), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "2.json").write_text("kept")
    spool.folder.symlink_to(elsewhere)
    spool.put(SpooledAnswer(2, "paid", None))
    assert list(spool.waiting_answers()) == [SpooledAnswer(2, "paid", None)]
    spool.delete(2)
    assert (elsewhere / "2.json").read_text() == "kept"


def test_a_file_of_another_user_in_the_spool_is_used_with_a_warning(world: PayingBoard, owners: Owners) -> None:
    spool = AnswerSpool(world.board.session)
    answer = SpooledAnswer(1, "paid", None)
    spool.put(answer)
    owners.set(spool.folder / "1.json", owner=MALLORY)
    with structlog.testing.capture_logs() as lines:
        assert list(spool.waiting_answers()) == [answer]
    assert [(line["log_level"], line["owner"]) for line in lines] == [("warning", "mallory")]
