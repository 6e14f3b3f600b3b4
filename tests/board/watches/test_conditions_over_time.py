"""Conditions that must hold, that wake again while they hold, and that must clear before they wake again."""

from __future__ import annotations

from typing import Any

import pytest

from blackboard import Blackboard, count, strength, strongest, total, watch
from blackboard.board.watches.crossing_detection.predicted_crossings import next_fall
from blackboard.core.conditions.condition_types import Comparison
from blackboard.core.marks.decay import Exponential, Linear, Never, Step
from blackboard.durations import HOUR, MINUTE, SECOND
from tests.board.watches.timed_conditions import START, CrossingTime, crossings, held, run, smoke, tick
from tests.support.world import World, kind, spec


def test_a_condition_must_hold_that_long(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Linear("100s"))}, spec("pager", watch(strength("smoke") >= 0.5, held_for="30s"))
    )
    world.put("smoke")
    tick(world, 29 * SECOND)
    assert crossings(world) == []
    tick(world, 6 * SECOND)
    assert crossings(world) == [CrossingTime(30.0, delay=5.0)]
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
    assert crossings(world) == [CrossingTime(30.0, delay=9.5)]


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
    assert crossings(world) == [CrossingTime(47.0, delay=3.0)]


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
    assert [crossing.at for crossing in crossings(world)] == [0, 240, 840, 1440]


def test_rewakes_that_nobody_noticed_are_one(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Never())}, spec("pager", watch(strength("smoke") >= 0.5, rewake_every="10m")))
    world.put("smoke")
    run(world)
    tick(world, 35 * MINUTE)
    assert crossings(world)[1:] == [CrossingTime(600.0, delay=1500.0)]
    run(world)
    tick(world, 5 * MINUTE)
    assert crossings(world)[2:] == [CrossingTime(2400.0, delay=0.0)]


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
    assert [crossing.at for crossing in crossings(world)] == [0, 111]


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
    [fall] = crossings(world)
    assert fall.at == pytest.approx(125, abs=1e-5)
    assert run(world) == [["s"]]
    tick(world, 60 * SECOND)
    world.evaporate()
    assert run(world) == [["s"]]  # it has evaporated, and is given in its last state
    assert crossings(world)[1].at - fall.at == pytest.approx(60)
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
    assert crossings(world) == [CrossingTime(30.0, delay=10.0)]
    assert len(run(world)) == 1
    tick(world, 20 * SECOND)
    world.put("smoke")
    tick(world, 30 * SECOND)
    assert crossings(world)[1:] == [CrossingTime(90.0, delay=0.0)]


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


def test_the_time_of_a_held_condition_survives_a_restart(world: World) -> None:
    world.deploy(smoke(), spec("pager", watch(strength("smoke") >= 0.5, held_for="30s")))
    world.put("smoke")
    world.board.close()
    world.board = Blackboard.open(world.url, author="person:ada", clock=world.clock)
    tick(world, 40 * SECOND)
    assert crossings(world) == [CrossingTime(30.0, delay=10.0)]


def test_a_withdrawn_mark_ends_the_episode_and_its_crossing(world: World) -> None:
    world.deploy(smoke(), spec("pager", watch(strength("smoke") >= 0.5, clear_below=0.1, rewake_every="1h")))
    mark = world.put("smoke").mark_id
    world.board.withdraw(mark)
    assert held(world) == []
    world.put("smoke")
    assert run(world) == [["s"]]


def test_a_forgotten_subject_leaves_no_state(world: World) -> None:
    world.deploy(smoke(), spec("pager", watch(strength("smoke") >= 0.5, rewake_every="1h")))
    world.put("smoke")
    world.board.forget("s")
    assert world.sql("SELECT * FROM watch_state") == world.sql("SELECT * FROM predicted_crossing") == []


def test_the_agents_own_marks_do_not_hold_a_condition(world: World) -> None:
    world.deploy(smoke(), spec("pager", watch(strength("smoke") >= 0.5, held_for="30s")))
    world.sign("pager", "smoke")
    tick(world, MINUTE)
    assert crossings(world) == []
    world.put("smoke", intensity=2.0)
    tick(world, MINUTE)
    assert crossings(world) == [CrossingTime(90.0, delay=30.0)]


def test_rewakes_that_come_due_while_a_guard_is_closed_are_one(world: World) -> None:
    watched = watch(strength("smoke") >= 0.5, rewake_every="10m", unless=count("quiet") >= 1)
    world.deploy(smoke() | {"quiet": kind("quiet", Step("35m"))}, spec("pager", watched))
    world.put("quiet")
    world.put("smoke")
    for _ in range(7):
        tick(world, 5 * MINUTE)
        assert run(world) == ([["s"]] if _ == 6 else [])
    tick(world, 5 * MINUTE)
    assert run(world) == [["s"]]
    assert [crossing.at for crossing in crossings(world)] == [0, 2400]


