"""The daemon sleeps until the next stored instant and wakes the agent for it, once, even after an outage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from blackboard import Blackboard, Daemon, ManualClock, Mark, agent, daily_at, every, strength, strongest_of, watch
from blackboard.board.diagnosis import doctor
from blackboard.clock import from_datetime
from blackboard.daemon import DaemonLoop
from blackboard.testing import replay
from tests.support.bounds import BOUND_SECONDS

START = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Note(Mark, kind="note", on_repeat="separate"):
    text: str


class Digest(Mark, kind="digest", on_repeat="separate"):
    text: str
    at: str


def digests(board: Blackboard) -> list[tuple[str, str]]:
    return [(mark.at, mark.text) for mark in sorted(board.marks(Digest), key=lambda mark: mark.id or 0)]


@agent(watches=daily_at("09:00", zone="Europe/Berlin"), reads=[strongest_of(Note, 10)], writes=[Digest])
def digest(marks: Any, context: Any) -> Digest:
    assert marks == []
    text = ", ".join(note.text for note in context.read(Note))
    return Digest(subject="digest", text=text, at=context.scheduled_for.isoformat())


def test_a_digest_is_for_its_instant_and_reads_the_board(board: Blackboard, clock: ManualClock) -> None:
    board.deploy(digest)
    board.deposit(Note(subject="a", text="first"))
    clock.advance(timedelta(hours=23, seconds=5))
    Daemon(board, [digest]).run(until_quiescent=True)
    board.deposit(Note(subject="b", text="second"))
    clock.advance(timedelta(days=3, hours=5))
    Daemon(board, [digest]).run(until_quiescent=True)
    assert digests(board) == [
        ("2026-01-06T08:00:00+00:00", "first"),
        ("2026-01-09T08:00:00+00:00", "first, second"),
    ]


def test_the_subject_of_a_scheduled_activation_is_refused_without_advice_about_per(
    board: Blackboard, clock: ManualClock
) -> None:
    @agent(watches=every("1h"), max_attempts=1)
    def naming(marks: Any, context: Any) -> None:
        context.subject  # noqa: B018

    board.deploy(naming)
    assert board.agents()[0].per == {"watch": "batch"}
    clock.advance(timedelta(hours=1))
    Daemon(board, [naming]).run(until_quiescent=True)
    error = board.activations()[0].error or ""
    assert "a schedule woke this activation, so it has no subject" in error
    assert "per=" not in error


def test_the_doctor_names_a_schedule_that_is_overdue(board: Blackboard, clock: ManualClock) -> None:
    def overdue() -> list[str]:
        return [item.detail for item in doctor.examine_board(board, None) if item.name == "schedule"]

    board.deploy(digest)
    clock.advance(timedelta(hours=23, seconds=30))
    assert overdue() == []  # a daemon may be about to notice it
    clock.advance(timedelta(minutes=1))
    (detail,) = overdue()
    assert detail.startswith("digest.watch, daily_at(")
    assert "has been due since 2026-01-06T08:00:00" in detail
    board.pause("digest")
    Daemon(board, [digest]).run(until_quiescent=True)
    assert overdue() == []  # the pause defers it
    board.resume("digest")
    (detail,) = overdue()
    Daemon(board, [digest]).run(until_quiescent=True)
    assert overdue() == []


def test_a_daemon_sleeps_until_each_instant(board: Blackboard, clock: ManualClock) -> None:
    """A manual clock advances to the instant for which the daemon sleeps: a minute too far would show."""
    seen: list[datetime] = []

    @agent(watches={"often": every("7m"), "smoke": strength(Note) >= 0.5}, writes=[])
    def ticker(marks: Any, context: Any) -> None:
        assert context.scheduled_for == board.now()
        seen.append(context.scheduled_for)
        if len(seen) == 5:
            daemon.stop()

    daemon = DaemonLoop(board, [ticker])
    daemon.run()
    assert seen == [START + timedelta(minutes=7 * number) for number in range(1, 6)]
    record = board.activations()[0]
    assert (record.crossed_at, record.started_at) == (seen[-1], seen[-1])


def test_marks_wake_the_same_agent_without_an_instant(board: Blackboard) -> None:
    seen: list[tuple[str, int, datetime | None]] = []

    @agent(watches={"hourly": every("1h"), "note": strength(Note) >= 0.5}, writes=[])
    def keeper(marks: Any, context: Any) -> None:
        seen.append((context.watch, len(marks), context.scheduled_for))

    board.deploy(keeper)
    board.deposit(Note(subject="a", text="x"))
    Daemon(board, [keeper]).run(until_quiescent=True)
    assert seen == [("note", 1, None)]


def test_isolate_and_an_asynchronous_agent_have_no_marks_to_look_at(board: Blackboard, clock: ManualClock) -> None:
    @agent(watches=every("1h"), writes=[Digest], isolate=lambda mark: True)
    async def writer(marks: Any, context: Any) -> Digest:
        return Digest(subject="digest", text="", at=context.scheduled_for.isoformat())

    board.deploy(writer)
    clock.advance(timedelta(hours=1))
    Daemon(board, [writer]).run(until_quiescent=True)
    assert digests(board) == [("2026-01-05T10:00:00+00:00", "")]


def test_several_daemons_wake_an_agent_once_for_each_instant(board: Blackboard, clock: ManualClock) -> None:
    @agent(watches=watch(every("10m"), catch_up="all"), writes=[Digest], concurrency=4)
    def writer(marks: Any, context: Any) -> Digest:
        return Digest(subject="digest", text="", at=context.scheduled_for.isoformat())

    board.deploy(writer)
    daemons = [DaemonLoop(board, [writer]) for _ in range(3)]
    for daemon in daemons:
        daemon.start()
    try:
        for _ in range(4):
            clock.advance(timedelta(minutes=25))
            for daemon in daemons:
                daemon.run_once(until_quiescent=True)
                while daemon.runs:
                    daemon.wake.wait(BOUND_SECONDS)
                    daemon.run_once(until_quiescent=True)
    finally:
        for daemon in daemons:
            daemon.close()
    assert sorted(at for at, _ in digests(board)) == [
        (START + timedelta(minutes=10 * number)).isoformat() for number in range(1, 11)
    ]


def test_a_daemon_of_other_agents_notices_the_instant_for_those_that_serve_it(
    board: Blackboard, clock: ManualClock
) -> None:
    @agent(watches=strength(Note) >= 0.5)
    def other(marks: Any, context: Any) -> None:
        return None

    board.deploy(digest, other)
    clock.advance(timedelta(days=1))
    report = Daemon(board, [other]).run(until_quiescent=True)
    [item] = board.agenda()
    assert (item.crossed_at, item.late_seconds) == (START + timedelta(hours=23), 3600.0)
    assert "digest.watch: 1 on the agenda, ready, and this daemon does not run that agent" in report.lines
    clock.advance(timedelta(days=1))
    Daemon(board, [digest]).run(until_quiescent=True)
    assert digests(board) == [("2026-01-07T08:00:00+00:00", "")]


def test_until_quiescent_does_not_wait_for_a_schedule(board: Blackboard, clock: ManualClock) -> None:
    board.deploy(digest)
    report = Daemon(board, [digest]).run(until_quiescent=True)
    assert report.lines == ("the next schedule crosses at 2026-01-06T08:00:00.000000Z",)
    assert clock.now() == from_datetime(START)


def test_the_next_instant_is_among_those_until_which_a_daemon_sleeps(board: Blackboard) -> None:
    board.deploy(digest)
    assert DaemonLoop(board, [digest]).worker.due_work().instants == [from_datetime(START + timedelta(hours=23))]


def test_a_batch_window_ends_at_once_although_a_schedule_is_due_before_its_end(
    board: Blackboard, clock: ManualClock
) -> None:
    woken: list[str] = []

    @agent(watches={"often": every("1m"), "note": strength(Note) >= 0.5}, batch_window="1h")
    def keeper(marks: Any, context: Any) -> None:
        woken.append(context.watch)

    board.deploy(keeper)
    board.deposit(Note(subject="a", text="x"))
    Daemon(board, [keeper]).run(until_quiescent=True)
    assert (woken, clock.now()) == (["note"], from_datetime(START))


def test_a_replay_comes_to_each_instant_of_a_schedule(board: Blackboard) -> None:
    seen: list[tuple[datetime, int]] = []

    @agent(watches=every("1h"), reads=[strongest_of(Note, 10)])
    def reader(marks: Any, context: Any) -> None:
        assert context.now == context.scheduled_for
        seen.append((context.now, len(context.read(Note))))

    notes = [(START + timedelta(minutes=at), Note(subject=str(at), text="x")) for at in (30, 90, 150)]
    replay(board, [reader], notes, until=START + timedelta(hours=3))
    assert seen == [(START + timedelta(hours=number), number) for number in (1, 2, 3)]
