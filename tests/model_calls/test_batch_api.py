"""Weak marks wait for the Batch API, and each call is submitted once and its answer recorded once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from blackboard import Daemon, ManualClock, agent, strength
from blackboard.clock import iso
from blackboard.core.specs.agent_spec import AgentSettings, Budget, ModelChoice
from blackboard.daemon import DaemonEventDetails, DaemonLoop
from blackboard.daemon.model_requests.model_caller import api_for, model_for
from blackboard.llm.call_failures import RequestRejected
from blackboard.store.dialects.sqlite_dialect import SqliteDialect
from blackboard.store.statements import ACTIVATIONS, MODEL_CALLS
from tests.model_calls.later_batches import BatchEndsLater
from tests.model_calls.sent_batches import batches, requests_in
from tests.support.bounds import BOUND_SECONDS
from tests.support.fake_api_faults import Status
from tests.support.messages_api import MessagesApi
from tests.support.paying_board import Judged, Lead, PayingBoard, judge


def test_an_agent_waits_for_the_batch_api_and_continues_with_the_answer(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater]
) -> None:
    world = world_of(use_batch_api=True)
    leads = world.deposit_leads(3)
    report = world.run_until_quiescent(patient())
    assert world.judged == leads
    assert (len(batches(api)), api.paid) == (1, 1)
    [call] = world.calls()
    assert (call["api"], call["state"], call["batch_id"]) == ("batch", "applied", "msgbatch_000001")
    [cost] = world.board.costs()
    assert cost.usd == pytest.approx(cost.usd_direct / 2, rel=0.01)
    assert report.lines == ()


def test_calls_of_several_activations_share_a_batch(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater]
) -> None:
    world = world_of(use_batch_api=True, batch=1, concurrency=8)
    leads = world.deposit_leads(5)
    world.run_until_quiescent(patient())
    assert world.judged == leads
    assert len(batches(api)) == 1
    assert api.paid == 5


def test_calls_planned_at_the_start_are_submitted_together_after_the_interval(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater], clock: ManualClock
) -> None:
    world = world_of(use_batch_api=True, batch=1, concurrency=8)
    world.deposit_leads(2)
    waiting = threading.Event()

    def wait_for_the_call(event: str, details: DaemonEventDetails) -> None:
        # The second activation starts only when the first has planned its call.
        if event == "deferred":
            waiting.set()
        elif event == "claimed" and details["id"] == 2:
            assert waiting.wait(BOUND_SECONDS)

    daemon = world.daemon(patient())
    daemon.on_event.append(wait_for_the_call)
    started = clock.now()
    daemon.run(until_quiescent=True)
    assert len(batches(api)) == 1
    assert {call["sent_at"] for call in world.calls()} == {iso(started + daemon.settings.batch_api_interval)}


def test_weak_marks_wait_for_the_batch_api_and_strong_marks_do_not(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater]
) -> None:
    world = world_of(batch_api_below=0.4)
    weak = world.deposit_leads(2, intensity=0.3, name="weak")
    world.run_until_quiescent(patient())
    strong = world.deposit_leads(1, intensity=0.9, name="strong")
    world.run_until_quiescent(patient())
    assert world.judged == sorted(weak + strong)
    assert [call["api"] for call in world.calls()] == ["batch", "messages"]


def test_a_weak_mark_shares_the_call_of_a_strong_mark(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater]
) -> None:
    world = world_of(batch_api_below=0.4)
    world.deposit_leads(2, intensity=0.3, name="weak")
    world.deposit_leads(1, intensity=0.9, name="strong")
    world.run_until_quiescent(patient())
    assert [(call["api"], call["marks"]) for call in world.calls()] == [("messages", 3)]


def test_the_strongest_mark_decides_on_api_and_model() -> None:
    settings = AgentSettings(
        batch_api_below=0.4, model="c", models=(ModelChoice(below=0.3, model="a"), ModelChoice(below=0.6, model="b"))
    )
    assert [api_for(settings, strength) for strength in (0.39, 0.4)] == ["batch", "messages"]
    assert [model_for(settings, "d", strength) for strength in (0.29, 0.3, 0.6)] == ["a", "b", "c"]
    assert model_for(AgentSettings(), "d", 1.0) == "d"
    assert api_for(AgentSettings(use_batch_api=True), 9.0) == "batch"


def test_strong_marks_may_get_a_stronger_model(world_of: Callable[..., PayingBoard], api: MessagesApi) -> None:
    world = world_of(
        models=(ModelChoice(below=0.6, model="claude-haiku-4-5"), ModelChoice(model="claude-sonnet-4-6")),
    )
    world.deposit_leads(1, intensity=0.5)
    world.run_until_quiescent()
    world.deposit_leads(1, intensity=0.9)
    world.run_until_quiescent()
    assert [call["model"] for call in world.calls()] == ["claude-haiku-4-5", "claude-sonnet-4-6"]


def test_quiescence_waits_for_the_batch_api(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater], clock: ManualClock
) -> None:
    world = world_of(use_batch_api=True)
    world.deposit_leads(1)
    started = clock.now()
    world.run_until_quiescent(client := patient(looks=30))
    assert len(world.judged) == 1
    assert client.asked == 31
    assert clock.now() - started >= 30 * 60_000_000


def test_a_batch_that_is_too_large_is_submitted_in_parts(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater]
) -> None:
    world = world_of(use_batch_api=True, batch=1, concurrency=8)
    leads = world.deposit_leads(8)
    api.queue(Status(413), Status(413))
    world.run_until_quiescent(patient())
    assert [len(requests_in(call)) for call in batches(api)][:3] == [8, 4, 2]
    assert world.judged == leads
    assert api.paid == 8


def test_budgets_hold_calls_in_the_batch_api_too(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater], clock: ManualClock
) -> None:
    world = world_of(use_batch_api=True, batch=1, concurrency=8, budget=Budget(calls_per_hour=2))
    leads = world.deposit_leads(3)
    world.run_until_quiescent(patient())
    assert len(world.judged) == 2
    [held] = world.board.activations(state="held")
    assert "calls_per_hour = 2" in (held.error or "")
    clock.advance(timedelta(hours=1))
    world.run_until_quiescent(patient())
    assert world.judged == leads
    assert [len(requests_in(call)) for call in batches(api)] == [2, 1]


def test_a_call_that_fits_no_window_does_not_keep_the_batch_api_waiting(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater]
) -> None:
    world = world_of(use_batch_api=True, budget=Budget(usd_per_day=0.000_001))
    world.deposit_leads(1)
    world.run_until_quiescent(patient())
    [held] = world.board.activations(state="held")
    assert "has no room" in (held.error or "")
    assert batches(api) == []
    world.deploy(Budget(usd_per_day=1.0), use_batch_api=True)
    world.board.retry(held.id)
    world.run_until_quiescent(patient())
    assert len(world.judged) == 1


@pytest.mark.parametrize("small", [Budget(usd_per_day=0.000_001), Budget(calls_per_hour=1)], ids=["room", "window"])
def test_a_raised_budget_releases_calls_to_the_batch_api(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater], small: Budget
) -> None:
    world = world_of(use_batch_api=True, batch=1, concurrency=8, budget=small)
    leads = world.deposit_leads(2)
    world.run_until_quiescent(patient())
    assert len(world.judged) < 2
    world.deploy(Budget(usd_per_day=1.0), use_batch_api=True, batch=1, concurrency=8)
    world.run_until_quiescent(patient())
    assert world.judged == leads


@pytest.mark.postgresql
def test_a_call_of_a_split_activation_is_not_submitted(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater]
) -> None:
    runs = []

    @agent(watches=strength(Lead) >= 0.1, writes=[Judged], max_tokens=400, max_attempts=1, name="judge")
    def moody(marks: list[Any], context: Any) -> Any:
        runs.append(len(marks))
        if len(runs) > 1 and len(marks) > 1:
            raise ValueError("too many after all")
        return judge.function(marks, context)

    world = world_of(agents=[moody], use_batch_api=True, budget=Budget(usd_per_activation=0.000_001))
    leads = world.deposit_leads(2)
    world.run_until_quiescent(patient())
    world.deploy(use_batch_api=True)
    world.run_until_quiescent(patient())
    assert world.judged == leads
    assert api.paid == 2
    assert [(call["state"], call["marks"]) for call in world.calls()] == [("failed", 2), ("applied", 1), ("applied", 1)]


def test_a_call_of_a_discarded_activation_is_not_submitted(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater]
) -> None:
    world = world_of(use_batch_api=True)
    world.deposit_leads(1)
    daemon = world.daemon()
    daemon.on_event.append(lambda event, details: daemon.stop(now=True) if event == "deferred" else None)
    daemon.run()
    world.board.discard(world.board.activations(state="held")[0].id)
    world.run_until_quiescent(patient())
    assert batches(api) == []
    assert world.states() == ["failed"]


def serve_batch_api(daemon: DaemonLoop) -> None:
    """Do only the due work of the Batch API."""
    assert daemon.models.batch_api is not None
    daemon.models.batch_api.run_once()


def submit_and_stop(world: PayingBoard, patient: Callable[..., BatchEndsLater]) -> None:
    """Submit the world's call in a batch, and end the daemon before the answer."""
    client = patient(looks=10**6)
    daemon = world.daemon(client)
    client.on_results = lambda: daemon.stop(now=True)
    daemon.run()
    assert world.states() == ["sent"]


