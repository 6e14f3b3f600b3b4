"""Conditions that must hold or repeat keep their time over a change of the deployment and its backfill."""

from __future__ import annotations

from typing import Any

import pytest

from blackboard import count, strength, total, watch
from blackboard.board.deployment_effects import backfill
from blackboard.core.marks.decay import Linear, Never, Step
from blackboard.durations import HOUR, MINUTE, SECOND
from tests.board.watches.timed_conditions import CrossingTime, crossings, held, run, smoke, tick
from tests.support.board_steps import in_transaction
from tests.support.world import World, kind, spec


def test_a_condition_that_must_hold_now_counts_from_the_change(world: World) -> None:
    world.deploy(smoke(), spec("pager", strength("smoke") >= 0.5))
    world.put("smoke")
    world.advance(20 * SECOND)
    world.deploy(smoke(), spec("pager", watch(strength("smoke") >= 0.5, held_for="30s")))
    assert world.claim("pager") is None  # the crossing that waited has not held for 30 seconds
    assert [row.state for row in world.sql("SELECT state FROM crossing")] == ["skipped"]
    assert held(world) == [20.0]
    tick(world, 30 * SECOND)
    assert crossings(world)[1:] == [CrossingTime(50.0, delay=0.0)]


def test_another_time_keeps_since_when_the_condition_has_held(world: World) -> None:
    world.deploy(smoke(), spec("pager", watch(strength("smoke") >= 0.5, held_for="10m")))
    world.put("smoke")
    world.advance(20 * SECOND)
    world.deploy(smoke(), spec("pager", watch(strength("smoke") >= 0.5, held_for="30s")))
    assert held(world) == [0.0]
    tick(world, 10 * SECOND)
    assert crossings(world) == [CrossingTime(30.0, delay=0.0)]


def test_rewakes_begin_at_the_change_for_what_the_agent_was_given(world: World) -> None:
    world.deploy(smoke(), spec("pager", strength("smoke") >= 0.5))
    world.put("smoke")
    assert run(world) == [["s"]]
    world.advance(20 * SECOND)
    world.deploy(smoke(), spec("pager", watch(strength("smoke") >= 0.5, rewake_every="1m")))
    assert run(world) == []
    tick(world, MINUTE)
    assert run(world) == [["s"]]
    assert crossings(world)[1:] == [CrossingTime(80.0, delay=0.0)]
    world.deploy(smoke(), spec("pager", strength("smoke") >= 0.5))
    assert world.sql("SELECT * FROM watch_state") == world.sql("SELECT * FROM predicted_crossing") == []


def test_a_new_weight_begins_and_ends_an_episode(world: World) -> None:
    agent = spec("pager", watch(strength("smoke") >= 0.5, held_for="30s"))
    world.deploy(smoke(weight=0.1), agent)
    world.put("smoke")
    world.advance(10 * SECOND)
    world.deploy(smoke(weight=1.0), agent)
    assert held(world) == [10.0]
    world.advance(10 * SECOND)
    world.deploy(smoke(weight=0.1), agent)
    assert held(world) == []
    tick(world, HOUR)
    assert crossings(world) == []


def test_an_episode_that_is_over_is_not_told_again_by_a_late_backfill(world: World) -> None:
    agent = spec("pager", watch(strength("smoke") >= 0.5, held_for="30s"))
    world.deploy({"smoke": kind("smoke", Linear("10m"))}, agent)
    world.put("smoke")
    world.advance(10 * SECOND)
    world.register({"smoke": kind("smoke", Linear("20m"))}, agent)
    tick(world, HOUR)
    assert crossings(world) == [CrossingTime(30.0, delay=HOUR / SECOND - 20)]
    world.run_backfill()
    assert len(crossings(world)) == 1
    assert held(world) == []


