"""A rising crossing is recorded in the transaction that causes it, and an event is absorbed once."""

from __future__ import annotations

from typing import Any

import pytest

from blackboard import count, strength, strongest, total, watch
from blackboard.core.conditions.condition_types import Condition
from blackboard.core.marks.decay import Exponential, Linear, Never, Power
from blackboard.core.specs.deployment import Deployment
from blackboard.durations import HOUR
from tests.support.world import World, inputs, kind, spec

SEPARATE = {"smoke": kind("smoke", Never(), on_repeat="separate"), "fire": kind("fire", Never(), on_repeat="separate")}


def test_a_deposit_that_reaches_the_threshold_crosses_in_its_own_transaction(world: World) -> None:
    world.deploy({"smoke": kind("smoke")}, spec("watchman", strength("smoke") >= 0.7))
    assert world.put("smoke", "a", 0.69).crossed == ()
    assert world.put("smoke", "b", 0.7).crossed == ("watchman",)
    [crossing] = world.crossings()
    assert (crossing.state, crossing.scope, crossing.value, crossing.threshold) == ("waiting", "b", 0.7, 0.7)
    assert crossing.crossed_at == crossing.noticed_at == world.clock.now()


def test_a_mark_wakes_its_agent_once_however_long_it_stays_above(world: World) -> None:
    world.deploy({"smoke": kind("smoke")}, spec("watchman", strength("smoke") >= 0.7))
    mark = world.put("smoke").mark_id
    assert world.woken("watchman") == [mark]
    for _ in range(20):
        world.advance(HOUR)
        world.evaporate()
        assert world.woken("watchman") is None


def test_each_mark_crosses_by_itself(world: World) -> None:
    world.deploy(SEPARATE, spec("watchman", strength("smoke") >= 0.5, batch=1))
    marks = [world.put("smoke", "s", intensity).mark_id for intensity in (0.6, 0.9, 0.4, 0.7)]
    woken = [world.woken("watchman") for _ in range(4)]
    assert woken == [[marks[1]], [marks[3]], [marks[0]], None]


@pytest.mark.parametrize(
    ("condition", "deposits", "wakes"),
    [
        (total("smoke") >= 1, [0.4, 0.4], False),
        (total("smoke") >= 1, [0.4, 0.6], True),
        (total("smoke", "fire") >= 1, [0.4, 0.6], True),
        (strongest("smoke") >= 0.5, [0.4, 0.4], False),
        (strongest("smoke") >= 0.5, [0.4, 0.5], True),
        (count("smoke") >= 3, [0.1, 0.1], False),
        (count("smoke") >= 3, [0.1, 0.1, 0.1], True),
        (count("smoke") >= 2.5, [0.1, 0.1, 0.1], True),
    ],
)
def test_measures_over_one_subject(world: World, condition: Condition, deposits: list[float], wakes: bool) -> None:
    world.deploy(SEPARATE, spec("watchman", condition))
    marks = [world.put("smoke", "s", intensity).mark_id for intensity in deposits]
    world.put("smoke", "elsewhere", 0.3)
    woken = world.woken("watchman")
    assert sorted(woken or []) == (marks if wakes else [])
    assert world.woken("watchman") is None


@pytest.mark.parametrize(
    ("condition", "deposits", "wakes"),
    [
        (total("smoke", over="board") >= 1, [0.4, 0.4], False),
        (total("smoke", over="board") >= 1, [0.4, 0.6], True),
        (strongest("smoke", over="board") >= 0.5, [0.4, 0.5], True),
        (count("smoke", over="board") >= 3, [0.1, 0.1, 0.1], True),
        (count("smoke", over="board", subject="x/*") >= 1, [0.1, 0.1, 0.1], False),
    ],
)
def test_measures_over_the_board(world: World, condition: Condition, deposits: list[float], wakes: bool) -> None:
    world.deploy(SEPARATE, spec("watchman", condition))
    marks = [world.put("smoke", f"s/{i}", intensity).mark_id for i, intensity in enumerate(deposits)]
    woken = world.woken("watchman")
    assert sorted(woken or []) == (marks if wakes else [])
    assert world.woken("watchman") is None


