"""The rules hold at their edges, as the section "At the edges" of docs/rules.md says."""

from __future__ import annotations

from typing import Any

import pytest

from blackboard import Curve, Exponential, Linear, Never, Power, Step, count, strength, strongest, total
from blackboard.board.activations.agent_claims.claims import Claim
from blackboard.board.activations.run_ends import activation_splits
from blackboard.core.marks.decay import Decay
from blackboard.durations import HOUR, MINUTE, SECOND
from tests.support.board_steps import in_transaction
from tests.support.world import World, inputs, kind, spec

SMOKE = {"smoke": kind("smoke", Linear("1h"), on_repeat="separate")}


def parts(world: World, agent: str) -> list[list[int]]:
    """Claim all activations of an agent that are ready, and return the marks of each."""
    result = []
    while (claim := world.claim(agent)) is not None:
        result.append(inputs(claim))
        world.finish(claim)
    return result


# -- a floor of 0 ------------------------------------------------------------------------------------------------------


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("law", "ends"),
    [
        (Never(), None),
        (Exponential("1m"), None),
        (Power("1m", 100), None),
        (Curve([("30m", 0.5)]), None),
        (Linear("1h"), HOUR),
        (Step("1h"), HOUR),
        (Curve([("30m", 0.5), ("1h", 0.0)]), HOUR),
    ],
    ids=str,
)
def test_under_a_floor_of_0_a_mark_lives_until_nothing_is_left(world: World, law: Decay, ends: int | None) -> None:
    world.deploy({"smoke": kind("smoke", law)}, spec("counter", count("smoke") >= 1))
    world.put("smoke")
    world.advance(HOUR - 1)
    [mark] = world.board.marks()
    assert mark.strength > 0
    world.advance(1 if ends is not None else 100 * 24 * HOUR)  # 2**-144000 is 0 as a float
    world.evaporate()
    assert [mark.evaporates_at for mark in world.board.marks()] == ([None] if ends is None else [])
    assert world.board.status().marks == ({"smoke": 1} if ends is None else {})


@pytest.mark.parametrize(
    ("on_repeat", "outcome", "left"),
    [("add", "reinforced", [0.5]), ("max", "unchanged", [0.5]), ("replace", "reinforced", [])],
)
def test_an_intensity_of_0_takes_nothing_away_unless_it_replaces(
    world: World, on_repeat: str, outcome: str, left: list[float]
) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat=on_repeat)})
    world.put("smoke")
    world.advance(HOUR)
    assert world.put("smoke", intensity=0).outcome == outcome
    assert [mark.strength for mark in world.board.marks()] == left


# -- ties --------------------------------------------------------------------------------------------------------------


def test_a_deposit_that_ties_under_max_changes_nothing(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))}, spec("watchman", strength("smoke") >= 0.1))
    first = world.put("smoke", payload={"n": 1})
    assert world.woken("watchman") == [first.mark_id]
    for age, intensity in ((0, 1.0), (HOUR, 0.5), (HOUR, 0.25)):
        world.advance(age)
        again = world.put("smoke", intensity=intensity, payload={"n": 2})
        assert (again.outcome, again.event_id, again.strength) == ("unchanged", first.event_id, intensity)
    assert world.board.marks()[0].payload == {"n": 1}
    assert len(world.board.history("s")) == 1
    world.advance(1)
    assert world.put("smoke", intensity=0.25, payload={"n": 2}).outcome == "reinforced"
    assert world.woken("watchman") == [first.mark_id]


@pytest.mark.parametrize("batch", [1, 2])
def test_of_equal_marks_the_older_one_goes_first(world: World, batch: int) -> None:
    smoke = {"smoke": kind("smoke", Never(), on_repeat="separate")}
    world.deploy(smoke, spec("watchman", strength("smoke") >= 0.5, batch=batch))
    marks = [world.put("smoke", f"s{9 - number}").mark_id for number in range(6)]
    assert [mark.id for mark in world.board.marks()] == marks
    assert [mark for part in parts(world, "watchman") for mark in part] == marks


# -- a lowered cap -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on_repeat", "outcome", "strengths"),
    [
        ("add", "reinforced", [1.5]),
        ("max", "unchanged", [1.5]),
        ("replace", "reinforced", [1.0]),
        ("separate", "deposited", [1.5, 1.0]),
    ],
)
def test_a_lowered_cap_limits_deposits_and_weakens_no_mark(
    world: World, on_repeat: str, outcome: str, strengths: list[float]
) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat=on_repeat, cap=3.0)})
    world.put("smoke", intensity=3.0)
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat=on_repeat, cap=1.0)})
    assert [mark.strength for mark in world.board.marks()] == pytest.approx([3.0])
    world.advance(HOUR)
    assert world.put("smoke", intensity=2.0, payload={"n": 2}).outcome == outcome
    assert [mark.strength for mark in world.board.marks()] == pytest.approx(strengths)
    world.advance(HOUR)
    assert [mark.strength for mark in world.board.marks()] == pytest.approx([each / 2 for each in strengths])


def test_a_deposit_above_a_lowered_cap_is_news_only_by_its_payload(world: World) -> None:
    agents = spec("watchman", strength("smoke") >= 0.5)
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="add", cap=3.0)}, agents)
    mark = world.put("smoke", intensity=3.0).mark_id
    assert world.woken("watchman") == [mark]
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="add", cap=1.0)}, agents)
    world.put("smoke", intensity=2.0)
    assert world.woken("watchman") is None
    world.put("smoke", intensity=2.0, payload={"n": 2})
    assert world.woken("watchman") == [mark]


# -- retries -----------------------------------------------------------------------------------------------------------


