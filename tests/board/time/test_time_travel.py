"""The board can be read as of any instant, past or future."""

from __future__ import annotations

import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard import total
from blackboard.board.reading import past_marks
from blackboard.core.marks.decay import Decay, Exponential, Linear, Never, Power, Step
from blackboard.durations import HOUR, MINUTE
from blackboard.errors import LawConflict
from tests.support.hypothesis_examples import examples
from tests.support.sum_checks import check_sums
from tests.support.world import World, kind, spec


def seen(world: World, at: int | None = None) -> dict[int, float]:
    return {mark.id: mark.strength for mark in world.board.marks(at=at)}


actions = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"), st.sampled_from("abc"), st.sampled_from([0.05, 0.3, 0.6, 1.0]), st.sampled_from([0, 1, 2])
        ),
        st.tuples(st.just("withdraw"), st.integers(0, 5)),
        st.tuples(st.just("law"), st.sampled_from([Exponential("1h"), Linear("2h"), Step("1h"), Power("1h", 1)])),
        st.tuples(st.just("weight"), st.sampled_from([0.5, 1.0, 2.0])),
        st.tuples(st.just("floor"), st.sampled_from([0.01, 0.1, 0.5])),
        st.tuples(st.just("sweep")),
        st.tuples(st.just("follow")),
    ),
    max_size=14,
)


@given(
    on_repeat=st.sampled_from(["add", "replace", "separate"]),
    actions=actions,
    waits=st.lists(st.integers(1, 50 * MINUTE), min_size=14, max_size=14),
)
@examples(0.5)
def test_a_past_reading_equals_the_reading_at_that_time_and_a_future_reading_comes_true(
    on_repeat: str, actions: list[tuple[object, ...]], waits: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = World(tmp_path_factory.mktemp("board") / "board.db")
    settings_: dict[str, object] = {"decay": Exponential("1h"), "weight": 1.0, "floor": 0.01}
    world.deploy({"smoke": kind("smoke", on_repeat=on_repeat, **settings_)})  # type: ignore[arg-type]
    snapshots: list[tuple[int, dict[int, float]]] = []
    for (action, *values), wait in zip(actions, waits, strict=False):
        world.advance(wait)
        if action == "put":
            law = [None, Never(), Step("30m")][values[2]]  # type: ignore[call-overload]
            with contextlib.suppress(LawConflict):
                world.put("smoke", values[0], values[1], decay=law)  # type: ignore[arg-type]
        elif action == "withdraw":
            live = sorted(seen(world))
            if live:
                world.board.withdraw(live[values[0] % len(live)])  # type: ignore[operator]
        elif action == "sweep":
            world.evaporate()
        elif action == "follow":
            world.run_backfill()
        else:
            settings_["decay" if action == "law" else action] = values[0]  # type: ignore[index]
            world.register({"smoke": kind("smoke", on_repeat=on_repeat, **settings_)})  # type: ignore[arg-type]
        snapshots.append((world.board.session.now(), seen(world)))
        world.advance(1)
        world.board.session.write(lambda txn: None, record_instant=True)
    for at, then in snapshots:
        assert seen(world, at) == pytest.approx(then, rel=1e-9)
        strongest = {mark.id: mark.strength for mark in world.board.marks("smoke", at=at, limit=2)}
        assert len(strongest) == min(2, len(then))
        assert sorted(strongest.values()) == pytest.approx(sorted(then.values())[-2:], rel=1e-9)
        assert {number: then[number] for number in strongest} == pytest.approx(strongest, rel=1e-9)
    world.run_backfill()
    for at, then in snapshots:
        assert seen(world, at) == pytest.approx(then, rel=1e-9)
    ahead = world.board.session.now() + waits[0]
    forecast = seen(world, ahead)
    world.clock.set(ahead)
    assert seen(world) == pytest.approx(forecast, rel=1e-9)
    world.close()


@pytest.mark.postgresql
def test_a_past_reading_has_the_payload_and_the_author_of_that_time(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Never(), on_repeat="replace")})
    world.put("smoke", payload={"detail": "thin"})
    at = world.clock.now()
    world.advance(HOUR)
    world.put("smoke", payload={"detail": "thick"})
    [view] = world.board.marks(at=at)
    assert (view.payload, view.reinforcements, view.author) == ({"detail": "thin"}, 0, "person:ada")
    [view] = world.board.marks()
    assert (view.payload, view.reinforcements) == ({"detail": "thick"}, 1)