def test_an_and_needs_and_absorbs_both_sides(world: World) -> None:
    world.deploy(SEPARATE, spec("watchman", (strength("smoke") >= 0.5) & (strength("fire") >= 0.5)))
    smoke = world.put("smoke", "s", 0.6).mark_id
    world.put("fire", "elsewhere", 0.6)
    assert world.woken("watchman") is None
    fire = world.put("fire", "s", 0.8).mark_id
    assert world.woken("watchman") == [fire, smoke]
    world.put("fire", "s", 0.8)
    assert world.woken("watchman") is None


def test_an_or_absorbs_the_sides_that_are_met(world: World) -> None:
    world.deploy(SEPARATE, spec("watchman", (strength("smoke") >= 0.5) | (count("fire") >= 2)))
    fire = world.put("fire", "s", 0.6).mark_id
    smoke = world.put("smoke", "s", 0.6).mark_id
    assert world.woken("watchman") == [smoke]
    other = world.put("fire", "s", 0.5).mark_id
    assert world.woken("watchman") == [fire, other]


def test_the_marks_of_an_unmet_side_of_an_or_stay_unabsorbed(world: World) -> None:
    kinds = {**SEPARATE, "alarm": kind("alarm", Never(), on_repeat="separate")}
    condition = ((strength("smoke") >= 0.5) & (strength("fire") >= 0.5)) | (strength("alarm") >= 0.5)
    world.deploy(kinds, spec("watchman", condition))
    smoke = world.put("smoke").mark_id
    alarm = world.put("alarm").mark_id
    assert world.woken("watchman") == [alarm]
    fire = world.put("fire").mark_id
    assert sorted(world.woken("watchman") or []) == [smoke, fire]


def test_an_agents_own_marks_do_not_wake_it(world: World) -> None:
    world.deploy(SEPARATE, spec("watchman", strength("smoke") >= 0.5), spec("other", strength("smoke") >= 0.5))
    mark = world.sign("watchman", "smoke").mark_id
    assert world.woken("watchman") is None
    assert world.woken("other") == [mark]


def test_an_agents_own_marks_wake_it_with_include_own(world: World) -> None:
    world.deploy(SEPARATE, spec("watchman", watch(strength("smoke") >= 0.5, include_own=True)))
    mark = world.sign("watchman", "smoke").mark_id
    assert world.woken("watchman") == [mark]


@pytest.mark.parametrize("over", ["subject", "board"])
def test_own_marks_do_not_count_in_totals(world: World, over: Any) -> None:
    world.deploy(SEPARATE, spec("watchman", count("smoke", over=over) >= 2))
    world.sign("watchman", "smoke")
    first = world.put("smoke").mark_id
    assert world.woken("watchman") is None
    second = world.put("smoke").mark_id
    assert world.woken("watchman") == [first, second]


@pytest.mark.postgresql
def test_a_reinforced_mark_counts_again_with_its_whole_strength(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Never(), on_repeat="add")}, spec("watchman", strength("smoke") >= 1))
    mark = world.put("smoke", intensity=1.0).mark_id
    assert world.woken("watchman") == [mark]
    world.put("smoke", intensity=0.01)
    assert world.woken("watchman") == [mark]


@pytest.mark.parametrize("over", ["subject", "board"])
def test_min_increase_sets_the_smallest_increase_that_counts(world: World, over: Any) -> None:
    world.deploy(
        {"smoke": kind("smoke", Never(), on_repeat="add")},
        spec("watchman", watch(total("smoke", over=over) >= 1, min_increase=0.5)),
    )
    mark = world.put("smoke", intensity=1.0).mark_id
    assert world.woken("watchman") == [mark]
    world.put("smoke", intensity=0.4)
    assert world.woken("watchman") is None
    world.put("smoke", intensity=0.5)
    assert world.woken("watchman") == [mark]


