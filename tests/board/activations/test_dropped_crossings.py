"""With `on_guard = "drop"`, a crossing while the guard is closed is skipped, and does not return by itself.

Its marks do not count as given: the first deposit on its marks after the guard has opened is news, whatever it says.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blackboard import Never, count, every, strength, strongest, total, watch
from blackboard.core.conditions.condition_types import Condition
from blackboard.durations import MINUTE
from blackboard.errors import ConfigurationError
from tests.support.hypothesis_examples import examples
from tests.support.sum_checks import check_sums
from tests.support.world import World, kind, spec

KINDS = {
    "smoke": kind("smoke", Never(), on_repeat="max"),
    "fire": kind("fire", Never(), on_repeat="max"),
    "drill": kind("drill", Never(), on_repeat="replace"),
}
CONDITIONS = [
    strength("smoke") >= 0.5,
    total("smoke") >= 0.5,
    strongest("smoke") >= 0.5,
    count("smoke") >= 1,
    (total("smoke") >= 0.5) & (strongest("smoke") >= 0.1),
    total("smoke", over="board") >= 0.5,
    strongest("smoke", over="board") >= 0.5,
    count("smoke", over="board") >= 1,
]
TIMINGS: list[dict[str, Any]] = [{}, {"rewake_every": "1h"}, {"clear_below": 0.3}]


def deploy(world: World, condition: Condition, **declared: Any) -> None:
    drill = count("drill", over="board") >= 1
    world.deploy(KINDS, spec("watchman", watch(condition, unless=drill, on_guard="drop"), **declared))


def begin(world: World) -> None:
    world.put("drill", "all")


def end(world: World) -> None:
    world.put("drill", "all", 0)


def skipped(world: World) -> list[str]:
    return [row.reason for row in world.board.activations() if row.state == "skipped"]


def woken(world: World) -> list[int] | None:
    world.board.session.write(check_sums)
    return world.woken("watchman")


@pytest.mark.postgresql
@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_a_crossing_while_the_guard_is_closed_is_skipped(world: World, condition: Condition) -> None:
    deploy(world, condition)
    begin(world)
    mark = world.put("smoke", "a", payload={"state": "on"}).mark_id
    assert world.waiting("watchman") == 0
    (reason,) = skipped(world)
    assert reason.endswith("; the guard was not met")
    for _ in range(3):
        world.advance(MINUTE)
        world.put("smoke", "a", payload={"state": "on"})  # no news while the guard is closed
    assert len(skipped(world)) == 1
    world.put("smoke", "a", 2, payload={"state": "on"})
    assert len(skipped(world)) == 2
    end(world)
    world.advance(MINUTE)
    assert woken(world) is None  # it does not return by itself
    world.put("smoke", "a", 2, payload={"state": "on"})
    assert woken(world) == [mark]
    world.put("smoke", "a", 2, payload={"state": "on"})
    assert woken(world) is None  # now it was given


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_what_was_given_before_is_news_after_a_crossing_was_dropped(world: World, condition: Condition) -> None:
    deploy(world, condition)
    mark = world.put("smoke", "a", payload={"state": 1}).mark_id
    assert woken(world) == [mark]
    begin(world)
    world.put("smoke", "a", 2, payload={"state": 2})
    end(world)
    assert woken(world) is None
    world.put("smoke", "a", payload={"state": 1})
    assert woken(world) == [mark]


@pytest.mark.parametrize("over", ["subject", "board"])
def test_the_first_deposit_brings_back_all_marks_of_the_crossing(world: World, over: Any) -> None:
    deploy(world, total("smoke", "fire", over=over) >= 1.5)
    begin(world)
    marks = [world.put("smoke", "a").mark_id, world.put("fire", "a").mark_id]
    end(world)
    other = world.put("smoke", "b", 0.1).mark_id  # on none of them
    assert woken(world) is None
    world.put("fire", "a")
    assert sorted(woken(world) or []) == [*marks, *([other] if over == "board" else [])]


def test_a_board_that_was_taken_as_a_whole_meanwhile_leaves_what_was_dropped(world: World) -> None:
    deploy(world, total("smoke", over="board") >= 1)
    begin(world)
    first = world.put("smoke", "a").mark_id
    end(world)
    second = world.put("smoke", "b").mark_id
    assert woken(world) == [second]
    world.put("smoke", "a")
    assert woken(world) == [first]


def test_a_crossing_from_before_stays(world: World) -> None:
    deploy(world, strength("smoke") >= 0.5, batch_window="1m")
    mark = world.put("smoke", "a").mark_id
    begin(world)
    world.put("smoke", "a", 2)  # it only renews the crossing that waits
    world.advance(MINUTE)
    assert woken(world) == [mark]
    assert not skipped(world)


@pytest.mark.parametrize("timing", TIMINGS, ids=str)
def test_a_condition_over_time_met_under_a_closed_guard_needs_a_new_deposit(
    world: World, timing: dict[str, Any]
) -> None:
    deploy(world, strength("smoke") >= 0.5, **timing)
    begin(world)
    mark = world.put("smoke", "a").mark_id
    assert len(skipped(world)) == 1
    end(world)
    assert woken(world) is None
    world.put("smoke", "a")
    assert woken(world) == [mark]


def test_a_condition_that_has_held_long_enough_while_the_guard_was_closed(world: World) -> None:
    deploy(world, strength("smoke") >= 0.5, held_for="10m", rewake_every="1h")
    world.put("smoke", "a")
    begin(world)
    world.advance(10 * MINUTE)
    world.fire_due()
    assert len(skipped(world)) == 1
    world.advance(60 * MINUTE)  # a rewake, which is not recorded
    world.fire_due()
    assert len(skipped(world)) == 1
    end(world)
    assert woken(world) is None
    world.advance(60 * MINUTE)  # the next one
    world.fire_due()
    assert woken(world) is not None


def test_a_change_from_defer_to_drop_tests_what_waits_again(world: World) -> None:
    drill = count("drill", over="board") >= 1
    world.deploy(KINDS, spec("watchman", watch(strength("smoke") >= 0.5, unless=drill)))
    before = world.put("smoke", "a").mark_id
    world.advance(MINUTE)
    begin(world)
    world.put("smoke", "b")
    deploy(world, strength("smoke") >= 0.5)
    world.run_backfill()
    assert woken(world) == [before]
    end(world)
    assert woken(world) is None


def test_an_explanation_says_that_crossings_were_dropped(world: World) -> None:
    deploy(world, strength("smoke") >= 0.5)
    begin(world)
    world.put("smoke", "a")
    (explained,) = world.board.explain("watchman", "a").watches
    assert explained.on_guard == "drop"
    assert "dropped the crossings of 1 of them" in explained.verdict
    end(world)
    world.put("smoke", "a")
    assert "ready" in world.board.explain("watchman", "a").watches[0].verdict


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        (watch(strength("smoke") >= 1, on_guard="drop"), "has no guard"),
        (
            watch(every("1h"), unless=count("smoke", over="board") >= 1, on_guard="drop"),
            "a schedule, whose guard always",
        ),
        (watch(strength("smoke") < 1, unless=count("fire") >= 1, on_guard="defer"), "always drops"),
    ],
)
def test_on_guard_that_says_nothing_is_a_mistake(declared: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        spec("watchman", declared)
    if declared.on_guard == "drop":
        with pytest.raises(ConfigurationError, match=problem):
            spec("watchman", watch(declared.when, unless=declared.unless), on_guard="drop")


@pytest.mark.parametrize("condition", [strength("level") >= 0.4, total("level", over="board") >= 0.4], ids=str)
def test_deposits_are_compared_with_the_dropped_crossing_and_not_with_each_other(
    world: World, condition: Condition
) -> None:
    levels = {name: kind(name, Never(), on_repeat="replace") for name in ("level", "drill")}
    drill = count("drill", over="board") >= 1
    world.deploy(levels, spec("watchman", watch(condition, unless=drill, on_guard="drop")))
    begin(world)
    for intensity in (1.0, 0.5, 0.7, 0.5, 0.9):
        world.put("level", "a", intensity)
    assert len(skipped(world)) == 1
    world.put("level", "a", 1.1)
    assert len(skipped(world)) == 2
    end(world)
    assert woken(world) is None
    world.put("level", "a", 0.5)
    assert woken(world) is not None


@pytest.mark.parametrize("over", ["subject", "board"])
def test_a_count_in_a_window_met_under_a_closed_guard_needs_a_new_deposit(world: World, over: Any) -> None:
    deploy(world, count("smoke", within="10m", over=over) >= 2)
    begin(world)
    for level in range(1, 5):
        mark = world.put("smoke", "a", level).mark_id
        world.advance(MINUTE)
    assert len(skipped(world)) == 1
    end(world)
    world.fire_due()
    assert woken(world) is None
    world.put("smoke", "a", 5)
    assert woken(world) == [mark]
    world.put("smoke", "a", 6)
    assert woken(world) is None  # not again before the count has been below


class Oracle:
    """Which marks must wake the agent and which crossings are dropped, if only a stronger mark is news."""

    def __init__(self) -> None:
        self.is_closed = False
        self.strengths: dict[str, int] = {}
        self.given: dict[str, int] = {}
        self.dropped: dict[str, int] = {}
        self.waiting: set[str] = set()
        self.skipped = 0

    def deposit(self, subject: str, intensity: int) -> None:
        strength = self.strengths[subject] = max(intensity, self.strengths.get(subject, 0))
        if subject in self.waiting:
            return
        if not self.is_closed:
            if self.dropped.pop(subject, None) is not None or self.given.get(subject, 0) < strength:
                self.waiting.add(subject)
        elif self.dropped.get(subject, self.given.get(subject, 0)) < strength:
            self.dropped[subject] = strength
            self.skipped += 1

    def wake(self) -> set[str]:
        woken, self.waiting = self.waiting, set()
        self.given.update({subject: self.strengths[subject] for subject in woken})
        return woken


deposits = st.tuples(st.sampled_from("ab"), st.integers(1, 3))


@examples(0.3)
@example(
    steps=[("a", 1), "wake", "begin", ("a", 2), "wake", "end", ("a", 3), ("b", 1), "wake"], condition=CONDITIONS[0]
)
@given(
    steps=st.lists(deposits | st.sampled_from(["begin", "end", "wake"]), max_size=25),
    condition=st.sampled_from([condition for condition in CONDITIONS if not condition.is_over_board]),
)
def test_what_wakes_is_what_an_oracle_says(
    steps: list[Any], condition: Condition, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world, oracle = World(tmp_path_factory.mktemp("board") / "board.db"), Oracle()
    try:
        deploy(world, condition)
        marks: dict[int, str] = {}
        for step in [*steps, "wake", "end", "wake"]:
            world.advance(MINUTE)
            if step == "wake":
                found: set[str] = set()
                while (mark_ids := woken(world)) is not None:
                    found.update(marks[mark_id] for mark_id in mark_ids)
                assert found == oracle.wake()
                assert len(skipped(world)) == oracle.skipped
            elif step in ("begin", "end"):
                oracle.is_closed = step == "begin"
                begin(world) if oracle.is_closed else end(world)
            else:
                subject, intensity = step
                marks[world.put("smoke", subject, intensity).mark_id] = subject
                oracle.deposit(subject, intensity)
    finally:
        world.close()