def test_an_answer_for_a_discarded_activation_is_paid_and_not_applied(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater]
) -> None:
    world = world_of(use_batch_api=True)
    world.deposit_leads(1)
    submit_and_stop(world, patient)
    world.board.discard(world.board.activations(state="held")[0].id)
    serve_batch_api(world.daemon(patient(looks=0)))
    [call] = world.calls()
    assert (call["state"], call["error"]) == ("unusable", "its activation was discarded")
    assert call["cost_usd"] > 0
    assert call["reserved_usd"] == 0
    assert world.judged == []
    assert world.board.status().model_calls.answered == 0


def test_a_lost_answer_to_a_discarded_call_counts_as_paid_in_full(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater]
) -> None:
    world = world_of(use_batch_api=True)
    world.deposit_leads(1)
    submit_and_stop(world, patient)
    world.board.discard(world.board.activations(state="held")[0].id)

    class Forgetful(BatchEndsLater):
        def batch_results(self, batch_id: str) -> None:
            raise RequestRejected("no longer kept")

    client = Forgetful(api)
    serve_batch_api(world.daemon(client))
    client.close()
    [call] = world.calls()
    assert (call["state"], call["reserved_usd"]) == ("cost_recorded", 0)
    assert call["cost_usd"] > 0


def test_a_daemon_without_a_client_ignores_the_batch_api_and_becomes_quiescent(
    world_of: Callable[..., PayingBoard], api: MessagesApi, clock: ManualClock
) -> None:
    world = world_of(use_batch_api=True)
    world.deposit_leads(1)
    daemon = world.daemon()
    daemon.on_event.append(lambda event, details: daemon.stop() if event == "deferred" else None)
    daemon.run()
    report = Daemon(world.board, world.agents).run(until_quiescent=True)
    assert any("Batch API" in line for line in report.lines)
    assert batches(api) == []