def test_every_attempt_and_every_part_has_the_instant_at_which_the_marks_were_absorbed(world: World) -> None:
    world.deploy(SMOKE, spec("watchman", strength("smoke") >= 0.1, max_attempts=2, cooldown_after_failures=99))
    for number in range(4):
        world.put("smoke", f"s{number}", 1 - number / 10)
    first = world.claimed("watchman")
    strengths = {item.event.mark_id: item.strength for item in first.inputs}
    world.fail(first)
    claim: Claim | None = first
    seen = 0
    for _ in range(40):
        world.advance(MINUTE)
        if (claim := world.claim("watchman")) is not None:
            assert claim.at == first.at
            assert all(item.strength == strengths[item.event.mark_id] for item in claim.inputs)
            world.fail(claim)
            seen += 1
    assert seen == 1 + 2 + 4
    assert {row.state for row in world.board.activations()} == {"dead"}


@pytest.mark.parametrize(("marks", "tries"), [(1, 3), (2, 4), (8, 6), (5, 6)])
def test_a_mark_that_a_split_leaves_alone_is_tried_once_more(world: World, marks: int, tries: int) -> None:
    world.deploy(SMOKE, spec("watchman", strength("smoke") >= 0.1, max_attempts=3, cooldown_after_failures=99))
    bad, *_ = [world.put("smoke", f"s{number}", 1 - number / 100).mark_id for number in range(marks)]
    failures = 0
    for _ in range(60):
        if (claim := world.claim("watchman")) is None:
            world.advance(MINUTE)
        elif bad in inputs(claim):
            failures += 1
            world.fail(claim)
        else:
            world.finish(claim)
    assert failures == tries
    assert world.sql("SELECT state, marks_absorbed FROM activation WHERE state <> 'done'") == [("dead", 1)]


def test_an_isolated_mark_has_all_its_attempts(world: World) -> None:
    world.deploy(SMOKE, spec("watchman", strength("smoke") >= 0.1, max_attempts=3, cooldown_after_failures=99))
    _, second = (world.put("smoke", f"s{number}").mark_id for number in range(2))
    claim = world.claimed("watchman")
    assert in_transaction(world.board, activation_splits.isolate, claim.row, [second]) == {second}
    world.finish(claim)
    failures = 0
    for _ in range(20):
        world.advance(MINUTE)
        if (again := world.claim("watchman")) is not None:
            assert inputs(again) == [second]
            failures += 1
            world.fail(again)
    assert failures == 3


# -- a cooldown per subject, and the board -----------------------------------------------------------------------------


@pytest.mark.postgresql
def test_the_board_is_a_subject_of_its_own_for_a_cooldown_per_subject(world: World) -> None:
    watches = {
        "mark": strength("smoke") >= 0.9,
        "all": count("smoke", over="board") >= 1,
        "most": strongest("smoke", over="board") >= 0.1,
    }
    world.deploy(
        {"smoke": kind("smoke", Never(), on_repeat="separate")},
        spec("watchman", watches, cooldown="10m", cooldown_per="subject"),
    )

    def claimed() -> list[str]:
        names = []
        while (claim := world.claim("watchman")) is not None:
            names.append(claim.watch)
            world.finish(claim)
        return sorted(names)

    world.put("smoke", "a", 0.5)
    assert len(claimed()) == 1  # one of the two watches over the board; then the board is in cooldown
    world.put("smoke", "a", 1.0)
    assert claimed() == ["mark"]  # the cooldown of the board is not that of the subject
    world.put("smoke", "b", 1.0)
    assert claimed() == ["mark"]
    world.advance(10 * MINUTE)
    assert len(claimed()) == 1
    world.advance(10 * MINUTE)
    assert len(claimed()) == 1
    assert world.waiting("watchman") == 0


# -- marks that fade before they are absorbed --------------------------------------------------------------------------


@pytest.mark.postgresql
@pytest.mark.parametrize("swept", [True, False])
@pytest.mark.parametrize("over", ["subject", "board"])
def test_marks_that_evaporated_are_given_only_if_none_is_left(world: World, over: Any, swept: bool) -> None:
    world.deploy(
        {"smoke": kind("smoke", Linear("1h"), on_repeat="separate"), "fire": kind("fire", Linear("1h"))},
        spec("watchman", total("smoke", "fire", over=over) >= 1.5),
    )
    world.put("smoke")
    world.advance(40 * MINUTE)
    last = world.put("fire", intensity=1.2).mark_id
    world.advance(30 * MINUTE)
    if swept:
        world.evaporate()
    claim = world.claimed("watchman")
    assert inputs(claim) == [last]
    assert claim.inputs[0].strength == pytest.approx(0.6)
    world.finish(claim)
    world.advance(HOUR)
    world.evaporate()
    assert world.claim("watchman") is None  # what evaporated before is not given later


@pytest.mark.postgresql
@pytest.mark.parametrize("swept", [True, False])
@pytest.mark.parametrize(("law", "strength_then"), [(Linear("1h"), 0.0), (Exponential("1h"), 0.25), (Step("1h"), 0.0)])
@pytest.mark.parametrize("condition", [total("smoke") >= 1, strength("smoke") >= 1, count("smoke", over="board") >= 1])
def test_a_mark_that_evaporated_is_given_in_its_last_state_with_what_its_law_leaves(
    world: World, condition: Any, law: Decay, strength_then: float, swept: bool
) -> None:
    world.deploy({"smoke": kind("smoke", law, floor=0.3)}, spec("watchman", condition))
    world.put("smoke", payload={"n": 1})
    world.advance(SECOND)
    mark = world.put("smoke", intensity=1.1, payload={"n": 2})
    world.advance(2 * HOUR)
    if swept:
        world.evaporate()
    claim = world.claimed("watchman")
    [item] = claim.inputs
    assert item.event.id == mark.event_id
    assert item.strength == pytest.approx(1.1 * strength_then)