@pytest.mark.parametrize("law", [Never(), Exponential("1h")], ids=str)
def test_min_increase_counts_from_what_the_agent_was_given(world: World, law: Any) -> None:
    world.deploy(
        {"smoke": kind("smoke", law, on_repeat="add")},
        spec("watchman", watch(strength("smoke") >= 0.1, min_increase=0.5)),
    )
    mark = world.put("smoke", intensity=1.0).mark_id
    assert world.woken("watchman") == [mark]
    for _ in range(4):
        world.put("smoke", intensity=0.11)
        assert world.woken("watchman") is None
    world.put("smoke", intensity=0.11)
    assert world.woken("watchman") == [mark]
    world.advance(2 * HOUR)  # what was given has faded by then
    world.put("smoke", intensity=1.6)
    assert world.woken("watchman") == [mark]


def test_min_increase_does_not_hold_back_a_mark_that_was_never_absorbed(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Never(), on_repeat="add")},
        spec("watchman", watch(strength("smoke") >= 1, min_increase=0.5)),
    )
    for _ in range(4):
        mark = world.put("smoke", intensity=0.25).mark_id
    assert world.woken("watchman") == [mark]


def test_a_subject_pattern_narrows_a_watch(world: World) -> None:
    world.deploy(SEPARATE, spec("watchman", strength("smoke", subject="lead/vip-*") >= 0.3))
    world.put("smoke", "lead/1")
    mark = world.put("smoke", "lead/vip-1").mark_id
    assert world.woken("watchman") == [mark]
    assert world.woken("watchman") is None


@pytest.mark.parametrize("over", ["subject", "board", "mark"])
def test_a_mark_reinforced_during_its_activation_wakes_the_agent_again(world: World, over: Any) -> None:
    condition = strength("smoke") >= 1 if over == "mark" else total("smoke", over=over) >= 1
    world.deploy({"smoke": kind("smoke", Never(), on_repeat="add")}, spec("watchman", condition, concurrency=1))
    mark = world.put("smoke").mark_id
    claim = world.claimed("watchman")
    world.put("smoke", intensity=0.1)
    assert world.claim("watchman") is None
    world.finish(claim)
    assert world.woken("watchman") == [mark]
    assert world.woken("watchman") is None


def test_unclaimed_marks_are_tested_again_when_the_result_is_applied(world: World) -> None:
    world.deploy(SEPARATE, spec("watchman", count("smoke") >= 2, batch=3))
    marks = [world.put("smoke", "s", 0.1 * i).mark_id for i in range(1, 9)]
    woken = []
    while (found := world.woken("watchman")) is not None:
        woken.append(found)
    assert woken == [[marks[7], marks[6], marks[5]], [marks[4], marks[3], marks[2]], [marks[1], marks[0]]]


def test_unclaimed_marks_below_the_threshold_wait_for_more(world: World) -> None:
    world.deploy(SEPARATE, spec("watchman", count("smoke", over="board") >= 2, batch=3))
    marks = [world.put("smoke", f"s{i}").mark_id for i in range(4)]
    assert world.woken("watchman") == marks[:3]
    assert world.woken("watchman") is None
    last = world.put("smoke", "s9").mark_id
    assert world.woken("watchman") == [marks[3], last]


def test_the_marks_of_a_subject_stay_together_and_subjects_share_a_batch(world: World) -> None:
    world.deploy(SEPARATE, spec("watchman", count("smoke") >= 2, batch=4))
    a = [world.put("smoke", "a", 0.9).mark_id for _ in range(3)]
    b = [world.put("smoke", "b", 0.5).mark_id for _ in range(2)]
    c = [world.put("smoke", "c", 0.1).mark_id for _ in range(2)]
    assert world.woken("watchman") == a
    assert world.woken("watchman") == b + c