def test_the_next_daemon_records_the_results(
    world_of: Callable[..., PayingBoard],
    api: MessagesApi,
    clock: ManualClock,
    patient: Callable[..., BatchEndsLater],
    board_url: str,
) -> None:
    world = world_of(use_batch_api=True)
    leads = world.deposit_leads(2)
    submit_and_stop(world, patient)
    world.close()
    again = PayingBoard(board_url, clock, api.url, use_batch_api=True)
    again.run_until_quiescent(patient())
    assert again.judged == leads
    assert (len(batches(api)), api.paid) == (1, 1)
    again.close()


@pytest.mark.file_only("the plans are those of SQLite")
def test_finished_calls_are_scanned_neither_by_the_batch_api_nor_by_a_changed_budget(
    world_of: Callable[..., PayingBoard],
) -> None:
    world = world_of(use_batch_api=True)
    statements = (
        MODEL_CALLS.calls_to_submit,
        MODEL_CALLS.submitted_calls,
        MODEL_CALLS.name_batch,
        MODEL_CALLS.answered_in_batch_api,
        MODEL_CALLS.count_in_batch_api,
        MODEL_CALLS.clear_all_errors,
        ACTIVATIONS.held_for_a_while,
    )
    with world.board.database.read() as transaction:
        for statement in statements:
            text, names = statement.compile(SqliteDialect())
            plan = transaction.cursor.execute(f"EXPLAIN QUERY PLAN {text}", [1] * len(names)).fetchall()
            steps = [row[-1] for row in plan]
            assert any("ix_model_call_open" in step for step in steps), steps
            assert not any(step.startswith("SCAN model_call") for step in steps), steps