@pytest.mark.parametrize(("law", "weight"), [(Linear("20m"), 1.0), (Linear("10m"), 1.2)], ids=str)
@pytest.mark.parametrize(
    "over_time",
    [
        watch(strength("smoke") >= 0.5, held_for="30s"),
        watch(total("smoke") >= 0.5, held_for="30s", rewake_every="2h"),
        watch(total("smoke") >= 0.5, held_for="30s", clear_below=0.4),
        watch(strength("smoke") < 0.5, rewake_every="2h"),
        watch(total("smoke") < 0.5, held_for="30s", rewake_every="2h"),
        watch(strength("smoke") < 0.5, held_for="30s", clear_above=0.6),
    ],
    ids=["held", "held and rewoken", "held and cleared", "falling and rewoken", "fallen total", "falling and cleared"],
)
def test_an_episode_is_told_once_wherever_the_backfill_is(
    world: World, over_time: Any, law: Any, weight: float
) -> None:
    agent = spec("pager", over_time)
    world.deploy({"smoke": kind("smoke", Linear("10m"), on_repeat="separate")}, agent)
    for subject in ("a", "a", "b", "c"):
        world.put("smoke", subject)
    tick(world, MINUTE)
    run(world)
    world.register({"smoke": kind("smoke", law, on_repeat="separate", weight=weight)}, agent)
    tick(world, HOUR)
    run(world)
    crossed = crossings(world)
    assert len(crossed) >= 3
    while in_transaction(world.board, backfill.run_batch, 1):
        tick(world, SECOND)
        run(world)
    assert crossings(world) == crossed
    assert world.sql("SELECT * FROM followed_watch") == []


@pytest.mark.parametrize("late", [0, MINUTE], ids=["before the fall", "after it"])
def test_a_fall_after_the_change_is_told_wherever_the_backfill_is(world: World, late: int) -> None:
    smoke = {"smoke": kind("smoke", Linear("100s"))}
    world.deploy(smoke)
    world.put("smoke")
    world.advance(10 * SECOND)
    world.register(smoke, spec("pager", watch(strength("smoke") < 0.5, held_for="5s")))
    tick(world, late)
    world.run_backfill()
    tick(world, MINUTE)
    assert [round(crossing.at) for crossing in crossings(world)] == [55]


def test_a_withdrawal_before_the_backfill_begins_no_episode_anew(world: World) -> None:
    agent = spec("pager", watch(total("smoke") >= 1.5, held_for="30s"))
    world.deploy({"smoke": kind("smoke", Linear("10m"), on_repeat="separate")}, agent)
    mark = world.put("smoke", intensity=0.1).mark_id
    world.put("smoke", intensity=2.0)
    tick(world, MINUTE)
    assert len(run(world)) == 1
    world.register({"smoke": kind("smoke", Linear("20m"), on_repeat="separate")}, agent)
    world.advance(HOUR / 4)
    world.board.withdraw(mark)
    world.run_backfill()
    tick(world, MINUTE)
    assert len(crossings(world)) == 1


def test_only_a_new_crossing_begins_the_interval_anew(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Never(), on_repeat="replace")},
        spec("pager", watch(strength("smoke") >= 0.5, rewake_every="10m")),
    )
    world.put("smoke")
    tick(world, 4 * MINUTE)
    world.put("smoke", payload={"news": 1})  # it joins the crossing that waits
    world.deploy({"smoke": kind("smoke", Never(), on_repeat="replace", weight=2.0)}, *world.deployment.agents.values())
    assert len(run(world)) == 1
    tick(world, 6 * MINUTE)
    assert run(world) == [["s"]]
    assert [crossing.at for crossing in crossings(world)] == [0, 600]


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "condition", [strength("beat") < 0.5, count("beat") < 1, count("beat", within="1m") < 1], ids=str
)
def test_a_fall_that_waits_has_its_marks_though_held_for_is_shorter_now(world: World, condition: Any) -> None:
    kinds = {"beat": kind("beat", Step("1m"), on_repeat="replace")}
    world.deploy(kinds, spec("pager", watch(condition, held_for="5m")))
    world.put("beat")
    world.advance(7 * MINUTE)
    world.evaporate()
    world.deploy(kinds, spec("pager", watch(condition, held_for="1m")))
    assert run(world) == [["s"]]
    assert crossings(world) == [CrossingTime(360, delay=60)]


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "condition", [strength("beat") < 0.5, count("beat") < 1, count("beat", within="1m") < 1], ids=str
)
@pytest.mark.parametrize(("settings", "expected"), [({"held_for": "1m"}, 180), ({"held_for": "4m"}, 300), ({}, 180)])
def test_a_fall_follows_another_held_for_though_its_marks_have_evaporated(
    world: World, condition: Any, settings: dict[str, Any], expected: float
) -> None:
    kinds = {"beat": kind("beat", Step("1m"), on_repeat="replace")}
    world.deploy(kinds, spec("pager", watch(condition, held_for="5m", rewake_every="1h")))
    world.put("beat")
    world.advance(3 * MINUTE)
    world.evaporate()
    world.deploy(kinds, spec("pager", watch(condition, rewake_every="1h", **settings)))
    tick(world, 30 * MINUTE)
    [crossing] = crossings(world)
    assert crossing.at == pytest.approx(expected, abs=1e-4)
    assert run(world) == [["s"]]
