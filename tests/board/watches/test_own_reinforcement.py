"""An agent's own deposit does not wake it, and hides no deposit of others."""

from __future__ import annotations

from typing import Any

import pytest

from blackboard import Exponential, Step, count, strength, strongest, total, watch
from blackboard.durations import MINUTE
from tests.support.sum_checks import check_sums
from tests.support.world import World, inputs, kind, spec

CONDITIONS = [
    strength("smoke") >= 0.7,
    total("smoke") >= 0.7,
    strongest("smoke") >= 0.7,
    count("smoke") >= 1,
    total("smoke", "fire", over="board") >= 0.7,
    strongest("smoke", over="board") >= 0.7,
    count("smoke", over="board") >= 1,
]


def deploy(world: World, condition: Any, on_repeat: str = "add", **declared: Any) -> None:
    smoke = kind("smoke", Exponential("1h"), floor=0.01, on_repeat=on_repeat)
    world.deploy({"smoke": smoke, "fire": kind("fire")}, spec("watchman", condition, **declared))


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
@pytest.mark.parametrize("on_repeat", ["add", "max", "replace"])
def test_an_own_reinforcement_leaves_the_crossing_of_another_author(
    world: World, condition: Any, on_repeat: str
) -> None:
    deploy(world, condition, on_repeat)
    mark_id = world.put("smoke", intensity=0.8).mark_id
    world.advance(MINUTE)
    for intensity in (0.9, 1.5):
        assert world.sign("watchman", "smoke", intensity=intensity).crossed == ()
        world.board.session.write(check_sums)
    assert world.woken("watchman") == [mark_id]
    assert world.waiting("watchman") == 0
    assert world.woken("watchman") is None


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_a_deposit_in_the_name_of_an_agent_from_before_its_deployment_wakes_it(world: World, condition: Any) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), floor=0.01, on_repeat="add"), "fire": kind("fire")})
    person = world.board.as_author("watchman")
    mark_id = person.deposit("smoke", subject="s", payload={}, intensity=0.8).mark_id
    deploy(world, condition)
    assert world.woken("watchman") == [mark_id]
    world.put("smoke", intensity=0.1)
    assert world.woken("watchman") == [mark_id]


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_an_own_reinforcement_of_an_absorbed_mark_is_not_a_stimulus(world: World, condition: Any) -> None:
    deploy(world, condition)
    mark_id = world.put("smoke", intensity=0.8).mark_id
    assert world.woken("watchman") == [mark_id]
    world.sign("watchman", "smoke", intensity=0.9)
    world.board.session.write(check_sums)
    assert world.woken("watchman") is None
    world.put("smoke", intensity=0.1)
    assert world.woken("watchman") == [mark_id]


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_a_claim_of_others_and_a_later_own_reinforcement_absorb_the_mark_once(world: World, condition: Any) -> None:
    deploy(world, condition, concurrency=2)
    mark_id = world.put("smoke", intensity=0.8).mark_id
    first = world.claimed("watchman")
    world.put("smoke", intensity=0.8)  # while the activation runs
    world.finish(first, ("smoke", "s", 0.3))
    world.board.session.write(check_sums)
    second = world.claimed("watchman")
    assert (inputs(first), inputs(second)) == ([mark_id], [mark_id])
    world.finish(second, ("smoke", "s", 0.3))
    assert world.woken("watchman") is None


def test_an_own_reinforcement_makes_nothing_cross(world: World) -> None:
    deploy(world, total("smoke") >= 0.7)
    world.put("smoke", intensity=0.4)
    assert world.sign("watchman", "smoke", intensity=0.6).crossed == ()
    assert world.waiting("watchman") == 0


def test_each_of_two_agents_ignores_only_its_own_reinforcement(world: World) -> None:
    kinds = {"smoke": kind("smoke", on_repeat="add")}
    world.deploy(kinds, *(spec(name, total("smoke") >= 0.7) for name in ("one", "two")))
    mark_id = world.put("smoke", intensity=0.8).mark_id
    for name in ("one", "two", "two"):
        world.sign(name, "smoke", intensity=0.1)
    assert world.woken("one") == world.woken("two") == [mark_id]
    world.sign("one", "smoke", intensity=0.1)
    assert (world.woken("one"), world.woken("two")) == (None, [mark_id])


def test_a_mark_with_an_own_reinforcement_that_evaporated_is_still_given(world: World) -> None:
    smoke = kind("smoke", Step("1h"), on_repeat="replace")
    world.deploy({"smoke": smoke}, spec("watchman", total("smoke") >= 0.7))
    mark_id = world.put("smoke", intensity=0.8).mark_id
    world.sign("watchman", "smoke", intensity=0.9)
    world.advance(120 * MINUTE)
    world.evaporate()
    assert world.woken("watchman") == [mark_id]


def test_own_marks_count_again_for_a_watch_that_includes_them(world: World) -> None:
    deploy(world, watch(total("smoke") >= 0.7, include_own=True))
    mark_id = world.sign("watchman", "smoke", intensity=0.8).mark_id
    assert world.woken("watchman") == [mark_id]


@pytest.mark.parametrize("over", ["subject", "board"])
def test_a_rename_keeps_what_came_from_others(world: World, over: Any) -> None:
    deploy(world, total("smoke", over=over) >= 0.7)
    pending = world.put("smoke", "pending", intensity=0.8).mark_id
    world.sign("watchman", "smoke", "pending", intensity=0.1)
    world.sign("watchman", "smoke", "own", intensity=0.9)
    world.deploy({}, spec("guardian", total("smoke", over=over) >= 0.7, renamed_from="watchman"))
    world.board.session.write(check_sums)
    assert world.woken("guardian") == [pending]
    assert world.woken("guardian") is None
