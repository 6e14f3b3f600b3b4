"""Guards, batch windows, cooldowns and pauses defer crossings and lose no record."""

from __future__ import annotations

import itertools

import pytest

from blackboard import count, strength, total, watch
from blackboard.board.activations.agent_claims import agent_readiness
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.waiting_crossings import watch_guards
from blackboard.core.marks.decay import Exponential, Linear, Never, Step
from blackboard.durations import HOUR, MINUTE, SECOND
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import CROSSINGS
from tests.support.world import World, inputs, kind, spec

KINDS = {
    "lead": kind("lead", Never(), on_repeat="separate"),
    "alarm": kind("alarm", Exponential("1h")),
    "ok": kind("ok", Never()),
}


def ready_at(world: World, name: str) -> int | None:
    return world.board.session.read(
        lambda txn: agent_readiness.next_ready(txn, name, agent_readiness.ready_instants(txn))
    )


def test_a_guard_holds_a_crossing_back_until_fading_opens_it(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, unless=strength("alarm") >= 0.25))
    start = world.clock.now()
    world.put("alarm", "a")
    world.put("alarm", "b", 0.5)
    lead_a, lead_b = world.put("lead", "a").mark_id, world.put("lead", "b").mark_id
    free = world.put("lead", "c").mark_id
    assert world.woken("sales") == [free]
    assert world.woken("sales") is None
    opens = ready_at(world, "sales")
    assert opens is not None
    assert abs(opens - (start + HOUR)) <= 1
    world.clock.set(opens)
    assert world.woken("sales") == [lead_b]
    opens = ready_at(world, "sales")
    assert opens is not None
    assert abs(opens - (start + 2 * HOUR)) <= 1
    world.clock.set(opens - 1)
    assert world.woken("sales") is None
    world.clock.set(opens)
    assert world.woken("sales") == [lead_a]


def test_a_guard_that_only_a_mark_can_open_is_released_by_that_mark(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, only_if=count("ok") >= 1))
    a, b = world.put("lead", "a").mark_id, world.put("lead", "b").mark_id
    assert world.woken("sales") is None
    assert ready_at(world, "sales") is None
    world.put("ok", "b")
    assert world.woken("sales") == [b]
    world.put("ok", "a")
    assert world.woken("sales") == [a]


def test_a_guard_over_the_board_is_released_by_a_mark_anywhere(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, only_if=count("ok", over="board") >= 2))
    lead = world.put("lead", "a").mark_id
    assert world.woken("sales") is None
    world.put("ok", "x")
    assert world.woken("sales") is None
    world.put("ok", "y")
    assert world.woken("sales") == [lead]


def test_a_guard_is_released_by_a_withdrawal(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, unless=count("ok") >= 1))
    ok = world.put("ok").mark_id
    lead = world.put("lead").mark_id
    assert world.woken("sales") is None
    world.board.withdraw(ok)
    assert world.woken("sales") == [lead]


def test_guards_absorb_nothing_and_see_absorbed_marks(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, only_if=count("ok") >= 1), spec("o", count("ok") >= 1))
    ok = world.put("ok").mark_id
    assert world.woken("o") == [ok]
    for _ in range(2):
        lead = world.put("lead").mark_id
        assert world.woken("sales") == [lead]


def test_guards_of_watch_and_agent_both_count(world: World) -> None:
    world.deploy(
        KINDS,
        spec("sales", watch(strength("lead") >= 0.5, only_if=count("ok") >= 1), unless=strength("alarm") >= 0.5),
    )
    world.put("alarm")
    lead = world.put("lead").mark_id
    world.put("ok")
    assert world.woken("sales") is None
    world.advance(2 * HOUR)
    assert world.woken("sales") == [lead]


def test_many_held_crossings_do_not_hide_a_free_crossing(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.1, unless=count("ok") >= 1, batch=1))
    for i in range(40):
        world.put("ok", f"s{i}")
        world.put("lead", f"s{i}", 0.9)
    free = world.put("lead", "free", 0.2).mark_id
    woken = [values for values in (world.woken("sales") for _ in range(4)) if values]
    assert woken == [[free]]


