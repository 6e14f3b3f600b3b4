"""No two live marks of a kind hold one unique value, and values are compared as what they are, not as text."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, JsonValue

from blackboard import Blackboard, ManualClock, Mark
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.errors import InvalidMark, UniqueConflict

MIGRATION = Path(__file__).parents[3] / "migrations" / "versions" / "0004_safeguards.py"


class Room(BaseModel):
    number: float
    free: datetime | None = None


class Slot(Mark, kind="slot", on_repeat="separate", unique="at"):
    at: datetime


class Clock(Mark, kind="clock", on_repeat="separate", unique="at"):
    at: time | None = None


class Price(Mark, kind="price", on_repeat="separate", unique="amount"):
    amount: Decimal


class Number(Mark, kind="number", on_repeat="separate", unique="value"):
    value: int | float | str


class Rate(Mark, kind="rate", on_repeat="separate", unique="rate"):
    rate: float | str | None


class Place(Mark, kind="place", on_repeat="separate", unique="place"):
    place: tuple[str, datetime]


class Stay(Mark, kind="stay", on_repeat="separate", unique="room"):
    room: Room


PARIS, LIMA = ZoneInfo("Europe/Paris"), ZoneInfo("America/Lima")
NINE = datetime(2026, 3, 4, 9, tzinfo=UTC)
FREE = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
EQUAL = [
    (Slot(subject="s", at=NINE), Slot(subject="t", at=NINE.astimezone(PARIS))),
    (Slot(subject="s", at=NINE), Slot(subject="t", at=NINE.astimezone(timezone(timedelta(hours=5, minutes=45))))),
    (Slot(subject="s", at=FREE.astimezone(PARIS)), Slot(subject="t", at=FREE.astimezone(LIMA))),
    (Clock(subject="s", at=time(9, tzinfo=UTC)), Clock(subject="t", at=time(10, tzinfo=timezone(timedelta(hours=1))))),
    (Price(subject="s", amount=Decimal("2.50")), Price(subject="t", amount=Decimal("2.5"))),
    (Price(subject="s", amount=Decimal(100)), Price(subject="t", amount=Decimal("1E+2"))),
    (Price(subject="s", amount=Decimal("-0.0")), Price(subject="t", amount=Decimal(0))),
    (Number(subject="s", value=1), Number(subject="t", value=1.0)),
    (Number(subject="s", value=10**22), Number(subject="t", value=1e22)),
    (Place(subject="s", place=("a", NINE)), Place(subject="t", place=("a", NINE.astimezone(LIMA)))),
    (
        Stay(subject="s", room=Room(number=1, free=NINE)),
        Stay(subject="t", room=Room(number=1.0, free=NINE.astimezone(LIMA))),
    ),
]
DIFFERENT = [
    (Slot(subject="s", at=NINE), Slot(subject="t", at=NINE.replace(tzinfo=None))),
    (Slot(subject="s", at=NINE), Slot(subject="t", at=NINE.replace(tzinfo=PARIS))),
    (Slot(subject="s", at=FREE.astimezone(PARIS)), Slot(subject="t", at=(FREE + timedelta(hours=1)).astimezone(PARIS))),
    (Price(subject="s", amount=Decimal("0.1")), Price(subject="t", amount=Decimal("0.10000000000000000000001"))),
    (Number(subject="s", value=2**53), Number(subject="t", value=2**53 + 1)),
    (Number(subject="s", value=1), Number(subject="t", value="one")),
    (Number(subject="s", value=5.0), Number(subject="t", value="5")),
    (Number(subject="s", value="5"), Number(subject="t", value="5.0")),
    (Rate(subject="s", rate=5.0), Rate(subject="t", rate="5")),
    (Place(subject="s", place=("a", NINE)), Place(subject="t", place=("b", NINE))),
    (Clock(subject="s"), Clock(subject="t")),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "board.db"


@pytest.fixture
def board(path: Path, clock: ManualClock) -> Iterator[Blackboard]:
    with Blackboard.open(path, clock=clock) as board:
        yield board


def spec(kind: type[Mark], **changes: Any) -> Deployment:
    return Deployment(kinds={kind.kind: KindSpec.of(kind.defaults).model_copy(update=changes)})


@pytest.mark.parametrize(("first", "second"), EQUAL, ids=repr)
def test_equal_values_are_one_value(board: Blackboard, first: Mark, second: Mark) -> None:
    board.deposit(first)
    for again in (second, first):
        with pytest.raises(UniqueConflict, match="belongs to mark 1 with subject s"):
            board.deposit(again)
        with pytest.raises(UniqueConflict):
            board.deposit(again.kind, subject="u", payload=again.payload)


@pytest.mark.parametrize(("first", "second"), DIFFERENT, ids=repr)
def test_different_values_are_two(board: Blackboard, first: Mark, second: Mark) -> None:
    assert [board.deposit(mark).outcome for mark in (first, second)] == ["deposited"] * 2


@pytest.mark.parametrize("kind", [Price, Rate], ids=lambda kind: kind.kind)
def test_a_number_in_text_is_a_number_only_where_the_field_is_a_decimal(
    path: Path, clock: ManualClock, kind: type[Mark]
) -> None:
    with Blackboard.open(path, clock=clock) as board:
        board.deploy(spec(kind, class_path="elsewhere:Kind"))
        board.deposit(kind.kind, subject="s", payload={kind.defaults.unique or "": 5})
        if kind is Rate:
            board.deposit("rate", subject="t", payload={"rate": "5"})
        else:
            for text, error in (("5.0", UniqueConflict), ("five", InvalidMark)):
                with pytest.raises(error):
                    board.deposit("price", subject="t", payload={"amount": text})


def test_a_process_without_the_class_compares_in_the_same_way(path: Path, clock: ManualClock) -> None:
    deployment = spec(Slot, class_path="elsewhere:Slot")
    with Blackboard.open(path, clock=clock) as board:
        board.deploy(deployment)
        board.deposit("slot", subject="s", payload={"at": "2026-03-04 10:00+01:00"})
        with pytest.raises(UniqueConflict, match="2026-03-04T09:00:00"):
            board.deposit("slot", subject="t", payload={"at": "2026-03-04T09:00:00Z"})


def test_a_number_and_its_text_are_different_unique_values(board: Blackboard) -> None:
    class Seat(Mark, kind="seat", on_repeat="separate", unique="seat"):
        seat: int | str

    board.deposit(Seat(subject="s", seat=1))
    assert board.deposit(Seat(subject="t", seat="1")).outcome == "deposited"


def test_a_kind_that_becomes_unique_finds_the_marks_that_exist(board: Blackboard, clock: ManualClock) -> None:
    board.deploy(spec(Slot, unique=None, decay={"law": "step", "lasting": "2h"}))
    for n, at in enumerate([NINE, NINE.astimezone(PARIS), FREE, NINE.astimezone(LIMA)]):
        board.deposit(Slot(subject=f"s/{n}", at=at))
    board.withdraw(4)
    unique = spec(Slot, decay={"law": "step", "lasting": "2h"})
    text = "kind slot: at 2026-03-04T09:00:00+00:00 occurs 2 times: marks 1, 2"
    assert text in board.preview(unique).changes
    assert text in board.deploy(unique).changed
    assert board.deploy(unique).changed == ()
    for at in (NINE, FREE):
        with pytest.raises(UniqueConflict):
            board.deposit(Slot(subject="new", at=at))
    board.withdraw(1)
    with pytest.raises(UniqueConflict, match="mark 2"):  # the other one still holds it
        board.deposit(Slot(subject="new", at=NINE))
    board.withdraw(2)
    board.deposit(Slot(subject="new", at=NINE))
    clock.advance(timedelta(hours=3))
    board.deposit(Slot(subject="later", at=FREE))


def test_a_mark_whose_value_stands_twice_can_still_be_reinforced(board: Blackboard) -> None:
    board.deploy(spec(Slot, unique=None, on_repeat="replace"))
    for subject in ("s", "t"):
        board.deposit(Slot(subject=subject, at=NINE))
    board.deploy(spec(Slot, on_repeat="replace"))
    assert board.deposit(Slot(subject="t", at=NINE)).outcome == "reinforced"
    assert board.deposit(Slot(subject="t", at=FREE)).outcome == "reinforced"
    with pytest.raises(UniqueConflict):
        board.deposit(Slot(subject="t", at=NINE))


def test_a_mark_without_a_value_gives_its_former_value_up(board: Blackboard) -> None:
    board.deploy(spec(Clock, on_repeat="replace"))
    board.deposit(Clock(subject="s", at=time(9)))
    board.deposit(Clock(subject="s"))
    assert board.deposit(Clock(subject="t", at=time(9))).outcome == "deposited"


def test_a_change_of_the_field_or_of_its_type_is_followed(board: Blackboard) -> None:
    def version(type_: Any, field: str | None) -> Deployment:
        class Seat(Mark, kind="seat", on_repeat="separate", unique=field):
            a: type_
            b: int = 0

        return spec(Seat)

    board.deploy(version(str, "a"))
    board.deposit("seat", subject="s", payload={"a": "2026-03-04T10:00:00+01:00", "b": 1})
    board.deposit("seat", subject="t", payload={"a": "2026-03-04T09:00:00Z", "b": 1})
    assert (
        "kind seat: a 2026-03-04T09:00:00+00:00 occurs 2 times: marks 1, 2"
        in board.deploy(version(datetime, "a")).changed
    )
    assert "kind seat: b 1 occurs 2 times: marks 1, 2" in board.deploy(version(datetime, "b")).changed
    board.deploy(version(datetime, None))
    payload: dict[str, JsonValue] = {"a": "2026-03-04T09:00:00Z", "b": 1}
    assert board.deposit("seat", subject="u", payload=payload).outcome == "deposited"


def test_only_a_few_of_many_values_are_named(board: Blackboard) -> None:
    board.deploy(spec(Slot, unique=None))
    board.deposit_many([Slot(subject="s", at=NINE + timedelta(days=n // 2)) for n in range(20)])
    changed = board.deploy(spec(Slot)).changed
    assert sum("occurs 2 times" in text for text in changed) == 5
    assert "kind slot: 5 more values with several marks" in changed


def test_the_migration_writes_values_as_the_program_does() -> None:
    found = importlib.util.spec_from_file_location("migration_0004", MIGRATION)
    assert found is not None
    assert found.loader is not None
    migration = importlib.util.module_from_spec(found)
    found.loader.exec_module(migration)
    for mark in [mark for pair in EQUAL + DIFFERENT for mark in pair]:
        kind = mark.defaults
        value = mark.payload[kind.unique or ""]
        if value is not None:
            schema = kind.payload_schema or {}
            text = migration.value_text(value, schema["properties"][kind.unique], schema)
            assert text == kind.unique_value_of(json.dumps(mark.payload))


def test_marks_hold_their_values_after_an_upgrade(path: Path, clock: ManualClock) -> None:
    dump = Path(__file__).parents[2] / "store" / "board_0002.sql"
    connection = sqlite3.connect(path)
    connection.executescript(dump.read_text("utf-8"))
    [(at,)] = connection.execute("SELECT recorded_at FROM board").fetchall()
    connection.close()
    clock.set(at)
    with Blackboard.open(path, clock=clock) as board:
        (slot,) = board.marks("slot")
        with pytest.raises(UniqueConflict, match=f"mark {slot.id}"):
            board.deposit("slot", subject="another", payload=slot.payload)
