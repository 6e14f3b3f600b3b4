"""A call over a budget waits for the end of the window; it does not fail, and a restart keeps spent money."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from blackboard import Blackboard, ManualClock
from blackboard.board.activations.call_records import budgets, model_calls
from blackboard.board.housekeeping import retention
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.specs.agent_spec import Budget
from blackboard.core.specs.deployment import Deployment
from blackboard.daemon import DaemonEventDetails
from blackboard.durations import HOUR
from blackboard.llm.model_request import highest_cost
from blackboard.llm.prices import load_prices
from blackboard.store.dialects.sqlite_dialect import SqliteDialect
from blackboard.store.statements import MODEL_CALLS
from tests.model_calls.later_batches import BatchEndsLater
from tests.support.board_steps import in_transaction
from tests.support.fake_api_faults import Cut, Hang, Junk, Status
from tests.support.messages_api import MessagesApi
from tests.support.paying_board import MODEL, Lead, PayingBoard
from tests.support.threads import join_all


def test_a_call_over_the_budget_waits_for_the_next_hour(
    world_of: Callable[..., PayingBoard], api: MessagesApi, clock: ManualClock
) -> None:
    world = world_of(budget=Budget(calls_per_hour=1), batch=1)
    leads = world.deposit_leads(2)
    report = world.run_until_quiescent()
    assert world.judged == leads[:1]
    [held] = world.board.activations(state="held")
    assert held.retry_at == datetime(2026, 1, 5, 10, tzinfo=UTC)
    assert "budget.calls_per_hour = 1" in (held.error or "")
    assert any("calls_per_hour" in line for line in report.lines)
    clock.advance(timedelta(minutes=59))
    world.run_until_quiescent()
    assert len(api.bodies) == 1
    clock.advance(timedelta(minutes=1))
    world.run_until_quiescent()
    assert world.judged == leads
    assert all(row.attempt == 1 for row in world.board.activations())


def test_crossings_wait_while_a_budget_holds_and_then_run_in_full_batches(
    world_of: Callable[..., PayingBoard], api: MessagesApi, clock: ManualClock
) -> None:
    world = world_of(budget=Budget(calls_per_hour=1), batch=10)
    for n in range(6):
        world.deposit_leads(1, name=f"lead-{n}")
        world.run_until_quiescent()
    rows = world.board.agenda()
    assert [row.subject for row in rows] == [f"lead-{n}/1" for n in range(1, 6)]  # the first call has begun
    assert all("calls_per_hour" in (row.held_by or "") for row in rows)
    agenda = world.board.query("SELECT state, held_by FROM agenda ORDER BY id")
    assert agenda == [("deferred", rows[0].held_by)] + [("waiting", row.held_by) for row in rows[1:]]
    clock.advance(timedelta(hours=2))
    world.run_until_quiescent()
    clock.advance(timedelta(hours=1))
    world.run_until_quiescent()
    assert len(world.judged) == 6
    assert [call["marks"] for call in world.calls()] == [1, 1, 4]


def test_the_highest_cost_is_reserved_and_replaced_by_the_actual_cost(world_of: Callable[..., PayingBoard]) -> None:
    world = world_of(budget=Budget(usd_per_day=1.0))
    world.deposit_leads()
    seen = []
    daemon = world.daemon()
    daemon.on_event.append(lambda event, details: seen.append(world.calls()[0]) if event == "done" else None)
    daemon.run(until_quiescent=True)
    [call] = world.calls()
    assert call["reserved_usd"] == 0
    [(body,)] = world.board.query("SELECT body FROM model_call")
    assert 0 < call["cost_usd"] < (len(str(body)) + 1000 + 400 * 5) / 1e6


@pytest.mark.postgresql
def test_the_budget_of_an_agent_holds_that_agent(world_of: Callable[..., PayingBoard], clock: ManualClock) -> None:
    world = world_of(batch=1, own=Budget(calls_per_day=2), budget=Budget(calls_per_day=100))
    world.deposit_leads(3)
    world.run_until_quiescent()
    assert len(world.judged) == 2
    [held] = world.board.activations(state="held")
    assert "agents.judge.budget.calls_per_day = 2" in (held.error or "")
    assert held.retry_at == datetime(2026, 1, 6, 0, tzinfo=UTC)
    clock.advance(timedelta(days=1))
    world.run_until_quiescent()
    assert len(world.judged) == 3


def test_spent_money_survives_a_restart(
    world_of: Callable[..., PayingBoard], clock: ManualClock, board_url: str, api: MessagesApi
) -> None:
    world = world_of(budget=Budget(calls_per_day=1), batch=1)
    world.deposit_leads(2)
    world.run_until_quiescent()
    world.close()
    for _ in range(4):
        again = PayingBoard(board_url, clock, api.url, budget=Budget(calls_per_day=1), batch=1)
        again.run_until_quiescent()
        again.close()
    assert api.paid == 1


def test_a_call_larger_than_every_window_waits_for_a_person_with_the_reason(
    world_of: Callable[..., PayingBoard],
) -> None:
    world = world_of(budget=Budget(usd_per_hour=0.000_001))
    world.deposit_leads()
    world.run_until_quiescent()
    [held] = world.board.activations(state="held")
    assert held.retry_at is None
    assert "has no room for this call" in (held.error or "")
    world.deploy(Budget(usd_per_hour=1.0))
    world.board.retry(held.id)
    world.run_until_quiescent()
    assert len(world.judged) == 1


@pytest.mark.parametrize("own", [False, True], ids=["the board's", "the agent's"])
def test_a_raised_budget_releases_held_work_before_the_window_ends(
    world_of: Callable[..., PayingBoard], own: bool
) -> None:
    def limit(calls: int) -> dict[str, Budget]:
        budget = Budget(calls_per_day=calls)
        return {"own": budget} if own else {"budget": budget}

    world = world_of(batch=1, **limit(1))
    leads = world.deposit_leads(3)
    world.run_until_quiescent()
    assert world.judged == leads[:1]
    world.deploy(batch=1, **limit(2))
    world.run_until_quiescent()
    assert world.judged == leads[:2]
    [held] = world.board.activations(state="held")
    assert "calls_per_day = 2" in (held.error or "")
    world.deploy(batch=1, **limit(9))
    world.run_until_quiescent()
    assert world.judged == leads


def test_a_raised_budget_releases_work_that_was_larger_than_every_window(world_of: Callable[..., PayingBoard]) -> None:
    world = world_of(budget=Budget(usd_per_hour=0.000_001))
    world.deposit_leads()
    world.run_until_quiescent()
    assert world.board.activations(state="held")[0].retry_at is None
    world.deploy(Budget(usd_per_hour=1.0))
    world.run_until_quiescent()
    assert len(world.judged) == 1


def test_a_changed_budget_does_not_release_work_that_waits_for_a_person(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    world = world_of(on_unknown="hold", budget=Budget(calls_per_day=5))
    world.deposit_leads()
    api.queue(Cut(0))
    world.run_until_quiescent()
    world.deploy(Budget(calls_per_day=9), on_unknown="hold")
    world.run_until_quiescent()
    assert [row.state for row in world.board.activations()] == ["held"]
    assert len(api.bodies) == 1


def test_a_budget_for_one_activation_counts_its_retries(world_of: Callable[..., PayingBoard], api: MessagesApi) -> None:
    world = world_of(budget=Budget(calls_per_activation=2))
    world.deposit_leads()
    api.responder = lambda body: "junk"
    world.run_until_quiescent()
    assert api.paid == 2
    [held] = world.board.activations(state="held")
    assert "calls_per_activation = 2" in (held.error or "")


@pytest.mark.parametrize(("limit", "paid"), [(2, 2), (3, 4)])
def test_calls_before_a_split_count_for_each_part(
    world_of: Callable[..., PayingBoard], api: MessagesApi, limit: int, paid: int
) -> None:
    world = world_of(budget=Budget(calls_per_activation=limit), max_attempts=2, cooldown_after_failures=99)
    world.deposit_leads(4)
    api.responder = lambda body: "junk"
    world.run_until_quiescent()
    # Two calls for all four marks; then, with a limit of 3, one call for each half.
    assert api.paid == paid
    held = world.board.activations(state="held")
    # The answers about both halves are unusable, so the model may be paused before the budget holds every part.
    reasons = (f"calls_per_activation = {limit}: {limit} used", "the answers of")
    assert held
    assert all(any(reason in (row.error or "") for reason in reasons) for row in held)


def test_money_spent_before_a_split_counts_for_each_part_but_not_money_of_the_other_part(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    world = world_of(budget=Budget(usd_per_activation=1.0), max_attempts=1, cooldown_after_failures=99, concurrency=1)
    world.deposit_leads(2)
    api.queue(Junk('{"content": [{"type": "text", "text": "no JSON"}]}'))
    world.run_until_quiescent()
    first, *parts = world.calls()
    assert [call["state"] for call in parts] == ["applied", "applied"]

    def spent_for(call: dict[str, Any]) -> tuple[int, int]:
        return world.board.session.read(lambda txn: budgets.spent_for(txn, model_calls.get(txn, call["id"])))

    spent = [spent_for(call) for call in (first, *parts)]
    costs = [round(1e6 * (call["cost_usd"] or call["reserved_usd"])) for call in (first, *parts)]
    assert spent == [(costs[0], 1), (costs[0] + costs[1], 2), (costs[0] + costs[2], 2)]


def test_calls_that_certainly_cost_nothing_do_not_count(world_of: Callable[..., PayingBoard], api: MessagesApi) -> None:
    world = world_of(budget=Budget(calls_per_hour=1))
    world.deposit_leads()
    api.queue(*[Status(529)] * 3)
    world.run_until_quiescent()
    assert len(world.judged) == 1


def test_a_call_of_unknown_outcome_keeps_its_reserve_in_the_window(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    world = world_of(budget=Budget(calls_per_hour=1))
    world.deposit_leads()
    api.queue(Cut(0))
    world.run_until_quiescent()
    assert world.judged == []
    assert world.board.activations(state="held")[0].retry_at is not None
    assert world.board.status().model_calls.unknown == 1


def test_a_budget_in_watch_mode_only_reports_excesses(world_of: Callable[..., PayingBoard]) -> None:
    world = world_of(budget=Budget(mode="warn", calls_per_hour=1), batch=1)
    leads = world.deposit_leads(3)
    world.run_until_quiescent()
    assert world.judged == leads
    first, *others = world.calls()
    assert first["would_hold"] is None
    assert all("calls_per_hour = 1" in call["would_hold"] for call in others)


def test_a_short_retention_still_keeps_the_spending_of_today(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    world = world_of(budget=Budget(calls_per_day=1), batch=1)
    world.deposit_leads(2)
    world.run_until_quiescent()
    in_transaction(world.board, retention.remove, history=0, activations=0, model_calls=0, limit=1000)
    world.board.retry(world.board.activations(state="held")[0].id)
    world.run_until_quiescent()
    assert api.paid == 1


COUNT, RESERVE = 1000, 7_000
LIMIT = Budget(usd_per_day=1.0, calls_per_hour=900)
"""A budget for 142 calls."""


@pytest.fixture
def planned(board_url: str, clock: ManualClock) -> str:
    """Return a board with a thousand activations with a planned call each."""
    with Blackboard.open(board_url, clock=clock, kinds=[Lead]) as board:
        board.deploy(Deployment(budget=LIMIT))
        board.session.write(
            lambda txn: [
                model_calls.plan(txn, n, agent="judge", model=MODEL, body="{}", marks=1) for n in range(1, COUNT + 1)
            ],
        )
    return board_url


def send(call: int, txn: BoardTransaction) -> Any:
    return model_calls.reserve(txn, model_calls.get(txn, call), RESERVE)


def reserve(url: str, at: int, calls: Iterable[int]) -> int:
    """Send calls within the budget, and return their number."""
    with Blackboard.open(url, clock=ManualClock(at)) as board:
        result = [board.session.write(partial(send, n)) for n in calls]
    return sum(over is None for over in result)


def spent(url: str, clock: ManualClock) -> list[tuple[object, ...]]:
    with Blackboard.open(url, clock=clock) as board:
        rows = board.query("SELECT count(*), sum(reserved) FROM model_call WHERE state = 'sent'")
        return [tuple(row) for row in rows]


def test_a_thousand_concurrent_activations_never_reserve_over_the_budget(planned: str, clock: ManualClock) -> None:
    with Blackboard.open(planned, clock=clock) as board:

        def work(first: int) -> None:
            for n in range(first, COUNT + 1, 20):
                board.session.write(partial(send, n))

        threads = [threading.Thread(target=work, args=(first,)) for first in range(1, 21)]
        for thread in threads:
            thread.start()
        join_all(*threads)
    assert spent(planned, clock) == [(142, 142 * RESERVE)]


@pytest.mark.processes
def test_processes_that_share_a_board_never_reserve_over_the_budget(planned: str, clock: ManualClock) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        parts = [(planned, clock.now(), range(first, COUNT + 1, 4)) for first in range(1, 5)]
        sent = pool.starmap(reserve, parts)
    assert sum(sent) == 142
    assert spent(planned, clock) == [(142, 142 * RESERVE)]


@pytest.mark.file_only("the plan is that of SQLite")
def test_spending_is_summed_from_the_index_alone(planned: str, clock: ManualClock) -> None:
    with Blackboard.open(planned, clock=clock) as board, board.database.read() as transaction:
        for statement, values in ((MODEL_CALLS.spent, {}), (MODEL_CALLS.spent.using("agent"), {"agent": "judge"})):
            text, names = statement.compile(SqliteDialect())
            given = {"day": 0, "hour": 0, **values}
            plan = transaction.cursor.execute(
                f"EXPLAIN QUERY PLAN {text}", [given[name] for name in names or ()]
            ).fetchall()
            assert "COVERING INDEX" in plan[0][-1]
            assert "SEARCH" in plan[0][-1]


def reserve_of(world: PayingBoard) -> float:
    """Return the highest cost of one call about one lead, in US dollars."""
    other = world.deposit_leads(1, name="first")
    world.run_until_quiescent()
    assert world.judged == other
    [(body,)] = world.board.query("SELECT body FROM model_call")
    return highest_cost(str(body), load_prices()) / 1e6


@pytest.mark.postgresql
def test_a_reserve_that_is_released_lets_waiting_calls_ask_again(
    world_of: Callable[..., PayingBoard], api: MessagesApi, clock: ManualClock
) -> None:
    world = world_of(batch=1)
    most = reserve_of(world)
    world.deploy(Budget(usd_per_hour=1.9 * most), batch=1, concurrency=4)
    world.deposit_leads(4)
    api.queue(hang := Hang())
    before, held = clock.now(), []
    daemon = world.daemon()

    def note(event: str, details: DaemonEventDetails) -> None:
        if event == "deferred":
            held.append(details)
            hang.release.set()

    daemon.on_event.append(note)
    daemon.run(until_quiescent=True)
    assert "budget.usd_per_hour" in held[0]["reason"]
    assert len(world.judged) == 5
    assert clock.now() - before < 60_000_000
    assert {call["state"] for call in world.calls()} == {"applied"}


def test_a_call_that_failed_gives_its_place_to_another(
    world_of: Callable[..., PayingBoard], api: MessagesApi, clock: ManualClock
) -> None:
    world = world_of(batch=1, concurrency=2, budget=Budget(calls_per_hour=2))
    world.deposit_leads(2)
    api.queue(Status(529), Status(529), Status(529))
    before = clock.now()
    world.run_until_quiescent()
    assert len(world.judged) == 2
    assert clock.now() - before < HOUR


@pytest.mark.parametrize("use_batch_api", [False, True], ids=["messages", "batch"])
def test_a_recorded_cost_lets_waiting_calls_ask_again(
    world_of: Callable[..., PayingBoard], api: MessagesApi, use_batch_api: bool
) -> None:
    world = world_of(batch=1)
    most = reserve_of(world)
    world.deploy(Budget(usd_per_hour=1.5 * most), batch=1, on_unknown="hold")
    world.deposit_leads(1, name="lost")
    api.queue(Cut(0))
    world.run_until_quiescent()
    world.deploy(Budget(usd_per_hour=1.5 * most), batch=1, on_unknown="hold", use_batch_api=use_batch_api)
    world.deposit_leads(2)
    client = BatchEndsLater(api)
    world.run_until_quiescent(client)
    assert len(world.judged) == 1
    [call] = [call for call in world.calls() if call["state"] == "unknown"]
    world.board.record_cost(call["id"], 0.0)
    world.run_until_quiescent(client)
    client.close()
    assert len(world.judged) == 3


def test_explain_names_the_budget_for_all_that_waits(world_of: Callable[..., PayingBoard]) -> None:
    world = world_of(batch=1, budget=Budget(calls_per_hour=1))
    world.deposit_leads(4)
    world.run_until_quiescent()
    for n in range(2, 5):
        text = repr(world.board.explain("judge", f"lead/{n}"))
        assert "budget.calls_per_hour = 1" in text
        assert "claims it" not in text