def test_a_new_weight_moves_the_instant_at_which_a_guard_opens(world: World) -> None:
    agent = spec("sales", strength("lead") >= 0.5, unless=strength("alarm") >= 0.25)
    world.deploy(KINDS, agent)
    world.put("alarm")
    lead = world.put("lead").mark_id
    assert world.woken("sales") is None
    world.deploy({"alarm": kind("alarm", Exponential("1h"), weight=0.2)}, agent)
    assert world.woken("sales") == [lead]


def test_a_batch_window_waits_for_more_marks_and_claims_them_together(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.1, batch_window="10m", batch=5))
    first = world.put("lead", "a", 0.5).mark_id
    start = world.clock.now()
    world.advance(6 * MINUTE)
    second = world.put("lead", "b", 0.4).mark_id
    assert world.woken("sales") is None
    assert ready_at(world, "sales") == start + 10 * MINUTE
    world.clock.set(start + 10 * MINUTE)
    assert world.woken("sales") == [first, second]


GUARDED = {"batch_window": "10m", "batch": 5, "urgent_above": 0.9, "only_if": count("ok") >= 1}


def held_by_its_guard(world: World, intensity: float = 0.5) -> int:
    """Return a crossing in its batch window that a claim of an urgent crossing found held by its guard."""
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.1, **GUARDED))
    world.put("ok", "b")
    lead = world.put("lead", "a", intensity).mark_id
    urgent = world.put("lead", "b", 0.95).mark_id
    assert world.woken("sales") == [urgent]
    [row] = world.board.agenda()
    assert row.held_by == "guard"
    return lead


@pytest.mark.postgresql
def test_a_crossing_released_by_a_guard_waits_for_the_rest_of_its_batch_window(world: World) -> None:
    start = world.clock.now()
    lead = held_by_its_guard(world)
    world.advance(4 * MINUTE)
    world.put("ok", "a")
    assert world.board.agenda()[0].held_by == "batch_window"
    assert world.woken("sales") is None
    assert ready_at(world, "sales") == start + 10 * MINUTE
    world.clock.set(start + 10 * MINUTE)
    assert world.woken("sales") == [lead]


def test_a_crossing_released_after_its_batch_window_is_ready_at_once(world: World) -> None:
    lead = held_by_its_guard(world)
    world.advance(11 * MINUTE)
    assert world.woken("sales") is None
    world.put("ok", "a")
    assert world.woken("sales") == [lead]


def test_an_urgent_crossing_takes_a_released_crossing_along(world: World) -> None:
    lead = held_by_its_guard(world)
    world.put("ok", "a")
    urgent = world.put("lead", "b", 0.95).mark_id
    assert world.woken("sales") == [urgent, lead]


def test_a_crossing_that_became_urgent_behind_a_guard_skips_the_batch_window(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.1, **GUARDED))
    lead = world.put("lead", "a", 0.95).mark_id
    assert world.woken("sales") is None
    world.put("ok", "a")
    assert world.woken("sales") == [lead]


def test_a_guard_opened_by_fading_does_not_end_the_batch_window(world: World) -> None:
    kinds = {**KINDS, "alarm": kind("alarm", Step("3m"))}
    settings = {**GUARDED, "only_if": None, "unless": strength("alarm") >= 0.5}
    world.deploy(kinds, spec("sales", strength("lead") >= 0.1, **settings))
    start = world.clock.now()
    world.put("alarm", "a")
    lead = world.put("lead", "a", 0.5).mark_id
    urgent = world.put("lead", "b", 0.95).mark_id
    assert world.woken("sales") == [urgent]
    assert ready_at(world, "sales") == start + 3 * MINUTE
    world.clock.set(start + 3 * MINUTE)
    assert world.woken("sales") is None
    assert ready_at(world, "sales") == start + 10 * MINUTE
    world.clock.set(start + 10 * MINUTE)
    assert world.woken("sales") == [lead]


def test_a_full_batch_ends_the_batch_window(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.1, batch_window="10m", batch=3))
    marks = [world.put("lead", f"s{i}").mark_id for i in range(3)]
    assert world.woken("sales") == marks
    world.put("lead", "t")
    assert world.woken("sales") is None


def test_a_full_subject_ends_the_batch_window(world: World) -> None:
    world.deploy(KINDS, spec("sales", count("lead") >= 1, batch_window="10m", batch=3))
    marks = [world.put("lead").mark_id for _ in range(2)]
    assert world.woken("sales") is None
    marks.append(world.put("lead").mark_id)
    assert world.woken("sales") == marks


