"""A key stands for the first request of its author and kind: the same request is repeated, any other is refused."""

from __future__ import annotations

import os
import secrets
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

from blackboard import Blackboard, Deposit, Exponential, Linear, ManualClock, Mark
from blackboard.core.marks.deposit_requests import DepositRequest
from blackboard.durations import HOUR
from blackboard.errors import InvalidMark, KeyReused, UnknownName
from tests.support.bounds import BOUND_SECONDS
from tests.support.world import World, kind, spec

FULL: dict[str, Any] = {"payload": {"a": 1, "b": [True, None, "x"]}, "intensity": 0.5, "until": "2030-01-01"}
OTHERS: list[dict[str, Any]] = [
    {"subject": "t"},
    {"payload": {"a": 1, "b": [True, None, "y"]}},
    {"payload": {"a": 1, "b": [1, None, "x"]}},
    {"payload": {}},
    {"intensity": 0.6},
    {"until": "2030-01-02"},
    {"until": None},
    {"until": None, "decay": Exponential("1h")},
]


def test_the_same_request_returns_the_first_result_and_changes_nothing(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="add")})
    first = world.put("smoke", intensity=1.0, key="row 1")
    world.put("smoke", intensity=2.0, key="row 2")
    events = len(world.board.history("s"))
    again = world.put("smoke", intensity=1, key="row 1")
    assert (again.outcome, again.mark_id, again.event_id, again.crossed) == (
        "duplicate",
        first.mark_id,
        first.event_id,
        (),
    )
    assert len(world.board.history("s")) == events


@pytest.mark.postgresql
@pytest.mark.parametrize("change", OTHERS)
def test_every_other_request_with_the_key_is_refused_and_stores_nothing(world: World, change: dict[str, Any]) -> None:
    world.deploy({"smoke": kind("smoke", on_repeat="separate")})
    receipt = world.put("smoke", "s", key="k", **FULL)
    with pytest.raises(KeyReused, match=f"mark {receipt.mark_id}"):
        world.board.deposit("smoke", key="k", **{"subject": "s", **FULL, **change})
    assert world.put("smoke", "s", key="k", **FULL).outcome == "duplicate"
    assert len(world.board.marks()) == 1


def test_an_equal_request_in_another_form_is_the_same(world: World) -> None:
    world.deploy({"smoke": kind("smoke", on_repeat="separate")})
    world.put(
        "smoke",
        payload={"a": 1, "b": [2.0, {"x": 1, "y": 2}]},
        intensity=2,
        decay='{"law": "linear", "lifetime": "3d"}',
        key="k",
    )
    again = world.put(
        "smoke", payload={"b": (2, {"y": 2, "x": 1.0}), "a": 1.0}, intensity=2.0, decay=Linear("72h"), key="k"
    )
    assert again.outcome == "duplicate"


class Person(BaseModel):
    name: str
    role: str = "guest"


class Visit(Mark, kind="visit", on_repeat="separate"):
    who: Person
    rooms: set[str] = Field(default_factory=set)
    note: str | None = None
    token: str = Field(default_factory=lambda: secrets.token_hex(8))


@pytest.mark.parametrize(
    ("mark", "payload"),
    [
        (Visit(subject="s", who=Person(name="ada")), {"who": {"name": "ada"}}),
        (Visit(subject="s", who=Person(name="ada"), note=None), {"who": {"name": "ada"}, "note": None}),
        (Visit(subject="s", who=Person(name="ada"), rooms={"b", "a"}), {"who": {"name": "ada"}, "rooms": ["a", "b"]}),
    ],
)
def test_a_request_by_the_class_and_by_the_kind_s_name_is_the_same(
    world: World, mark: Visit, payload: dict[str, Any]
) -> None:
    first = world.board.deposit(mark, key="by class")
    world.board.deposit("visit", subject="s", payload=payload, key="by name")
    assert world.board.deposit("visit", subject="s", payload=payload, key="by class").outcome == "duplicate"
    assert world.board.deposit(mark, key="by name").outcome == "duplicate"
    again = Visit.model_validate(mark.model_dump(exclude_unset=True))  # with another token
    assert world.board.deposit(again, key="by class").mark_id == first.mark_id
    with pytest.raises(KeyReused):
        world.board.deposit(mark.model_copy(update={"note": "late"}), key="by class")


