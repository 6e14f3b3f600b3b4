"""A falling watch crosses once at the instant given by the laws, each time the value was above the threshold."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard import count, strength, strongest, total, watch
from blackboard.core.conditions.condition_types import Condition
from blackboard.core.marks.decay import Curve, Decay, Exponential, Linear, Never, Power, Step
from blackboard.durations import HOUR, MINUTE, SECOND
from tests.support.board_steps import in_transaction
from tests.support.hypothesis_examples import examples
from tests.support.world import World, inputs, kind, spec

LAWS: list[Decay] = [
    Exponential("1h"),
    Linear("4h"),
    Power("30m", 1.5),
    Step("90m"),
    Curve([("30m", 0.9), ("2h", 0.2), ("3h", 0.0)]),
]


def dues(world: World) -> list[int | None]:
    return [row.due_at for row in world.sql("SELECT due_at FROM predicted_crossing ORDER BY due_at")]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.99])
def test_a_watch_crosses_at_the_first_instant_below_its_threshold(world: World, law: Decay, threshold: float) -> None:
    world.deploy({"smoke": kind("smoke", law)}, spec("watchman", strength("smoke") < threshold))
    start = world.clock.now()
    world.put("smoke")
    [due] = dues(world)
    assert due is not None
    low, high = start, start + 100 * HOUR
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if law.share(middle - start) < threshold else (middle, high)
    assert abs(due - high) <= 1


@given(
    marks=st.lists(
        st.tuples(st.sampled_from(LAWS), st.floats(0.1, 3), st.integers(0, 3 * HOUR)), min_size=1, max_size=5
    ),
    threshold=st.floats(0.05, 2),
    measure=st.sampled_from([total, strongest, count]),
    over=st.sampled_from(["subject", "board"]),
)
@examples(0.3)
def test_the_instant_for_many_marks_equals_a_brute_force_search(
    marks: list[tuple[Decay, float, int]],
    threshold: float,
    measure: Any,
    over: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    threshold = math.ceil(threshold) if measure is count else threshold
    world = World(tmp_path_factory.mktemp("board") / "board.db")
    world.deploy(
        {"smoke": kind("smoke", Never(), floor=0.02, on_repeat="separate")},
        spec("watchman", measure("smoke", over=over) < threshold),
    )
    start = world.clock.now()
    deposited: list[tuple[Decay, float, int]] = []
    for law, intensity, wait in sorted(marks, key=lambda mark: mark[2]):
        world.clock.set(start + wait)
        world.put("smoke", intensity=intensity, decay=law)
        deposited.append((law, intensity, start + wait))

    def value(at: int) -> float:
        live = [i * law.share(at - t) for law, i, t in deposited if t <= at]
        live = [item for item in live if item >= 0.02]
        return {total: math.fsum(live), strongest: max(live, default=0.0), count: float(len(live))}[measure]

    at = world.clock.now()
    world.work_off("watchman")  # crossings between the deposits
    world.advance(5000 * HOUR)
    world.fire_all_due()
    fallen = world.crossings("waiting")
    assert len(fallen) == (1 if value(at) >= threshold else 0)
    for crossing in fallen:
        assert value(max(at, crossing.crossed_at - 2)) >= threshold - 1e-9
        assert value(crossing.crossed_at + 2) < threshold + 1e-9
    world.close()


def test_a_falling_watch_crosses_once_and_wakes_the_agent_once(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))}, spec("watchman", strength("smoke") < 0.5))
    mark = world.put("smoke").mark_id
    assert world.woken("watchman") is None
    for _ in range(5):
        world.advance(HOUR)
        world.evaporate()
    assert world.woken("watchman") == [mark]
    assert world.woken("watchman") is None
    world.put("smoke", intensity=0.9)
    world.advance(HOUR)
    world.fire_due()
    assert world.woken("watchman") == [mark]


def test_a_mark_that_was_never_above_the_threshold_does_not_cross(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))}, spec("watchman", strength("smoke") < 0.5))
    world.put("smoke", intensity=0.4)
    world.advance(100 * HOUR)
    world.evaporate()
    assert world.crossings() == []


def test_a_crossing_noticed_late_has_its_true_instant_and_the_delay(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))}, spec("watchman", strength("smoke") < 0.5))
    start = world.clock.now()
    world.put("smoke")
    world.advance(9 * HOUR)
    world.fire_due()
    [crossing] = world.crossings()
    assert abs(crossing.crossed_at - (start + HOUR)) <= 1
    assert crossing.noticed_at == start + 9 * HOUR
    [row] = world.board.agenda()
    assert row.late_seconds == pytest.approx(8 * 3600)
    claim = world.claimed("watchman")
    assert claim.row.crossed_at == crossing.crossed_at


def test_a_deposit_first_fires_the_predicted_crossings_that_are_due(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))}, spec("watchman", strength("smoke") < 0.5))
    start = world.clock.now()
    world.put("smoke")
    world.advance(2 * HOUR)
    world.put("smoke")
    [crossing] = world.crossings()
    assert abs(crossing.crossed_at - (start + HOUR)) <= 1
    [due] = dues(world)
    assert due is not None
    assert due > world.clock.now()


def test_evaporation_crosses_every_threshold_above_it(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Step("1h"))},
        spec("low", strength("smoke") < 0.01),
        spec("high", strength("smoke") < 0.9),
        spec("gone", count("smoke") < 1),
    )
    mark = world.put("smoke").mark_id
    world.advance(HOUR)
    world.evaporate()
    assert [world.woken(name) for name in ("low", "high", "gone")] == [[mark]] * 3


@pytest.mark.parametrize(
    "condition",
    [strength("smoke") < 0.5, total("smoke") < 0.5, count("smoke") < 1, total("smoke", over="board") < 0.5],
)
def test_a_withdrawal_makes_no_watch_cross(world: World, condition: Condition) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), floor=0.1)}, spec("watchman", condition))
    world.board.withdraw(world.put("smoke").mark_id)
    world.advance(100 * HOUR)
    world.evaporate()
    assert world.crossings() == []


@pytest.mark.postgresql
def test_a_withdrawal_brings_the_predicted_crossing_forward(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Exponential("1h"), on_repeat="separate")}, spec("watchman", total("smoke") < 0.5)
    )
    first = world.put("smoke").mark_id
    second = world.put("smoke").mark_id
    start = world.clock.now()
    assert abs((dues(world)[0] or 0) - (start + 2 * HOUR)) <= 1
    world.board.withdraw(first)
    assert abs((dues(world)[0] or 0) - (start + HOUR)) <= 1
    world.advance(HOUR + SECOND)
    world.fire_due()
    assert world.woken("watchman") == [second]


def test_a_withdrawal_skips_the_unclaimed_crossing_of_the_mark(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Exponential("1h"), floor=0.01)},
        spec("mark", strength("smoke") < 0.5),
        spec("subject", total("smoke") < 0.5),
    )
    mark = world.put("smoke").mark_id
    world.advance(HOUR + 1)
    world.fire_due()
    world.board.withdraw(mark)
    assert [crossing.state for crossing in world.crossings()] == ["skipped", "skipped"]
    assert world.woken("mark") is None


def test_a_weaker_replacement_crosses_at_once(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Never(), on_repeat="replace")},
        spec("mark", strength("smoke") < 0.5),
        spec("board", total("smoke", over="board") < 0.5),
    )
    mark = world.put("smoke").mark_id
    assert dues(world) == [None, None]
    world.put("smoke", intensity=0.1)
    assert world.woken("mark") == [mark]
    assert world.woken("board") == [mark]


@pytest.mark.parametrize("over", ["subject", "board"])
def test_a_reinforcement_under_a_law_that_fades_fast_at_first_is_predicted_again(world: World, over: Any) -> None:
    world.deploy({"smoke": kind("smoke", Power("1m", 2))}, spec("watchman", total("smoke", over=over) < 0.001))
    world.put("smoke")
    world.advance(20 * MINUTE)
    world.put("smoke", intensity=0.003)  # hardly stronger than the remaining mark, but it fades fast again
    [due] = dues(world)
    start = world.clock.now()
    assert due is not None
    assert due < start + 2 * MINUTE
    world.clock.set(due)
    world.fire_due()
    assert world.crossings()[0].crossed_at == due


def test_a_deposit_delays_the_crossing_over_the_board(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))}, spec("watchman", total("smoke", over="board") < 0.5))
    start = world.clock.now()
    world.put("smoke", "a")
    world.put("smoke", "b")
    world.put("smoke", "c")
    world.put("smoke", "d")
    world.advance(10 * HOUR)
    world.put("smoke", "e")
    [crossing] = world.crossings()
    assert abs(crossing.crossed_at - (start + 3 * HOUR)) <= 1


def test_a_conjunction_of_falling_comparisons_needs_both(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Exponential("1h")), "fire": kind("fire", Exponential("2h"))},
        spec("watchman", (strength("smoke") < 0.5) & (strength("fire") < 0.5)),
    )
    start = world.clock.now()
    world.put("smoke")
    world.put("fire")
    world.advance(10 * HOUR)
    world.fire_due()
    [crossing] = world.crossings()
    assert abs(crossing.crossed_at - (start + 2 * HOUR)) <= 1


@pytest.mark.postgresql
def test_a_guard_is_tested_once_at_the_crossing(world: World) -> None:
    world.deploy(
        {"lead": kind("lead", Exponential("1h")), "booked": kind("booked", Step("90m"))},
        spec("sales", strength("lead") < 0.5, unless=count("booked") >= 1),
    )
    world.put("lead", "a")
    world.put("lead", "b")
    world.put("booked", "a")
    world.advance(10 * HOUR)
    world.evaporate()
    states = {crossing.scope: crossing.state for crossing in world.crossings()}
    assert states == {"a": "skipped", "b": "waiting"}
    [skipped] = world.board.activations(state="skipped")
    assert (skipped.subject, skipped.agent) == ("a", "sales")
    claim = world.claimed("sales")
    assert claim.row.scope == "b"


@pytest.mark.postgresql
@pytest.mark.parametrize("over", ["subject", "board"])
def test_a_guard_is_tested_with_the_strengths_at_the_crossing(world: World, over: Any) -> None:
    world.deploy(
        {"lead": kind("lead", Exponential("1h")), "booked": kind("booked", Never())},
        spec("sales", strength("lead") < 0.5, unless=count("booked", over=over) >= 1),
    )
    world.put("lead", "a")
    world.advance(5 * HOUR)
    world.put("booked", "a" if over == "subject" else "other")
    assert [crossing.state for crossing in world.crossings()] == ["waiting"]


def test_a_skipped_crossing_does_not_end_an_earlier_waiting_crossing(world: World) -> None:
    world.deploy(
        {"lead": kind("lead", Exponential("1h")), "booked": kind("booked", Never())},
        spec("sales", strength("lead") < 0.5, unless=count("booked") >= 1),
    )
    mark = world.put("lead").mark_id
    world.advance(2 * HOUR)
    world.put("lead")
    world.put("booked")
    world.advance(2 * HOUR)
    world.fire_due()
    assert [row.state for row in world.board.activations()] == ["skipped"]
    assert world.woken("sales") == [mark]


@pytest.mark.postgresql
def test_a_mark_that_releases_its_unique_value_crosses_first(world: World) -> None:
    world.deploy({"slot": kind("slot", Step("1h"), unique="at")}, spec("watchman", strength("slot") < 0.5))
    mark = world.put("slot", "a", payload={"at": "9"}).mark_id
    world.advance(2 * HOUR)
    other = world.put("slot", "b", payload={"at": "9"}).mark_id
    claim = world.claimed("watchman")
    assert inputs(claim) == [mark] != [other]
    world.evaporate()
    world.finish(claim)
    assert len(world.crossings()) == 1


def test_a_falling_watch_absorbs_nothing(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Exponential("1h"))},
        spec("watchman", {"cold": strength("smoke") < 0.5, "warm": strength("smoke") >= 0.9}),
    )
    mark = world.put("smoke").mark_id
    world.advance(HOUR + 1)
    world.fire_due()
    assert world.woken("watchman") == [mark]
    assert world.woken("watchman") == [mark]
    assert world.woken("watchman") is None
    assert world.sql("SELECT count(*) FROM absorbed") == [(1,)]


def test_an_agent_added_later_watches_live_marks_fade(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    start = world.clock.now()
    world.put("smoke", "a")
    cold = world.put("smoke", "b", 0.4).mark_id
    world.deploy({}, spec("mark", watch(strength("smoke") < 0.5)), spec("board", total("smoke", over="board") < 0.7))
    world.advance(10 * HOUR)
    world.fire_all_due()
    crossings = {world.board.agenda()[i].agent: None for i in range(2)}
    assert set(crossings) == {"mark", "board"}
    times = sorted(crossing.crossed_at - start for crossing in world.crossings())
    assert abs(times[0] - HOUR) <= 1
    assert abs(times[1] - HOUR) <= 1
    assert all(crossing.mark_id != cold for crossing in world.crossings())


def test_due_crossings_fire_in_bounded_batches_and_in_order(world: World) -> None:
    from blackboard.board.watches.crossing_detection import predicted_crossings

    world.deploy({"smoke": kind("smoke", Exponential("1h"))}, spec("watchman", strength("smoke") < 0.5))
    for i in range(7):
        world.put("smoke", f"s{i}")
        world.advance(SECOND)
    world.advance(2 * HOUR)
    assert [in_transaction(world.board, predicted_crossings.fire_due, 3) for _ in range(4)] == [
        3,
        3,
        1,
        0,
    ]
    assert [crossing.scope for crossing in world.crossings()] == [f"s{i}" for i in range(7)]


@pytest.mark.postgresql
def test_a_crossing_before_the_backfill_is_not_predicted_again(world: World) -> None:
    smoke = kind("smoke", Exponential("2m"), on_repeat="separate")
    world.deploy({"smoke": smoke}, spec("warden", strength("smoke") < 0.3))
    mark = world.put("smoke").mark_id
    world.advance(MINUTE)
    slower = kind("smoke", Exponential("3m"), on_repeat="separate")
    world.register({"smoke": slower}, spec("warden", strength("smoke") < 0.3))
    world.advance(20 * MINUTE)
    world.evaporate()
    assert world.woken("warden") == [mark]
    world.run_backfill()
    world.evaporate()
    assert world.woken("warden") is None
    assert len(world.crossings()) == 1