def test_an_urgent_mark_ends_the_batch_window_and_takes_the_others_along(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.1, batch_window="10m", urgent_above=0.9, batch=5))
    first = world.put("lead", "a", 0.5).mark_id
    assert world.woken("sales") is None
    urgent = world.put("lead", "b", 0.95).mark_id
    assert world.woken("sales") == [urgent, first]


def test_urgent_above_compares_the_strength_of_a_mark_and_not_the_sum(world: World) -> None:
    world.deploy(KINDS, spec("sales", total("lead") >= 0.1, batch_window="10m", urgent_above=0.9))
    for _ in range(4):
        world.put("lead", "a", 0.5)
    assert world.woken("sales") is None
    world.put("lead", "a", 0.9)
    assert len(world.woken("sales") or []) == 5


def test_urgent_above_compares_the_strength_of_a_mark_over_the_board_too(world: World) -> None:
    world.deploy(KINDS, spec("sales", total("lead", over="board") >= 0.1, batch_window="10m", urgent_above=0.9))
    for i in range(4):
        world.put("lead", f"s{i}", 0.5)
    assert world.woken("sales") is None
    world.put("lead", "t", 0.9)
    assert len(world.woken("sales") or []) == 5


def test_an_urgent_live_mark_ends_the_batch_window_of_marks_that_cross_with_it(world: World) -> None:
    world.deploy(KINDS, spec("sales", count("lead", over="board") >= 3, batch_window="10m", urgent_above=0.9))
    marks = [world.put("lead", f"s{i}", strength).mark_id for i, strength in enumerate((0.95, 0.5, 0.4))]
    assert world.woken("sales") == marks


def test_crossings_wait_during_the_cooldown_after_a_success(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, cooldown="1h"))
    first = world.put("lead").mark_id
    assert world.woken("sales") == [first]
    end = world.clock.now() + HOUR
    later = [world.put("lead", f"s{i}").mark_id for i in range(3)]
    assert world.woken("sales") is None
    assert ready_at(world, "sales") == end
    world.clock.set(end - 1)
    assert world.woken("sales") is None
    world.clock.set(end)
    assert world.woken("sales") == later


def test_a_failed_run_starts_no_cooldown(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, cooldown="10h", retry_after="1s", concurrency=2))
    first = world.put("lead").mark_id
    claim = world.claimed("sales")
    world.fail(claim)
    world.advance(2 * SECOND)
    assert world.woken("sales") == [first]
    assert world.claim("sales") is None


def test_a_failure_beside_a_success_does_not_end_the_cooldown(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, cooldown="10h", batch=1, concurrency=2))
    world.put("lead", "a")
    world.put("lead", "b")
    one, two = world.claim("sales"), world.claim("sales")
    assert one is not None
    assert two is not None
    world.finish(one)
    world.fail(two)
    world.advance(HOUR)
    assert world.claim("sales") is None


@pytest.mark.postgresql
def test_a_cooldown_per_subject_defers_only_that_subject(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, cooldown="1h", cooldown_per="subject"))
    first = world.put("lead", "a").mark_id
    assert world.woken("sales") == [first]
    again = world.put("lead", "a").mark_id
    other = world.put("lead", "b").mark_id
    assert world.woken("sales") == [other]
    assert world.woken("sales") is None
    end = ready_at(world, "sales")
    assert end == world.clock.now() + HOUR
    world.clock.set(end)
    assert world.woken("sales") == [again]


@pytest.mark.postgresql
def test_a_paused_agent_does_not_wake_and_a_resumed_agent_catches_up(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5), spec("other", strength("lead") >= 0.5))
    world.board.pause("sales", "lunch")
    lead = world.put("lead").mark_id
    assert world.woken("sales") is None
    assert world.board.agenda()[0].held_by is not None
    assert world.woken("other") == [lead]
    world.board.resume("sales")
    assert world.woken("sales") == [lead]


@pytest.mark.postgresql
def test_a_paused_board_wakes_no_agent(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5))
    world.board.pause(reason="upgrade")
    lead = world.put("lead").mark_id
    assert world.woken("sales") is None
    assert world.board.status().paused_because == "upgrade"
    world.board.resume()
    assert world.woken("sales") == [lead]


