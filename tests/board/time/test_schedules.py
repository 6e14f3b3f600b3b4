"""A schedule comes once at each of its instants, whichever process looks. `catch_up` decides on missed instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from blackboard import Never, Step, count, cron, daily_at, every, strength, strongest_of, total, watch
from blackboard.board.activations.agent_claims.claims import Claim
from blackboard.board.activations.run_ends import activation_recovery, activation_results
from blackboard.board.daemon_work import remaining_work
from blackboard.board.housekeeping import retention
from blackboard.clock import to_datetime
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.durations import DAY, HOUR, MINUTE, SECOND
from blackboard.errors import BlackboardError
from blackboard.store.row_types.watch_row_types import CrossingRow
from tests.support.board_steps import in_transaction
from tests.support.world import World, kind, spec

KINDS = {"smoke": kind("smoke", Never(), on_repeat="separate"), "deploy": kind("deploy", Never(), on_repeat="replace")}
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
DIGEST = daily_at("09:00", zone="Europe/Berlin")
"""At 08:00 UTC in January; the clock of the tests starts an hour after that, on a Monday."""


def instant(claim: Claim | None) -> str | None:
    """Return the instant for which a schedule woke an agent, as `Tue 08:00`."""
    at = None if claim is None else claim.row.scheduled_for
    return None if at is None else f"{to_datetime(at):%a %H:%M}"


def woken(world: World, name: str = "digest", limit: int = 50) -> list[str | None]:
    """Fire, claim and finish until the agent has no work; return the instants."""
    found: list[str | None] = []
    world.fire_all_due()
    while (claim := world.claim(name)) is not None:
        assert claim.inputs == ()
        found.append(instant(claim))
        assert world.finish(claim) is not None
        assert len(found) <= limit
    return found


def skipped(world: World) -> list[str]:
    return [row.reason for row in world.board.activations(state="skipped")]


def waiting(world: World) -> CrossingRow:
    [row] = world.crossings("waiting")
    return row


def deploy(world: World, *agents: AgentSpec) -> None:
    world.deploy(KINDS, *agents)


# -- instants


def test_a_schedule_comes_exactly_at_its_instant_and_once(world: World) -> None:
    deploy(world, spec("digest", DIGEST))
    assert world.board.status().next_predicted_crossing == START + timedelta(hours=23)
    world.advance(23 * HOUR - 1)
    assert woken(world) == []
    world.advance(1)
    assert woken(world) == ["Tue 08:00"]
    assert world.fire_due() == 0


@pytest.mark.postgresql
def test_the_crossing_of_a_schedule_has_its_instant_even_if_it_is_noticed_late(world: World) -> None:
    deploy(world, spec("digest", DIGEST))
    world.advance(23 * HOUR + 7 * SECOND)
    assert world.fire_due() == 1
    row = waiting(world)
    assert (row.crossed_at, row.noticed_at) == (world.clock.now() - 7 * SECOND, world.clock.now())
    assert (row.scope, row.mark_id, row.marks, row.value, row.threshold) == ("", 0, 0, 1.0, 1.0)
    assert row.is_scheduled
    [item] = world.board.agenda()
    assert (item.reason, item.late_seconds) == (f"{DIGEST}: due at 2026-01-06T08:00:00.000000Z", 7.0)


@pytest.mark.postgresql
def test_a_schedule_wakes_without_marks_but_with_what_the_agent_reads(world: World) -> None:
    deploy(world, spec("digest", {"morning": DIGEST}, reads=[strongest_of("smoke")]))
    smoke = world.put("smoke")
    world.advance(DAY)
    world.fire_all_due()
    claim = world.claimed("digest")
    assert (instant(claim), claim.watch, claim.inputs) == ("Tue 08:00", "morning", ())
    assert [item.event.mark_id for item in claim.reads] == [smoke.mark_id]
    assert claim.row.reason == f"{DIGEST}: due at 2026-01-06T08:00:00.000000Z"


@pytest.mark.postgresql
def test_the_record_and_the_view_of_an_activation_have_the_instant_of_its_schedule(world: World) -> None:
    deploy(world, spec("digest", DIGEST))
    world.advance(DAY)
    world.fire_all_due()
    world.finish(world.claimed("digest"), ("smoke", "report", 1.0))
    [record] = world.board.activations()
    assert (record.state, record.subject, record.mark_ids, record.chain_length) == ("done", None, (), 1)
    assert record.scheduled_for == START + timedelta(hours=23)
    [viewed] = world.sql("SELECT scheduled_for, crossed_at FROM activations")
    assert tuple(viewed) == ("2026-01-06T08:00:00.000000Z",) * 2


def test_a_digest_never_drifts_also_when_the_daemon_was_down_at_its_time(world: World) -> None:
    deploy(world, spec("digest", daily_at("09:00", days="mon-fri", zone="Europe/Berlin")))
    found = []
    for hours in (23.01, 26, 20, 30, 70, 9):
        world.advance(hours * HOUR)
        found += woken(world)
    assert found == ["Tue 08:00", "Wed 08:00", "Fri 08:00", "Mon 08:00"]
    assert {row.scheduled_for.hour for row in world.board.activations() if row.scheduled_for} == {8}


def test_two_workers_wake_an_agent_once_for_an_instant(world: World) -> None:
    deploy(world, spec("digest", DIGEST, concurrency=2))
    world.advance(DAY)
    assert [world.fire_due(), world.fire_due()] == [1, 0]
    assert [instant(world.claim("digest", worker)) for worker in ("one", "other")] == ["Tue 08:00", None]


def test_a_schedule_stands_beside_conditions_of_the_same_agent(world: World) -> None:
    deploy(world, spec("digest", {"hourly": every("1h"), "smoke": strength("smoke") >= 0.5}))
    world.advance(HOUR)
    mark = world.put("smoke")
    world.fire_all_due()
    first = world.claimed("digest")
    world.finish(first)
    by_watch = {claim.watch: claim for claim in (first, world.claimed("digest"))}
    assert (instant(by_watch["hourly"]), by_watch["hourly"].inputs) == ("Mon 10:00", ())
    assert by_watch["smoke"].row.scheduled_for is None
    assert [item.event.mark_id for item in by_watch["smoke"].inputs] == [mark.mark_id]


def test_two_schedules_at_one_instant_are_two_activations(world: World) -> None:
    deploy(world, spec("digest", {"one": every("1h"), "other": cron("0 * * * *")}))
    world.advance(HOUR)
    assert woken(world) == ["Mon 10:00", "Mon 10:00"]


# -- the anchor


def test_an_interval_keeps_its_anchor_across_changes_of_the_deployment(world: World) -> None:
    world.advance(7 * MINUTE)
    deploy(world, spec("digest", every("1h")))
    world.advance(30 * MINUTE)
    for agent in (spec("digest", every("1h"), cooldown="1s"), spec("digest", every("2h")), spec("digest", every("1h"))):
        deploy(world, agent)
    assert waits_until(world) == "Mon 10:07"
    deploy(world, spec("bulletin", every("1h"), renamed_from="digest"))
    assert waits_until(world) == "Mon 10:07"
    world.deploy({})
    world.advance(5 * HOUR)
    assert world.fire_due() == 0
    deploy(world, spec("bulletin", every("1h")))
    assert waits_until(world) == "Mon 15:07"
    assert world.board.schedules()[0].scheduled_from == START + timedelta(minutes=7)


def waits_until(world: World) -> str:
    at = world.board.schedules()[0].next_at
    assert at is not None
    return f"{at:%a %H:%M}"


def test_a_watch_that_waits_for_marks_meanwhile_begins_a_new_schedule(world: World) -> None:
    deploy(world, spec("digest", every("1h")))
    world.advance(10 * MINUTE)
    deploy(world, spec("digest", strength("smoke") >= 0.5))
    assert world.board.schedules() == []
    assert world.board.status().next_predicted_crossing is None
    mark = world.put("smoke")
    assert world.woken("digest") == [mark.mark_id]
    deploy(world, spec("digest", every("1h")))
    assert waits_until(world) == "Mon 10:10"
    world.advance(HOUR + SECOND)  # a change of the deployment comes after every event
    assert woken(world) == ["Mon 10:10"]
    deploy(world, spec("digest", strength("smoke") >= 0.5))
    assert world.woken("digest") is None, "the mark was absorbed before"


# -- what was missed


CAUGHT_UP: list[tuple[str, list[str], list[str]]] = [
    ("once", ["Thu 08:00"], []),
    ("all", ["Tue 08:00", "Wed 08:00", "Thu 08:00"], []),
    (
        "none",
        [],
        [f'{DIGEST}: due at 2026-01-08T08:00:00.000000Z, after 2 missed; not begun within 1m (catch_up = "none")'],
    ),
]
"""The values of `catch_up`: the instants that wake the agent after 75 hours, and the reasons of those that do not."""
each_catch_up = pytest.mark.parametrize(("catch_up", "instants", "reasons"), CAUGHT_UP)


def pass_hours_without_a_claim(world: World) -> None:
    """Let 75 hours pass, while a daemon is there at each hour but the last, and may claim nothing."""
    for _ in range(74):
        world.advance(HOUR)
        world.fire_all_due()
        assert world.claim("digest") is None
    world.advance(HOUR)


def check_caught_up(world: World, instants: list[str], reasons: list[str]) -> None:
    """Check what a daemon does at last, and that the next instant comes as usual."""
    assert woken(world) == instants
    assert skipped(world) == reasons
    world.advance(20 * HOUR)
    assert woken(world) == ["Fri 08:00"]


@each_catch_up
def test_catch_up_decides_on_what_came_due_while_no_daemon_ran(
    world: World, catch_up: Any, instants: list[str], reasons: list[str]
) -> None:
    deploy(world, spec("digest", DIGEST, catch_up=catch_up))
    world.advance(75 * HOUR)
    check_caught_up(world, instants, reasons)


@each_catch_up
def test_catch_up_decides_on_what_came_due_during_a_pause(
    world: World, catch_up: Any, instants: list[str], reasons: list[str]
) -> None:
    deploy(world, spec("digest", DIGEST, catch_up=catch_up))
    world.board.pause("digest")
    pass_hours_without_a_claim(world)
    world.board.resume("digest")
    check_caught_up(world, instants, reasons)


@each_catch_up
def test_catch_up_decides_on_what_came_due_while_a_guard_was_closed(
    world: World, catch_up: Any, instants: list[str], reasons: list[str]
) -> None:
    guarded = watch(DIGEST, unless=count("deploy", over="board") >= 1)
    deploy(world, spec("digest", guarded, catch_up=catch_up))
    mark = world.put("deploy")
    pass_hours_without_a_claim(world)
    world.board.withdraw(mark.mark_id)
    check_caught_up(world, instants, reasons)


def deploy_in_cooldown(world: World, catch_up: Any) -> None:
    """Deploy an agent with a schedule, and begin its cooldown of 74 hours and a half."""
    watches = {"now": strength("smoke") >= 0.5, "at": DIGEST}
    deploy(world, spec("digest", watches, catch_up=catch_up, cooldown="74h30m"))
    world.put("smoke")
    assert world.woken("digest") is not None
    pass_hours_without_a_claim(world)


def test_one_activation_catches_up_after_a_cooldown_and_begins_another(world: World) -> None:
    deploy_in_cooldown(world, "once")
    assert woken(world) == ["Thu 08:00"]
    world.advance(20 * HOUR)
    assert woken(world) == []


def test_each_activation_that_catches_up_after_a_cooldown_begins_another(world: World) -> None:
    deploy_in_cooldown(world, "all")
    for expected in ("Tue 08:00", "Wed 08:00", "Thu 08:00"):
        assert woken(world) == [expected]
        world.advance(75 * HOUR)


def test_what_is_not_caught_up_after_a_cooldown_begins_no_other(world: World) -> None:
    deploy_in_cooldown(world, "none")
    [(_, instants, reasons)] = [row for row in CAUGHT_UP if row[0] == "none"]
    check_caught_up(world, instants, reasons)


def test_an_instant_that_is_noticed_within_a_minute_is_not_missed(world: World) -> None:
    deploy(world, spec("digest", DIGEST, catch_up="none"))
    world.advance(23 * HOUR + MINUTE)
    assert woken(world) == ["Tue 08:00"]
    world.advance(DAY + 1)
    assert woken(world) == []
    assert len(skipped(world)) == 1


def test_a_watch_may_catch_up_in_another_way_than_its_agent(world: World) -> None:
    watches = {"all": watch(every("1h"), catch_up="all"), "once": every("1h")}
    deploy(world, spec("digest", watches))
    world.advance(3 * HOUR)
    assert sorted(woken(world), key=str) == ["Mon 10:00", "Mon 11:00", "Mon 12:00", "Mon 12:00"]


def test_catching_up_is_bounded_by_the_activations_per_hour_and_quarantines_nothing(world: World) -> None:
    deploy(world, spec("digest", every("10m"), catch_up="all", max_activations_per_hour=4))
    world.advance(2 * HOUR)
    assert woken(world) == ["Mon 09:10", "Mon 09:20", "Mon 09:30", "Mon 09:40"]
    [item] = world.board.agenda()
    assert (item.held_by, item.ready_at) == ("rate", START + timedelta(hours=3))
    [watched] = world.board.explain("digest").watches
    assert watched.verdict == (
        "it crossed; after 4 wakes in an hour (max_activations_per_hour), the agent waits until"
        " 2026-01-05T12:00:00.000000Z"
    )
    world.advance(HOUR)
    assert woken(world) == ["Mon 09:50", "Mon 10:00", "Mon 10:10", "Mon 10:20"]
    assert world.board.activations(state="quarantined") == []


def test_a_budget_defers(world: World) -> None:
    deploy(world, spec("digest", every("1h")))
    world.advance(HOUR)
    world.fire_all_due()
    claim = world.claimed("digest")
    until = world.clock.now() + 3 * HOUR
    in_transaction(world.board, activation_results.defer, claim.row, until=until, reason="the budget", is_held=True)
    world.advance(2 * HOUR)
    world.fire_all_due()
    assert world.claim("digest") is None
    world.advance(HOUR)
    again = world.claimed("digest")
    assert (again.row.id, instant(again)) == (claim.row.id, "Mon 10:00")
    world.finish(again)
    assert woken(world) == ["Mon 13:00"]


def test_a_cooldown_of_subjects_concerns_schedules_as_the_board(world: World) -> None:
    deploy(world, spec("digest", every("1h"), cooldown="90m", cooldown_per="subject"))
    world.advance(HOUR)
    assert woken(world) == ["Mon 10:00"]
    world.advance(HOUR)
    assert woken(world) == []
    assert world.board.agenda()[0].held_by == "cooldown"
    world.advance(30 * MINUTE)
    assert woken(world) == ["Mon 11:00"]


# -- failures


def test_each_attempt_is_for_the_same_instant(world: World) -> None:
    deploy(world, spec("digest", every("1h"), max_attempts=2, retry_after="1m"))
    world.advance(HOUR)
    world.fire_all_due()
    assert world.fail(world.claimed("digest")) == "ready"
    world.advance(2 * MINUTE)
    claim = world.claimed("digest")
    assert (claim.row.attempt, instant(claim)) == (2, "Mon 10:00")
    assert world.fail(claim) == "dead"
    world.board.retry(claim.row.id)
    deploy(world, spec("digest", strength("smoke") >= 0.5))  # the watch may have changed since
    assert instant(world.claimed("digest")) == "Mon 10:00"


def test_a_worker_that_dies_leaves_the_instant_to_the_next(world: World) -> None:
    deploy(world, spec("digest", every("1h")))
    world.advance(HOUR)
    world.fire_all_due()
    for _ in range(2):
        claim = world.claimed("digest")
        assert instant(claim) == "Mon 10:00"
        in_transaction(world.board, activation_recovery.recover, ["worker"], expired=False)
    [record] = world.board.activations()
    assert (record.state, record.interruptions, record.scheduled_for) == ("ready", 2, START + timedelta(hours=1))


# -- a changed schedule


def test_a_crossing_that_waits_stays_if_the_new_schedule_has_its_instant(world: World) -> None:
    deploy(world, spec("digest", daily_at("08:00", days="mon-fri")))
    world.advance(DAY)
    world.fire_all_due()
    deploy(world, spec("digest", daily_at("08:00")))
    assert woken(world) == ["Tue 08:00"]
    world.advance(DAY)
    world.fire_all_due()
    deploy(world, spec("digest", daily_at("10:00")))
    assert woken(world) == []
    assert skipped(world) == ["watch changed"]
    assert waits_until(world) == "Wed 10:00"


def test_what_waits_for_a_gone_agent_is_for_its_instant_when_it_returns(world: World) -> None:
    deploy(world, spec("digest", DIGEST))
    world.advance(DAY)
    world.fire_all_due()
    world.deploy({})
    [item] = world.board.agenda()
    assert item.held_by == "its agent is gone"
    assert world.board.schedules() == []
    deploy(world, spec("digest", DIGEST))
    assert woken(world) == ["Tue 08:00"]
    assert waits_until(world) == "Wed 08:00"


def test_a_crossing_of_marks_does_not_stay_for_a_schedule_nor_the_other_way_round(world: World) -> None:
    deploy(world, spec("digest", total("smoke", over="board") >= 1))
    world.put("smoke")
    deploy(world, spec("digest", every("1h")))
    assert (woken(world), skipped(world)) == ([], ["watch changed"])
    world.advance(HOUR + SECOND)
    world.fire_all_due()
    deploy(world, spec("digest", total("smoke", over="board") >= 1))
    assert skipped(world) == ["watch changed", "watch changed"]
    assert world.woken("digest") is not None


# -- what people see


@pytest.mark.postgresql
def test_schedules_are_shown_with_their_instants_before_and_after_now(world: World) -> None:
    deploy(world, spec("digest", {"morning": watch(DIGEST, catch_up="none")}), spec("hourly", every("1h")))
    world.advance(23 * HOUR + 30 * SECOND)
    woken(world)
    world.fire_all_due()
    hourly, morning = sorted(world.board.schedules(limit=2), key=lambda row: row.agent != "hourly")
    assert (morning.watch, morning.schedule, morning.catch_up) == ("morning", str(DIGEST), "none")
    assert (morning.scheduled_from, morning.next_at) == (START, START + timedelta(hours=47))
    assert (morning.last_at, morning.last_late_seconds) == (START + timedelta(hours=23), 30.0)
    assert morning.upcoming == (START + timedelta(hours=47), START + timedelta(hours=71))
    assert (hourly.next_at, hourly.waits_since, hourly.held_by) == (None, START + timedelta(hours=23), None)
    rows = world.sql("SELECT agent, next_at, waits_since, last_at, last_late_seconds FROM schedules ORDER BY agent")
    assert [tuple(row) for row in rows] == [
        ("digest", "2026-01-07T08:00:00.000000Z", None, "2026-01-06T08:00:00.000000Z", 30.0),
        ("hourly", None, "2026-01-06T08:00:00.000000Z", None, None),
    ]
    [explained] = world.board.explain("digest").watches
    assert explained.verdict == "it is due next at 2026-01-07T08:00:00.000000Z"
    assert explained.predicted_at == tuple(START + timedelta(hours=hours) for hours in (47, 71, 95))
    [viewed] = world.sql("SELECT reason FROM agenda")
    assert viewed.reason == 'every("1h"): due at 2026-01-06T08:00:00.000000Z'


def test_a_fall_of_marks_that_are_gone_is_not_taken_for_a_schedule(world: World) -> None:
    """Such a crossing has no marks either, and is shown with what it measured."""
    world.deploy({"smoke": kind("smoke", Step("1h"))}, spec("cold", total("smoke") < 0.5), spec("digest", every("1h")))
    world.put("smoke", "kitchen")
    world.advance(HOUR)
    world.fire_all_due()
    rows = {row.scope: row for row in world.crossings("waiting")}
    assert (rows["kitchen"].is_scheduled, rows[""].is_scheduled) == (False, True)
    reasons = {item.agent: item.reason for item in world.board.agenda()}
    assert reasons == {
        "cold": 'total("smoke") < 0.5: 0.0',
        "digest": 'every("1h"): due at 2026-01-05T10:00:00.000000Z',
    }
    assert dict(world.sql("SELECT agent, reason FROM agenda")) == reasons


def test_quiescence_does_not_wait_for_schedules_but_for_what_is_due(world: World) -> None:
    deploy(world, spec("digest", every("1h")))

    def has_work() -> bool:
        return world.board.session.read(lambda txn: remaining_work.has_unfinished_work(txn, {"digest"}))

    assert not has_work()
    report = world.board.session.read(lambda txn: remaining_work.RemainingWork.of(txn, {"digest"}))
    assert report.lines == ("the next schedule crosses at 2026-01-05T10:00:00.000000Z",)
    world.advance(HOUR)
    assert has_work()
    assert woken(world) == ["Mon 10:00"]
    assert not has_work()


def test_a_schedule_that_waits_keeps_no_history(world: World) -> None:
    """A paused agent must not make the board grow: a schedule has no marks that it could still need."""
    deploy(world, spec("digest", every("1h")))
    world.board.withdraw(world.put("smoke").mark_id)
    world.board.pause("digest")
    world.advance(40 * DAY)
    world.fire_all_due()
    keep = {"history": DAY, "activations": DAY, "model_calls": DAY}
    assert in_transaction(world.board, retention.remove, **keep, limit=100) == 1
    assert [row.event for row in world.sql("SELECT event FROM event")] == ["withdrawn"]  # the newest stays


def test_a_preview_names_the_schedules_and_their_instants(world: World) -> None:
    deploy(world, spec("digest", DIGEST))
    world.advance(DAY)
    new = world.deployment.model_copy(
        update={"agents": {"digest": spec("digest", DIGEST), "hourly": spec("hourly", every("1h"))}}
    )
    preview = world.board.preview(new)
    assert [(one.agent, one.is_new, f"{one.upcoming[0]:%a %H:%M}") for one in preview.schedules] == [
        ("digest", False, "Wed 08:00"),
        ("hourly", True, "Tue 10:00"),
    ]
    assert [(wake.agent, wake.value, wake.guard_closed) for wake in preview.wakes] == [("digest", 1.0, False)]
    assert woken(world) == ["Tue 08:00"], "a preview changes nothing"


# -- mistakes


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"watches": watch(every("1h"), unless=strength("smoke") >= 1)}, "has no subject"),
        ({"watches": watch(every("1h"), min_increase=0.1)}, "a schedule has no min_increase"),
        ({"watches": watch(every("1h"), include_own=True)}, "no mark wakes"),
        (
            {"watches": watch(strength("smoke") >= 1, catch_up="all")},
            "is not a schedule, so there is nothing to catch up",
        ),
        ({"watches": strength("smoke") >= 1, "catch_up": "none"}, "no watch of the agent is a schedule"),
        ({"watches": watch(strength("smoke") >= 1, only_if=every("1h"))}, "a guard measures marks"),
        ({"watches": watch(strength("smoke") >= 1, unless=every("1h"))}, "cannot be"),
        ({"watches": every("1h"), "catch_up": "twice"}, "'once', 'all' or 'none'"),
    ],
)
def test_each_mistake_in_a_scheduled_agent_is_named(declared: dict[str, Any], message: str) -> None:
    with pytest.raises((BlackboardError, ValueError)) as caught:
        spec("digest", **declared)
    assert message in str(caught.value)
