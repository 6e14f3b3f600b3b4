"""A deposit may name a law of its own; it never changes the law of a mark that others deposited."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from blackboard import count, strength, total
from blackboard.clock import iso, to_datetime
from blackboard.core.marks.decay import Curve, Decay, Exponential, Linear, Never, Power, Step
from blackboard.durations import HOUR, MINUTE
from blackboard.errors import InvalidMark, LawConflict, UsageError
from tests.support.sum_checks import check_sums
from tests.support.world import World, kind, spec

LAWS: list[Decay] = [Exponential("2h"), Linear("3h"), Power("20m", 1.5), Step("90m"), Curve([("1h", 0.5)]), Never()]


def law_of(world: World, mark_id: int) -> tuple[str, bool]:
    mark = next(mark for mark in world.board.marks() if mark.id == mark_id)
    return mark.law, mark.own_law


def strength_of(world: World, mark_id: int) -> float:
    return next(mark.strength for mark in world.board.marks() if mark.id == mark_id)


# -- when a law is accepted


@pytest.mark.parametrize("on_repeat", ["separate", "replace"])
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_kinds_that_never_join_accept_every_law(world: World, on_repeat: str, law: Decay) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat=on_repeat)})
    world.put("smoke", decay=Never())
    receipt = world.put("smoke", intensity=0.5, decay=law)
    assert law_of(world, receipt.mark_id) == (str(law), True)
    assert receipt.strength == 0.5


def test_replace_takes_the_law_of_the_newcomer_even_if_it_names_none(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="replace")})
    first = world.put("smoke", until="2030-01-01")
    assert law_of(world, first.mark_id)[1]
    again = world.put("smoke", intensity=0.2)
    assert (again.mark_id, law_of(world, again.mark_id)) == (first.mark_id, ("exponential(half_life=1h)", False))


@pytest.mark.postgresql
@pytest.mark.parametrize("on_repeat", ["add", "max"])
@pytest.mark.parametrize("intensity", [0.05, 1.0])
def test_another_law_than_that_of_the_live_mark_is_refused(world: World, on_repeat: str, intensity: float) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat=on_repeat)})
    first = world.put("smoke", intensity=0.5, decay=Never())
    before, events = world.mark(first.mark_id), len(world.board.history("s"))
    for law in (Exponential("1h"), Linear("9h")):
        with pytest.raises(LawConflict) as caught:
            world.put("smoke", intensity=intensity, decay=law, key="k")
        for words in (f"mark {first.mark_id} ", "never", str(law), "withdraw"):
            assert words in str(caught.value)
    assert isinstance(caught.value, UsageError)
    assert (world.mark(first.mark_id), len(world.board.history("s"))) == (before, events)
    assert world.put("smoke", "t", intensity, decay=Linear("9h"), key="k").outcome == "deposited"


@pytest.mark.parametrize("on_repeat", ["add", "max"])
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_an_equal_law_joins(world: World, on_repeat: str, law: Decay) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat=on_repeat)})
    first = world.put("smoke", intensity=0.5, decay=law)
    world.advance(10 * MINUTE)
    again = world.put("smoke", intensity=0.7, decay=type(law)(**{k: v for k, v in law.spec().items() if k != "law"}))
    assert (again.outcome, again.mark_id) == ("reinforced", first.mark_id)
    assert law_of(world, first.mark_id) == (str(law), True)


@pytest.mark.parametrize("on_repeat", ["add", "max"])
def test_fixed_ends_are_compared_by_their_instants(world: World, on_repeat: str) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat=on_repeat)})
    end = world.clock.now() + 10 * HOUR
    first = world.put("smoke", intensity=0.5, until=end)
    world.advance(HOUR)
    again = world.put("smoke", intensity=0.7, until=to_datetime(end).astimezone())
    assert again.mark_id == first.mark_id
    world.advance(HOUR)
    world.put("smoke", intensity=0.9, decay=Step("8h", fixed=True))
    assert world.mark(first.mark_id).evaporates_at == end
    with pytest.raises(LawConflict, match=iso(end)):
        world.put("smoke", until=end + 1)
    with pytest.raises(LawConflict):
        world.put("smoke", decay=Step("8h"))  # its end would move with each deposit
    world.advance(8 * HOUR)
    assert world.put("smoke", until=end + HOUR).outcome == "deposited"  # the mark has evaporated


@pytest.mark.parametrize("on_repeat", ["add", "max"])
@pytest.mark.parametrize("law", [*LAWS, Step("5h", fixed=True)], ids=str)
def test_a_deposit_that_names_no_law_joins_under_the_law_of_the_mark(world: World, on_repeat: str, law: Decay) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat=on_repeat)})
    first = world.put("smoke", intensity=0.05, decay=law)
    world.advance(HOUR)
    again = world.put("smoke", intensity=1.0)
    mark = world.mark(first.mark_id)
    assert (again.mark_id, mark.own_law) == (first.mark_id, 1)
    assert again.strength >= 1.0
    assert mark.law.startswith(law.name)
    if law.ends_fixed:
        assert mark.evaporates_at == mark.deposited_at + 5 * HOUR
    else:
        assert mark.law == str(law)


def test_a_strong_mark_of_an_hour_never_becomes_strong_for_ever(world: World) -> None:
    for on_repeat in ("add", "max"):
        world.deploy({on_repeat: kind(on_repeat, Exponential("1h"), on_repeat=on_repeat)})
        world.put(on_repeat, intensity=0.05, decay=Never())
        with pytest.raises(LawConflict):
            world.put(on_repeat, intensity=1.0, decay=Exponential("1h"))
        world.advance(24 * HOUR)
        assert world.strengths(kind=on_repeat) == {"s": [0.05]}


def test_an_instant_stays_the_same_if_the_clock_was_in_doubt_at_the_deposit(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Step("5h"), on_repeat="separate")})
    leap = 2000 * 24 * HOUR
    end = world.clock.now() + leap + HOUR
    world.advance(leap)
    other, until = world.put("smoke"), world.put("smoke", until=end)
    assert world.board.status().doubted_clock is not None
    world.board.resume()
    assert world.mark(other.mark_id).evaporates_at == world.clock.now() + 5 * HOUR
    assert world.mark(until.mark_id).evaporates_at == end
    world.advance(HOUR)
    assert [mark.id for mark in world.board.marks("smoke")] == [other.mark_id]


def test_of_several_live_marks_the_latest_counts(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="separate")})
    world.put("smoke", decay=Never())
    latest = world.put("smoke", decay=Linear("9h"))
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="add")})
    with pytest.raises(LawConflict, match=f"mark {latest.mark_id} "):
        world.put("smoke", decay=Never())
    assert world.put("smoke", decay=Linear("9h")).mark_id == latest.mark_id


def test_decay_and_until_together_are_refused(world: World) -> None:
    world.deploy({"smoke": kind("smoke")})
    with pytest.raises(InvalidMark, match="only one"):
        world.put("smoke", decay=Never(), until="2030-01-01")


# -- which laws are a mark's own


def test_a_law_that_equals_that_of_the_kind_at_the_deposit_is_not_the_marks_own(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="separate")})
    same, own = world.put("smoke", decay=Exponential("60m")), world.put("smoke", decay=Exponential("2h"))
    assert law_of(world, same.mark_id) == ("exponential(half_life=1h)", False)
    assert law_of(world, own.mark_id) == ("exponential(half_life=2h)", True)
    world.deploy({"smoke": kind("smoke", Exponential("2h"), on_repeat="separate")})  # equal now, but still its own
    assert law_of(world, same.mark_id) == ("exponential(half_life=2h)", False)
    assert law_of(world, own.mark_id) == ("exponential(half_life=2h)", True)
    world.deploy({"smoke": kind("smoke", Linear("5h"), on_repeat="separate")})
    assert law_of(world, same.mark_id) == ("linear(lifetime=5h)", False)
    assert law_of(world, own.mark_id) == ("exponential(half_life=2h)", True)


@pytest.mark.postgresql
@pytest.mark.parametrize("follow_first", [True, False])
@pytest.mark.parametrize("limit", [1, 1000])
def test_marks_follow_a_change_of_law_and_those_with_their_own_keep_it(
    world: World, follow_first: bool, limit: int
) -> None:
    """The two kinds of marks have the same law, whose text alone does not tell them apart."""
    agent = spec("watchman", total("smoke", over="board") >= 100)
    world.deploy({"smoke": kind("smoke", Linear("4h"), on_repeat="separate")}, agent)
    own = [world.put("smoke", f"own{n}", decay=Exponential("1h")).mark_id for n in range(3)]
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="separate")}, agent)
    others = [world.put("smoke", f"other{n}").mark_id for n in range(3)]
    world.advance(HOUR)
    world.register({"smoke": kind("smoke", Never(), on_repeat="separate")}, agent)
    if follow_first:
        world.run_backfill(limit)
    world.advance(HOUR)
    expected = {**dict.fromkeys(own, 0.25), **dict.fromkeys(others, 0.5)}
    assert {mark.id: mark.strength for mark in world.board.marks()} == pytest.approx(expected)
    assert {mark.id: mark.own_law for mark in world.board.marks()} == {
        **dict.fromkeys(own, True),
        **dict.fromkeys(others, False),
    }
    world.board.session.write(check_sums)
    world.run_backfill(limit)
    assert {mark.id: mark.strength for mark in world.board.marks()} == pytest.approx(expected)
    assert {world.mark(mark_id).law for mark_id in own} == {"exponential(half_life=1h)"}
    assert {world.mark(mark_id).law for mark_id in others} == {"never"}
    assert world.sql("SELECT count(*) FROM law_change") == [(0,)]
    world.board.session.write(check_sums)


def test_a_new_floor_concerns_marks_with_their_own_law_too(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Linear("4h"), on_repeat="separate", floor=0.01)})
    own = world.put("smoke", "own", decay=Exponential("1h")).mark_id
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="separate", floor=0.01)})
    other = world.put("smoke", "other").mark_id
    world.deploy({"smoke": kind("smoke", Never(), on_repeat="separate", floor=0.25)})  # the law, and the floor
    assert world.mark(own).evaporates_at == world.mark(own).deposited_at + 2 * HOUR + 1
    assert (world.mark(other).law, world.mark(other).evaporates_at) == ("never", None)


def test_reinforced_marks_of_a_kind_with_a_fixed_end_follow_a_change_of_law(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Step("5h", fixed=True), on_repeat="add")})
    mark = world.put("smoke").mark_id
    world.advance(HOUR)
    world.put("smoke")
    assert law_of(world, mark) == ("step(lasting=4h, fixed=True)", False)
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="add")})
    world.advance(HOUR)
    assert law_of(world, mark) == ("exponential(half_life=1h)", False)
    assert strength_of(world, mark) == pytest.approx(1.0)


@pytest.mark.parametrize("at", ["now", "then"])
def test_a_reading_of_the_past_says_what_was_a_marks_own_law(world: World, at: str) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="replace")})
    world.put("smoke", decay=Never())
    then = world.clock.now()
    world.advance(HOUR)
    world.put("smoke", intensity=0.5)
    [mark] = world.board.marks(at=then if at == "then" else None)
    assert (mark.own_law, mark.law) == ((True, "never") if at == "then" else (False, "exponential(half_life=1h)"))


# -- who shows them


def test_the_preview_counts_marks_with_a_law_of_their_own(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h")), "fire": kind("fire")})
    for subject in "abc":
        world.put("smoke", subject, decay=Linear("9h"))
    world.put("smoke", "d")
    world.put("smoke", "e", until=world.clock.now() + MINUTE)
    world.advance(HOUR)
    assert world.board.preview(world.deployment).own_laws == {"smoke": 3}


def test_an_explanation_lists_the_marks_with_own_laws_that_a_watch_or_its_guard_measures(world: World) -> None:
    kinds: dict[str, Any] = {
        name: kind(name, Exponential("1h"), on_repeat="separate") for name in ("smoke", "key", "x")
    }
    world.deploy(kinds, spec("watchman", strength("smoke") >= 0.5, only_if=count("key") >= 1))
    expected = [
        (world.put(name, "a", decay=Linear("9h")).mark_id, name, "a", "linear(lifetime=9h)")
        for name in ("smoke", "key")
    ]
    world.put("x", "a", decay=Linear("9h"))
    other = world.put("smoke", "b", decay=Never())
    world.put("smoke", "a")
    [watch] = world.board.explain("watchman", "a").watches
    assert [(own.mark_id, own.kind, own.subject, own.law) for own in watch.own_laws] == expected
    assert watch.own_laws[0].evaporates_at == to_datetime(world.clock.now()) + timedelta(hours=9)
    [watch] = world.board.explain("watchman").watches
    assert [own.mark_id for own in watch.own_laws] == [expected[0][0], other.mark_id, expected[1][0]]
