"""Conditions with `where` count the marks that have some tags; other tags move a mark in its transaction."""

from __future__ import annotations

from typing import Any

import pytest

import blackboard
from blackboard import count, strength, strongest, total
from blackboard.board.housekeeping import retention
from blackboard.board.mark_tables import filtered_marks
from blackboard.core.conditions.condition_types import Condition
from blackboard.core.marks.decay import Exponential
from blackboard.durations import HOUR, MINUTE
from blackboard.errors import ConfigurationError
from tests.support.board_steps import in_transaction
from tests.support.sum_checks import check_window_sums
from tests.support.world import World, inputs, kind, spec

HIGH = {"severity": "high"}
KINDS = {
    "alert": kind("alert", Exponential("1h"), on_repeat="replace", tags=("severity", "service")),
    "seen": kind("seen", Exponential("1h"), on_repeat="separate", tags=("severity",)),
}


def put(world: World, subject: str, severity: Any, intensity: float = 1.0, kind: str = "alert") -> int:
    return world.put(kind, subject, intensity, payload={"severity": severity, "service": subject}).mark_id


@pytest.mark.parametrize(
    "condition",
    [
        strength("alert", where=HIGH) >= 0.5,
        total("alert", where=HIGH) >= 0.5,
        strongest("alert", over="board", where=HIGH) >= 0.5,
        total("alert", over="board", where=HIGH) >= 0.5,
        count("alert", over="board", where=HIGH) >= 1,
    ],
    ids=str,
)
def test_a_mark_that_gets_the_tags_crosses_in_its_transaction(world: World, condition: Condition) -> None:
    world.deploy(KINDS, spec("pager", condition))
    assert put(world, "db", "low")
    assert world.waiting("pager") == 0
    mark = put(world, "db", "high")
    assert world.waiting("pager") == 1
    assert world.woken("pager") == [mark]
    put(world, "db", "high", 0.9)
    assert world.waiting("pager") == 0  # it was given the mark, and a weaker one is no news
    put(world, "db", "low")
    assert world.waiting("pager") == 0
    put(world, "db", "high")
    assert world.woken("pager") == [mark]  # it counts again, as a new mark would


@pytest.mark.parametrize(
    "condition",
    [
        total("alert", where=HIGH) < 0.5,
        total("alert", over="board", where=HIGH) < 0.5,
        count("alert", over="board", where=HIGH) < 1,
        strength("alert", where=HIGH) < 0.5,
    ],
    ids=str,
)
def test_a_mark_that_loses_the_tags_falls_at_once(world: World, condition: Condition) -> None:
    world.deploy(KINDS, spec("closer", condition))
    put(world, "db", "low")
    assert world.waiting("closer") == 0
    put(world, "db", "high")
    put(world, "db", "low")
    assert world.waiting("closer") == 1
    assert world.crossings()[-1].crossed_at == world.clock.now()


def test_sums_over_the_board_follow_marks_from_filter_to_filter(world: World) -> None:
    low = {"severity": "low"}
    world.deploy(
        KINDS,
        spec("many", total("alert", over="board", where=HIGH) >= 2.5),
        spec("few", total("alert", over="board", where=low) >= 2.5),
    )
    for subject in "abc":
        put(world, subject, "low")
    assert (world.waiting("many"), world.waiting("few")) == (0, 1)
    for subject in "ab":
        put(world, subject, "high")
    assert world.waiting("many") == 0
    world.advance(MINUTE)
    put(world, "c", "high")
    assert world.waiting("many") == 1
    assert len(world.woken("many") or ()) == 3


def test_fading_is_predicted_over_the_marks_that_match(world: World) -> None:
    world.deploy(KINDS, spec("cold", total("alert", over="board", where=HIGH) < 0.5))
    put(world, "a", "high")
    put(world, "b", "low", 100.0)
    world.advance(HOUR + MINUTE)
    world.fire_all_due()
    assert world.waiting("cold") == 1


def test_only_marks_that_match_are_given(world: World) -> None:
    world.deploy(KINDS, spec("pager", count("seen", where=HIGH) >= 2))
    first = put(world, "db", "high", kind="seen")
    put(world, "db", "low", kind="seen")
    second = put(world, "db", "high", kind="seen")
    assert sorted(inputs(world.claimed("pager"))) == [first, second]


def test_each_side_of_a_joint_condition_gets_a_mark_that_it_counts(world: World) -> None:
    joint = (count("seen", where=HIGH) >= 1) & (count("seen", where={"severity": ["low", "none"]}) >= 1)
    world.deploy(KINDS, spec("both", joint, batch=2))
    for intensity in (3.0, 2.0):
        put(world, "db", "high", intensity, kind="seen")
    strongest_high = put(world, "db", "high", 4.0, kind="seen")
    low = put(world, "db", "low", kind="seen")
    assert world.woken("both") == [strongest_high, low]


