"""A deposit below the floor of its kind is recorded as deposited and evaporated immediately, and was never live."""

from __future__ import annotations

from typing import Any

import pytest

from blackboard import Deposit, count, strength, strongest, total
from blackboard.core.marks.decay import Exponential, Never
from blackboard.durations import HOUR
from tests.support.sum_checks import check_sums
from tests.support.world import World, kind, spec

RISING = [
    strength("smoke") >= 0.25,
    total("smoke") >= 0.25,
    strongest("smoke") >= 0.25,
    count("smoke") >= 1,
    total("smoke", over="board") >= 0.25,
    strongest("smoke", over="board") >= 0.25,
    count("smoke", over="board") >= 1,
    (strength("smoke") >= 0.25) | (count("other") >= 1),
]
FALLING = [
    strength("smoke") < 0.5,
    total("smoke") < 0.5,
    strongest("smoke") < 0.5,
    count("smoke") < 1,
    total("smoke", over="board") < 0.5,
    count("smoke", over="board") < 1,
]


def smoke(on_repeat: str = "separate", floor: float = 0.1, **settings: Any) -> dict[str, Any]:
    made = kind("smoke", Exponential("1h"), floor=floor, on_repeat=on_repeat, weight=3.0, **settings)
    return {"smoke": made, "other": kind("other")}


def events(world: World, subject: str = "s") -> list[str]:
    return [event.event for event in world.board.history(subject)]


def left_over(world: World) -> list[Any]:
    """Return the rows that would keep a removed mark in some table."""
    return [
        row
        for table in ("mark", "absorbed", "predicted_crossing WHERE mark_id > 0 OR due_at IS NOT NULL", "unique_value")
        for row in world.sql(f"SELECT * FROM {table}")
    ]


@pytest.mark.postgresql
@pytest.mark.parametrize("on_repeat", ["separate", "add", "max", "replace"])
@pytest.mark.parametrize("condition", RISING, ids=str)
def test_a_mark_below_the_floor_crosses_no_rising_watch_and_is_given_to_no_agent(
    world: World, condition: Any, on_repeat: Any
) -> None:
    world.deploy(smoke(on_repeat), spec("watchman", condition))
    receipt = world.put("smoke", intensity=0.09)
    assert (receipt.outcome, receipt.strength, receipt.crossed) == ("deposited", 0.0, ())
    assert events(world) == ["deposited", "evaporated"]
    assert world.strengths() == {}
    assert world.claim("watchman") is None
    assert world.crossings() == []
    assert left_over(world) == []
    world.board.session.write(check_sums)
    assert world.put("smoke", intensity=0.1).crossed == ("watchman",)
    world.board.session.write(check_sums)


@pytest.mark.postgresql
@pytest.mark.parametrize("condition", FALLING, ids=str)
@pytest.mark.parametrize("intensity", [0.0, 0.09])
def test_a_falling_watch_fires_once_if_the_replaced_mark_was_above(
    world: World, condition: Any, intensity: float
) -> None:
    """So a sensor says with a `replace` of intensity 0 that all is clear."""
    world.deploy(smoke("replace"), spec("watchman", condition))
    first = world.put("smoke", payload={"state": "on"})
    receipt = world.put("smoke", intensity=intensity, payload={"state": "cleared"})
    assert (receipt.outcome, receipt.mark_id, receipt.strength) == ("reinforced", first.mark_id, 0.0)
    assert events(world) == ["deposited", "reinforced", "evaporated"]
    [crossing] = world.crossings()
    assert (crossing.state, crossing.crossed_at, crossing.value) == ("waiting", world.clock.now(), 0.0)
    claim = world.claimed("watchman")
    assert [item.event.payload for item in claim.inputs] == ['{"state":"cleared"}']
    world.finish(claim)
    again = world.put("smoke", intensity=intensity)  # nothing is above now
    assert again.outcome == "deposited"
    world.advance(HOUR)
    world.evaporate()
    assert len(world.crossings()) == 1
    assert left_over(world) == []
    world.board.session.write(check_sums)


def test_a_falling_watch_does_not_fire_if_the_replaced_mark_was_below(world: World) -> None:
    world.deploy(smoke("replace"), spec("watchman", strength("smoke") < 0.5))
    world.put("smoke", intensity=0.15)
    world.put("smoke", intensity=0.0)
    assert world.crossings() == []