def test_the_guard_of_a_falling_watch_decides_when_it_has_held(world: World) -> None:
    watched = watch(strength("beat") < 0.5, held_for="1m", rewake_every="10m", unless=count("quiet") >= 1)
    world.deploy({"beat": kind("beat", Step("1m")), "quiet": kind("quiet", Step("15m"))}, spec("pager", watched))
    world.put("quiet")
    world.put("beat")
    tick(world, 11 * MINUTE)
    assert [row.state for row in world.sql("SELECT state FROM crossing")] == ["skipped"]
    tick(world, 10 * MINUTE)  # at 12 minutes the guard is closed, at 22 it will be open
    assert run(world) == []
    tick(world, 10 * MINUTE)
    assert run(world) == [["s"]]
    assert [crossing.at for crossing in crossings(world)] == [120, 1320]


def test_a_fall_of_which_nothing_is_left_is_not_told_for_ever(world: World) -> None:
    world.deploy({"beat": kind("beat", Step("1m"))}, spec("pager", watch(strength("beat") < 0.5, rewake_every="10m")))
    mark = world.put("beat").mark_id
    tick(world, 30 * SECOND)
    world.board.withdraw(mark)
    tick(world, HOUR)
    assert crossings(world) == []
    assert world.sql("SELECT * FROM watch_state") == []


FALLS = [
    (Never(), count("beat", within="1m") < 1),
    (Never(), count("beat", within="1m") < 2),
    (Never(), count("beat", within="1m", over="board") < 1),
    (Step("1m"), total("beat") < 0.5),
    (Step("1m"), total("beat", over="board") < 0.5),
    (Step("1m"), (total("beat") < 0.5) & (count("beat", within="5m") < 1)),
    (Step("5m"), (total("beat") < 0.5) & (count("beat", within="1m") < 1)),
    (Step("5m"), (total("beat") < 0.5) | (count("beat", within="1m") < 1)),
]


@pytest.mark.postgresql
@pytest.mark.parametrize(("law", "condition"), FALLS)
@pytest.mark.parametrize("timing", [{}, {"held_for": "5m"}, {"clear_above": 3.0}], ids=str)
def test_each_rewake_of_a_fall_is_given_the_marks_again(world: World, law: Any, condition: Any, timing: Any) -> None:
    timing = {} if "clear_above" in timing and not isinstance(condition, Comparison) else timing
    world.deploy(
        {"beat": kind("beat", law, on_repeat="separate")},
        spec("pager", watch(condition, rewake_every="10m", **timing)),
    )
    for _ in range(2):
        world.put("beat")
    for _ in range(4):
        tick(world, 10 * MINUTE)
        assert run(world) == [["s", "s"]]


@pytest.mark.parametrize("law", [Never(), Linear("10m")])
@pytest.mark.parametrize("timing", [{}, {"clear_above": 2.0}], ids=str)
def test_rewakes_of_a_fall_end_when_no_mark_is_left_to_give(world: World, law: Any, timing: dict[str, Any]) -> None:
    measure = count("beat", within="1m") if law == Never() else total("beat")
    world.deploy({"beat": kind("beat", law)}, spec("pager", watch(measure < 1, rewake_every="2m", **timing)))
    mark = world.put("beat").mark_id
    tick(world, MINUTE)
    assert run(world) == [["s"]]
    world.board.withdraw(mark)
    for _ in range(4):
        tick(world, 2 * MINUTE)
        assert run(world) == []
    assert [row.state for row in world.crossings()] == ["done", "skipped"]
    assert world.sql("SELECT * FROM predicted_crossing") == []
    world.put("beat", intensity=2.0)
    world.put("beat", intensity=2.0)
    tick(world, HOUR)
    assert len(run(world)) == 1  # it begins anew


def test_a_late_deposit_counts_from_when_it_is_known(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Linear("10m"))}, spec("pager", watch(strength("smoke") >= 0.5, held_for="61s"))
    )
    world.advance(4 * MINUTE)
    world.put("smoke", occurred_at=START)
    assert held(world) == [240.0]
    tick(world, 2 * MINUTE)  # it fell below a minute after it was known
    assert crossings(world) == []


def test_a_crossing_says_why(world: World) -> None:
    world.deploy(smoke(), spec("pager", watch(strength("smoke") >= 0.5, held_for="30s", rewake_every="10m")))
    world.put("smoke")
    tick(world, 30 * SECOND)
    assert world.claimed("pager").row.reason == 'strength("smoke") >= 0.5: 1 >= 0.5; held for 30s'
    tick(world, 10 * MINUTE)
    world.board.deploy(world.deployment)
    assert world.claim("pager") is None  # one at a time
    [crossing] = world.sql("SELECT cause FROM crossing WHERE state = 'waiting'")
    assert crossing.cause == "rewake"


def test_an_explanation_says_what_a_watch_waits_for(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Linear("100s"))},
        spec("pager", watch(strength("smoke") >= 0.5, held_for="30s", clear_below=0.2)),
    )
    world.put("smoke")
    [explained] = world.board.explain("pager", "s").watches
    [episode] = explained.episodes
    assert episode.began_at is not None
    assert episode.crosses_at is not None
    assert (episode.crosses_at - episode.began_at).total_seconds() == 30
    assert "has held since" in explained.verdict
    tick(world, 30 * SECOND)
    run(world)
    tick(world, 40 * SECOND)
    [explained] = world.board.explain("pager", "s").watches
    assert "crosses again only after the value has been below 0.2" in explained.verdict