def test_only_the_marks_of_the_side_that_holds_are_given(world: World) -> None:
    either = (total("seen", where=HIGH) >= 2) | (total("seen", where={"severity": "low"}) >= 1)
    world.deploy(KINDS, spec("one", either))
    put(world, "db", "high", kind="seen")
    low = put(world, "db", "low", kind="seen")
    assert world.woken("one") == [low]


@pytest.mark.parametrize(
    ("condition", "steps", "severity"),
    [
        (strength("alert", where=HIGH) >= 0.5, ["high", "low"], "high"),
        (total("alert", where=HIGH) >= 0.5, ["high", "low"], "high"),
        (total("alert", over="board", where=HIGH) >= 0.5, ["high", "low", "none"], "high"),
        (strength("alert", where=HIGH) < 0.5, ["high", "low"], "high"),
        (total("alert", where=HIGH) < 0.5, ["high", "low", "none"], "high"),
        (count("alert", over="board", where=HIGH) < 1, ["low", "high", "low"], "high"),
    ],
    ids=str,
)
def test_a_mark_that_does_not_count_any_more_is_given_as_it_last_did(
    world: World, condition: Condition, steps: list[str], severity: str
) -> None:
    world.deploy(KINDS, spec("pager", condition))
    for step in steps:
        put(world, "db", step)
    assert world.waiting("pager") == 1
    claim = world.claimed("pager")
    [item] = claim.inputs
    assert (item.event.payload, item.strength) == ('{"severity":"high","service":"db"}', 0.0)


def test_a_mark_that_does_not_count_any_more_has_faded(world: World) -> None:
    world.deploy(KINDS, spec("pager", strength("alert", where=HIGH) >= 0.5, when_faded="drop"))
    put(world, "db", "high")
    put(world, "db", "low")
    assert world.woken("pager") is None
    assert world.crossings()[-1].state == "faded"


def test_a_tag_that_the_kind_does_not_have_is_refused(world: World) -> None:
    with pytest.raises(ConfigurationError, match="there is no tag 'severty' of kind 'alert'; did you mean 'severity'"):
        world.deploy(KINDS, spec("pager", strength("alert", where={"severty": "high"}) >= 0.5))


@pytest.mark.parametrize("first", [HIGH, None])
def test_a_changed_filter_counts_what_the_watch_was_never_given(world: World, first: Any) -> None:
    world.deploy(KINDS, spec("pager", count("alert", over="board", where=first) >= 1))
    low, high = put(world, "a", "low"), put(world, "b", "high")
    assert sorted(world.woken("pager") or ()) == ([high] if first else [low, high])
    world.deploy(KINDS, spec("pager", count("alert", over="board", where={"severity": ["high", "low"]}) >= 1))
    world.run_backfill()
    assert world.woken("pager") == ([low] if first else None)


@pytest.mark.postgresql
@pytest.mark.parametrize("few", [0, 1000])
def test_a_reading_of_the_board_may_begin_with_the_tag_or_not(
    world: World, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filtered_marks, "FEW_MARKS", few)
    where = {"severity": ["high", "huge"], "service": "db"}
    world.deploy(KINDS, spec("pager", total("alert", over="board", where=where) >= 1.5))
    put(world, "web", "high")
    db = put(world, "db", ["high", "huge"])
    assert world.waiting("pager") == 0
    put(world, "db", "huge", 2.0)
    assert world.woken("pager") == [db]
    put(world, "db", "high", 2.0)
    put(world, "db", "high", 2.5)
    assert world.woken("pager") == [db]


def test_a_waiting_crossing_is_tested_with_the_tags_of_its_instant(world: World) -> None:
    world.deploy(KINDS, spec("pager", total("alert") >= 1))
    for subject, severity in (("a", "high"), ("b", "low")):
        put(world, subject, severity)
    world.advance(MINUTE)
    put(world, "a", "low")  # it was high when it crossed
    world.deploy(KINDS, spec("pager", total("alert", where=HIGH) >= 1))
    world.run_backfill()
    assert {row.scope: row.state for row in world.crossings()} == {"a": "waiting", "b": "skipped"}


