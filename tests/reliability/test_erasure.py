"""No byte of an erased subject's data stays in the file; the record of events and costs stays."""

from __future__ import annotations

import random
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from blackboard import Blackboard, Daemon, Exponential, ManualClock, Mark, agent, strength
from blackboard.daemon import DaemonLoop
from blackboard.errors import InvalidMark, NotFound
from blackboard.llm.anthropic_client import AnthropicClient
from blackboard.llm.model_settings import ModelSettings
from blackboard.store.sqlite import sqlite_backups
from blackboard.system.files.board_files import BoardFiles
from tests.support.bounds import BOUND_SECONDS
from tests.support.fake_api_faults import Status
from tests.support.file_boards import sqlite_database_of
from tests.support.manual_daemons import run_until_idle, served
from tests.support.messages_api import MessagesApi
from tests.support.request_checks import Refused

ANN, BOB = "ann@example.org", "bob@example.org"
SECRET = "likes-marzipan-0451"


class Lead(Mark, kind="lead", decay=Exponential("1d"), on_repeat="separate"):
    text: str = ""


class Note(Mark, kind="note", decay=Exponential("1d")):
    text: str = ""


class Reply(Mark, kind="reply", on_repeat="separate"):
    text: str


class Answer(BaseModel):
    replies: list[str]


@agent(watches={"new": strength(Lead) >= 0.5, "cold": strength(Note) < 0.3}, writes=[Reply], batch=10, max_attempts=1)
def clerk(marks: Any, context: Any) -> list[Reply]:
    if context.offline:
        return [Reply(subject=mark.subject, text=f"about {mark.text}") for mark in marks]
    answer = context.ask("Answer.", {"leads": [mark.text for mark in marks]}, Answer)
    return [Reply(subject=mark.subject, text=text) for mark, text in zip(marks, answer.replies, strict=True)]


def find_words(path: Path, *words: str) -> list[str]:
    found = []
    for file in (path, BoardFiles(path).wal):
        content = file.read_bytes() if file.exists() else b""
        found += [f"{file.name}: {word}" for word in words if word.encode() in content]
    return found


@pytest.mark.file_only("the bytes of the file are searched")
def test_an_erased_subject_is_nowhere_in_the_file_and_its_events_remain(board: Blackboard, path: Path) -> None:
    daemon = served(board, clerk)
    for number in range(30):  # long payloads, and their remains in reused pages
        board.deposit(Lead(subject=ANN, text=f"{SECRET} " * number), key=f"{ANN}-{number}")
        board.deposit(Note(subject=ANN, text=f"{SECRET} " * (60 - number)))
        board.deposit(Lead(subject=BOB, text="wants a cake"))
    run_until_idle(daemon)
    before = board.history(ANN)
    activations = board.activations(limit=100)
    assert find_words(path, SECRET, ANN)
    gone = board.forget(ANN)
    assert find_words(path, SECRET, ANN) == []
    after = board.history(gone.name)
    skeleton = [(e.id, e.recorded_at, e.kind, e.event, e.intensity) for e in before]
    assert [(e.id, e.recorded_at, e.kind, e.event, e.intensity) for e in after][: len(before)] == skeleton
    assert all(event.payload is None for event in after)
    assert board.history(ANN) == []
    assert {mark.subject for mark in board.marks()} == {BOB}
    kept = [(row.id, row.state, row.marks_absorbed) for row in board.activations(limit=100)]
    assert kept == [(row.id, row.state, row.marks_absorbed) for row in activations]
    assert len(board.marks("reply")) == 30, "others lose nothing"
    run_until_idle(daemon)
    assert find_words(path, SECRET, ANN) == []
    with pytest.raises(NotFound):
        board.forget(ANN)
    with pytest.raises(InvalidMark, match="is already forgotten"):
        board.forget(gone.name)


@pytest.mark.postgresql
def test_recorded_calls_lose_their_text_and_keep_their_cost(board: Blackboard, path: Path) -> None:
    with MessagesApi(lambda body: {"replies": [f"you said {SECRET}", "cake"]}) as api:
        board.deploy(clerk)
        board.deposit_many([Lead(subject=ANN, text=SECRET), Lead(subject=BOB, text="cake")])
        client = AnthropicClient("key", api.url)
        Daemon(board, [clerk], model=ModelSettings(), client=client, rng=random.Random(1)).run(until_quiescent=True)
        assert api.paid == 1
    costs = board.costs()
    gone = board.forget(ANN)
    assert len(gone.calls) == 1
    assert find_words(path, SECRET, ANN) == []
    assert board.costs() == costs
    assert [mark.payload["text"] for mark in board.marks("reply")] == ["cake"]


@pytest.mark.postgresql
@pytest.mark.parametrize("during", [True, False], ids=["during the call", "after the call"])
@pytest.mark.parametrize("status", [400, 401, 529])
@pytest.mark.parametrize("subjects", [(ANN, BOB), (BOB, ANN)], ids=["first", "last"])
def test_a_gateway_that_repeats_the_request_does_not_bring_its_words_back(
    board: Blackboard, path: Path, status: int, during: bool, subjects: tuple[str, ...]
) -> None:
    board.deploy(clerk)
    board.deposit_many([Lead(subject=subject, text=SECRET if subject == ANN else "cake") for subject in subjects])

    def answer(body: dict[str, Any]) -> Any:
        if SECRET not in str(body):
            return {"replies": ["cake"]}
        if during:
            board.forget(ANN)
        raise Refused(Status(status, message=f"cannot read {SECRET}"))

    with MessagesApi(answer) as api:
        client = AnthropicClient("key", api.url)
        daemon = DaemonLoop(board, [clerk], model=ModelSettings(), client=client, rng=random.Random(1))
        daemon.start()
        daemon.run_once()
        while daemon.runs:
            assert daemon.wake.wait(BOUND_SECONDS)
            daemon.wake.clear()
        daemon.close()
        client.close()
    if not during:
        board.forget(ANN)
    assert find_words(path, SECRET, ANN) == []
    assert SECRET not in str(board.status()) + str(board.activations()) + str(board.agenda())


