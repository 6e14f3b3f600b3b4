"""Explain and status name only instants at which something happens, and explain finds what a claim would find."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from blackboard import Exponential, Never, count, strength, total, watch
from blackboard.board.activations.run_ends.activation_results import defer
from blackboard.board.watches.crossing_detection import predicted_crossings
from blackboard.clock import from_datetime, to_datetime
from blackboard.durations import HOUR, MINUTE
from tests.support.world import World, kind, spec

KINDS = {
    "a": kind("a", Exponential("1h"), floor=0.01, on_repeat="add"),
    "c": kind("c", Exponential("1h"), floor=0.01),
    "no": kind("no", Never()),
}


def verdict(world: World, subject: str | None = "s") -> str:
    [explained] = world.board.explain("watchman", subject).watches
    return explained.verdict


def happens_at(world: World, at: datetime) -> bool:
    """Advance to just before an instant, then to it, and return whether the watch crossed exactly then."""
    instant = world.clock.now() + round((at - to_datetime(world.clock.now())).total_seconds() * 1_000_000)
    world.clock.set(instant - 1)
    world.fire_all_due()
    before = len(world.crossings())
    world.clock.set(instant)
    world.fire_all_due()
    return before == 0 and len(world.crossings()) == 1


@pytest.mark.parametrize(
    "condition",
    [count("a", over="board") < 1, total("a", over="board") < 0.5, strength("a") < 0.5, total("a") < 0.5],
    ids=str,
)
@pytest.mark.parametrize("subject", ["s", "other"])
def test_a_delayed_fall_is_foretold_for_its_own_instant(world: World, condition: Any, subject: str) -> None:
    world.deploy(KINDS, spec("watchman", condition))
    world.put("a")
    world.advance(30 * MINUTE)
    if condition.is_over_board or subject == "s":
        world.put("a", subject)
    [explained] = world.board.explain("watchman", "s").watches
    assert explained.predicted_at is not None
    [at] = explained.predicted_at
    assert at is not None
    assert world.board.status().next_predicted_crossing == at
    assert explained.verdict.endswith(at.strftime("it will at %Y-%m-%dT%H:%M:%S.%fZ"))
    assert happens_at(world, at)


def test_the_next_fall_of_several_watches_is_the_earliest_that_happens(world: World) -> None:
    agents = [spec("board", count("a", over="board") < 1), spec("each", strength("c") < 0.5)]
    world.deploy(KINDS, *agents)
    world.put("a", intensity=0.02)  # the stored instant of the board comes first
    world.advance(MINUTE)
    world.put("c")
    world.put("a", "other", intensity=5.0)
    at = world.board.status().next_predicted_crossing
    assert at == world.board.explain("each", "s").watches[0].predicted_at[0]  # type: ignore[index]
    assert at is not None
    assert happens_at(world, at)


def test_the_next_fall_is_found_behind_other_predictions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicted_crossings, "PREDICTIONS_PER_QUERY", 2)
    agents = [
        spec("held", watch(strength("no") >= 1, held_for="1h")),
        spec("again", watch(strength("c") < 0.9, rewake_every="1h")),
        spec("each", strength("a") < 0.5),
    ]
    world.deploy(KINDS, *agents)
    for subject in "pqrst":
        world.put("no", subject)
        world.put("c", subject)
    world.advance(30 * MINUTE)
    world.fire_all_due()  # each fall of `c` has a rewake now
    world.put("a", intensity=2.0)
    at = world.board.status().next_predicted_crossing
    assert at is not None
    assert at == world.board.explain("each", "s").watches[0].predicted_at[0]  # type: ignore[index]
    assert (from_datetime(at) - world.clock.now()) / HOUR == pytest.approx(2)


def test_a_fall_that_a_guard_will_skip_is_foretold_as_such(world: World) -> None:
    world.deploy(KINDS, spec("watchman", watch(strength("a") < 0.5, unless=count("no") >= 1)))
    world.put("a")
    assert "guard" not in verdict(world)
    world.put("no")
    assert verdict(world).endswith(", but its guard will be closed then")


def test_a_ready_crossing_behind_a_shut_guard_is_not_called_ready(world: World) -> None:
    world.deploy(KINDS, spec("watchman", watch(total("a") >= 0.5, unless=count("c") >= 1)))
    world.put("c")
    world.put("a")
    [explained] = world.board.explain("watchman", "s").watches
    assert explained.guard_opens_at is not None
    assert explained.waiting[0].held_by == "guard"
    assert explained.waiting[0].ready_at == explained.guard_opens_at
    assert explained.verdict.startswith("it crossed; its guard defers it until 2")
    assert verdict(world, None) == explained.verdict
    assert world.claim("watchman") is None


def test_explain_names_the_pause_the_cooldown_and_the_end_of_the_cooldown_of_a_subject(world: World) -> None:
    world.deploy(KINDS, spec("watchman", total("a") >= 0.5, cooldown="1h", cooldown_per="subject"))
    world.put("a")
    world.finish(world.claimed("watchman"))
    world.put("a", intensity=3.0)
    assert verdict(world).startswith("it crossed; the agent is in cooldown for this subject until ")
    world.board.pause("watchman", "a holiday")
    assert verdict(world) == "it crossed; it is paused: a holiday"
    world.board.resume("watchman")
    world.deploy(KINDS, spec("watchman", total("a") >= 0.5, cooldown="1h", cooldown_per="agent"))
    world.advance(HOUR)
    world.finish(world.claimed("watchman"))
    world.put("a", intensity=9.0)
    assert verdict(world).startswith("it crossed; it is in cooldown until ")


def test_explain_names_a_budget(world: World) -> None:
    world.deploy(KINDS, spec("watchman", total("a") >= 0.5, concurrency=2))
    world.put("a")
    claim = world.claimed("watchman")
    world.board.session.write(
        lambda txn: defer(txn, claim.row, until=txn.now + HOUR, reason="the budget is spent", is_held=True)
    )
    world.put("a", "other")
    assert verdict(world, "other").startswith("it crossed; the budget is spent until 2")
    assert world.claim("watchman") is None


def test_explain_says_that_nobody_serves_the_agent(world: World) -> None:
    world.deploy(KINDS, spec("watchman", total("a") >= 0.5))
    world.put("a")
    assert verdict(world) == "it crossed and is ready, but no daemon serves it, and no earlier daemon is known"


@pytest.mark.parametrize("value", [0.49999999, 0.5 - 1e-15])
def test_an_unmet_value_is_told_from_its_threshold(world: World, value: float) -> None:
    world.deploy(KINDS, spec("watchman", total("a") >= 0.5))
    world.put("a", intensity=value)
    assert verdict(world) == f'it has not crossed: total("a") is {value!r} of 0.5'
