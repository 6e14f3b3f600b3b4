"""Law: the board's time is the later of the clock and the last recorded instant; a step back freezes strengths."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blackboard import strength
from blackboard.decay import Exponential, Linear, Step
from tests.board.world import HOUR, MINUTE, World, kind, spec


def test_a_clock_that_steps_back_freezes_strengths_and_never_raises_them(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    world.put("smoke")
    world.advance(HOUR)
    world.put("smoke", "other")
    world.advance(-2 * HOUR)
    assert world.strengths()["s"] == [pytest.approx(0.5)]
    world.put("smoke", "third")
    assert world.strengths() == {"s": [pytest.approx(0.5)], "other": [1.0], "third": [1.0]}


def test_time_continues_when_the_clock_has_caught_up(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    at = world.clock.now()
    world.advance(HOUR)
    world.put("smoke")
    world.clock.set(at)
    frozen = world.board.session.now()
    world.put("smoke", "t")
    world.clock.set(frozen + HOUR)
    assert world.strengths() == {"s": [pytest.approx(0.5)], "t": [pytest.approx(0.5)]}


@pytest.mark.postgresql
def test_another_process_sees_the_recorded_time_too(world: World) -> None:
    from blackboard import Blackboard, ManualClock

    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    world.put("smoke")
    world.advance(HOUR)
    world.put("smoke", "t")
    with Blackboard.open(world.url, clock=ManualClock()) as late:
        assert late.session.now() == world.clock.now()
        assert [view.strength for view in late.marks(subject="s")] == [pytest.approx(0.5)]


def test_no_view_shows_a_negative_age(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    world.put("smoke")
    world.advance(-HOUR)
    [view] = world.board.marks()
    assert (view.age_seconds, view.strength) == (0, 1.0)
    assert view.as_of == view.deposited_at


def test_a_late_backfill_never_moves_the_boards_time_back(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    world.put("smoke")
    world.register({"smoke": kind("smoke", Linear("1h"))})
    world.advance(HOUR / 2)
    world.put("smoke", "other")
    latest = world.board.session.now()
    world.follow()
    world.clock.set(0)
    assert world.board.session.now() == latest


@pytest.mark.parametrize("swept", [True, False])
def test_a_mark_evaporates_at_its_stored_instant_and_not_before(world: World, swept: bool) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), floor=0.25)})
    mark = world.put("smoke").mark_id
    end = world.mark(mark).evaporates_at
    assert end is not None
    world.clock.set(end - 1)
    if swept:
        assert world.evaporate() == 0
    assert len(world.board.marks()) == 1
    world.clock.set(end)
    if swept:
        assert world.evaporate() == 1
    assert world.board.marks() == []


@given(half_life=st.integers(1, 10**9), threshold=st.floats(0.02, 0.99), intensity=st.floats(1, 100))
@settings(max_examples=25)
def test_a_stored_instant_decides_a_crossing_despite_rounding(
    half_life: int, threshold: float, intensity: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from blackboard.durations import Microseconds

    world = World(tmp_path_factory.mktemp("board") / "board.db")
    world.deploy(
        {"smoke": kind("smoke", Exponential(Microseconds(half_life)))},
        spec("watchman", strength("smoke") < threshold),
    )
    world.put("smoke", intensity=intensity)
    [(due,)] = world.sql("SELECT due_at FROM predicted_crossing")
    world.clock.set(due - 1)
    assert world.fire_due() == 0
    world.clock.set(due)
    assert world.fire_due() == 1
    [crossing] = world.crossings("waiting")
    assert crossing.crossed_at == crossing.noticed_at == due
    world.close()


def test_a_step_back_over_a_crossing_does_not_fire_it_twice(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Step("1h"))}, spec("watchman", strength("smoke") < 0.5))
    world.put("smoke")
    world.advance(HOUR)
    world.evaporate()
    world.advance(-30 * MINUTE)
    world.evaporate()
    world.advance(30 * MINUTE)
    world.evaporate()
    assert len(world.crossings()) == 1