NOT_IN_DIGEST: dict[str, Any] = {"key": "k", "text": "{}", "activation_id": 7, "source": "f", "traceparent": "00-1"}


def test_a_request_has_the_same_digest_after_an_argument_with_a_default_is_added() -> None:
    request = DepositRequest("smoke", "s", {}, "ada")
    assert request.digest() == request._replace(**NOT_IN_DIGEST, intensity=1).digest()
    others: list[Any] = [
        request._replace(**{name: "other"})  # type: ignore[arg-type]
        for name in set(DepositRequest._fields) - {"kind", "author", *NOT_IN_DIGEST}
    ]
    digests = {request.digest(), *(other.digest() for other in others)}
    assert len(digests) == len(others) + 1


def test_a_key_belongs_to_its_author_and_its_kind(world: World) -> None:
    world.deploy({"smoke": kind("smoke", on_repeat="separate"), "fire": kind("fire", on_repeat="separate")})
    receipts = [
        board.deposit(name, subject="s", key="form-1")
        for board in (world.board, world.board.as_author("webform"))
        for name in ("smoke", "fire")
    ]
    assert [receipt.outcome for receipt in receipts] == ["deposited"] * 4
    assert len({receipt.mark_id for receipt in receipts}) == 4
    assert world.board.as_author("webform").deposit("fire", subject="s", key="form-1").mark_id == receipts[3].mark_id


def test_the_first_result_stands_before_any_other_check(world: World) -> None:
    world.deploy({"slot": kind("slot", on_repeat="separate", unique="at")})
    desk = world.board.as_author("desk")
    first = desk.deposit("slot", subject="a", payload={"at": "9"}, key="k", until="2026-03-01")
    world.board.withdraw(first.mark_id)
    world.put("slot", "b", payload={"at": "9"})  # the value belongs to another mark now
    world.clock.set(world.clock.now() + 2000 * 24 * HOUR)  # and `until` is past
    world.board.resume()
    world.deploy({}, spec("desk", "strength(slot) >= 9"))  # and the author is an agent
    again = desk.deposit("slot", subject="a", payload={"at": "9"}, key="k", until="2026-03-01")
    assert (again.outcome, again.mark_id) == ("duplicate", first.mark_id)
    assert again.strength == 0
    with pytest.raises(InvalidMark, match="only its activations"):
        desk.deposit("slot", subject="a", payload={"at": "9"}, key="k2")


def test_a_key_outlives_its_mark(world: World) -> None:
    world.deploy({"smoke": kind("smoke")})
    first = world.put("smoke", key="row 1")
    world.board.withdraw(first.mark_id)
    again = world.put("smoke", key="row 1")
    assert (again.outcome, again.mark_id, again.strength) == ("duplicate", first.mark_id, 0.0)
    assert world.strengths() == {}


def test_a_weaker_deposit_stores_its_key_too(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="max")})
    world.put("smoke", intensity=1.0)
    assert world.put("smoke", intensity=0.9, key="k").outcome == "unchanged"
    world.advance(HOUR)  # it would win now
    assert world.put("smoke", intensity=0.9, key="k").outcome == "duplicate"


def test_a_refused_deposit_does_not_use_up_its_key(world: World) -> None:
    world.deploy({"smoke": kind("smoke")})
    with pytest.raises(InvalidMark, match="intensity"):
        world.put("smoke", intensity=-1, key="k")
    with pytest.raises(UnknownName):
        world.put("smoky", key="k")
    assert world.put("smoke", key="k").outcome == "deposited"


@pytest.mark.parametrize(
    "key", ["", "  ", "\t\n", "\u200b", "\u3164\u2800", "blackboard/quarantined/1", "x" * 401, "\ud800"]
)
def test_a_blank_reserved_or_unstorable_key_is_refused(world: World, key: str) -> None:
    world.deploy({"smoke": kind("smoke", on_repeat="separate")})
    for subject in "ab":
        with pytest.raises(InvalidMark, match="key"):
            world.put("smoke", subject, key=key)
    results = world.board.deposit_many([Deposit("smoke", "s", {}, 1.0, key)], on_error="return")
    assert [type(result) for result in results] == [InvalidMark]
    assert world.strengths() == {}


