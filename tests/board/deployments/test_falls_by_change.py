"""A mark that evaporates by a change of its floor or law falls below its thresholds at that instant, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from blackboard import Exponential, Step, count, strength, strongest, total
from blackboard.core.conditions.condition_types import Condition
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.durations import HOUR, MINUTE, SECOND
from tests.support.world import World, kind, spec

FALLS = [
    strength("smoke") < 0.3,
    total("smoke") < 0.3,
    strongest("smoke") < 0.3,
    count("smoke") < 1,
    (total("smoke") < 0.3) & (count("smoke") < 1),
    total("smoke", "fire") < 0.3,
    total("smoke", over="board") < 0.3,
    strongest("smoke", over="board") < 0.3,
    count("smoke", "fire", over="board") < 1,
]


def kinds(on_repeat: str, floor: float = 0.01, law: Any = None) -> dict[str, KindSpec]:
    smoke = kind("smoke", law or Exponential("1h"), floor=floor, on_repeat=on_repeat)
    return {"smoke": smoke, "fire": kind("fire", Exponential("1h"), floor=0.01)}


Meanwhile = Callable[[World], object]
"""What happens between a change and its backfill."""
MEANWHILE: dict[str, Meanwhile] = {
    "deposit": lambda world: world.put("smoke", intensity=0.9),
    "elsewhere": lambda world: world.put("fire", "other", intensity=0.9),
    "withdrawal": lambda world: world.board.withdraw(world.put("smoke", "other", intensity=0.9).mark_id),
}
WITHOUT_A_DEPOSIT: dict[str, Meanwhile] = {
    "nothing": lambda world: None,
    "evaporation": lambda world: world.evaporate(),
}


def raise_floor(world: World, condition: Condition, on_repeat: str, meanwhile: Meanwhile) -> int:
    """Evaporate a mark by a new floor whose backfill comes a second later, and return the id of the mark.

    Check that the watch has crossed at the instant of the change.
    """
    agent = spec("watchman", condition)
    world.deploy(kinds(on_repeat), agent)
    mark_id = world.put("smoke").mark_id
    world.advance(HOUR)
    world.register(kinds(on_repeat, floor=0.6), agent)
    changed_at = world.board.session.now()
    assert world.board.marks() == []
    world.advance(SECOND)
    meanwhile(world)
    world.run_backfill(limit=1)
    world.fire_all_due()
    [crossing] = world.crossings()
    assert (crossing.state, crossing.crossed_at) == ("waiting", changed_at)
    return mark_id


@pytest.mark.parametrize("on_repeat", ["add", "separate"])
@pytest.mark.parametrize("condition", FALLS, ids=str)
@pytest.mark.parametrize("meanwhile", MEANWHILE.values(), ids=MEANWHILE)
def test_a_new_floor_fires_falling_watches_at_its_instant_whatever_is_deposited_meanwhile(
    world: World, condition: Condition, on_repeat: str, meanwhile: Meanwhile
) -> None:
    raise_floor(world, condition, on_repeat, meanwhile)
    world.finish(world.claimed("watchman"))


@pytest.mark.parametrize("on_repeat", ["add", "separate"])
@pytest.mark.parametrize("condition", FALLS, ids=str)
@pytest.mark.parametrize("meanwhile", WITHOUT_A_DEPOSIT.values(), ids=WITHOUT_A_DEPOSIT)
def test_a_new_floor_fires_falling_watches_once_for_the_mark_that_it_evaporates(
    world: World, condition: Condition, on_repeat: str, meanwhile: Meanwhile
) -> None:
    mark_id = raise_floor(world, condition, on_repeat, meanwhile)
    claim = world.claimed("watchman")
    assert [item.event.mark_id for item in claim.inputs] == [mark_id]
    world.finish(claim)
    world.advance(9 * HOUR)
    world.evaporate()
    assert len(world.crossings()) == 1


def test_a_floor_that_takes_some_marks_of_a_subject_leaves_the_others(world: World) -> None:
    agents = [spec("few", count("smoke") < 2), spec("none", count("smoke") < 1), spec("sum", total("smoke") < 1)]
    world.deploy(kinds("separate"), *agents)
    for intensity in (0.5, 0.55, 0.9):
        world.put("smoke", intensity=intensity)
    world.deploy(kinds("separate", floor=0.6), *agents)
    changed_at = world.board.session.now()
    names = dict(world.sql("SELECT id, agent FROM watch"))
    assert {names[row.watch_id]: row.crossed_at for row in world.crossings()} == {"few": changed_at, "sum": changed_at}
    world.advance(HOUR)
    world.evaporate()
    assert sorted(names[row.watch_id] for row in world.crossings()) == ["few", "none", "sum"]


def test_a_new_law_that_takes_a_mark_at_once_fires_too(world: World) -> None:
    agent = spec("watchman", strength("smoke") < 0.3)
    world.deploy(kinds("add", floor=0.6), agent)
    world.put("smoke", intensity=0.7)
    world.advance(SECOND)
    world.deploy(kinds("add", floor=0.7, law=Step("1h")), agent)
    [crossing] = world.crossings()
    assert crossing.crossed_at == world.board.session.now()


def test_a_mark_that_had_fallen_before_does_not_fall_again(world: World) -> None:
    agent = spec("watchman", strength("smoke") < 0.3)
    world.deploy(kinds("add"), agent)
    world.put("smoke")
    world.advance(3 * HOUR)
    world.fire_all_due()
    world.deploy(kinds("add", floor=0.6), agent)
    assert len(world.crossings()) == 1


@pytest.mark.parametrize(
    "condition", [strength("smoke") >= 0.5, total("smoke") >= 0.5, total("smoke", over="board") >= 0.5]
)
@pytest.mark.parametrize("moved", [True, False])
@pytest.mark.parametrize("followed", [True, False])
def test_an_evaporated_mark_is_given_with_its_strength_under_the_law_in_force(
    world: World, condition: Condition, moved: bool, followed: bool
) -> None:
    agent = spec("watchman", condition)
    world.deploy(kinds("add"), agent)
    world.put("smoke")
    world.board.pause("watchman")
    world.advance(HOUR)
    new = kinds("add", law=Exponential("1m"))
    if followed:
        world.deploy(new, agent)
    else:
        world.register(new, agent)
    world.advance(20 * MINUTE)
    if moved and followed:
        world.evaporate()
    world.board.resume("watchman")
    [item] = world.claimed("watchman").inputs
    assert item.strength == pytest.approx(0.5 * 2.0**-20, rel=1e-6)


SLOW, FAST = (
    kind("smoke", Exponential("10m"), on_repeat="replace"),
    kind("smoke", Exponential("1m"), on_repeat="replace"),
)
LIGHT = kind("smoke", Exponential("10m"), on_repeat="replace", weight=0.2)


@pytest.mark.parametrize(
    "condition",
    [strength("smoke") < 0.3, total("smoke", "fire") < 0.3, strongest("smoke", over="board") < 0.3],
    ids=str,
)
@pytest.mark.parametrize("change", [FAST, LIGHT], ids=["law", "weight"])
@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda world: None,
        lambda world: world.put("smoke", intensity=20.0),
        lambda world: world.put("deploy", "elsewhere"),
        lambda world: world.evaporate(limit=1),
    ],
    ids=["nothing", "deposit", "guarded", "evaporation"],
)
def test_a_fall_by_a_change_has_its_instant_wherever_the_backfill_is(
    world: World, condition: Condition, change: KindSpec, meanwhile: Meanwhile
) -> None:
    others = {name: kind(name, Exponential("10m"), floor=0.2) for name in ("fire", "deploy")}
    slow, changed = ({"smoke": one.model_copy(update={"floor": 0.2})} for one in (SLOW, change))
    agent = spec("watchman", condition, unless=count("deploy", over="board") >= 9)
    world.deploy(slow | others, agent)
    world.put("smoke")
    world.advance(MINUTE)
    world.register(changed | others, agent)
    changed_at = world.board.session.now()
    world.advance(20 * MINUTE)
    meanwhile(world)
    world.run_backfill(limit=1)
    world.fire_all_due()
    [crossing] = world.crossings()
    assert changed_at <= crossing.crossed_at < changed_at + 3 * MINUTE
    assert (change is FAST) == (crossing.crossed_at > changed_at)


@pytest.mark.parametrize("over", ["subject", "board"])
def test_a_rise_by_a_change_is_not_lost_if_a_weaker_deposit_comes_before_the_backfill(world: World, over: Any) -> None:
    agent = spec("watchman", total("smoke", over=over) >= 1.5)
    world.deploy({"smoke": kind("smoke", on_repeat="replace")}, agent)
    world.put("smoke")
    world.register({"smoke": kind("smoke", on_repeat="replace", weight=2.0)}, agent)
    world.advance(SECOND)
    world.put("smoke", intensity=0.1)
    world.run_backfill()
    assert [row.value for row in world.crossings()] == [2.0]
