"""The daemon wakes each agent with exactly its marks, and every activation ends in the database.

The clock advances when a daemon waits, so that hours pass without a delay.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from blackboard import Blackboard, ManualClock, Mark, agent, count, strength, total, watch
from blackboard.clock import to_datetime
from blackboard.core.agents.agent_definition import Agent
from blackboard.daemon import DaemonLoop, RemainingWork
from blackboard.settings.sections import DaemonSection
from blackboard.testing.board_replay import Replay
from tests.daemon.smoke_boards import Alarm, Seat, Smoke, Verdict, deploy, run_until_quiescent, smoke
from tests.support.bounds import BOUND_SECONDS
from tests.support.threads import join_all


def test_an_agent_is_woken_with_crossed_marks_and_deposits_in_its_own_name(board: Blackboard) -> None:
    @agent(watches=strength(Smoke) >= 0.7, writes=[Alarm], batch=10)
    def watchman(smokes: list[Smoke], context: Any) -> list[Alarm]:
        return [Alarm(subject=item.subject, level=round(10 * item.strength)) for item in smokes]

    deploy(board, watchman)
    smoke(board, "kitchen", 0.8)
    smoke(board, "cellar", 0.3)
    assert run_until_quiescent(board, watchman).lines == ()
    (alarm,) = board.marks(Alarm)
    assert (alarm.subject, alarm.level, alarm.author) == ("kitchen", 8, "watchman")


def test_an_async_agent_is_awaited(board: Blackboard) -> None:
    @agent(watches=strength(Smoke) >= 0.7, writes=[Alarm])
    async def watchman(smokes: list[Smoke], context: Any) -> Alarm:
        return Alarm(subject=smokes[0].subject, level=1)

    deploy(board, watchman)
    smoke(board)
    run_until_quiescent(board, watchman)
    assert len(board.marks(Alarm)) == 1


def test_a_mark_reinforced_during_its_activation_wakes_the_agent_again(board: Blackboard) -> None:
    seen: list[float] = []

    @agent(watches=strength(Smoke) >= 0.7)
    def watchman(smokes: list[Smoke], context: Any) -> None:
        seen.append(round(smokes[0].strength, 3))
        if len(seen) == 1:
            smoke(board, intensity=0.2)

    deploy(board, watchman)
    smoke(board)
    run_until_quiescent(board, watchman)
    assert seen == [0.8, 1.0]


def test_an_agent_deployed_later_receives_the_live_marks(board: Blackboard) -> None:
    seen: list[str] = []

    @agent(watches=strength(Smoke) >= 0.7, batch=10)
    def watchman(smokes: list[Smoke], context: Any) -> None:
        seen.extend(item.subject for item in smokes)

    deploy(board)
    smoke(board, "kitchen", 0.75)
    smoke(board, "cellar", 0.9)
    run_until_quiescent(board, watchman)
    assert seen == ["cellar", "kitchen"]


def test_a_falling_watch_wakes_once_at_the_instant_given_by_the_law(board: Blackboard, clock: ManualClock) -> None:
    seen: list[tuple[str, str]] = []

    @agent(watches=strength(Smoke) < 0.4)
    def watchman(smokes: list[Smoke], context: Any) -> None:
        seen.append((smokes[0].subject, context.now.isoformat()))

    deploy(board, watchman)
    smoke(board, intensity=0.8)
    start = clock.now()
    report = run_until_quiescent(board, watchman)
    assert seen == [], "a fall in the future is not waited for"
    assert report.lines == ("the next falling watch crosses at 2026-01-05T10:00:00.000001Z",)
    clock.set(start + 3_600_000_000 + 1)
    run_until_quiescent(board, watchman)
    clock.advance(timedelta(hours=1))
    run_until_quiescent(board, watchman)
    assert seen == [("kitchen", "2026-01-05T10:00:00.000001+00:00")]


def test_a_crossing_noticed_late_keeps_its_true_time(board: Blackboard, clock: ManualClock) -> None:
    @agent(watches=strength(Smoke) < 0.4)
    def watchman(smokes: list[Smoke], context: Any) -> None:
        pass

    deploy(board, watchman)
    smoke(board, intensity=0.8)
    clock.advance(timedelta(hours=5))
    run_until_quiescent(board, watchman)
    (only,) = board.activations()
    assert only.crossed_at == datetime(2026, 1, 5, 10, 0, 0, 1, tzinfo=UTC)
    assert only.started_at == datetime(2026, 1, 5, 14, tzinfo=UTC)


def test_a_batch_window_waits_for_more_marks_until_one_is_urgent(board: Blackboard, clock: ManualClock) -> None:
    batches: list[list[str]] = []

    @agent(watches=strength(Smoke) >= 0.1, batch=3, batch_window="10m", urgent_above=2.0)
    def watchman(smokes: list[Smoke], context: Any) -> None:
        batches.append(sorted(item.subject for item in smokes))

    deploy(board, watchman)
    end_of_window = to_datetime(clock.now()) + timedelta(minutes=10)
    smoke(board, "a")
    with Replay(board, DaemonLoop(board, [watchman])) as service:
        service.run_until(end_of_window - timedelta(microseconds=1))
        assert batches == [], "a part-filled batch waits for its batch window"
        service.run_until(end_of_window)
        for subject in "bcd":
            smoke(board, subject)
        service.run_until(end_of_window)
        assert batches == [["a"], ["b", "c", "d"]], "a full batch does not wait"
        smoke(board, "e")
        smoke(board, "f", 2.5)
        service.run_until(end_of_window)
    assert batches == [["a"], ["b", "c", "d"], ["e", "f"]], "an urgent mark takes the others along"


def test_a_cooldown_defers_and_drops_nothing(board: Blackboard, clock: ManualClock) -> None:
    at: list[int] = []

    @agent(watches=strength(Smoke) >= 0.1, batch=1, cooldown="30m")
    def watchman(smokes: list[Smoke], context: Any) -> None:
        at.append(clock.now())

    deploy(board, watchman)
    for subject in "abc":
        smoke(board, subject, 5)
    run_until_quiescent(board, watchman)
    assert [later - earlier for earlier, later in pairwise(at)] == [1_800_000_000] * 2


def test_a_stopped_daemon_does_not_report_a_batch_window_as_ready(board: Blackboard, clock: ManualClock) -> None:
    @agent(watches=strength(Smoke) >= 0.1, batch=3, batch_window="10m")
    def watchman(smokes: list[Smoke], context: Any) -> None: ...

    def left() -> str:
        return board.session.read(lambda txn: RemainingWork.of(txn, {"watchman"})).lines[0]

    deploy(board, watchman)
    smoke(board, "kitchen")
    assert left() == "watchman.watch: 1 on the agenda, in its batch window"
    clock.advance(timedelta(minutes=10))
    assert left() == "watchman.watch: 1 on the agenda, ready"


def test_a_guard_defers_until_fading_opens_it(board: Blackboard, clock: ManualClock) -> None:
    at: list[int] = []

    @agent(watches=watch(strength(Alarm) >= 1, unless=strength(Smoke) >= 0.4))
    def medic(alarms: list[Alarm], context: Any) -> None:
        at.append(clock.now())

    deploy(board, medic)
    smoke(board, "ward", 0.8)
    begin = clock.now()
    board.deposit(Alarm(subject="ward", level=1))
    report = run_until_quiescent(board, medic)
    assert at == []
    assert report.lines[0] == "medic.watch: 1 on the agenda, deferred by a guard"
    verdict = board.explain("medic", "ward").watches[0].verdict
    assert "guard defers it until 2026-01-05T10:00:00.000001Z" in verdict
    clock.set(begin + 3_600_000_001)
    run_until_quiescent(board, medic)
    assert at == [begin + 3_600_000_001]


def test_isolated_marks_get_their_own_activations(board: Blackboard) -> None:
    batches: list[list[str]] = []

    def odd(mark: Mark) -> bool:
        return isinstance(mark, Smoke) and mark.detail == "odd"

    @agent(watches=strength(Smoke) >= 0.1, batch=10, isolate=odd)
    def watchman(smokes: list[Smoke], context: Any) -> None:
        batches.append(sorted(item.subject for item in smokes))

    deploy(board, watchman)
    for subject, detail in (("a", ""), ("b", "odd"), ("c", ""), ("d", "odd")):
        board.deposit(Smoke(subject=subject, detail=detail))
    run_until_quiescent(board, watchman)
    assert sorted(batches) == [["a", "c"], ["b"], ["d"]]


def test_a_taken_unique_value_deposits_the_alternative(board: Blackboard) -> None:
    @agent(watches=strength(Smoke) >= 0.1, writes=[Seat, Alarm], batch=10)
    def usher(smokes: list[Smoke], context: Any) -> list[Mark]:
        return [Seat(subject=item.subject, number=1).or_else(Alarm(subject=item.subject, level=1)) for item in smokes]

    deploy(board, usher)
    smoke(board, "first", 0.9)
    smoke(board, "second", 0.8)
    run_until_quiescent(board, usher)
    assert [seat.subject for seat in board.marks(Seat)] == ["first"]
    assert [alarm.subject for alarm in board.marks(Alarm)] == ["second"]


def test_a_watch_over_the_board_claims_all_marks_of_its_batch_window(board: Blackboard) -> None:
    taken: list[int] = []

    @agent(watches=count(Alarm, over="board") >= 3)
    def clerk(alarms: list[Alarm], context: Any) -> None:
        taken.append(len(alarms))

    deploy(board, clerk)
    for n in range(7):
        board.deposit(Alarm(subject=f"room/{n}", level=n))
        if n == 3:
            run_until_quiescent(board, clerk)
    run_until_quiescent(board, clerk)
    assert taken == [4, 3]


def test_the_marks_of_both_sides_of_an_and_arrive_together(board: Blackboard) -> None:
    taken: list[list[str]] = []

    @agent(watches=(total(Smoke) >= 0.5) & (count(Alarm) >= 2))
    def chief(marks: list[Mark], context: Any) -> None:
        taken.append(sorted(mark.kind for mark in marks))

    deploy(board, chief)
    smoke(board, "a", 0.6)
    board.deposit(Alarm(subject="a", level=1))
    board.deposit(Alarm(subject="b", level=1))
    run_until_quiescent(board, chief)
    assert taken == []
    board.deposit(Alarm(subject="a", level=2))
    run_until_quiescent(board, chief)
    assert taken == [["alarm", "alarm", "smoke"]]


def test_publishing_follows_each_commit_and_each_start(board: Blackboard) -> None:
    published: list[int] = []

    def publish(reader: Any, settings: Any) -> None:
        published.append(len(reader.marks(Alarm)))

    @agent(watches=strength(Smoke) >= 0.1, writes=[Alarm], batch=1, publish=publish)
    def watchman(smokes: list[Smoke], context: Any) -> Alarm:
        return Alarm(subject=smokes[0].subject, level=1)

    deploy(board, watchman)
    smoke(board, "a")
    smoke(board, "b")
    run_until_quiescent(board, watchman)
    # Both activations may have committed before the first of them publishes.
    assert published in ([0, 1, 2], [0, 2, 2])


def test_without_a_model_the_offline_rules_answer_and_are_not_recorded(board: Blackboard) -> None:
    @agent(watches=strength(Smoke) >= 0.1, writes=[Alarm])
    def watchman(smokes: list[Smoke], context: Any) -> Alarm:
        assert context.offline
        verdict = context.ask("Judge.", {"n": 3}, Verdict, offline=lambda data: Verdict(level=data["n"]))
        return Alarm(subject=smokes[0].subject, level=verdict.level)

    deploy(board, watchman)
    smoke(board)
    run_until_quiescent(board, watchman)
    assert board.marks(Alarm)[0].level == 3


def test_a_daemon_does_not_wait_for_a_paused_agent_which_continues_when_resumed(board: Blackboard) -> None:
    woken: list[str] = []

    @agent(watches=strength(Smoke) >= 0.1)
    def watchman(smokes: list[Smoke], context: Any) -> None:
        woken.append(smokes[0].subject)

    deploy(board, watchman)
    board.pause("watchman", "lunch")
    smoke(board)
    report = run_until_quiescent(board, watchman)
    assert woken == []
    assert report.lines[0] == "watchman: it is paused: lunch"
    board.resume("watchman")
    run_until_quiescent(board, watchman)
    assert woken == ["kitchen"]


def test_stopping_hands_back_runs_that_do_not_end_in_time(board: Blackboard, clock: ManualClock) -> None:
    release, running = threading.Event(), threading.Event()
    runs: list[int] = []

    @agent(watches=strength(Smoke) >= 0.1, writes=[Alarm])
    def watchman(smokes: list[Smoke], context: Any) -> Alarm:
        runs.append(context.attempt)
        if len(runs) == 1:
            running.set()
            assert release.wait(BOUND_SECONDS)
        return Alarm(subject="done", level=len(runs))

    deploy(board, watchman)
    smoke(board)
    daemon = DaemonLoop(board, [watchman])
    serving = threading.Thread(target=daemon.run)
    serving.start()
    assert running.wait(BOUND_SECONDS)
    daemon.stop(now=True)
    join_all(serving)
    assert board.activations()[0].state == "ready"
    release.set()
    run_until_quiescent(board, watchman)
    assert [alarm.level for alarm in board.marks(Alarm)] == [2]
    assert board.activations()[0].state == "done"


def test_two_daemons_share_the_work_without_doubling_it(board: Blackboard, board_url: str, clock: ManualClock) -> None:
    lock, seen = threading.Lock(), []

    def make() -> Agent:
        @agent(watches=strength(Smoke) >= 0.1, writes=[Alarm], batch=1, concurrency=4, timeout="500w")
        def watchman(smokes: list[Smoke], context: Any) -> Alarm:
            with lock:
                seen.append(smokes[0].id)
            return Alarm(subject=smokes[0].subject, level=1)

        return watchman

    # A waiting daemon advances the clock while the other daemon works. This alone must not expire a lease.
    patient = DaemonSection(lease="500w")
    deploy(board, make())
    for n in range(40):
        smoke(board, f"room/{n}")
    other = Blackboard.open(board_url, clock=clock, author="person:other")
    daemons: list[Callable[..., RemainingWork]] = [DaemonLoop(item, [make()], patient).run for item in (board, other)]
    threads = [threading.Thread(target=run, kwargs={"until_quiescent": True}) for run in daemons]
    for thread in threads:
        thread.start()
    join_all(*threads)
    other.close()
    assert sorted(seen) == sorted(set(seen))
    assert len(board.marks(Alarm)) == 40


def test_a_busy_watch_does_not_starve_the_agents_other_watch(board: Blackboard, clock: ManualClock) -> None:
    woken: list[str] = []

    @agent(watches={"smoke": strength(Smoke) >= 0.1, "alarm": strength(Alarm) >= 0.1}, batch=1)
    def watchman(marks: list[Mark], context: Any) -> None:
        woken.append(context.watch)
        clock.advance(timedelta(seconds=1))
        if len(woken) < 6:
            board.deposit(Smoke(subject=f"room/{len(woken)}"))

    deploy(board, watchman)
    smoke(board)
    clock.advance(timedelta(seconds=1))
    board.deposit(Alarm(subject="cellar", level=1))
    run_until_quiescent(board, watchman)
    assert woken[:3] == ["smoke", "alarm", "smoke"]