def test_holds_survive_a_restart(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, cooldown="1h"))
    world.woken("sales")
    assert world.woken("sales") is None
    world.put("lead")
    assert world.woken("sales") is not None
    waiting = world.put("lead").mark_id
    again = World(world.path, world.clock, url=world.url)
    assert again.woken("sales") is None
    again.advance(HOUR)
    assert again.woken("sales") == [waiting]
    again.close()


def test_concurrency_limits_simultaneous_activations(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, batch=1, concurrency=2))
    marks = [world.put("lead", f"s{i}").mark_id for i in range(3)]
    running = [world.claim("sales") for _ in range(3)]
    assert [inputs(item) if item else None for item in running] == [[marks[0]], [marks[1]], None]
    assert running[0] is not None
    world.finish(running[0])
    assert world.woken("sales") == [marks[2]]


@pytest.mark.postgresql
def test_explain_never_writes(world: World) -> None:
    kinds = {"lead": kind("lead", Linear("1h"), on_repeat="separate"), "ok": kind("ok", Step("30m"))}
    world.deploy(
        kinds,
        spec(
            "sales",
            {
                "sum": watch(total("lead", over="board") >= 2, only_if=count("ok", over="board") >= 1),
                "one": strength("lead") >= 0.5,
                "cold": strength("lead") < 0.2,
            },
        ),
    )
    world.put("lead", "a")
    world.put("lead", "b", 0.4)
    world.advance(50 * MINUTE)
    found = world.board.explain("sales", "a")
    values = {item.watch: item for item in found.watches}
    assert values["sum"].values is not None
    assert values["sum"].values[0].value == pytest.approx(1.4 / 6, abs=1e-9)
    world.advance(20 * MINUTE)
    found = world.board.explain("sales", "a")
    values = {item.watch: item for item in found.watches}
    assert values["sum"].values is not None
    assert values["sum"].values[0].value == 0.0
    assert "it has not crossed" in values["sum"].verdict
    world.board.explain("sales")


def test_explain_distinguishes_absorbed_marks_from_missing_marks(world: World) -> None:
    world.deploy({"lead": kind("lead", Linear("1h"))}, spec("sales", {"one": strength("lead") >= 0.5}))

    def verdict(subject: str) -> str:
        return str(world.board.explain("sales", subject).watches[0].verdict)

    world.put("lead", "a")
    world.woken("sales")
    assert "all live marks are already absorbed" in verdict("a")
    assert verdict("b") == 'it has not crossed: strength("lead") is 0 of 0.5'


def test_explain_says_that_no_live_mark_can_fall_below_the_threshold(world: World) -> None:
    world.deploy({"lead": kind("lead", Linear("1h"))}, spec("sales", {"cold": strength("lead") < 0.5}))
    assert world.board.explain("sales", "a").watches[0].verdict == "no live mark can fall below the threshold"


@pytest.mark.postgresql
def test_the_batch_window_of_a_released_crossing_ends_as_python_says(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.1, **GUARDED))
    start = world.clock.now()
    cases = list(
        itertools.product((0, 1), (1, 4, 5, 6), (start - 11 * MINUTE, start - 10 * MINUTE, start - MINUTE, start))
    )

    def released(txn: BoardTransaction) -> list[tuple[int, int]]:
        [watch] = txn.active.watches.values()
        for mark_id, (urgent, marks, noticed_at) in enumerate(cases, 1):
            row = CrossingRow(
                id=mark_id, watch_id=watch.id, scope="a", mark_id=mark_id, state="waiting", crossed_at=noticed_at,
                noticed_at=noticed_at, value=1.0, threshold=0.1, marks=marks, urgent=urgent, ready_at=None,
                held_by="guard", law="never()", order_key=0.0, event_id=None, activation_id=None, closed_at=None,
            )  # fmt: skip
            txn.sql.run(CROSSINGS.insert_crossing, **row._asdict())
        watch_guards.release(txn, watch, "a")
        return [
            (row.ready_at or 0, watch.batch_window_end(row.noticed_at, row.marks, urgent=bool(row.urgent)))
            for row in txn.sql.all(CROSSINGS.waiting_of_watch, watch_id=watch.id)
        ]

    ends = world.board.session.write(released)
    assert len(ends) == len(cases)
    assert all(ready_at == max(end, start) for ready_at, end in ends)
