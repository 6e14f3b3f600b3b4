"""Conditions that must hold, that wake again while they hold, and that must clear before they wake again."""

from __future__ import annotations

from typing import Any

import pytest

from blackboard import ManualClock, count, strength, strongest, total, watch
from blackboard.decay import Exponential, Linear, Never, Step
from tests.board.world import HOUR, MINUTE, SECOND, World, kind, spec

START = ManualClock().now()


def crossings(world: World) -> list[tuple[float, float]]:
    """Return when the watches crossed and how late that was noticed, in seconds from the first instant."""
    rows = world.sql("SELECT crossed_at, noticed_at FROM crossing ORDER BY id")
    return [((row.crossed_at - START) / SECOND, (row.noticed_at - row.crossed_at) / SECOND) for row in rows]


def tick(world: World, microseconds: float) -> None:
    world.advance(microseconds)
    world.fire_all_due()


def run(world: World, name: str = "pager") -> list[Any]:
    """Claim and finish what is ready, and return the subjects of the marks that the agent was given."""
    given = []
    while (claim := world.claim(name)) is not None:
        given.append([item.event.subject for item in claim.inputs])
        world.finish(claim)
    return given


def test_a_condition_must_hold_that_long(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Linear("100s"))}, spec("pager", watch(strength("smoke") >= 0.5, held_for="30s"))
    )
    world.put("smoke")
    tick(world, 29 * SECOND)
    assert crossings(world) == []
    tick(world, 6 * SECOND)
    assert crossings(world) == [(30.0, 5.0)]
    tick(world, HOUR)
    assert len(crossings(world)) == 1


def test_a_condition_that_fades_too_early_does_not_cross(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Linear("40s"))}, spec("pager", watch(strength("smoke") >= 0.5, held_for="30s"))
    )
    world.put("smoke")
    tick(world, 19 * SECOND)
    world.put("smoke")  # it holds on, until second 39
    tick(world, 20.5 * SECOND)
    assert crossings(world) == [(30.0, 9.5)]


def test_an_interruption_starts_anew(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Linear("40s"))}, spec("pager", watch(strength("smoke") >= 0.5, held_for="25s"))
    )
    world.put("smoke")
    tick(world, 22 * SECOND)
    world.put("smoke")
    tick(world, 18 * SECOND)
    world.put("smoke")
    tick(world, 10 * SECOND)
    assert crossings(world) == [(47.0, 3.0)]


def test_a_rewake_gives_the_marks_again_and_runs_from_the_last_crossing(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Never(), on_repeat="replace")},
        spec("pager", watch(strength("smoke") >= 0.5, rewake_every="10m")),
    )
    world.put("smoke")
    assert len(run(world)) == 1
    tick(world, 4 * MINUTE)
    world.put("smoke", payload={"news": 1})
    assert len(run(world)) == 1
    tick(world, 9 * MINUTE)
    assert run(world) == []
    tick(world, MINUTE)
    assert run(world) == [["s"]]
    tick(world, 10 * MINUTE)
    assert run(world) == [["s"]]
    assert [at for at, _ in crossings(world)] == [0, 240, 840, 1440]


def test_rewakes_that_nobody_noticed_are_one(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Never())}, spec("pager", watch(strength("smoke") >= 0.5, rewake_every="10m")))
    world.put("smoke")
    run(world)
    tick(world, 35 * MINUTE)
    assert crossings(world)[1:] == [(600.0, 1500.0)]
    run(world)
    tick(world, 5 * MINUTE)
    assert crossings(world)[2:] == [(2400.0, 0.0)]


def test_once_crossed_the_value_must_have_been_below(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Linear("100s"))}, spec("pager", watch(strength("smoke") >= 0.7, clear_below=0.4))
    )
    world.put("smoke")
    run(world)
    tick(world, 50 * SECOND)
    world.put("smoke", payload={"news": 1})  # news, but it was never below 0.4
    tick(world, 61 * SECOND)
    world.put("smoke")
    assert [at for at, _ in crossings(world)] == [0, 111]


def beats(world: World, **timing: Any) -> None:
    world.deploy(
        {"beat": kind("beat", Linear("100s"), on_repeat="replace")},
        spec("pager", watch(strength("beat") < 0.5, **timing)),
    )


def test_a_fall_must_hold_and_is_told_again(world: World) -> None:
    beats(world, held_for="20s", rewake_every="60s")
    world.put("beat")
    tick(world, 55 * SECOND)
    world.put("beat", intensity=1.0)  # in time; it falls 50 seconds later
    tick(world, 65 * SECOND)
    assert crossings(world) == []
    tick(world, 6 * SECOND)
    [(at, _)] = crossings(world)
    assert at == pytest.approx(125, abs=1e-5)
    assert run(world) == [["s"]]
    tick(world, 60 * SECOND)
    world.evaporate()
    assert run(world) == [["s"]]  # it has evaporated, and is given in its last state
    assert crossings(world)[1][0] - at == pytest.approx(60)
    world.put("beat")
    tick(world, 50 * SECOND)
    assert run(world) == []


def test_a_fall_is_not_told_again_before_the_value_was_high_enough(world: World) -> None:
    beats(world, clear_above=0.9)
    world.put("beat", intensity=0.7)
    tick(world, 60 * SECOND)
    assert run(world) == [["s"]]
    world.put("beat", intensity=0.8)
    tick(world, 60 * SECOND)
    assert run(world) == []
    world.put("beat", intensity=0.9)
    tick(world, 60 * SECOND)
    assert run(world) == [["s"]]


@pytest.mark.parametrize("measure", [total, strongest, count])
@pytest.mark.parametrize("over", ["subject", "board"])
def test_any_measure_can_be_held(world: World, measure: Any, over: Any) -> None:
    condition = measure("smoke", over=over) >= 1
    world.deploy({"smoke": kind("smoke", Step("50s"))}, spec("pager", watch(condition, held_for="30s")))
    world.put("smoke")
    tick(world, 40 * SECOND)
    assert crossings(world) == [(30.0, 10.0)]
    assert len(run(world)) == 1
    tick(world, 20 * SECOND)
    world.put("smoke")
    tick(world, 30 * SECOND)
    assert crossings(world)[1:] == [(90.0, 0.0)]


def test_nothing_is_remembered_when_nothing_needs_to_be(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Exponential("30s"), floor=0.01)},
        spec("pager", watch(strength("smoke") >= 0.7, held_for="5s", rewake_every="10s", clear_below=0.4)),
    )
    world.put("smoke")
    tick(world, HOUR)
    world.evaporate()
    assert world.sql("SELECT * FROM watch_state") == []
    assert world.sql("SELECT * FROM predicted_crossing") == []
