"""A crossing belongs to the text of its watch. After a change it is tested again as of its own instant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from blackboard import count, strength, strongest, total
from blackboard.board.deployment_effects import backfill
from blackboard.board.deployments.deployment_preview import preview
from blackboard.core.marks.decay import Exponential
from blackboard.core.specs.deployment import Deployment
from blackboard.durations import HOUR, MINUTE
from tests.support.board_steps import in_transaction
from tests.support.world import World, kind, spec

KINDS = {
    "smoke": kind("smoke", Exponential("1h"), floor=0.01, on_repeat="separate"),
    "dust": kind("dust", Exponential("1h"), floor=0.01, on_repeat="separate"),
    "key": kind("key", floor=0.01),
    "slow": kind("slow", Exponential("1h"), floor=0.01, on_repeat="add"),
}
ON_KEY = {"only_if": count("key") >= 1}


def reasons(world: World, state: str) -> list[str]:
    return [record.reason for record in world.board.activations(state=state)]


def test_a_crossing_of_a_kind_that_is_no_longer_watched_is_skipped(world: World) -> None:
    world.deploy(KINDS, spec("watchman", strength("smoke") >= 0.5, **ON_KEY))
    mark = world.put("smoke").mark_id
    world.deploy(KINDS, spec("watchman", strength("dust") >= 0.5))
    assert world.woken("watchman") is None
    assert [row.state for row in world.crossings()] == ["skipped"]
    [record] = world.board.activations(state="skipped")
    assert (record.reason, record.subject, record.marks_absorbed) == ("watch changed", "s", 0)
    # Nothing was absorbed: the former watch would take the mark.
    world.deploy(KINDS, spec("watchman", strength("smoke") >= 0.5))
    assert world.woken("watchman") == [mark]


def test_a_crossing_that_holds_under_the_new_watch_keeps_its_instant(world: World) -> None:
    world.deploy(KINDS, spec("watchman", strength("smoke") >= 0.5, **ON_KEY))
    mark = world.put("smoke", intensity=0.9).mark_id
    [before] = world.crossings("waiting")
    world.advance(3 * HOUR)  # it is at 0.11 now
    world.deploy(KINDS, spec("watchman", strength("smoke") >= 0.8))
    [after] = world.crossings()
    assert (after.id, after.state, after.crossed_at) == (before.id, "waiting", before.crossed_at)
    assert (after.value, after.threshold) == (0.9, 0.8)
    claim = world.claimed("watchman")
    assert [item.event.mark_id for item in claim.inputs] == [mark]
    assert claim.row.reason == 'strength("smoke") >= 0.8: 0.9 >= 0.8'
    assert claim.row.crossed_at == before.crossed_at


def test_a_threshold_above_the_strength_at_the_crossing_skips_it(world: World) -> None:
    world.deploy(KINDS, spec("watchman", total("slow") >= 0.5, **ON_KEY))
    world.put("slow", intensity=0.6)
    world.advance(MINUTE)
    world.put("slow", intensity=0.6)  # 1.19, but the crossing was at 0.6
    world.deploy(KINDS, spec("watchman", total("slow") >= 0.7))
    first, second = world.crossings()
    assert (first.state, second.state) == ("skipped", "waiting")
    assert second.crossed_at > first.crossed_at + MINUTE
    assert second.value == pytest.approx(1.19, abs=0.01)


def test_the_weight_at_the_crossing_counts(world: World) -> None:
    world.deploy(KINDS, spec("watchman", strength("smoke") >= 0.5, **ON_KEY))
    world.put("smoke", "a", 0.6)
    heavy = {**KINDS, "smoke": kind("smoke", Exponential("1h"), weight=3.0, floor=0.01, on_repeat="separate")}
    world.advance(MINUTE)
    world.deploy(heavy, spec("watchman", strength("smoke") >= 0.55, **ON_KEY))
    [row] = world.crossings("waiting")
    assert row.value == 0.6


def test_a_waiting_crossing_cannot_be_claimed_before_its_test(world: World) -> None:
    world.deploy(KINDS, spec("watchman", strength("smoke") >= 0.5, **ON_KEY))
    world.put("smoke", "a")
    world.put("smoke", "b", 0.6)
    world.register(KINDS, spec("watchman", strength("smoke") >= 0.7))
    assert world.woken("watchman") is None
    assert {item.held_by for item in world.board.agenda()} == {"retest"}
    assert "tested by the new condition" in world.board.explain("watchman", "a").watches[0].verdict
    world.run_backfill()
    assert world.woken("watchman") is not None
    assert world.woken("watchman") is None
    assert reasons(world, "skipped") == ["watch changed"]


def test_the_tests_run_in_bounded_batches(world: World) -> None:
    world.deploy(KINDS, spec("watchman", strength("smoke") >= 0.5, batch=100, **ON_KEY))
    for number in range(10):
        world.put("smoke", f"s/{number}")
    world.register(KINDS, spec("watchman", strength("smoke") >= 0.4, batch=100))
    in_transaction(world.board, backfill.run_batch, 3)
    assert sorted(item.held_by or "" for item in world.board.agenda()) == [""] * 3 + ["retest"] * 7
    claim = world.claimed("watchman")  # those that were tested need not wait for the others
    assert len(claim.inputs) == 3
    world.run_backfill(3)
    assert len(world.claimed("watchman").inputs if world.finish(claim) is not None else []) == 7


def test_a_deposit_during_the_tests_keeps_its_own_crossing(world: World) -> None:
    world.deploy(KINDS, spec("watchman", total("slow") >= 0.5, **ON_KEY))
    world.put("slow", "a", 0.6)
    world.put("slow", "b", 0.6)
    world.advance(10 * HOUR)
    world.register(KINDS, spec("watchman", total("slow") >= 0.9, **ON_KEY))
    changed = world.clock.now()
    world.advance(MINUTE)
    world.put("slow", "a", 1.0)
    world.run_backfill()
    assert [(row.scope, row.state) for row in world.crossings()] == [
        ("a", "skipped"), ("b", "skipped"), ("a", "waiting"),
    ]  # fmt: skip
    assert world.crossings()[-1].crossed_at == changed + MINUTE


def test_a_mark_that_evaporated_since_counts_as_it_was(world: World) -> None:
    world.deploy(KINDS, spec("watchman", {"watch": total("smoke") >= 0.5}, **ON_KEY))
    mark = world.put("smoke").mark_id
    world.advance(20 * HOUR)
    world.evaporate()
    assert world.board.marks("smoke") == []
    world.deploy(KINDS, spec("watchman", total("smoke") >= 0.9))
    assert world.woken("watchman") == [mark]


def test_a_withdrawn_mark_does_not_hold_a_crossing(world: World) -> None:
    world.deploy(KINDS, spec("watchman", total("smoke") >= 1.5, **ON_KEY))
    first = world.put("smoke").mark_id
    world.put("smoke")
    world.register(KINDS, spec("watchman", total("smoke") >= 1.2))
    world.board.withdraw(first)
    world.run_backfill()
    assert [row.state for row in world.crossings()] == ["withdrawn"]


def test_an_absorbed_mark_does_not_hold_a_crossing(world: World) -> None:
    world.deploy(KINDS, spec("watchman", total("smoke") >= 0.5))
    world.put("smoke")
    assert world.woken("watchman") is not None
    world.deploy(KINDS, spec("watchman", total("smoke") >= 0.5, **ON_KEY))
    world.put("smoke", intensity=0.6)
    world.deploy(KINDS, spec("watchman", total("smoke") >= 1.0))
    assert [row.state for row in world.crossings()] == ["done", "skipped"]


def test_own_marks_no_longer_count_once_the_watch_excludes_them(world: World) -> None:
    from blackboard import watch

    world.deploy(KINDS, spec("watchman", watch(strength("smoke") >= 0.5, include_own=True), **ON_KEY))
    world.sign("watchman", "smoke", "own")
    world.put("smoke", "other")
    world.deploy(KINDS, spec("watchman", strength("smoke") >= 0.5))
    assert {(row.scope, row.state) for row in world.crossings()} == {("own", "skipped"), ("other", "waiting")}


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [
        (strength("smoke") >= 0.5, total("smoke") >= 0.5, [("a", 0), ("b", 0)]),
        (strength("smoke") >= 0.5, count("smoke") >= 2, [("a", 0)]),
        (total("smoke") >= 0.5, strength("smoke") >= 0.7, [("a", 1), ("b", 3)]),
        (total("smoke", over="board") >= 1, total("smoke") >= 0.9, [("a", 0), ("b", 0)]),
        (total("smoke") >= 0.5, total("smoke", over="board") >= 1.5, [("", 0)]),
        (total("smoke", over="board") >= 2, strongest("smoke", over="board") >= 0.9, [("", 0)]),
    ],
    ids=str,
)
def test_a_crossing_takes_the_key_of_its_new_watch(world: World, old: Any, new: Any, left: list[Any]) -> None:
    """Marks 1 and 2 (1.0 and 0.6) are about a, mark 3 (0.9) is about b."""
    world.deploy(KINDS, spec("watchman", old, batch=10, only_if=count("key", over="board") >= 1))
    start = world.clock.now()
    for subject, intensity in (("a", 1.0), ("a", 0.6), ("b", 0.9)):
        world.put("smoke", subject, intensity)
    world.advance(MINUTE)
    world.deploy(KINDS, spec("watchman", new, batch=10))
    waiting = [row for row in world.crossings("waiting") if row.crossed_at < start + MINUTE]
    ids = {mark.intensity: mark.id for mark in world.board.marks("smoke")}
    numbers = {0: 0, ids[1.0]: 1, ids[0.6]: 2, ids[0.9]: 3}
    assert sorted((row.scope, numbers[row.mark_id]) for row in waiting) == left
    assert all(row.state in ("waiting", "skipped") for row in world.crossings())


def test_a_falling_crossing_holds_if_its_new_threshold_is_higher(world: World) -> None:
    world.deploy(KINDS, spec("watchman", strength("smoke") < 0.4))
    world.put("smoke")
    world.advance(90 * MINUTE)
    world.fire_all_due()
    [before] = world.crossings("waiting")
    world.deploy(KINDS, spec("watchman", strength("smoke") < 0.5))
    [after] = world.crossings()
    assert (after.state, after.crossed_at) == ("waiting", before.crossed_at)
    world.advance(100 * HOUR)
    world.evaporate()
    assert len(world.crossings()) == 1


def test_a_falling_crossing_is_skipped_and_comes_again_below_its_lower_threshold(world: World) -> None:
    world.deploy(KINDS, spec("watchman", strength("smoke") < 0.4))
    start = world.clock.now()
    world.put("smoke")
    world.advance(90 * MINUTE)
    world.fire_all_due()
    world.deploy(KINDS, spec("watchman", strength("smoke") < 0.25))
    assert [row.state for row in world.crossings()] == ["skipped"]
    world.advance(10 * HOUR)
    world.fire_all_due()
    assert abs(world.crossings("waiting")[0].crossed_at - (start + 2 * HOUR)) <= 1


@pytest.mark.parametrize("threshold", [number / 97 for number in range(1, 97, 5)])
def test_rounding_does_not_skip_a_falling_crossing(world: World, threshold: float) -> None:
    world.deploy(KINDS, spec("watchman", strength("smoke") < threshold))
    world.put("smoke")
    world.advance(10 * HOUR)
    world.fire_all_due()
    world.deploy(KINDS, spec("watchman", total("smoke") < threshold))
    assert [row.state for row in world.crossings()] == ["waiting"]


def test_a_mark_of_a_former_kind_does_not_fall_under_the_new_watch(world: World) -> None:
    world.deploy(KINDS, spec("watchman", {"mark": strength("smoke") < 0.4, "subject": total("smoke") < 0.4}))
    world.put("smoke")
    world.deploy(KINDS, spec("watchman", {"mark": strength("dust") < 0.4, "subject": total("dust") < 0.4}))
    world.advance(100 * HOUR)
    world.evaporate()
    assert world.crossings() == []


def test_a_closed_guard_of_a_changed_falling_watch_skips_its_crossings(world: World) -> None:
    world.deploy(KINDS, spec("watchman", strength("smoke") < 0.4))
    world.put("smoke", "a")
    world.put("smoke", "b")
    world.put("key", "b")
    world.put("smoke", "c")
    world.advance(2 * HOUR)
    world.fire_all_due()
    world.put("key", "c")  # too late: a guard is judged at the crossing
    world.board.withdraw(world.put("key", "a").mark_id)
    world.deploy(KINDS, spec("watchman", strength("smoke") < 0.4, **ON_KEY))
    states = {row.scope: row.state for row in world.crossings()}
    assert states == {"a": "skipped", "b": "waiting", "c": "skipped"}


def test_a_changed_guard_of_a_rising_watch_is_tested_by_the_claim(world: World) -> None:
    world.deploy(KINDS, spec("watchman", strength("smoke") >= 0.5, **ON_KEY))
    mark = world.put("smoke").mark_id
    world.deploy(KINDS, spec("watchman", strength("smoke") >= 0.5, unless=count("dust") >= 1))
    assert world.woken("watchman") == [mark]


def test_crossings_follow_a_renamed_agent_and_its_changed_watch(world: World) -> None:
    world.deploy(KINDS, spec("watchman", strength("smoke") >= 0.5, **ON_KEY))
    kept, _ = world.put("smoke", "a").mark_id, world.put("smoke", "b", 0.6)
    world.deploy(KINDS, spec("guard", strength("smoke") >= 0.9, renamed_from="watchman"))
    assert world.woken("guard") == [kept]
    assert reasons(world, "skipped") == ["watch changed"]


def test_a_second_change_comes_after_the_tests_of_the_first(world: World) -> None:
    world.deploy(KINDS, spec("watchman", strength("smoke") >= 0.5, **ON_KEY))
    world.put("smoke")
    world.register(KINDS, spec("watchman", strength("dust") >= 0.5, **ON_KEY))
    world.register(KINDS, spec("watchman", strength("smoke") >= 0.5))
    world.run_backfill()
    assert [row.state for row in world.crossings()] == ["skipped", "waiting"]


def test_the_preview_names_what_stays_and_what_is_skipped(world: World) -> None:
    world.deploy(KINDS, spec("watchman", strength("smoke") >= 0.5, **ON_KEY))
    world.put("smoke", "a", 0.9)
    world.put("smoke", "b", 0.6)
    changed = spec("watchman", strength("smoke") >= 0.8)
    new = Deployment(kinds=world.deployment.kinds, agents={"watchman": changed})
    found = world.board.session.run_and_roll_back(lambda txn: preview(txn, new))
    assert [(item.subject, item.value, item.threshold, item.stays) for item in found.retests] == [
        ("a", 0.9, 0.8, True), ("b", 0.6, 0.5, False),
    ]  # fmt: skip
    assert [row.state for row in world.crossings()] == ["waiting", "waiting"]
    world.deploy(KINDS, changed)
    assert [row.state for row in world.crossings()] == ["waiting", "skipped"]


def test_a_restarted_process_goes_on_with_the_tests(world: World, tmp_path: Path) -> None:
    world.deploy(KINDS, spec("watchman", strength("smoke") >= 0.5, **ON_KEY))
    world.put("smoke")
    world.register(KINDS, spec("watchman", strength("smoke") >= 0.4))
    other = World(tmp_path / "board.db", world.clock, url=world.url)
    try:
        assert other.woken("watchman") is None
        other.run_backfill()
        assert other.woken("watchman") is not None
    finally:
        other.close()