@pytest.mark.postgresql
@pytest.mark.parametrize("over", ["subject", "board"])
def test_a_window_counts_the_deposits_that_had_the_tags(world: World, over: Any) -> None:
    world.deploy(KINDS, spec("pager", count("alert", over=over, where=HIGH, within="10m") >= 3))
    for severity in ("high", "low", "high", "low"):
        mark = put(world, "db", severity)
        world.advance(MINUTE)
    assert world.waiting("pager") == 0
    put(world, "db", ["high", "huge"])
    put(world, "db", "low")
    assert world.waiting("pager") == 1
    [item] = world.claimed("pager").inputs
    assert item.event.mark_id == mark
    assert '"high"' in (item.event.payload or "")
    in_transaction(world.board, check_window_sums)
    world.board.withdraw(mark)
    in_transaction(world.board, check_window_sums)
    assert world.sql("SELECT * FROM window_tag") == []


def test_a_window_that_falls_needs_the_tags_too(world: World) -> None:
    world.deploy(KINDS, spec("quiet", total("seen", where=HIGH, within="10m") < 2))
    for severity in ("high", "low", "high"):
        put(world, "db", severity, kind="seen")
        world.advance(MINUTE)
    put(world, "db", "low", kind="seen")
    world.advance(7 * MINUTE)
    world.fire_all_due()
    assert world.waiting("quiet") == 1
    assert len(world.woken("quiet") or ()) == 2


def test_deposits_in_windows_get_the_tags_of_a_new_filter_and_lose_those_of_an_old_one(world: World) -> None:
    any_tag = spec("pager", count("seen", over="board", within="1h") >= 9)
    world.deploy(KINDS, any_tag)
    for severity in ("high", "low", "high"):
        put(world, "db", severity, kind="seen")
    assert world.sql("SELECT * FROM window_tag") == []
    world.deploy(KINDS, spec("pager", count("seen", over="board", where=HIGH, within="1h") >= 2))
    world.run_backfill()
    assert world.waiting("pager") == 1
    assert len(world.sql("SELECT * FROM window_tag")) == 3
    in_transaction(world.board, check_window_sums)
    world.deploy(KINDS, any_tag)
    assert world.sql("SELECT * FROM window_tag") == []


def test_deposits_lose_their_tags_when_they_leave_the_window_or_are_forgotten(world: World) -> None:
    world.deploy(KINDS, spec("pager", count("seen", where=HIGH, within="10m") >= 9))
    put(world, "old", "high", kind="seen")
    world.advance(HOUR)
    put(world, "db", "high", kind="seen")
    in_transaction(world.board, retention.remove_window_deposits, 100)
    assert [row[0] for row in world.sql("SELECT subject FROM window_tag")] == ["db"]
    world.board.forget("db")
    assert world.sql("SELECT * FROM window_tag") == []


def test_a_tag_that_is_compared_in_another_way_moves_marks(world: World) -> None:
    def alert(form: str | None) -> Any:
        field = {"type": "string"} | ({"format": form} if form else {})
        schema = {"type": "object", "properties": {"since": field}}
        return KINDS["alert"].model_copy(update={"tags": ("since",), "payload_schema": schema})

    nine, ten = "2026-03-04T09:00:00Z", "2026-03-04T10:00:00+01:00"
    pagers = [
        spec("pager", count("alert", over="board", where={"since": nine}) >= 1),
        spec("window", count("alert", over="board", where={"since": nine}, within="1h") >= 1),
    ]
    world.deploy({"alert": alert(None)}, *pagers)
    world.put("alert", "db", payload={"since": ten})
    assert (world.waiting("pager"), world.waiting("window")) == (0, 0)
    world.deploy({"alert": alert("date-time")}, *pagers)
    world.run_backfill()
    assert (world.waiting("pager"), world.waiting("window")) == (1, 1)
    world.deploy({"alert": alert(None)}, *pagers)
    world.run_backfill()
    assert [row.state for row in world.crossings()] == ["skipped", "skipped"]


def test_an_explanation_names_the_filter_and_counts_what_passes(world: World) -> None:
    world.deploy(KINDS, spec("pager", total("alert", over="board", where=HIGH) >= 3))
    put(world, "db", "high")
    put(world, "web", "low")
    [watch] = world.board.explain("pager").watches
    assert watch.values is not None
    [value] = watch.values
    assert value.measure == 'total("alert", over="board", where={"severity": "high"})'
    assert value.marks == 1
    assert value.value == pytest.approx(1.0)


def test_reads_follow_the_subject_that_woke_the_agent(world: World) -> None:
    reads = [blackboard.marks("alert", where={"service": blackboard.subject, "severity": ["high", "low"]})]
    world.deploy(KINDS, spec("reader", strength("seen") >= 0.5, reads=reads))
    for service in ("db", "web", "mail"):
        put(world, service, "high")
    put(world, "web", "none")
    for service in ("db", "web"):
        put(world, service, "low", kind="seen")
    claim = world.claimed("reader")
    assert [item.event.subject for item in claim.reads] == ["db"]