def test_until_quiescent_waits_for_falls_but_not_for_time(world: World) -> None:
    def awaited() -> float | None:
        at = world.board.session.read(next_fall)
        return None if at is None else (at - START) / SECOND

    kinds = {"beat": kind("beat", Step("1m"))}
    world.deploy(kinds, spec("pager", watch(strength("beat") < 0.5, rewake_every="10m")))
    world.put("beat")
    assert awaited() == 60.0
    tick(world, 2 * MINUTE)
    assert awaited() is None
    world.deploy(kinds, spec("pager", watch(strength("beat") < 0.5, held_for="10s")))
    world.put("beat")
    assert awaited() is None


@pytest.mark.parametrize(
    "condition",
    [
        total("beat") >= 1.5,
        count("beat", over="board") >= 2,
        count("beat", within="1h") >= 2,
        strongest("beat") >= 1,
        (count("beat") >= 2) & (total("beat") >= 1.5),
    ],
    ids=str,
)
@pytest.mark.parametrize("ends", ["full", "urgent"])
@pytest.mark.parametrize("timing", [{"clear_below": 1.0}, {"held_for": "1s"}, {"rewake_every": "1d"}], ids=str)
def test_later_marks_end_the_batch_window_of_a_crossing_that_waits(
    world: World, condition: Any, ends: str, timing: dict[str, Any]
) -> None:
    if "clear_below" in timing and (not isinstance(condition, Comparison) or condition.threshold == 1):
        timing = {"clear_below": 0.5} if isinstance(condition, Comparison) else {"held_for": "1s"}
    settings = {"batch": 4} if ends == "full" else {"urgent_above": 3.0}
    world.deploy(
        {"beat": kind("beat", Step("2h"), on_repeat="separate")},
        spec("pager", watch(condition, **timing), batch_window="10m", per="batch", **settings),
    )
    world.put("beat")
    world.put("beat")
    tick(world, MINUTE)
    world.put("beat")
    assert world.claim("pager") is None
    world.put("beat", intensity=1.0 if ends == "full" else 3.0)
    assert run(world) == [["s"] * 4]


def test_a_crossing_that_waits_comes_first_once_its_marks_are_stronger(world: World) -> None:
    beat = {"beat": kind("beat", Exponential("1h"), on_repeat="add")}
    world.deploy(beat, spec("pager", watch(total("beat") >= 1, clear_below=0.5)))
    world.put("beat", "a", 1.0)
    world.put("beat", "b", 2.0)
    world.put("beat", "a", 5.0)
    assert run(world) == [["a"], ["b"]]


@pytest.mark.postgresql
@pytest.mark.parametrize("law", [Step("1m"), Exponential("1m")], ids=str)
@pytest.mark.parametrize("measure", [strength("beat"), strongest("beat")], ids=str)
def test_a_mark_that_follows_one_that_has_evaporated_ends_the_fall(world: World, law: Any, measure: Any) -> None:
    world.deploy(
        {"beat": kind("beat", law, floor=0.4, on_repeat="replace")},
        spec("pager", watch(measure < 0.5, held_for="1m", rewake_every="10m")),
    )
    for _ in range(3):
        world.put("beat")
        world.advance(90 * SECOND)
        world.evaporate()
    assert crossings(world) == []
    world.advance(11 * MINUTE)
    world.evaporate()
    assert len(run(world)) == 1
    assert [round(crossing.at) for crossing in crossings(world)] == [300]  # and 900 is part of it
    for _ in range(20):
        world.put("beat")
        world.advance(50 * SECOND)
        world.evaporate()
    assert len(crossings(world)) == 1
    assert len(world.sql("SELECT * FROM watch_state")) == 1


@pytest.mark.parametrize("measure", [strength("beat"), total("beat")], ids=str)
def test_a_mark_that_follows_one_that_has_evaporated_must_reach_clear_above(world: World, measure: Any) -> None:
    beat = kind("beat", Linear("10m"), on_repeat="replace")
    world.deploy({"beat": beat}, spec("pager", watch(measure < 0.5, clear_above=0.9)))
    given = []
    for intensity in (1.0, 0.7, 0.7, 0.9, 0.4, 0.7):
        world.put("beat", intensity=intensity)
        world.advance(20 * MINUTE)
        world.evaporate()
        given.append(len(run(world)))
    assert given == [1, 0, 0, 1, 0, 0]


def test_a_late_mark_that_has_faded_takes_nothing_over(world: World) -> None:
    beat = kind("beat", Exponential("1m"), floor=0.1, on_repeat="add")
    world.deploy({"beat": beat}, spec("pager", watch(strength("beat") < 0.5, held_for="1m")))
    world.advance(HOUR)
    mark = world.put("beat").mark_id
    world.put("beat", occurred_at=world.board.session.now() - HOUR)
    assert [row.mark_id for row in world.sql("SELECT mark_id FROM watch_state")] == [mark]
    tick(world, 10 * MINUTE)
    assert [round(crossing.at - 3600) for crossing in crossings(world)] == [120]