@pytest.mark.postgresql
def test_filters_and_order_are_the_same_at_any_instant(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h")), "fire": kind("fire", Never())})
    for i in range(5):
        world.put("smoke", f"s{i}", 1 - i / 10)
    world.put("fire", "s1", 0.1)
    at = world.clock.now()
    world.advance(HOUR)
    world.put("fire", "s2", 0.2)
    for options in (
        {"kind": "smoke", "limit": 2},
        {"subject": "s1"},
        {"min_strength": 0.75},
        {"kind": "fire", "subject": "s1"},
    ):
        past = [(mark.id, mark.strength) for mark in world.board.marks(at=at, **options)]
        assert past
        assert past == sorted(past, key=lambda pair: -pair[1])
    assert [mark.subject for mark in world.board.marks("smoke", limit=2)] == ["s0", "s1"]
    assert [mark.subject for mark in world.board.marks("smoke", limit=2, at=at + 9 * HOUR)] == ["s0", "s1"]


@pytest.mark.postgresql
def test_the_strongest_of_a_kind_are_the_same_by_index_and_by_scan(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="separate", floor=0.01)})
    laws = [None, Never(), Linear("5h"), Power("1h", 2), Step("3h"), Exponential("2h")]
    for i in range(60):
        world.put("smoke", f"s{i}", 0.1 + (i * 37 % 61) / 61, decay=laws[i % 6])
        world.advance(MINUTE)
    by_index = [mark.id for mark in world.board.marks("smoke", limit=20)]
    by_scan = [mark.id for mark in world.board.marks("smoke")][:20]
    assert by_index == by_scan


@pytest.mark.postgresql
@pytest.mark.parametrize("law", [Exponential("1h"), Power("1s", 100.0)], ids=str)
def test_a_mark_that_is_older_than_any_share_is_still_read(world: World, law: Decay) -> None:
    """With a floor of 0 it never evaporates. PostgreSQL refuses to compute a share that is too small for a float."""
    world.deploy(
        {"smoke": kind("smoke", law, floor=0.0, on_repeat="separate")}, spec("w", total("smoke", over="board") >= 5)
    )
    world.put("smoke", "old")
    for _ in range(6):
        world.advance(300 * 24 * HOUR)
        world.board.session.write(lambda txn: None, record_instant=True)
        world.put("smoke", "new")
        assert world.strengths()["old"] == [pytest.approx(0.0)]
        world.board.session.write(check_sums)


@pytest.mark.postgresql
def test_the_strongest_at_a_past_instant_are_the_same_from_the_marks_of_now_and_from_the_history(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = {"smoke": kind("smoke", Exponential("1h"), on_repeat="add"), "ash": kind("ash", Linear("90m"), floor=0.05)}
    world.deploy(kinds)
    rng, instants = random.Random(7), []
    for number in range(120):
        name = rng.choice(["smoke", "ash"])
        world.put(name, f"s{rng.randrange(25)}", 0.1 + rng.random())
        world.advance(rng.randrange(4 * MINUTE))
        if number % 10 == 5:
            live = sorted(mark.id for mark in world.board.marks("smoke"))
            world.board.withdraw(rng.choice(live))
        if number % 17 == 0:
            world.evaporate()
        if number % 8 == 0:
            instants.append(world.clock.now())
            world.advance(1)

    def readings() -> list[list[tuple[int, float, int]]]:
        return [
            [(mark.id, round(mark.strength, 9), mark.event_id) for mark in world.board.marks(name, at=at, limit=limit)]
            for at in instants
            for name in ("smoke", "ash")
            for limit in (1, 5, 100)
        ]

    quick = readings()
    assert sum(map(len, quick)) > 300
    monkeypatch.setattr(past_marks, "MAX_LATER_EVENTS", 0)
    assert readings() == quick
