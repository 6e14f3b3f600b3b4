"""A preview equals the effect of the deployment and changes nothing."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard import count, strength, strongest, total, watch
from blackboard.board.deployments.deployment_preview import preview
from blackboard.board.result_types.preview_results import Preview
from blackboard.clock import from_datetime
from blackboard.core.marks.decay import Curve, Decay, Exponential, Linear, Never, Power
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.durations import HOUR, MINUTE
from blackboard.store.schema.tables import metadata
from blackboard.store.sqlite.local_processes.sqlite_processes import SqliteProcesses
from tests.support.hypothesis_examples import examples
from tests.support.world import World, kind, spec

LAWS: list[Decay] = [Exponential("1h"), Linear("4h"), Power("30m", 1.5), Curve([("30m", 0.9), ("2h", 0.2)])]


def smoke(law: Decay = LAWS[0], *, weight: float = 1.0, floor: float = 0.01) -> dict[str, KindSpec]:
    kinds = {"smoke": kind("smoke", law, weight=weight, floor=floor, on_repeat="separate")}
    return {**kinds, "key": kind("key", Exponential("1h"))}


def agents(level: float = 0.9) -> tuple[AgentSpec, ...]:
    return (
        spec("watchman", strength("smoke") >= level),
        spec("sum", total("smoke", over="board") >= 2 * level),
        spec("room", (total("smoke") >= 1.5 * level) & (count("smoke") >= 2)),
        spec("cooler", {"mark": strength("smoke") < level / 2, "board": total("smoke", over="board") < level}),
        spec("guarded", strength("smoke") >= level, only_if=strength("key") >= 0.5),
        spec("closed", strength("smoke") < level / 2, only_if=strength("key") >= 0.5),
    )


def preview_of(world: World, kinds: dict[str, KindSpec], *agents: AgentSpec) -> Preview:
    """Return the preview of `world.deploy` with the same arguments."""
    new = Deployment(kinds={**world.deployment.kinds, **kinds}, agents={agent.name: agent for agent in agents})
    return world.board.session.run_and_roll_back(lambda txn: preview(txn, new))


def tables(world: World) -> dict[str, list[Any]]:
    """Return every row of the board."""
    return {name: sorted(map(tuple, world.sql(f"SELECT * FROM {name}")), key=repr) for name in metadata.tables}


@contextmanager
def new_world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "board.db")
        try:
            yield world
        finally:
            world.close()


def test_a_preview_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    notified: list[None] = []
    world.deploy(smoke(), *agents())
    for subject in ("a", "a", "b"):
        world.put("smoke", subject, 0.8)
    world.advance(MINUTE)
    last, before = world.put("key", "z").event_id, tables(world)
    monkeypatch.setattr(SqliteProcesses, "notify", lambda self: notified.append(None))
    found = preview_of(world, smoke(Linear("10m"), weight=3.0, floor=0.3), *agents(0.5))
    assert found.wakes
    assert tables(world) == before
    assert notified == []
    assert world.board.deployment.version == 1
    assert world.put("key", "y").event_id == last + 1
    assert world.deploy(smoke(Linear("10m"), weight=3.0, floor=0.3), *agents(0.5)).version == 2


def test_a_preview_is_as_of_the_instant_of_the_change(world: World) -> None:
    world.deploy(smoke(), *agents())
    world.put("smoke")
    found = preview_of(world, smoke(weight=2.0), *agents())
    assert from_datetime(found.as_of) == world.clock.now() + 1


def test_a_closed_guard_is_shown_at_a_predicted_wake(world: World) -> None:
    world.deploy(smoke(), *agents())
    world.put("smoke", "a", 0.5)
    world.put("smoke", "b", 0.5)
    world.put("key", "b")
    held = {
        (wake.agent, wake.subject): wake.guard_closed for wake in preview_of(world, smoke(weight=2.0), *agents()).wakes
    }
    assert (held["guarded", "a"], held["guarded", "b"]) == (True, False)
    held = {
        (wake.agent, wake.subject): wake.guard_closed for wake in preview_of(world, smoke(weight=0.5), *agents()).wakes
    }
    assert (held["closed", "a"], held["closed", "b"]) == (True, False)


MARKS = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.05, 2.0), st.integers(0, HOUR)), max_size=6)


@examples(0.4)
@given(
    MARKS,
    st.sampled_from(LAWS),
    st.sampled_from([0.2, 1.0, 3.0]),
    st.sampled_from([0.01, 0.4]),
    st.sampled_from([0.3, 0.9, 1.5]),
    st.booleans(),
)
def test_the_deployment_does_what_the_preview_says(
    marks: list[tuple[str, float, int]], law: Decay, weight: float, floor: float, level: float, claimed: bool
) -> None:
    with new_world() as world:
        world.deploy(smoke(), *agents())
        for subject, intensity, wait in marks:
            world.put("smoke", subject, intensity)
            world.advance(wait)
        if claimed:
            world.woken("watchman")
            world.woken("sum")
        world.evaporate()
        live = {mark.id for mark in world.board.marks("smoke")}
        known = {row.id for row in world.crossings()}
        kinds = smoke(law, weight=weight, floor=floor)
        found = preview_of(world, kinds, *agents(level))
        change = world.deploy(kinds, *agents(level))
        assert found.changes == change.changed
        new = [row for row in world.crossings() if row.id not in known]
        assert sorted((wake.subject or "", wake.mark_id or 0, wake.value) for wake in found.wakes) == sorted(
            (row.scope, row.mark_id, row.value) for row in new
        )
        assert {mark.mark_id for mark in found.evaporates} == live - {mark.id for mark in world.board.marks("smoke")}


CONDITIONS = st.sampled_from([
    strength("smoke") >= 0.5,
    strength("smoke") >= 0.9,
    strength("key") >= 0.5,
    total("smoke") >= 0.8,
    count("smoke", "key") >= 2,
    count("smoke", over="board") >= 1,
    count("smoke", "key", over="board") >= 1,
    total("smoke", over="board") >= 1.2,
    strongest("key", over="board") >= 0.4,
    (total("smoke") >= 0.6) & (count("key") >= 1),
    strength("smoke") < 0.5,
    strength("key") < 0.5,
    total("smoke") < 0.4,
    total("smoke", "key", over="board") < 1.0,
])  # fmt: skip


@examples(0.5)
@given(MARKS, CONDITIONS, CONDITIONS, st.integers(0, 2 * HOUR), st.booleans(), st.booleans())
def test_the_agenda_after_a_changed_watch_is_the_previewed_one(
    marks: list[tuple[str, float, int]], old: Any, new: Any, wait: int, guarded: bool, claimed: bool
) -> None:
    with new_world() as world:
        guard = {"only_if": count("door", over="board") >= 1} if guarded and not old.is_falling else {}
        kinds = {**smoke(), "door": kind("door")}
        world.deploy(kinds, spec("watchman", old, **guard))
        for number, (subject, intensity, pause) in enumerate(marks):
            world.put("key" if number % 3 == 2 else "smoke", subject, intensity)
            world.advance(pause)
        if claimed:
            world.woken("watchman")
        world.advance(wait)
        world.fire_all_due()
        changed = spec("watchman", new)
        found = preview_of(world, kinds, changed)
        waited = {row.id for row in world.crossings("waiting")}
        world.deploy(kinds, changed)
        previewed = [(wake.subject, wake.mark_id, wake.value) for wake in found.wakes]
        previewed += [(retest.subject, retest.mark_id, retest.value) for retest in found.retests if retest.stays]
        came = [
            (row.scope or None, row.mark_id or None, row.value)
            for row in world.crossings("waiting")
            if old != new or row.id not in waited
        ]
        assert sorted(previewed, key=repr) == sorted(came, key=repr)
        skipped = [row for row in world.crossings("skipped") if row.id in waited]
        assert len(skipped) == sum(not retest.stays for retest in found.retests)
        # Nothing is left behind, whatever the shapes of the two watches.
        world.work_off("watchman")
        world.advance(1000 * HOUR)
        world.evaporate()
        world.work_off("watchman")
        assert world.crossings("waiting") == []


def test_a_crossing_that_is_due_and_not_yet_recorded_is_previewed(world: World) -> None:
    world.deploy(smoke(), spec("cooler", strength("smoke") < 0.5), spec("gone", strength("smoke") < 0.5))
    world.put("smoke", "a")
    world.put("smoke", "b", 0.9)
    world.advance(2 * HOUR)
    same = spec("cooler", strength("smoke") < 0.5), spec("gone", strength("smoke") < 0.5)
    assert preview_of(world, smoke(), *same).wakes == ()
    changed = spec("cooler", strength("smoke") < 0.5, batch=3), spec("other", strength("smoke") >= 0.25)
    previewed = preview_of(world, smoke(), *changed).wakes
    world.deploy(smoke(), *changed)
    assert sorted((wake.agent, wake.subject) for wake in previewed) == sorted(
        (item.agent, item.subject) for item in world.board.agenda() if item.agent != "gone"
    )
    assert len(previewed) == 3


TIMED = st.sampled_from([
    strength("smoke") >= 0.5,
    total("smoke") >= 0.5,
    total("smoke", over="board") >= 0.5,
    count("smoke", within="10m") >= 1,
    strength("smoke") < 0.5,
    total("smoke") < 0.5,
    count("smoke", within="10m") < 1,
])  # fmt: skip
TIMINGS: list[dict[str, Any]] = [
    {},
    {"held_for": "5m"},
    {"held_for": "30m"},
    {"rewake_every": "5m"},
    {"clear": True},
    {"drops": True},
    {"drops": True, "held_for": "5m"},
    {"drops": True, "rewake_every": "5m"},
]


def timed(condition: Any, timing: dict[str, Any]) -> AgentSpec:
    settings = dict(timing)
    if settings.pop("clear", False):
        settings |= {"clear_above": 2.0} if condition.is_falling else {"clear_below": 0.3}
    if settings.pop("drops", False):
        settings["unless"] = count("door", over="board") >= 1
        settings |= {} if condition.is_falling else {"on_guard": "drop"}
    return spec("pager", watch(condition, **settings))


@examples(0.5)
@given(
    condition=TIMED,
    old=st.none() | st.sampled_from(TIMINGS),
    new=st.sampled_from(TIMINGS),
    law=st.sampled_from([Never(), Linear("20m")]),
    steps=st.lists(st.sampled_from(["put", "close", "claim", "notice", 1, 7]), max_size=6),
)
def test_the_preview_of_a_watch_over_time_is_what_the_deployment_does(
    condition: Any, old: dict[str, Any] | None, new: dict[str, Any], law: Decay, steps: list[Any]
) -> None:
    kinds = {"smoke": kind("smoke", law, on_repeat="separate"), "door": kind("door")}
    with new_world() as world:
        world.deploy(kinds, *([] if old is None else [timed(condition, old)]))
        for step in steps:
            if step == "put":
                world.put("smoke", "ab"[len(world.crossings()) % 2])
            elif step == "close":
                world.put("door", "all")
            elif step == "notice":
                world.fire_all_due()
            elif step != "claim":
                world.advance(step * MINUTE)
            elif old is not None:
                world.work_off("pager")
        known = {row.id for row in world.crossings()}
        waited = Counter((row.scope, row.mark_id, row.value) for row in world.crossings("waiting"))
        changed = timed(condition, new)
        found = preview_of(world, kinds, changed)
        world.deploy(kinds, changed)
        rows = [row for row in world.crossings() if row.id not in known and row.state != "withdrawn"]
        came = Counter((row.scope, row.mark_id, row.value) for row in rows)
        previewed = Counter((one.subject or "", one.mark_id or 0, one.value) for one in (*found.wakes, *found.retests))
        assert came <= previewed <= came + waited  # a crossing that waited is previewed if its watch changes
        stay = [retest for retest in found.retests if retest.stays]
        open_wakes = [wake for wake in found.wakes if not wake.guard_closed]
        if found.retests:
            assert len(world.crossings("waiting")) == len(stay) + len(open_wakes)


def test_the_preview_says_when_watches_over_time_would_cross_by_time_alone() -> None:
    kinds = {"smoke": kind("smoke", Linear("20m"), on_repeat="separate")}
    with new_world() as world:
        world.deploy(kinds)
        deposited = world.clock.now()
        world.put("smoke", "a")
        world.advance(MINUTE)
        lasting = spec("pager", watch(strongest("smoke") >= 0.5, held_for="5m"))
        too_long = spec("patient", watch(strongest("smoke") >= 0.5, held_for="15m"))
        found = preview_of(world, kinds, lasting, too_long)
        assert [(item.agent, item.subject) for item in found.timed_crossings] == [("pager", "a")]
        [item] = found.timed_crossings
        world.deploy(kinds, lasting, too_long)
        world.advance(HOUR)
        world.fire_all_due()
        [crossing] = world.crossings()
        assert from_datetime(item.crosses_at) == crossing.crossed_at > deposited
