"""Batches that are lost, refused or answered in part: each call is paid for once, and none is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from blackboard import ManualClock
from blackboard.errors import ModelError
from blackboard.llm.answer_parser import Reply
from blackboard.llm.call_failures import OutcomeUnknown, RequestRejected
from blackboard.llm.model_client import BatchItem
from tests.model_calls.later_batches import BatchEndsLater
from tests.model_calls.sent_batches import batches, requests_in
from tests.support.fake_api_faults import Cut, Status
from tests.support.messages_api import MessagesApi
from tests.support.paying_board import MODEL, PayingBoard


def test_a_lost_batch_is_found_again_and_paid_once(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater]
) -> None:
    world = world_of(use_batch_api=True)
    leads = world.deposit_leads(2)
    api.queue(Cut(0))
    world.run_until_quiescent(patient())
    assert world.judged == leads
    assert (len(batches(api)), api.paid) == (1, 1)
    assert world.states() == ["applied"]


def test_a_batch_that_never_arrived_is_submitted_again(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater], clock: ManualClock
) -> None:
    world = world_of(use_batch_api=True)
    leads = world.deposit_leads(2)

    class Lossy(BatchEndsLater):
        lost = False

        def submit_batch(self, items: Sequence[BatchItem]) -> str:
            if not self.lost:
                self.lost = True
                raise OutcomeUnknown("the connection broke")
            return super().submit_batch(items)

    client = Lossy(api)
    started = clock.now()
    world.run_until_quiescent(client)
    client.close()
    assert world.judged == leads
    assert clock.now() - started >= 600_000_000  # the batch might still have appeared
    assert (len(batches(api)), api.paid) == (1, 1)


@pytest.mark.parametrize("status", [429, 529, 500])
def test_a_batch_is_submitted_again_after_an_overload(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater], status: int
) -> None:
    world = world_of(use_batch_api=True)
    leads = world.deposit_leads(2)
    api.queue(Status(status, {"retry-after": "300"}), Status(status))
    world.run_until_quiescent(patient())
    assert world.judged == leads
    assert len(batches(api)) == 3
    assert world.states() == ["applied"]


@pytest.mark.parametrize(
    "status",
    [
        Status(401),
        Status(402),
        Status(403),
        Status(400, message="This organization has been disabled."),
        Status(404, body="404 page not found"),
        Status(302, {"location": "http://127.0.0.1:9/login"}, body=""),
    ],
    ids=lambda status: str(status.status),
)
def test_a_batch_that_is_refused_as_a_whole_pauses_its_models(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater], status: Status
) -> None:
    world = world_of(use_batch_api=True)
    leads = world.deposit_leads(1)
    api.queue(status)
    world.run_until_quiescent(patient())
    assert str(status.status) in world.board.status().paused_models[MODEL]
    assert world.judged == []
    world.board.resume()
    world.run_until_quiescent(patient())
    assert world.judged == leads
    assert api.paid == 1
    assert world.board.status().paused_models == {}


def test_calls_that_were_planned_before_a_pause_are_not_submitted_during_it(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater], clock: ManualClock
) -> None:
    world = world_of(use_batch_api=True, batch=1, concurrency=8)
    leads = world.deposit_leads(5)
    api.queue(Status(401))
    world.run_until_quiescent(patient())
    assert [len(requests_in(call)) for call in batches(api)] == [5]
    world.run_until_quiescent(patient())  # a start tries the model once
    tried, rest = [len(requests_in(call)) for call in batches(api)][1:]
    # While the call waits for its submission, the clock may reach the instant at which the next one tries the model.
    assert (tried + rest, tried in (1, 2)) == (5, True)
    assert world.judged == leads
    assert {call["marks"] for call in world.calls()} == {1}


def test_a_model_that_is_missing_in_the_batch_api_ends_no_mark_and_no_quiet_daemon(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater]
) -> None:
    world = world_of(use_batch_api=True, batch=1, concurrency=8)
    leads = world.deposit_leads(6)
    missing = {"type": "errored", "error": {"error": {"type": "not_found_error", "message": f"model: {MODEL}"}}}
    world.run_until_quiescent(patient(looks=0, outcome=lambda custom_id: missing))
    assert world.board.activations(state="dead") == []
    assert MODEL in world.board.status().paused_models
    assert len(batches(api)) == 1  # an accepted batch does not show that the model exists
    world.run_until_quiescent(patient(looks=0))
    assert world.judged == leads
    assert {call["marks"] for call in world.calls()} == {1}


@pytest.mark.parametrize(
    "result",
    [
        {"type": "expired"},
        {"type": "canceled"},
        {"type": "errored", "error": {"error": {"type": "overloaded_error", "message": "x"}}},
    ],
    ids=["expired", "canceled", "overloaded"],
)
def test_an_unprocessed_call_of_a_batch_is_submitted_again(
    world_of: Callable[..., PayingBoard],
    api: MessagesApi,
    patient: Callable[..., BatchEndsLater],
    result: dict[str, Any],
) -> None:
    world = world_of(use_batch_api=True)
    leads = world.deposit_leads(1)
    bad = [result]
    world.run_until_quiescent(patient(looks=0, outcome=lambda custom_id: bad.pop() if bad else None))
    assert world.judged == leads
    assert world.states() == ["failed", "applied"]
    assert len({json.dumps(item["params"]) for call in batches(api) for item in requests_in(call)}) == 1


def test_a_call_rejected_in_its_batch_is_split_and_not_submitted_again(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater]
) -> None:
    world = world_of(use_batch_api=True)
    leads = world.deposit_leads(2)
    bad = [{"type": "errored", "error": {"error": {"type": "invalid_request_error", "message": "x"}}}]
    world.run_until_quiescent(patient(looks=0, outcome=lambda custom_id: bad.pop() if bad else None))
    assert world.judged == leads
    assert [(call["state"], call["marks"]) for call in world.calls()] == [
        ("rejected", 2),
        ("applied", 1),
        ("applied", 1),
    ]


def test_an_unreadable_result_counts_as_paid_and_is_requested_again(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater]
) -> None:
    world = world_of(use_batch_api=True)
    leads = world.deposit_leads(1)
    bad = [{"type": "succeeded"}]
    world.run_until_quiescent(patient(looks=0, outcome=lambda custom_id: bad.pop() if bad else None))
    assert world.judged == leads
    assert world.states() == ["unusable", "applied"]
    assert world.calls()[0]["reserved_usd"] > 0


@pytest.mark.parametrize("hold", [False, True])
def test_deleted_results_of_a_batch_are_unknown_outcomes(
    world_of: Callable[..., PayingBoard], api: MessagesApi, patient: Callable[..., BatchEndsLater], hold: bool
) -> None:
    world = world_of(use_batch_api=True, on_unknown="hold" if hold else "retry")
    leads = world.deposit_leads(1)

    class Forgetful(BatchEndsLater):
        gone = False

        def batch_results(self, batch_id: str) -> dict[str, Reply | ModelError] | None:
            if not self.gone:
                self.gone = True
                raise RequestRejected("no longer kept")
            return super().batch_results(batch_id)

    client = Forgetful(api)
    world.run_until_quiescent(client)
    if hold:
        assert "unknown" in (world.board.activations(state="held")[0].error or "")
        world.board.retry(world.board.activations(state="held")[0].id)
        world.run_until_quiescent(client)
    client.close()
    assert world.judged == leads
    assert world.states() == ["cost_recorded" if hold else "unknown", "applied"]