@pytest.mark.parametrize(("threshold", "fires"), [(1.0, False), (2.0, True)])
@pytest.mark.parametrize("over", ["subject", "board"])
def test_other_live_marks_still_count(world: World, over: Any, threshold: float, fires: bool) -> None:
    world.deploy(smoke("replace"), spec("watchman", total("smoke", "other", over=over) < threshold))
    world.put("other", intensity=1.0)
    world.put("smoke", intensity=1.0)
    world.put("smoke", intensity=0.0)
    assert len(world.crossings()) == fires
    if fires:
        assert world.crossings()[0].value == pytest.approx(1.0)


def test_the_guard_of_a_falling_watch_decides_at_that_instant(world: World) -> None:
    world.deploy(smoke("replace"), spec("watchman", strength("smoke") < 0.5, unless=count("other") >= 1))
    world.put("other")
    world.put("smoke")
    world.put("smoke", intensity=0.0)
    assert [row.state for row in world.crossings()] == ["skipped"]


def test_a_guard_opens_when_its_mark_is_cleared(world: World) -> None:
    world.deploy(smoke("replace"), spec("watchman", strength("other") >= 0.5, unless=strength("smoke") >= 0.5))
    world.put("smoke")
    mark = world.put("other").mark_id
    assert world.woken("watchman") is None
    world.put("smoke", intensity=0.0)
    assert world.woken("watchman") == [mark]


def test_a_crossing_that_waits_for_the_replaced_mark_fades(world: World) -> None:
    world.deploy(smoke("replace"), spec("watchman", strength("smoke") >= 0.5, when_faded="drop"))
    assert world.put("smoke").crossed == ("watchman",)
    world.put("smoke", intensity=0.0)
    assert world.claim("watchman") is None
    assert [row.state for row in world.crossings()] == ["faded"]


def test_the_totals_over_the_board_lose_the_replaced_mark_and_never_gain_the_new_one(world: World) -> None:
    watches = {"sum": total("smoke", over="board") >= 9, "count": count("smoke", over="board", subject="s*") >= 4}
    world.deploy(smoke("replace"), spec("watchman", watches))
    for _ in range(3):
        items = [Deposit("smoke", f"s{number}", {}, intensity) for number in range(3) for intensity in (1.0, 0.05, 0.0)]
        world.board.deposit_many([*items, Deposit("smoke", "s1", {}, 1.0)])
        world.board.session.write(check_sums)
        world.advance(HOUR)
    assert world.crossings() == []
    assert set(world.strengths()) == {"s1"}


def test_trust_and_a_cap_decide_before_the_floor(world: World) -> None:
    agents = spec("watchman", strength("smoke") >= 0.01)
    world.deploy(smoke("replace"), agents, trust={"person:ada": 0.05})
    world.put("smoke")
    world.deploy(smoke("add", floor=0.5, cap=0.4), agents)
    world.put("smoke")
    assert events(world) == ["deposited", "evaporated"] * 2
    assert world.crossings() == []


@pytest.mark.parametrize("on_repeat", ["separate", "add", "max", "replace"])
def test_an_intensity_of_0_is_below_every_floor(world: World, on_repeat: Any) -> None:
    world.deploy({"smoke": kind("smoke", Never(), floor=0.0, on_repeat=on_repeat)}, spec("w", count("smoke") >= 1))
    assert world.put("smoke", intensity=0.0).crossed == ()
    assert events(world) == ["deposited", "evaporated"]
    assert world.put("smoke", intensity=1e-300).crossed == ("w",)


def test_a_mark_below_the_floor_holds_no_unique_value_and_keeps_its_key(world: World) -> None:
    world.deploy({"slot": kind("slot", floor=0.1, on_repeat="separate", unique="at")})
    first = world.put("slot", "a", 0.05, payload={"at": "9"}, key="k")
    assert world.put("slot", "b", payload={"at": "9"}).outcome == "deposited"
    again = world.put("slot", "a", 0.05, payload={"at": "9"}, key="k")
    assert (again.outcome, again.mark_id, again.event_id) == ("duplicate", first.mark_id, first.event_id)


def test_a_reading_of_the_past_never_shows_a_cleared_mark(world: World) -> None:
    world.deploy(smoke("replace"))
    world.put("smoke")
    world.advance(HOUR)
    world.put("smoke", intensity=0.0)
    cleared = world.board.session.now()
    world.advance(HOUR)
    assert set(world.strengths(at=cleared - 1)) == {"s"}
    assert world.strengths(at=cleared) == world.strengths(at=cleared + 1) == {}
