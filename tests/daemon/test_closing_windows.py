"""A daemon that runs until nothing is left to do ends batch windows early, as soon as nothing can come into them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from blackboard import Blackboard, Daemon, Exponential, ManualClock, Mark, Never, agent, strength
from blackboard.clock import to_datetime
from blackboard.daemon import DaemonLoop
from blackboard.testing.board_replay import Replay


class Ore(Mark, kind="ore", decay=Exponential("1m")):
    """What wakes the agents."""


class Ingot(Mark, kind="ingot", decay=Never()):
    """What the first agent makes of it."""


def test_the_earliest_window_ends_first_and_what_it_brings_joins_the_next(
    board: Blackboard, clock: ManualClock
) -> None:
    start, woken = to_datetime(clock.now()), []

    @agent(watches=strength(Ore) >= 0.5, writes=[Ingot], batch_window="5m")
    def smelter(ores: list[Ore], context: Any) -> list[Ingot]:
        woken.append(("smelter", context.now, len(ores)))
        return [Ingot(subject=ore.subject) for ore in ores]

    @agent(watches=strength(Ingot) >= 0.5, batch_window="20m")
    def dealer(ingots: list[Ingot], context: Any) -> None:
        woken.append(("dealer", context.now, len(ingots)))

    board.deploy(smelter, dealer)
    board.deposit(Ingot(subject="old"))
    for subject in ("a", "b"):
        board.deposit(Ore(subject=subject))
    report = Daemon(board, [smelter, dealer]).run(until_quiescent=True)
    assert report.lines == ()
    assert [(name, marks) for name, _, marks in woken] == [("smelter", 2), ("dealer", 3)]
    assert all(at - start < timedelta(seconds=1) for _, at, _ in woken)


def test_a_window_stays_open_while_something_is_due_before_its_end(board: Blackboard, clock: ManualClock) -> None:
    start, woken = to_datetime(clock.now()), []

    def note(name: str, at: datetime) -> None:
        woken.append((name, round((at - start).total_seconds())))

    @agent(watches=strength(Ore) >= 0.5, batch_window="5m")
    def smelter(ores: list[Ore], context: Any) -> None:
        note("smelter", context.now)

    @agent(watches=strength(Ore) < 0.25)
    def sweeper(ores: list[Ore], context: Any) -> None:
        note("sweeper", context.now)

    board.deploy(smelter, sweeper)
    board.deposit(Ore(subject="a"))
    Daemon(board, [smelter, sweeper]).run(until_quiescent=True)
    assert woken == [("sweeper", 120), ("smelter", 120)]


def test_a_service_keeps_its_windows(board: Blackboard, clock: ManualClock) -> None:
    start, woken = to_datetime(clock.now()), []

    @agent(watches=strength(Ore) >= 0.5, batch_window="5m")
    def smelter(ores: list[Ore], context: Any) -> None:
        woken.append(context.now - start)

    board.deploy(smelter)
    board.deposit(Ore(subject="a"))
    with Replay(board, DaemonLoop(board, [smelter])) as service:
        service.run_until(start + timedelta(minutes=4))
        assert woken == []
        service.run_until(start + timedelta(minutes=6))
    assert woken == [timedelta(minutes=5)]
