"""The board's time is the latest of the clock, the last recorded instant, and the last that the process used.

A step back freezes strengths. Another process knows only the recorded instants.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard import Blackboard, ManualClock, SystemClock, agent, strength
from blackboard.clock import from_datetime
from blackboard.core.marks.decay import Exponential, Linear, Step
from blackboard.daemon import DaemonLoop
from blackboard.durations import HOUR, MINUTE
from tests.support.hypothesis_examples import examples
from tests.support.world import World, kind, spec


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
    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    world.put("smoke")
    world.advance(HOUR)
    world.put("smoke", "t")
    with Blackboard.open(world.url, clock=ManualClock()) as late:
        assert late.session.now() == world.clock.now()
        assert [mark.strength for mark in late.marks(subject="s")] == [pytest.approx(0.5)]


@pytest.mark.postgresql
@pytest.mark.parametrize("by", [0.000001, 0.4, 3000])
def test_no_process_goes_behind_an_instant_that_it_has_only_read(world: World, by: float) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    world.put("smoke")
    world.advance(HOUR)
    [before] = world.board.marks()
    world.clock.step(timedelta(seconds=-by))
    assert world.board.marks() == [before]
    with Blackboard.open(world.url, author="other", clock=world.clock) as second:  # in the same process
        assert second.marks() == [before]
        mark = second.deposit("smoke", subject="t")
    assert world.board.history("t")[0].recorded_at == before.as_of
    assert world.mark(mark.mark_id).deposited_at == world.board.session.now()


def test_a_board_keeps_its_own_instants(world: World, tmp_path: Path) -> None:
    world.board.marks()
    latest = world.board.session.now()
    world.clock.step(timedelta(hours=-1))
    with Blackboard.open(tmp_path / "other.db", clock=world.clock) as other:
        assert other.session.now() == latest - HOUR
    assert world.board.session.now() == latest


def test_all_system_clocks_are_one_clock() -> None:
    board = "test_all_system_clocks_are_one_clock"
    assert SystemClock().used.use(board, 5) == 5
    assert SystemClock().used.use(board, 3) == 5
    assert (SystemClock().used.latest(board), ManualClock().used.latest(board)) == (5, 0)


def test_an_instant_of_a_clock_that_is_not_believed_is_not_used(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    world.put("smoke")
    at = world.clock.now()
    world.clock.step(timedelta(days=500))
    assert world.strengths() == {"s": [1.0]}
    world.clock.set(at + HOUR)
    assert world.strengths() == {"s": [pytest.approx(0.5)]}


@pytest.mark.postgresql
@pytest.mark.parametrize("by", [0.4, 50])
def test_another_process_is_behind_only_until_the_daemon_notices(world: World, by: float) -> None:
    @agent(watches=strength("smoke") >= 5, name="watchman")
    def watchman(marks: object, context: object) -> None:
        return None

    world.deploy({"smoke": kind("smoke", Exponential("1h"))}, watchman.spec)
    world.put("smoke")
    daemon = DaemonLoop(world.board, [watchman])
    daemon.start()
    try:
        daemon.run_once()
        recorded = world.board.session.now()
        world.clock.advance(timedelta(seconds=60))
        read = world.board.session.now()
        world.clock.step(timedelta(seconds=-by))
        with Blackboard.open(world.url, clock=ManualClock(world.clock.now())) as other:
            assert recorded <= other.session.now() == world.clock.now() < read
        daemon.run_once()
        with Blackboard.open(world.url, clock=ManualClock(world.clock.now())) as other:
            assert other.session.now() == read
    finally:
        daemon.stop(now=True)
        daemon.close()


@pytest.mark.postgresql
@pytest.mark.parametrize("follows", [False, True])
def test_a_strength_follows_from_the_instant_from_which_the_share_counts(world: World, follows: bool) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    world.put("smoke", intensity=0.8)
    deposited = world.clock.now()
    world.advance(HOUR)
    changed = {"smoke": kind("smoke", Exponential("2h"), weight=1.5)}
    (world.deploy if follows else world.register)(changed)
    changed_at = world.board.session.now()
    world.advance(HOUR)
    for found in (world.board.marks(), world.board.marks(limit=1), world.board.marks(at=world.clock.now() + HOUR)):
        [mark] = found
        assert from_datetime(mark.reinforced_at) == deposited
        assert from_datetime(mark.fades_from) == changed_at
        assert mark.age_seconds == (from_datetime(mark.as_of) - changed_at) / 1e6
        assert mark.law == "exponential(half_life=2h)"
        share = 2 ** (-mark.age_seconds / 7200)
        assert mark.weight * mark.intensity * share == pytest.approx(mark.strength, rel=1e-9)
    [past] = world.board.marks(at=deposited + HOUR // 2)
    assert (past.fades_from, past.age_seconds, past.intensity) == (past.reinforced_at, 1800, 0.8)


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
    world.run_backfill()
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
@examples(0.3)
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