def test_the_strongest_crossing_goes_first_across_laws(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Exponential("1h"), on_repeat="separate")},
        spec("watchman", strength("smoke") >= 0.1, batch=1),
    )
    fades = world.put("smoke", "a", 0.9).mark_id
    stays = world.put("smoke", "b", 0.7, decay=Never()).mark_id
    linear = world.put("smoke", "c", 0.8, decay=Linear("4h")).mark_id
    power = world.put("smoke", "d", 0.95, decay=Power("1h", 2)).mark_id
    world.advance(HOUR)
    # 0.9 / 2, 0.7, 0.8 * 3 / 4, 0.95 / 4
    assert [world.woken("watchman") for _ in range(5)] == [[stays], [linear], [fades], [power], None]


def test_a_short_pulse_between_two_claims_is_not_missed(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1s"))}, spec("watchman", strength("smoke") >= 0.9))
    mark = world.put("smoke").mark_id
    world.advance(HOUR)
    world.evaporate()
    assert world.woken("watchman") == [mark]


@pytest.mark.parametrize("swept", [True, False])
@pytest.mark.parametrize("condition", [strength("smoke") >= 1, total("smoke") >= 1, total("smoke", over="board") >= 1])
def test_a_kept_crossing_has_its_marks_even_after_they_evaporate(
    world: World, condition: Condition, swept: bool
) -> None:
    world.deploy({"smoke": kind("smoke", Linear("1h"), on_repeat="separate")}, spec("watchman", condition))
    mark = world.put("smoke").mark_id
    world.advance(2 * HOUR)
    if swept:
        world.evaporate()
    assert world.woken("watchman") == [mark]
    world.evaporate()
    assert world.woken("watchman") is None


@pytest.mark.postgresql
@pytest.mark.parametrize("over", ["subject", "board"])
def test_an_evaporated_absorbed_mark_is_not_an_input_again(world: World, over: Any) -> None:
    world.deploy(
        {"smoke": kind("smoke", Linear("1h"), on_repeat="separate")}, spec("watchman", total("smoke", over=over) >= 1)
    )
    first = world.put("smoke").mark_id
    assert world.woken("watchman") == [first]
    second = world.put("smoke").mark_id
    world.advance(2 * HOUR)
    world.evaporate()
    assert world.woken("watchman") == [second]


@pytest.mark.parametrize("swept", [True, False])
@pytest.mark.parametrize(
    "condition",
    [
        strength("smoke") >= 1,
        total("smoke") >= 1,
        total("smoke", over="board") >= 1,
        count("smoke", over="board") >= 1,
        strongest("smoke", over="board") >= 1,
    ],
)
def test_a_faded_crossing_is_recorded_as_faded_if_it_may_be_dropped(
    world: World, condition: Condition, swept: bool
) -> None:
    world.deploy({"smoke": kind("smoke", Linear("1h"))}, spec("watchman", condition, when_faded="drop"))
    world.put("smoke")
    world.advance(2 * HOUR)
    if swept:
        world.evaporate()
    assert world.woken("watchman") is None
    assert [crossing.state for crossing in world.crossings()] == ["faded"]
    [activation] = world.board.activations(agent="watchman")
    assert activation.state == "faded"
    assert "has faded" in activation.reason
    mark = world.put("smoke", intensity=2.0).mark_id
    assert world.woken("watchman") == [mark]


def test_an_input_has_the_current_state_of_its_mark(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Never(), on_repeat="replace")}, spec("watchman", strength("smoke") >= 0.5))
    world.put("smoke", payload={"detail": "old"})
    world.put("smoke", intensity=0.2, payload={"detail": "new"})
    claim = world.claimed("watchman")
    [one] = claim.inputs
    assert (one.event.payload, one.strength, one.reinforcements) == ('{"detail":"new"}', 0.2, 1)


