"""Conditions that must hold, that wake again while they hold, and that must clear before they wake again."""

from __future__ import annotations

from typing import Any

import pytest

from blackboard import Blackboard, ManualClock, count, strength, strongest, total, watch
from blackboard.board.rollout import backfill
from blackboard.board.watches.crossing_detection.predicted_crossings import next_fall
from blackboard.core.conditions.condition_types import Comparison
from blackboard.core.marks.decay import Exponential, Linear, Never, Step
from tests.support.board_steps import in_transaction
from tests.support.world import HOUR, MINUTE, SECOND, World, kind, spec

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


def held(world: World) -> list[float | None]:
    rows = world.sql("SELECT began_at FROM watch_state ORDER BY subject, mark_id")
    return [None if row.began_at is None else (row.began_at - START) / SECOND for row in rows]


def smoke(**settings: Any) -> Any:
    return {"smoke": kind("smoke", Never(), **settings)}


def test_the_time_of_a_held_condition_survives_a_restart(world: World) -> None:
    world.deploy(smoke(), spec("pager", watch(strength("smoke") >= 0.5, held_for="30s")))
    world.put("smoke")
    world.board.close()
    world.board = Blackboard.open(world.url, author="person:ada", clock=world.clock)
    tick(world, 40 * SECOND)
    assert crossings(world) == [(30.0, 10.0)]


def test_a_condition_that_must_hold_now_counts_from_the_change(world: World) -> None:
    world.deploy(smoke(), spec("pager", strength("smoke") >= 0.5))
    world.put("smoke")
    world.advance(20 * SECOND)
    world.deploy(smoke(), spec("pager", watch(strength("smoke") >= 0.5, held_for="30s")))
    assert world.claim("pager") is None  # the crossing that waited has not held for 30 seconds
    assert [row.state for row in world.sql("SELECT state FROM crossing")] == ["skipped"]
    assert held(world) == [20.0]
    tick(world, 30 * SECOND)
    assert crossings(world)[1:] == [(50.0, 0.0)]


def test_another_time_keeps_since_when_the_condition_has_held(world: World) -> None:
    world.deploy(smoke(), spec("pager", watch(strength("smoke") >= 0.5, held_for="10m")))
    world.put("smoke")
    world.advance(20 * SECOND)
    world.deploy(smoke(), spec("pager", watch(strength("smoke") >= 0.5, held_for="30s")))
    assert held(world) == [0.0]
    tick(world, 10 * SECOND)
    assert crossings(world) == [(30.0, 0.0)]


def test_rewakes_begin_at_the_change_for_what_the_agent_was_given(world: World) -> None:
    world.deploy(smoke(), spec("pager", strength("smoke") >= 0.5))
    world.put("smoke")
    assert run(world) == [["s"]]
    world.advance(20 * SECOND)
    world.deploy(smoke(), spec("pager", watch(strength("smoke") >= 0.5, rewake_every="1m")))
    assert run(world) == []
    tick(world, MINUTE)
    assert run(world) == [["s"]]
    assert crossings(world)[1:] == [(80.0, 0.0)]
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
    assert crossings(world) == [(90.0, 30.0)]


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
    assert [at for at, _ in crossings(world)] == [0, 2400]


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
    assert [at for at, _ in crossings(world)] == [120, 1320]


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


def test_an_episode_that_is_over_is_not_told_again_by_a_late_backfill(world: World) -> None:
    agent = spec("pager", watch(strength("smoke") >= 0.5, held_for="30s"))
    world.deploy({"smoke": kind("smoke", Linear("10m"))}, agent)
    world.put("smoke")
    world.advance(10 * SECOND)
    world.register({"smoke": kind("smoke", Linear("20m"))}, agent)
    tick(world, HOUR)
    assert crossings(world) == [(30.0, HOUR / SECOND - 20)]
    world.follow()
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
    told = crossings(world)
    assert len(told) >= 3
    while in_transaction(world.board, backfill.run_batch, 1):
        tick(world, SECOND)
        run(world)
    assert crossings(world) == told
    assert world.sql("SELECT * FROM followed_watch") == []


@pytest.mark.parametrize("late", [0, MINUTE], ids=["before the fall", "after it"])
def test_a_fall_after_the_change_is_told_wherever_the_backfill_is(world: World, late: int) -> None:
    smoke = {"smoke": kind("smoke", Linear("100s"))}
    world.deploy(smoke)
    world.put("smoke")
    world.advance(10 * SECOND)
    world.register(smoke, spec("pager", watch(strength("smoke") < 0.5, held_for="5s")))
    tick(world, late)
    world.follow()
    tick(world, MINUTE)
    assert [round(crossed_at) for crossed_at, _ in crossings(world)] == [55]


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
    world.follow()
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
    assert [at for at, _ in crossings(world)] == [0, 600]


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
    assert crossings(world) == [(360, 60)]


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
    [(crossed_at, _)] = crossings(world)
    assert crossed_at == pytest.approx(expected, abs=1e-4)
    assert run(world) == [["s"]]


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
    assert [round(at) for at, _ in crossings(world)] == [300]  # and 900 is part of it
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
    assert [round(at - 3600) for at, _ in crossings(world)] == [120]
