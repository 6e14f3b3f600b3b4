"""A deposit satisfies the class of its kind and the registered schema, whichever of the two a process knows.

A mark that its agent's class cannot read fails its activation, and a deployment of the mended class retries it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, JsonValue, field_validator

from blackboard import Blackboard, Daemon, Deposit, ManualClock, Mark, agent, of_subject, strength
from blackboard.board.diagnosis import doctor
from blackboard.core.agents.agent_definition import Agent
from blackboard.core.marks.mark_model import StandIn, attach_stored
from blackboard.errors import InvalidMark, UnreadableMark, UnreadableMarksWarning
from tests.support.bounds import BOUND_SECONDS
from tests.support.threads import join_all


class Guest(BaseModel):
    name: str
    age: int | None = None


class Visit(Mark, kind="visit", on_repeat="separate"):
    when: datetime
    seats: int = 1
    price: Decimal = Decimal(0)
    vip: bool = False
    token: UUID | None = None
    size: Literal["s", "m"] = "s"
    guests: list[Guest] = Field(default_factory=list)
    email: str = ""

    @field_validator("email")
    @classmethod
    def _has_at(cls, value: str) -> str:
        if value and "@" not in value:
            raise ValueError("no @")
        return value


class Seen(Mark, kind="seen", on_repeat="separate"):
    text: str


def first_report() -> Any:
    class Report(Mark, kind="report", on_repeat="separate"):
        text: str

    return Report


def second_report() -> Any:
    class Report(Mark, kind="report", on_repeat="separate"):
        text: str
        grade: int

    return Report


def mended_report() -> Any:
    class Report(Mark, kind="report", on_repeat="separate"):
        text: str
        grade: int = 0

    return Report


def reader_of(model: type[Mark], seen: list[str], **settings: Any) -> Agent:
    @agent(watches=strength(model) >= 0.1, writes=[Seen], name="reader", **settings)
    def reader(reports: list[Any], context: Any) -> list[Seen]:
        seen.extend(report.text for report in reports)
        return []

    return reader


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "board.db"


@pytest.fixture
def board(path: Path, clock: ManualClock) -> Iterator[Blackboard]:
    with Blackboard.open(path, clock=clock) as board:
        yield board


@pytest.fixture
def stranger(path: Path, clock: ManualClock) -> Iterator[Blackboard]:
    """A handle on a board with the kind `visit`, in a process that does not know its class."""
    with Blackboard.open(path, clock=clock) as board:
        board.deploy(kinds=[Visit])
    with Blackboard.open(path, clock=clock) as board:
        deployment = board.deployment
        visit = deployment.kinds["visit"].model_copy(update={"class_path": "elsewhere:Visit"})
        board.deploy(deployment.model_copy(update={"kinds": {**deployment.kinds, "visit": visit}}))
        yield board


# -- without the class


def test_without_a_class_text_becomes_what_the_schema_wants(stranger: Blackboard) -> None:
    payload: dict[str, JsonValue] = {
        "when": "2026-03-04 10:00",
        "seats": "3",
        "price": "2.50",
        "vip": "yes",
        "guests": [{"name": "Ada", "age": "36"}],
    }
    stranger.deposit("visit", subject="a", payload=payload)
    (record,) = stranger.marks("visit")
    (mark,) = stranger.marks(Visit)
    assert record.payload["seats"] == 3
    assert record.payload["vip"] is True
    assert (mark.seats, mark.price, mark.vip, mark.guests) == (3, Decimal("2.50"), True, [Guest(name="Ada", age=36)])


WRONG: list[tuple[dict[str, JsonValue], str]] = [
    ({"when": "next tuesday"}, "when"),
    ({"when": "2026-03-04", "seats": "three"}, "seats"),
    ({"when": "2026-03-04", "seats": 3.5}, "seats"),
    ({"when": "2026-03-04", "token": "not-a-uuid"}, "token"),
    ({"when": "2026-03-04", "size": "xl"}, "size"),
    ({"when": "2026-03-04", "guests": [{"name": "Ada", "age": "old"}]}, "guests.0"),
    ({"when": "2026-03-04", "colour": "red"}, "colour"),
    ({}, "when"),
]


@pytest.mark.parametrize(("payload", "field"), WRONG)
def test_with_and_without_a_class_the_same_payloads_are_refused(
    stranger: Blackboard, path: Path, clock: ManualClock, payload: dict[str, JsonValue], field: str
) -> None:
    with Blackboard.open(path, clock=clock, kinds=[Visit]) as known:
        for board in (stranger, known):
            with pytest.raises(InvalidMark, match=field):
                board.deposit("visit", subject="a", payload=payload)
    assert stranger.marks() == []


def test_reading_a_kind_does_not_switch_its_validation_off(stranger: Blackboard) -> None:
    given: list[Any] = []

    @agent(watches='strength("visit") >= 0.1', name="reader")
    def reader(marks: Any, context: Any) -> None:
        given.extend(marks)

    stranger.deploy(reader)
    stranger.deposit("visit", subject="a", payload={"when": "2026-03-04"})
    Daemon(stranger, [reader]).run(until_quiescent=True)
    (mark,) = given
    assert isinstance(mark, StandIn)
    stranger.deposit(mark)  # as it was given
    wrong = attach_stored(type(mark)(subject="b", when="next tuesday"), mark.stored)
    for refused in (wrong, Deposit("visit", "b", {"when": "next tuesday"})):
        [error] = stranger.deposit_many([refused], on_error="return")
        assert isinstance(error, InvalidMark)


def test_a_board_cannot_make_a_process_import_a_module(
    stranger: Blackboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "elsewhere.py").write_text("raise SystemExit('imported')")
    stranger.deposit("visit", subject="a", payload={"when": "2026-03-04"})
    assert "elsewhere" not in sys.modules


# -- the class and the schema


def test_a_deposit_satisfies_the_registered_schema_too(board: Blackboard, path: Path, clock: ManualClock) -> None:
    board.deploy(kinds=[first_report()])
    with (
        Blackboard.open(path, clock=clock) as other,
        pytest.raises(InvalidMark, match=r"as registered: payload: .*'grade'.*deploy it"),
    ):
        other.deposit(second_report()(subject="s", text="a", grade=1))
    with (
        Blackboard.open(path, clock=clock, kinds=[second_report()]) as other,
        pytest.raises(InvalidMark, match="as registered"),
    ):
        other.deposit("report", subject="s", payload={"text": "a", "grade": 1})
    assert board.marks() == []


def test_what_an_agent_returns_satisfies_the_registered_schema_too(
    board: Blackboard, path: Path, clock: ManualClock
) -> None:
    new = second_report()

    @agent(watches=strength(Seen) >= 0.1, writes=[new], max_attempts=1)
    def writer(marks: Any, context: Any) -> Any:
        return new(subject="s", text="a", grade=1)

    board.deploy(kinds=[first_report()])
    with Blackboard.open(path, clock=clock) as other:
        other.deploy(writer)
        other.deposit(Seen(subject="s", text="x"))
        Daemon(other, [writer]).run(until_quiescent=True)
        (activation,) = other.activations()
    assert activation.state == "dead"
    assert "as registered" in (activation.error or "")


def test_a_class_that_is_defined_again_with_other_fields_is_told_at_once(board: Blackboard) -> None:
    def cell(*, edited: bool) -> Any:
        class Report(Mark, kind="report", on_repeat="separate"):
            text: str
            if edited:
                grade: int = 0

        return Report

    board.deposit(cell(edited=False)(subject="s", text="a"))
    board.deposit(cell(edited=False)(subject="s", text="b"))  # the cell is run again
    again = cell(edited=True)
    mark = again(subject="s", text="c")
    for use in (lambda: board.deposit(mark), lambda: board.marks(again), lambda: Daemon(board, [reader_of(again, [])])):
        with pytest.raises(InvalidMark, match=r"Report was defined again .* board.deploy\(kinds=\[Report\]\)"):
            use()
    board.deploy(kinds=[again])
    board.deposit(mark)
    assert len(board.marks(again)) == 3


def test_two_classes_of_one_kind_are_told_at_once(board: Blackboard) -> None:
    class Other(Mark, kind="seen", on_repeat="separate"):
        text: str

    board.deposit(Seen(subject="s", text="a"))
    with pytest.raises(InvalidMark, match=r"two classes have the kind 'seen': .*:Seen and .*:.*Other"):
        board.deposit(Other(subject="s", text="b"))


# -- classes that change while marks wait


def test_a_mark_that_cannot_be_read_waits_for_a_mended_class(board: Blackboard, path: Path, clock: ManualClock) -> None:
    old, new = first_report(), second_report()
    seen: list[str] = []
    board.deploy(kinds=[old])
    ids = [board.deposit(old(subject=f"s/{n}", text=f"old {n}")).mark_id for n in range(12)]
    with Blackboard.open(path, clock=clock) as later:
        reader = reader_of(new, seen)
        later.deploy(reader, kinds=[new])
        ids.append(board.deposit(old(subject="s/late", text="late")).mark_id)  # the old program still runs
        later.deposit(new(subject="s/new", text="new", grade=1))
        Daemon(later, [reader]).run(until_quiescent=True)
        dead = later.activations(state="dead", limit=100)
        assert seen == ["new"]
        assert sorted(int((item.error or "").split("mark ")[1].split(":")[0]) for item in dead) == ids
        assert all("UnreadableMark" in (item.error or "") and item.marks_absorbed == 1 for item in dead)
        assert later.agents()[0].until is None  # it is not the agent that fails
        later.retry(dead[0].id)
        Daemon(later, [reader]).run(until_quiescent=True)
        assert len(later.activations(state="dead", limit=100)) == 13
    mended = mended_report()
    with Blackboard.open(path, clock=clock) as last:
        reader = reader_of(mended, seen)
        result = last.deploy(reader, kinds=[mended])
        assert "kind report: 13 activations to be tried again" in result.changed
        Daemon(last, [reader]).run(until_quiescent=True)
        assert sorted(seen) == sorted(["new", "late", *(f"old {n}" for n in range(12))])
        assert last.activations(state="dead") == []


def test_a_retry_brings_a_mark_back_if_only_a_rule_of_the_class_was_wrong(
    board: Blackboard, path: Path, clock: ManualClock
) -> None:
    allowed: list[str] = []

    class Report(Mark, kind="report"):
        text: str

        @field_validator("text")
        @classmethod
        def _check(cls, text: str) -> str:
            if text not in allowed:
                raise ValueError("not allowed")
            return text

    seen: list[str] = []
    board.deposit(first_report()(subject="s", text="a"))
    with Blackboard.open(path, clock=clock) as later:
        reader = reader_of(Report, seen)
        later.deploy(reader)
        Daemon(later, [reader]).run(until_quiescent=True)
        (activation,) = later.activations()
        assert (activation.state, seen) == ("dead", [])
        allowed.append("a")
        later.retry(activation.id)
        Daemon(later, [reader]).run(until_quiescent=True)
        assert seen == ["a"]


def test_a_mark_that_is_only_read_in_addition_is_not_left_out(
    board: Blackboard, path: Path, clock: ManualClock
) -> None:
    new = second_report()
    board.deposit(first_report()(subject="s", text="a"))

    @agent(watches=strength(Seen) >= 0.1, reads=[of_subject(new)], kinds=[new])
    def reader(marks: Any, context: Any) -> None:
        raise AssertionError("it must not work without a mark that it reads")

    with Blackboard.open(path, clock=clock) as later:
        later.deploy(reader, kinds=[new])
        later.deposit(Seen(subject="s", text="x"))
        Daemon(later, [reader]).run(until_quiescent=True)
        (activation,) = later.activations()
    assert activation.state == "dead"
    assert "UnreadableMark: mark 1: " in (activation.error or "")


def test_a_subject_with_an_unreadable_side_fails_as_a_whole(board: Blackboard, path: Path, clock: ManualClock) -> None:
    old, new = first_report(), second_report()
    board.deploy(kinds=[old, Seen])
    board.deposit(old(subject="bad", text="a"))
    seen: list[set[str]] = []

    @agent(watches=(strength(Seen) >= 0.1) & (strength(new) >= 0.1))
    def pairs(marks: Any, context: Any) -> None:
        seen.append({f"{mark.kind} {mark.subject}" for mark in marks})

    with Blackboard.open(path, clock=clock) as later:
        later.deploy(pairs, kinds=[new])
        later.deposit(new(subject="good", text="b", grade=1))
        for subject in ("bad", "good"):
            later.deposit(Seen(subject=subject, text="x"))
        Daemon(later, [pairs]).run(until_quiescent=True)
        states = sorted(item.state for item in later.activations())
    assert seen == [{"report good", "seen good"}]
    assert states == ["dead", "done"]


def test_the_preview_and_the_doctor_name_marks_that_do_not_fit(
    board: Blackboard, path: Path, clock: ManualClock
) -> None:
    old, new = first_report(), second_report()
    ids = [board.deposit(old(subject=f"s/{n}", text="a")).mark_id for n in range(7)]
    board.withdraw(ids.pop())
    with Blackboard.open(path, clock=clock, kinds=[new]) as later:
        changed = later.deployment.kinds["report"].model_copy(update={"payload_schema": new.payload_schema()})
        deployment = later.deployment.model_copy(update={"kinds": {**later.deployment.kinds, "report": changed}})
        misfits = later.preview(deployment).unreadable["report"]
        assert (misfits.count, misfits.marks) == (6, ids[:5])
        assert "grade: field required" in misfits.reason
        later.deploy(deployment)
        with pytest.warns(UnreadableMarksWarning, match=r"left out: 6 marks .*mark 1: .*grade"):
            assert later.marks(new) == []
        with pytest.raises(UnreadableMark, match="6 marks cannot be read as"):
            later.marks(new, strict=True)
        (finding,) = [item for item in doctor.examine_board(later) if item.name == "marks"]
    assert finding.state == "wrong"
    assert "report cannot read 6 live marks (1, 2, 3, 4, 5, ...): " in finding.detail
    with Blackboard.open(path, clock=clock) as stranger:  # without the class, the schema tells
        (finding,) = [item for item in doctor.examine_board(stranger) if item.name == "marks"]
        assert finding.state == "wrong"
        assert "'grade' is a required property" in finding.detail


def test_nothing_is_published_without_a_mark_that_cannot_be_read(
    board: Blackboard, path: Path, clock: ManualClock
) -> None:
    new = second_report()
    board.deposit(first_report()(subject="s", text="a"))
    published: list[Any] = []

    @agent(watches=strength(Seen) >= 0.1, publish=lambda reader, settings: published.append(reader.marks(new)))
    def publisher(marks: Any, context: Any) -> None:
        return None

    with Blackboard.open(path, clock=clock) as later:
        later.deploy(publisher, kinds=[new])
        Daemon(later, [publisher]).run(until_quiescent=True)
        assert published == []
        later.withdraw(1)
        Daemon(later, [publisher]).run(until_quiescent=True)
        assert published == [[]]


def test_threads_that_look_for_a_class_at_once_all_find_it(stranger: Blackboard) -> None:
    asked, go = threading.Event(), threading.Event()

    def source() -> list[type[Mark]]:
        asked.set()
        assert go.wait(BOUND_SECONDS)
        return [Visit]

    stranger.session.classes.load_from(source)
    outcomes: list[Any] = []

    def deposit() -> None:
        payload: dict[str, JsonValue] = {"when": "2026-03-04", "email": "nope"}
        outcomes.extend(stranger.deposit_many([Deposit("visit", "s", payload)], on_error="return"))

    threads = [threading.Thread(target=deposit) for _ in range(4)]
    threads[0].start()
    assert asked.wait(BOUND_SECONDS)
    for thread in threads[1:]:
        thread.start()
    go.set()
    join_all(*threads)
    assert ["no @" in str(outcome) for outcome in outcomes] == [True] * 4