def test_a_batch_reports_a_reused_key_and_stores_the_rest(world: World) -> None:
    world.deploy({"smoke": kind("smoke", on_repeat="separate")})
    items = [
        Deposit("smoke", subject, {}, 1.0, key) for subject, key in (("a", "1"), ("b", "1"), ("a", "1"), ("c", "2"))
    ]
    results = world.board.deposit_many(items, on_error="return")
    assert [getattr(result, "outcome", type(result)) for result in results] == [
        "deposited",
        KeyReused,
        "duplicate",
        "deposited",
    ]
    with pytest.raises(KeyReused):
        world.board.deposit_many([Deposit("smoke", "d", {}), Deposit("smoke", "b", {}, 1.0, "1")])
    assert set(world.strengths()) == {"a", "c"}


def test_keys_of_an_earlier_version_hold_for_what_is_known_of_them(tmp_path: Path) -> None:
    dump = Path(__file__).parents[2] / "store" / "board_0002.sql"
    path = tmp_path / "board.db"
    connection = sqlite3.connect(path)
    connection.executescript(dump.read_text("utf-8"))
    event, mark, author, name, at = connection.execute(
        "SELECT e.id, e.mark_id, e.author, e.kind, e.at FROM event e JOIN deposit_key k ON k.event_id = e.id"
        " WHERE k.key = 'key-0'"
    ).fetchone()
    connection.executemany(
        "INSERT INTO deposit_key VALUES (?, ?, ?, ?)",
        [
            ("", mark, event, at),
            ("unchanged", mark, event, at + 1),  # it lost against the mark: its author was not stored
            ("gone", 99_999, 99_999, at),  # its event was removed
            ("blackboard/aside/8", mark, event, at),
        ],
    )
    [(now,)] = connection.execute("SELECT recorded_at FROM board")
    connection.commit()
    connection.close()
    clock = ManualClock()
    clock.set(now)
    with Blackboard.open(path, clock=clock, author="stranger") as board:
        first = board.as_author(author).deposit(name, subject="whatever", key="key-0")
        assert (first.outcome, first.mark_id, first.event_id) == ("duplicate", mark, event)
        assert board.deposit(name, subject="whatever", key="unchanged").outcome == "duplicate"
        assert board.deposit("need", subject="whatever", key="gone").outcome == "duplicate"
        deposited = board.deposit("need", subject="mine", payload={"question": "?"}, key="key-0")
        assert deposited.outcome == "deposited"
        keys = board.session.read(lambda txn: txn.sql.cursor.execute("SELECT key FROM deposit_key").fetchall())
    assert {"", "blackboard/aside/8"}.isdisjoint(key for (key,) in keys)


TAGGED = """
import sys
from blackboard import Blackboard, Mark

class Tagged(Mark, kind="tagged", on_repeat="separate"):
    tags: set[str]
    parts: dict[str, list[set[str]]] = {}

words = {f"word {number}" for number in range(20)}
with Blackboard.open(sys.argv[1], author="ada") as board:
    receipt = board.deposit(Tagged(subject="s", tags=words, parts={"a": [words, {"x"}]}), key="k")
    print(receipt.outcome, board.marks("tagged")[0].payload["tags"][:2], board.marks(Tagged)[0].tags == words)
"""


def test_a_process_that_orders_sets_differently_makes_the_same_request(tmp_path: Path) -> None:
    found = [
        subprocess.run(
            [sys.executable, "-c", TAGGED, str(tmp_path / "board.db")],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=BOUND_SECONDS,
            check=True,
        ).stdout.split(maxsplit=1)
        for seed in ("1", "2", "3")
    ]
    assert [outcome for outcome, _ in found] == ["deposited", "duplicate", "duplicate"]
    assert {rest for _, rest in found} == {"['word 0', 'word 1'] True\n"}
