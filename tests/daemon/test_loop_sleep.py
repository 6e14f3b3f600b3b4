"""The loop of a daemon sleeps until the first of its instants, and an event ends the sleep before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from blackboard import Blackboard, ManualClock, Mark
from blackboard.clock import LAST_INSTANT
from blackboard.daemon.loop.loop_sleep import LoopSleep
from blackboard.durations import DAY, MINUTE
from tests.support.bounds import BOUND_SECONDS

CENTURIES = LAST_INSTANT // 2
"""A tick that no test waits for."""


class Smoke(Mark, kind="smoke"):
    """A mark whose deposit ends a sleep."""


@pytest.fixture
def real_board(board_url: str) -> Iterator[Blackboard]:
    with Blackboard.open(board_url, author="person:ada", kinds=[Smoke]) as opened:
        yield opened


@pytest.fixture
def real_sleep(real_board: Blackboard) -> Iterator[LoopSleep]:
    sleep = LoopSleep(real_board, CENTURIES)
    sleep.start()
    yield sleep
    sleep.stop()


class Sleeper:
    """A thread that sleeps."""

    def __init__(self, sleep: Callable[[], None]) -> None:
        self.ended = threading.Event()

        def run() -> None:
            sleep()
            self.ended.set()

        threading.Thread(target=run, daemon=True).start()

    def ends(self) -> bool:
        """Wait for the end of the sleep."""
        return self.ended.wait(BOUND_SECONDS)


@pytest.mark.parametrize("ahead", [-MINUTE, 0, 1000], ids=["a minute ago", "now", "in a millisecond"])
def test_the_first_of_the_instants_ends_the_sleep(real_board: Blackboard, real_sleep: LoopSleep, ahead: int) -> None:
    first = real_board.clock.now() + ahead
    assert Sleeper(lambda: real_sleep.until_first([first + 365 * DAY, first], threads_work=True)).ends()
    assert not real_sleep.wake.is_set()


def test_an_event_ends_a_sleep_of_centuries(real_sleep: LoopSleep) -> None:
    sleeper = Sleeper(lambda: real_sleep.until_first([LAST_INSTANT], threads_work=False))
    real_sleep.wake.set()
    assert sleeper.ends()


def test_a_commit_ends_the_sleep(real_board: Blackboard, real_sleep: LoopSleep) -> None:
    sleeper = Sleeper(lambda: real_sleep.until_first([], threads_work=False))
    real_board.deposit(Smoke(subject="kitchen"))
    assert sleeper.ends()


def test_the_end_of_the_grace_ends_a_sleep_for_threads(real_board: Blackboard, real_sleep: LoopSleep) -> None:
    assert Sleeper(lambda: real_sleep.for_threads(real_board.clock.now() - 1)).ends()


def test_a_sleep_starts_no_thread(real_board: Blackboard, real_sleep: LoopSleep) -> None:
    before = threading.active_count()
    for days in range(1, 50):
        real_sleep.until_first([real_board.clock.now() - days * 365 * DAY], threads_work=False)
    assert threading.active_count() == before


def test_a_clock_that_leaps_by_years_ends_the_next_sleep_at_once(
    real_board: Blackboard, real_sleep: LoopSleep, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_a_year = real_board.clock.now() + 365 * DAY
    monkeypatch.setattr(type(real_board.clock), "now", lambda clock: in_a_year + 10 * 365 * DAY)
    assert Sleeper(lambda: real_sleep.until_first([in_a_year], threads_work=False)).ends()


def test_a_clock_that_is_set_back_delays_the_loop_by_at_most_a_tick(
    real_board: Blackboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = real_board.clock.now()
    monkeypatch.setattr(type(real_board.clock), "now", lambda clock: due - 10 * 365 * DAY)
    assert Sleeper(lambda: LoopSleep(real_board, 1000).until_first([due], threads_work=False)).ends()


def test_a_manual_clock_moves_to_the_first_instant(board: Blackboard, clock: ManualClock) -> None:
    start = clock.now()
    LoopSleep(board, DAY).until_first([start + 2 * MINUTE, start + MINUTE], threads_work=False)
    assert clock.now() == start + MINUTE
    LoopSleep(board, MINUTE).until_first([start + DAY], threads_work=False)
    assert clock.now() == start + 2 * MINUTE


def test_a_manual_clock_stands_still_while_threads_work(board: Blackboard, clock: ManualClock) -> None:
    start, sleep = clock.now(), LoopSleep(board, DAY)
    sleeper = Sleeper(lambda: sleep.until_first([start + MINUTE], threads_work=True))
    sleep.wake.set()
    assert sleeper.ends()
    assert clock.now() == start