@pytest.mark.postgresql
@pytest.mark.parametrize("subjects", [(ANN, BOB, "c", "d"), (BOB, "c", "d", ANN)], ids=["first", "last"])
def test_parts_of_a_failed_batch_keep_neither_its_error_nor_its_calls(
    board: Blackboard, path: Path, subjects: tuple[str, ...]
) -> None:
    @agent(watches=strength(Lead) >= 0.5, max_attempts=1, batch=10, name="broken")
    def broken(marks: Any, context: Any) -> None:
        texts = [mark.text for mark in marks]
        context.ask("Answer.", {"leads": texts}, Answer)
        raise ValueError(f"cannot read {texts}")

    board.deploy(broken)
    board.deposit_many([Lead(subject=subject, text=SECRET if subject == ANN else "cake") for subject in subjects])
    with MessagesApi(lambda body: {"replies": ["yes"]}) as api:
        client = AnthropicClient("key", api.url)
        Daemon(board, [broken], model=ModelSettings(), client=client, rng=random.Random(1)).run(until_quiescent=True)
        client.close()
    dead = board.activations(state="dead")
    assert {row.subject for row in dead} == set(subjects)
    board.forget(ANN)
    assert find_words(path, SECRET, ANN) == []
    assert sum("cannot read" in str(row.error) for row in board.activations()) == 3


def test_a_running_activation_cannot_restore_an_erased_subject(board: Blackboard, path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()
    first = True

    @agent(watches=strength(Lead) >= 0.5, writes=[Reply], batch=10, name="slow")
    def slow(marks: Any, context: Any) -> list[Reply]:
        nonlocal first
        if first:
            first = False
            begun.set()
            assert go_on.wait(BOUND_SECONDS)
        return [Reply(subject=mark.subject, text=mark.text) for mark in marks]

    daemon = served(board, slow)
    board.deposit_many([Lead(subject=ANN, text=SECRET), Lead(subject=BOB, text="cake")])
    daemon.run_once()
    assert begun.wait(BOUND_SECONDS)
    board.forget(ANN)
    go_on.set()
    run_until_idle(daemon)
    run_until_idle(daemon)
    assert find_words(path, SECRET, ANN) == []
    assert [(mark.subject, mark.text) for mark in board.marks(Reply)] == [(BOB, "cake")]
    assert [row.state for row in board.activations()] == ["done"]


def test_failed_activations_of_an_erased_subject_end_without_their_errors(
    board: Blackboard, path: Path, clock: ManualClock
) -> None:
    @agent(watches=strength(Lead) >= 0.5, max_attempts=1, name="broken")
    def broken(marks: Any, context: Any) -> None:
        raise ValueError(f"cannot read {marks[0].text}")

    daemon = served(board, broken)
    board.deposit(Lead(subject=ANN, text=SECRET))
    run_until_idle(daemon)
    (dead,) = board.activations(state="dead")
    assert SECRET in str(dead.error)
    board.forget(ANN)
    assert find_words(path, SECRET, ANN) == []
    board.retry(dead.id)
    run_until_idle(daemon)
    assert [row.state for row in board.activations()] == ["done"]


def test_crossings_predictions_and_cooldowns_of_an_erased_subject_are_removed(
    board: Blackboard, clock: ManualClock
) -> None:
    daemon = served(board, clerk)
    board.deposit(Note(subject=ANN, text=SECRET))
    run_until_idle(daemon)
    board.pause("clerk")
    board.deposit(Lead(subject=ANN, text=SECRET))
    assert len(board.agenda()) == 1
    board.forget(ANN)
    assert board.agenda() == []
    board.resume("clerk")
    clock.advance(timedelta(days=30))
    run_until_idle(daemon)
    assert board.activations() == []


@pytest.mark.file_only("the backups are copies beside the file")
def test_the_report_names_other_marks_and_backups_with_the_subject(
    board: Blackboard, path: Path, tmp_path: Path
) -> None:
    board.deposit(Lead(subject=BOB, text="cake"))
    early = sqlite_backups.back_up(sqlite_database_of(board), tmp_path / "early.db").path
    board.deposit(Lead(subject=ANN, text=SECRET))
    other = board.deposit(Lead(subject=BOB, text=f"a friend of {ANN}")).mark_id
    late = sqlite_backups.back_up(sqlite_database_of(board), tmp_path / "late.db").path
    gone = board.forget(ANN)
    assert gone.named_in == (other,)
    counts = {copy: sqlite_backups.count_events(copy, ANN) for copy in sqlite_backups.backups_of(path)}
    assert counts == {early: 0, late: 1}


def test_a_subject_that_looks_like_a_pattern_erases_nothing_else(board: Blackboard) -> None:
    for subject in ("%", "_", "a%b", "axb", "a\\b", "'; DROP TABLE mark; --"):
        board.deposit(Lead(subject=subject, text="x"))
    board.forget("%")
    board.forget("a%b")
    board.forget("'; DROP TABLE mark; --")
    assert {mark.subject for mark in board.marks()} == {"_", "axb", "a\\b"}
