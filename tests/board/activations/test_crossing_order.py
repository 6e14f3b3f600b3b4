"""A claim takes the waiting crossings that are strongest now, and reads few others to find them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from blackboard import Exponential, Linear, Never, Step, count, strength, strongest, total
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.waiting_crossings import crossing_order
from blackboard.board.watches.waiting_crossings.crossing_inputs import MarksBehind, marks_behind
from blackboard.core.marks.decay import Decay, Power
from blackboard.durations import HOUR, MINUTE
from blackboard.store.row_types.watch_row_types import CrossingRow
from tests.support.world import World, inputs, kind, spec

SUBJECTS = [f"s{number}" for number in range(8)]
LAWS: list[Decay | None] = [None, None, Exponential("10m"), Linear("2h"), Power("20m", 1.5), Step("30m"), Never()]


def claimed_in_order(world: World) -> list[tuple[str, int]]:
    """Claim everything that waits, one crossing at a time, and return the keys of the crossings in that order."""
    keys = []
    while (claim := world.claim("watchman")) is not None:
        [key] = world.sql("SELECT scope, mark_id FROM crossing WHERE activation_id = ?", claim.row.id)
        keys.append(tuple(key))
    return keys


def in_order_of_strength(world: World, condition: Any) -> list[tuple[str, int]]:
    """Return the keys of the waiting crossings, strongest now first, from the live marks alone."""
    strengths: dict[tuple[str, int], list[float]] = {}
    for mark in world.board.marks():
        key = (mark.subject, mark.id if condition.is_per_mark else 0)
        strengths.setdefault(key, []).append(mark.strength)
    rows = world.crossings("waiting")
    value = condition.measure.value
    return [
        (row.scope, row.mark_id)
        for row in sorted(rows, key=lambda row: (-value(strengths.get((row.scope, row.mark_id), [])), row.id))
    ]


@pytest.mark.parametrize("on_repeat", ["separate", "add", "max", "replace"])
@pytest.mark.parametrize(
    "condition",
    [
        strength("smoke") >= 0.4,
        total("smoke") >= 0.4,
        strongest("smoke") >= 0.4,
        count("smoke") >= 1,
        strength("smoke") < 0.2,
        total("smoke") < 0.2,
    ],
    ids=str,
)
def test_the_strongest_now_is_claimed_first(world: World, condition: Any, on_repeat: Any) -> None:
    agent = spec("watchman", condition, batch=1, concurrency=64)
    smoke = kind("smoke", Exponential("1h"), floor=0.05, on_repeat=on_repeat)
    world.deploy({"smoke": smoke}, agent)
    rng = random.Random(f"{condition} {on_repeat}")
    for _ in range(60):
        subject, intensity = rng.choice(SUBJECTS), rng.uniform(0.06, 2.0)
        is_live = bool(world.board.marks("smoke", subject=subject))
        if on_repeat != "separate" and is_live and rng.random() < 0.2:
            world.sign("watchman", "smoke", subject, intensity)
        else:
            # The marks of a subject share a law, unless they are separate.
            law_of_subject = None if is_live else LAWS[SUBJECTS.index(subject) % len(LAWS)]
            law = rng.choice(LAWS) if on_repeat == "separate" else law_of_subject
            world.put("smoke", subject, intensity, decay=law)
        if rng.random() < 0.1 and (live := world.board.marks()):
            world.board.withdraw(rng.choice(live).id)
        world.advance(rng.choice([0, MINUTE, 10 * MINUTE]))
        world.fire_due()
        if rng.random() < 0.2:
            world.evaporate()
    world.advance(20 * MINUTE)
    world.evaporate()
    expected = in_order_of_strength(world, condition)
    assert claimed_in_order(world) == expected


def counted_reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows with each crossing whose marks are read."""
    reads: list[int] = []

    def read(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> MarksBehind:
        reads.append(crossing.id)
        return marks_behind(txn, watch, crossing)

    monkeypatch.setattr(crossing_order, "marks_behind", read)
    return reads


@pytest.mark.parametrize("condition", [strength("smoke") >= 0.1, total("smoke") >= 0.1, count("smoke") >= 1], ids=str)
@pytest.mark.parametrize("law", [Exponential("1h"), Never(), Step("1d")], ids=str)
def test_a_claim_reads_few_crossings(world: World, condition: Any, law: Decay, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deploy({"smoke": kind("smoke", law)}, spec("watchman", condition, batch=1))
    for number in range(300):
        world.put("smoke", f"s{number}", 1.0 if number % 2 else 0.5)
    world.advance(MINUTE)
    reads = counted_reads(monkeypatch)
    for _ in range(20):
        world.woken("watchman")
    assert len(reads) <= 60


def test_evaporated_crossings_come_last_and_are_read_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    smoke = kind("smoke", Exponential("10d"), on_repeat="separate")
    world.deploy({"smoke": smoke}, spec("watchman", total("smoke") >= 0.1, batch=1))
    for number in range(100):
        world.put("smoke", f"old{number}", 2.0, decay=Step("1m"))
    world.advance(HOUR)
    world.evaporate()
    fresh = [world.put("smoke", f"new{number}", 0.5).mark_id for number in range(5)]
    reads = counted_reads(monkeypatch)
    claimed = [world.woken("watchman") for _ in range(5)]
    assert claimed == [[mark] for mark in fresh]
    assert len(reads) <= 120
    old = world.claimed("watchman")
    assert old.row.scope == "old0"


def test_a_crossing_from_an_earlier_version_is_compared_too(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Linear("10h"))}, spec("watchman", strength("smoke") >= 0.1, batch=1))
    marks = [world.put("smoke", f"s{number}", 0.2 + number / 10).mark_id for number in range(5)]
    world.board.session.write(
        lambda txn: txn.sql.cursor.execute("UPDATE crossing SET order_key = NULL, law = 'linear(lifetime=10h)'")
    )
    claims = [world.claimed("watchman")]
    world.finish(claims[0])
    assert inputs(claims[0]) == [marks[4]]
    assert world.woken("watchman") == [marks[3]]