def test_a_withdrawal_cancels_crossings_that_wait_only_for_that_mark(world: World) -> None:
    world.deploy(SEPARATE, spec("watchman", strength("smoke") >= 0.5), spec("counter", count("smoke") >= 2))
    first, second = world.put("smoke").mark_id, world.put("smoke").mark_id
    world.board.withdraw(first)
    assert world.woken("counter") is None
    assert world.woken("watchman") == [second]
    assert sorted(crossing.state for crossing in world.crossings()) == ["done", "withdrawn", "withdrawn"]


def test_a_withdrawal_keeps_a_crossing_that_does_not_need_the_mark(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Exponential("1h"), on_repeat="separate")}, spec("watchman", total("smoke") >= 2)
    )
    strong = [world.put("smoke", intensity=1.5).mark_id for _ in range(2)]
    weak = world.put("smoke", intensity=0.1).mark_id
    world.advance(2 * HOUR)
    world.board.withdraw(weak)
    assert world.woken("watchman") == strong


def test_a_withdrawal_does_not_cancel_work_that_has_begun(world: World) -> None:
    world.deploy(SEPARATE, spec("watchman", strength("smoke") >= 0.5))
    mark = world.put("smoke").mark_id
    claim = world.claimed("watchman")
    world.board.withdraw(mark)
    assert world.finish(claim) == []
    assert [crossing.state for crossing in world.crossings()] == ["done"]


def test_an_agent_added_later_receives_the_live_marks(world: World) -> None:
    world.deploy(SEPARATE, spec("first", strength("smoke") >= 0.5))
    marks = [world.put("smoke", f"s{i}", 0.4 + i / 10).mark_id for i in range(4)]
    assert sorted(world.woken("first") or []) == marks[1:]
    world.deploy(
        {},
        spec("first", strength("smoke") >= 0.5),
        spec("each", strength("smoke") >= 0.6),
        spec("subject", total("smoke") >= 0.6, per="batch"),
        spec("board", count("smoke", over="board") >= 4),
        spec("batched", count("smoke", over="board") >= 2, batch=3),
    )
    assert world.woken("first") is None
    assert sorted(world.woken("each") or []) == marks[2:]
    assert sorted(world.woken("subject") or []) == marks[2:]
    assert sorted(world.woken("board") or []) == marks
    assert sorted(world.woken("batched") or []) == marks[1:]
    assert world.woken("batched") is None
    last = world.put("smoke", "s9", 0.1).mark_id
    assert sorted(world.woken("batched") or []) == [marks[0], last]


TWO = {name: kind(name, Never(), on_repeat="separate") for name in ("smoke", "heat")}


def smoke_and_heat(measure: Any) -> Any:
    return {"all": measure("smoke", "heat", over="board") >= 1}


@pytest.mark.parametrize("measure", [count, total], ids=["count", "total"])
def test_a_board_watch_that_gains_a_kind_receives_its_older_marks(world: World, measure: Any) -> None:
    world.deploy(TWO, spec("watchman", {"all": measure("smoke", over="board") >= 1}))
    heat = [world.put("heat", f"s{i}").mark_id for i in range(2)]
    smoke = [world.put("smoke", f"s{i}").mark_id for i in range(2)]
    assert world.woken("watchman") == smoke
    world.deploy({}, spec("watchman", smoke_and_heat(measure)))
    assert world.woken("watchman") == heat
    assert world.woken("watchman") is None
    assert world.woken("watchman") is None
    last = world.put("smoke", "s9").mark_id
    assert world.woken("watchman") == [last]


def test_a_board_watch_that_loses_and_regains_a_kind_receives_no_mark_twice(world: World) -> None:
    both, one = spec("watchman", smoke_and_heat(count)), spec("watchman", {"all": count("smoke", over="board") >= 1})
    world.deploy(TWO, both)
    early = [world.put("heat").mark_id, world.put("smoke").mark_id]
    assert world.woken("watchman") == early
    world.deploy({}, one)
    missed, seen = world.put("heat").mark_id, world.put("smoke").mark_id
    assert world.woken("watchman") == [seen]
    world.deploy({}, both)
    assert world.woken("watchman") == [missed]
    assert world.woken("watchman") is None


