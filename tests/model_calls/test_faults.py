"""No failure of the API loses a mark, blocks an agent, or pays twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from blackboard import ManualClock, agent, strength
from blackboard.board.activations.call_records import model_calls
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import parse_instant
from blackboard.core.specs.agent_spec import Budget
from blackboard.daemon import DaemonEventDetails
from blackboard.durations import SECOND, parse_duration
from blackboard.errors import NotFound
from blackboard.llm.answer_parser import Reply
from blackboard.llm.anthropic_client import AnthropicClient
from blackboard.llm.model_settings import ModelSettings
from tests.model_calls.later_batches import BatchEndsLater
from tests.support.bounds import BOUND_SECONDS
from tests.support.fake_api_faults import (
    Cut,
    Fault,
    Hang,
    Junk,
    Says,
    Status,
    cut_off,
    over_long,
    refusal,
    window_exceeded,
)
from tests.support.messages_api import MessagesApi
from tests.support.paying_board import KEY, MODEL, Judged, Lead, PayingBoard, judge


def test_an_answer_is_paid_once_and_used(world: PayingBoard, api: MessagesApi) -> None:
    leads = world.deposit_leads(3)
    world.run_until_quiescent()
    assert world.judged == leads
    assert api.paid == 1
    [call] = world.calls()
    assert (call["state"], call["marks"], call["api"]) == ("applied", 3, "messages")
    assert call["cost_usd"] > 0
    assert call["reserved_usd"] == 0
    assert call["request_id"] == "req_000001"


@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_an_overloaded_api_gets_the_same_bytes_again_later(world: PayingBoard, api: MessagesApi, status: int) -> None:
    leads = world.deposit_leads(2)
    api.queue(Status(status), Status(status))
    world.run_until_quiescent()
    assert world.judged == leads
    assert world.states() == ["failed", "failed", "applied"]
    assert len(set(api.bodies)) == 1
    assert api.paid == 1
    assert world.board.activations()[0].attempt == 1  # the failure used no attempt of the agent


def test_retry_after_is_obeyed_without_blocking_a_worker(
    world: PayingBoard, api: MessagesApi, clock: ManualClock
) -> None:
    world.deposit_leads()
    api.queue(Status(429, {"retry-after": "120"}))
    started = clock.now()
    world.run_until_quiescent()
    first, second = (parse_instant(call["sent_at"]) for call in world.calls())
    assert first == started
    assert 120 * SECOND <= second - first <= 122 * SECOND


def test_work_deferred_by_the_api_is_on_the_agenda_with_the_reason(world: PayingBoard, api: MessagesApi) -> None:
    world.deposit_leads()
    api.queue(Status(429, {"retry-after": "120"}))
    daemon, seen = world.daemon(), []

    def record(event: str, details: DaemonEventDetails) -> None:
        if event == "deferred":
            seen.extend(world.board.agenda())

    daemon.on_event.append(record)
    daemon.run(until_quiescent=True)
    [row] = seen
    assert row.subject == "lead/1"
    assert "429" in (row.held_by or "")
    assert world.board.agenda() == []


@pytest.mark.postgresql
@pytest.mark.parametrize("fault", [Cut(), Cut(0)], ids=["in mid-answer", "before the answer"])
def test_a_cut_connection_is_an_unknown_outcome_and_is_counted(
    world: PayingBoard, api: MessagesApi, fault: Fault
) -> None:
    leads = world.deposit_leads(2)
    api.queue(fault)
    world.run_until_quiescent()
    assert world.judged == leads
    assert world.states() == ["unknown", "applied"]
    assert len(set(api.bodies)) == 1
    status = world.board.status().model_calls
    assert status.unknown == 1
    assert status.reserved_usd > 0  # it may have been paid for
    world.board.record_cost(1, 0.0)
    status = world.board.status().model_calls
    assert (status.unknown, status.reserved_usd) == (0, 0)


def test_an_answer_without_usage_keeps_its_reserve_until_a_person_records_the_cost(
    world: PayingBoard, api: MessagesApi
) -> None:
    world.deposit_leads()
    api.queue(Junk('{"verdicts": []}'))
    world.run_until_quiescent()
    assert world.board.activations()[0].attempt == 0  # it is not the lead's fault
    world.run_until_quiescent()
    junk, good = world.calls()
    assert (junk["state"], junk["cost_usd"]) == ("unusable", None)
    assert junk["reserved_usd"] > 0
    world.board.record_cost(junk["id"], 0.5)
    world.board.record_cost(junk["id"], 0.25)  # the account of the provider shows a cost
    junk = world.calls()[0]
    assert (junk["state"], junk["cost_usd"], junk["reserved_usd"]) == ("unusable", 0.25, 0)
    [cost] = world.board.costs()
    assert cost.usd == pytest.approx(0.25 + good["cost_usd"])
    with pytest.raises(NotFound, match="its cost is known"):
        world.board.record_cost(good["id"], 0.0)


def test_a_usage_that_cannot_be_true_uses_up_no_budget(world_of: Callable[..., PayingBoard], api: MessagesApi) -> None:
    class Boasting(BatchEndsLater):
        def send(self, body: str) -> Reply:
            reply = super().send(body)
            message = json.loads(reply.raw)
            message["usage"]["output_tokens"] = 1 << 39
            return Reply.of(json.dumps(message), reply.request_id)

    world = world_of(batch=1, budget=Budget(usd_per_hour=1.0))
    leads = world.deposit_leads(3)
    client = Boasting(api)
    world.run_until_quiescent(client)
    client.close()
    assert world.judged == leads
    assert all(call["cost_usd"] is None and call["reserved_usd"] > 0 for call in world.calls())
    world.board.record_cost(1, 0.25)
    assert world.calls()[0]["cost_usd"] == 0.25


def test_the_cost_of_an_applied_answer_without_usage_can_be_recorded(world: PayingBoard) -> None:
    world.deposit_leads()
    world.board.session.write(_answered_without_usage)
    world.board.record_cost(1, 0.1)
    [call] = world.calls()
    assert (call["state"], call["cost_usd"], call["reserved_usd"]) == ("answered", 0.1, 0)


def _answered_without_usage(txn: BoardTransaction) -> Any:
    row = model_calls.plan(txn, 1, agent="judge", model=MODEL, body="{}", marks=1)
    model_calls.reserve(txn, row, 7_000)
    return model_calls.record_answer(txn, row.id, "{}", None, model_calls.CallCost())


def test_an_unused_answer_is_spare_after_its_activation_is_discarded(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    @agent(watches=strength(Lead) >= 0.1, writes=[Judged], max_tokens=400, max_attempts=1, name="judge")
    def clumsy(marks: list[Any], context: Any) -> None:
        judge.function(marks, context)
        raise ValueError("it stumbles over its answer")

    world = world_of(agents=[clumsy])
    world.deposit_leads()
    world.run_until_quiescent()
    assert world.states() == ["answered"]
    world.board.discard(world.board.activations(state="dead")[0].id)
    [call] = world.calls()
    assert (call["state"], call["error"]) == ("unusable", "its activation was discarded")
    assert call["cost_usd"] > 0
    assert world.board.status().model_calls.answered == 0


def test_an_agent_can_let_a_person_decide_about_an_unknown_outcome(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    world = world_of(on_unknown="hold")
    leads = world.deposit_leads(2)
    api.queue(Cut(0))
    report = world.run_until_quiescent()
    [held] = world.board.activations(state="held")
    assert "unknown" in (held.error or "")
    assert held.retry_at is None
    assert any("unknown" in line for line in report.lines)
    assert world.judged == []
    assert api.paid == 1
    world.board.retry(held.id)
    world.run_until_quiescent()
    assert world.judged == leads
    settled, applied = world.calls()
    assert (settled["state"], applied["state"]) == ("cost_recorded", "applied")
    assert settled["cost_usd"] > 0  # counted as paid for in full until a person records the cost
    world.board.record_cost(settled["id"], 0.25)
    assert world.calls()[0]["cost_usd"] == 0.25


def test_a_discarded_unknown_outcome_is_not_sent_again(world_of: Callable[..., PayingBoard], api: MessagesApi) -> None:
    world = world_of(on_unknown="hold")
    world.deposit_leads()
    api.queue(Cut(0))
    world.run_until_quiescent()
    world.board.discard(world.board.activations(state="held")[0].id)
    world.run_until_quiescent()
    assert len(api.bodies) == 1
    assert world.board.status().model_calls.unknown == 0


def test_a_call_that_times_out_is_an_unknown_outcome(world: PayingBoard, api: MessagesApi) -> None:
    leads = world.deposit_leads()
    api.queue(hang := Hang())
    impatient = AnthropicClient(KEY, api.url, parse_duration("3s"))  # more than a busy machine needs to send a call

    class OnceImpatient(BatchEndsLater):
        def send(self, body: str) -> Reply:
            return super().send(body) if hang.is_paid.is_set() else impatient.send(body)

    client = OnceImpatient(api)
    world.run_until_quiescent(client)
    hang.release.set()
    impatient.close()
    client.close()
    assert world.judged == leads
    assert world.states() == ["unknown", "applied"]


def test_a_call_that_outlives_its_run_is_awaited_and_not_sent_again(
    world_of: Callable[..., PayingBoard], clock: ManualClock, api: MessagesApi
) -> None:
    world = world_of(timeout="1s")
    leads = world.deposit_leads()
    asked_again = threading.Event()

    class Slow(BatchEndsLater):
        def send(self, body: str) -> Reply:
            clock.advance(timedelta(seconds=2))
            world.board.session.notify()
            assert asked_again.wait(BOUND_SECONDS)
            return super().send(body)

    client = Slow(api)
    daemon = world.daemon(client, model=ModelSettings(model=MODEL, timeout="30d"))
    daemon.on_event.append(lambda event, details: asked_again.set() if "still pending" in str(details) else None)
    daemon.run(until_quiescent=True)
    client.close()
    assert world.judged == leads
    assert api.paid == 1
    assert world.states() == ["applied"]


@pytest.mark.parametrize(
    "fault",
    [Says("{"), Says('{"verdicts": []}'), Says(""), refusal(), Says('{"verdicts": 7}')],
    ids=["no JSON", "of no mark", "empty", "refusal", "misfit"],
)
def test_an_unusable_answer_is_recorded_and_requested_again(world: PayingBoard, api: MessagesApi, fault: Fault) -> None:
    leads = world.deposit_leads(2)
    api.queue(fault)
    world.run_until_quiescent()
    assert world.judged == leads
    assert world.states() == ["unusable", "applied"]
    assert api.paid == 2


@pytest.mark.parametrize("fault", [cut_off(), window_exceeded()], ids=["max_tokens", "context window"])
def test_a_cut_off_answer_is_requested_in_halves_at_once(world: PayingBoard, api: MessagesApi, fault: Fault) -> None:
    leads = world.deposit_leads(4)
    api.queue(fault)
    world.run_until_quiescent()
    assert world.judged == leads
    assert [call["marks"] for call in world.calls()] == [4, 2, 2]
    assert api.paid == 3


def test_an_over_long_answer_loses_no_mark(world: PayingBoard, api: MessagesApi) -> None:
    leads = world.deposit_leads(2)
    api.queue(over_long(2_000_000))
    world.run_until_quiescent()
    assert world.judged == leads


def test_a_mark_that_the_model_always_refuses_is_isolated_and_the_others_succeed(
    world: PayingBoard, api: MessagesApi
) -> None:
    leads = world.deposit_leads(8)
    bad = leads[5]
    well = api.responder

    def responder(body: dict[str, Any]) -> Any:
        return "no" if f'"id":{bad},' in body["messages"][0]["content"] else well(body)

    api.responder = responder
    world.run_until_quiescent()
    assert world.judged == [lead for lead in leads if lead != bad]
    [dead] = world.board.activations(state="dead")
    assert dead.marks_absorbed == 1
    api.responder = well
    world.board.retry(dead.id)
    world.run_until_quiescent()
    assert world.judged == leads


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_rejected_request_is_split_and_never_sent_twice(world: PayingBoard, api: MessagesApi, status: int) -> None:
    leads = world.deposit_leads(2)
    api.queue(Status(status))
    world.run_until_quiescent()
    assert world.judged == leads
    assert world.states() == ["rejected", "applied", "applied"]
    assert len(set(api.bodies)) == len(api.bodies) == 3


def test_a_person_can_resend_a_rejected_request(world: PayingBoard, api: MessagesApi) -> None:
    [lead] = world.deposit_leads()
    api.queue(Status(413))
    world.run_until_quiescent()
    assert world.judged == []
    [dead] = world.board.activations(state="dead")
    world.board.retry(dead.id)
    world.run_until_quiescent()
    assert world.judged == [lead]
    assert len(set(api.bodies)) == 1


def test_an_api_that_is_never_reached_costs_nothing_and_keeps_the_marks(world: PayingBoard) -> None:
    world.deposit_leads(2)
    world.url = "http://127.0.0.1:9"
    daemon, tries = world.daemon(), []

    def record(event: str, details: DaemonEventDetails) -> None:
        if event == "deferred":
            tries.append(details)
            if len(tries) == 3:
                daemon.stop()

    daemon.on_event.append(record)
    daemon.run()
    assert set(world.states()) == {"failed"}
    assert world.board.status().model_calls.reserved_usd == 0
    [ready] = world.board.activations(state="ready")
    assert ready.marks_absorbed == 2


def test_an_unreachable_model_is_reported_with_the_next_attempt(world: PayingBoard) -> None:
    world.deposit_leads()
    world.url = "http://127.0.0.1:9"
    daemon = world.daemon()
    daemon.on_event.append(lambda event, details: daemon.stop() if event == "deferred" else None)
    daemon.run()
    [row] = world.board.activations()
    [deferred] = world.board.explain("judge", "lead/1").deferred
    assert (deferred.id, deferred.retry_at) == (row.id, row.retry_at)
    assert deferred.retry_at is not None
    assert deferred.retry_at > world.board.now()
    assert "reach" in (deferred.error or "")
    assert world.board.explain("judge", "lead/2").deferred == ()


def test_an_unreachable_model_is_given_up_after_the_configured_time(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    world = world_of(give_up_after="1h")
    leads = world.deposit_leads()
    url = world.url
    world.url = "http://127.0.0.1:9"
    report = world.run_until_quiescent()  # otherwise it would be retried forever
    [held] = world.board.activations(state="held")
    assert "given up after 1h" in (held.error or "")
    assert held.retry_at is None
    assert any("given up" in line for line in report.lines)
    sent = [parse_instant(call["sent_at"]) for call in world.calls()]
    assert 3600 * SECOND <= sent[-1] - sent[0] < 3 * 3600 * SECOND
    world.url = url
    world.board.retry(held.id)
    world.run_until_quiescent()
    assert world.judged == leads