@pytest.mark.postgresql
def test_a_restored_watch_with_another_kind_receives_its_older_marks(world: World) -> None:
    world.deploy(TWO, spec("watchman", {"all": count("smoke", over="board") >= 1}))
    heat, smoke = world.put("heat").mark_id, world.put("smoke").mark_id
    assert world.woken("watchman") == [smoke]
    world.board.deploy(Deployment(kinds=world.deployment.kinds))
    world.deploy({}, spec("watchman", smoke_and_heat(count)))
    assert world.woken("watchman") == [heat]
    assert world.woken("watchman") is None


def test_a_watch_that_becomes_per_subject_keeps_its_absorbed_marks(world: World) -> None:
    world.deploy(TWO, spec("watchman", {"all": count("smoke", over="board") >= 1}))
    old = world.put("smoke").mark_id
    assert world.woken("watchman") == [old]
    world.deploy({}, spec("watchman", {"all": count("smoke") >= 1}))
    assert world.woken("watchman") is None
    new = world.put("smoke").mark_id
    assert world.woken("watchman") == [new]


def test_a_renamed_agent_inherits_absorbed_marks(world: World) -> None:
    watches = {"one": strength("smoke") >= 0.5, "all": count("smoke", over="board") >= 2}
    world.deploy(SEPARATE, spec("old", watches))
    marks = [world.put("smoke", f"s{i}").mark_id for i in range(2)]
    assert world.woken("old") == marks
    assert world.woken("old") == marks
    world.deploy({}, spec("new", watches, renamed_from="old"))
    assert world.woken("new") is None
    mark = world.put("smoke", "s0").mark_id
    assert world.woken("new") == [mark]


@pytest.mark.postgresql
def test_a_renamed_agent_inherits_its_unfinished_work_and_its_own_marks(world: World) -> None:
    watches = {"one": strength("smoke") >= 0.5, "all": count("smoke", over="board") >= 2}
    world.deploy(SEPARATE, spec("old", watches, max_attempts=2))
    own = world.sign("old", "smoke").mark_id
    mark = world.put("smoke").mark_id
    claim = world.claimed("old")
    assert world.fail(claim) == "ready"
    world.deploy({}, spec("new", watches, renamed_from="old", max_attempts=2))
    world.advance(HOUR)
    again = world.claimed("new")
    assert (again.row.id, inputs(again)) == (claim.row.id, [mark])
    world.finish(again)
    assert world.woken("new") is None
    world.board.withdraw(own)
    second = world.put("smoke").mark_id
    assert world.woken("new") == [second]
    assert world.woken("new") == [mark, second]


def test_a_mark_deposited_below_its_floor_does_not_stay_in_a_count(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Exponential("1h"), floor=0.1, on_repeat="separate")},
        spec("watchman", count("smoke", over="board") >= 3),
    )
    for _ in range(5):
        world.put("smoke", intensity=0.05)
        world.evaporate()
    world.put("smoke")
    world.put("smoke")
    assert world.woken("watchman") is None
    world.put("smoke")
    assert len(world.woken("watchman") or []) == 3


def test_every_watch_of_an_agent_has_its_own_activations(world: World) -> None:
    world.deploy(SEPARATE, spec("watchman", {"smokes": strength("smoke") >= 0.5, "sum": total("smoke") >= 0.5}))
    mark = world.put("smoke").mark_id
    first, second = world.claim("watchman"), None
    assert first is not None
    world.finish(first)
    second = world.claimed("watchman")
    assert {first.watch, second.watch} == {"smokes", "sum"}
    assert inputs(first) == inputs(second) == [mark]
