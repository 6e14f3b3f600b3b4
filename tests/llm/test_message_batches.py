"""Each request of a batch is paid for once, even if the name of the batch was lost with the connection."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from blackboard.clock import Instant, from_datetime
from blackboard.durations import parse_duration
from blackboard.errors import ModelError
from blackboard.llm.answer_parser import Reply, parse_answer
from blackboard.llm.anthropic_client import AnthropicClient
from blackboard.llm.batch_api_texts import read_results
from blackboard.llm.call_failures import (
    ModelUnavailable,
    NotSent,
    OutcomeUnknown,
    Overloaded,
    RequestRejected,
    SpendLimit,
    Unusable,
)
from blackboard.llm.model_client import BatchItem
from tests.llm.conftest import Verdict
from tests.support.fake_api_faults import Cut, Junk, Status
from tests.support.messages_api import MessagesApi


@pytest.fixture
def since(api: MessagesApi) -> Instant:
    return from_datetime(api.start)


@pytest.fixture
def items(body: str) -> list[BatchItem]:
    return [BatchItem(f"board7-activation-{number}", body) for number in range(3)]


def test_a_batch_has_no_results_until_it_ends_and_then_one_for_each_request(
    api: MessagesApi, client: AnthropicClient, items: list[BatchItem]
) -> None:
    name = client.submit_batch(items)
    assert client.batch_results(name) is None
    api.end_batches()
    results = client.batch_results(name)
    assert results is not None
    assert results.keys() == {item.custom_id for item in items}
    for reply in results.values():
        assert isinstance(reply, Reply)
        assert parse_answer(reply.raw, Verdict).verdict == "good"
        assert reply.usage is not None
    assert api.paid == 3


def test_each_planned_request_is_in_the_batch_unchanged(
    api: MessagesApi, client: AnthropicClient, items: list[BatchItem]
) -> None:
    client.submit_batch(items)
    sent = api.calls[0].body
    assert sent.count(items[0].body.encode()) == 3
    assert [request["custom_id"] for request in json.loads(sent)["requests"]] == [item.custom_id for item in items]


@pytest.mark.parametrize(
    ("result", "failure"),
    [
        ({"type": "expired"}, NotSent),
        ({"type": "canceled"}, NotSent),
        ({"type": "errored", "error": {"error": {"type": "invalid_request_error", "message": "x"}}}, RequestRejected),
        ({"type": "errored", "error": {"error": {"type": "billing_error", "message": "x"}}}, SpendLimit),
        ({"type": "errored", "error": {"error": {"type": "overloaded_error", "message": "x"}}}, Overloaded),
        ({"type": "errored", "error": None}, Overloaded),
        ({"type": "succeeded"}, Unusable),
    ],
)
def test_a_request_that_failed_in_a_batch_has_the_failure_of_a_direct_request(
    api: MessagesApi, client: AnthropicClient, items: list[BatchItem], result: dict[str, Any], failure: type[ModelError]
) -> None:
    name = client.submit_batch(items)
    api.end_batches(lambda custom_id: result if custom_id.endswith("1") else None)
    results = client.batch_results(name)
    assert results is not None
    assert isinstance(results["board7-activation-1"], failure)
    assert isinstance(results["board7-activation-0"], Reply)
    assert api.paid == 2


def test_a_lost_batch_is_found_when_it_ends(
    api: MessagesApi, client: AnthropicClient, items: list[BatchItem], since: Instant
) -> None:
    client.submit_batch([item._replace(custom_id=f"other-{item.custom_id}") for item in items])
    client.submit_batch(items[:2])
    api.queue(Cut(0))
    with pytest.raises(OutcomeUnknown):
        client.submit_batch(items)
    wanted = [item.custom_id for item in items]
    with pytest.raises(OutcomeUnknown, match="msgbatch_000003"):
        client.find_batch(wanted, since)
    api.end_batches()
    assert client.find_batch(wanted, since) == "msgbatch_000003"


def test_a_batch_that_never_arrived_is_distinguished_from_an_unknown_outcome(
    api: MessagesApi, client: AnthropicClient, items: list[BatchItem], since: Instant
) -> None:
    api.queue(Status(529))
    with pytest.raises(Overloaded):
        client.submit_batch(items)
    client.submit_batch(items[:2])  # still in progress, but with another number of requests
    assert client.find_batch([item.custom_id for item in items], since) is None


def test_older_batches_are_not_searched(
    api: MessagesApi, client: AnthropicClient, items: list[BatchItem], since: Instant
) -> None:
    client.submit_batch(items)
    api.end_batches()
    wanted = [item.custom_id for item in items]
    assert client.find_batch(wanted, since + parse_duration("1h")) is None
    assert client.find_batch(wanted, since + parse_duration("5m")) == "msgbatch_000001"  # clocks differ


def test_a_lost_batch_is_found_after_more_than_a_page_of_others(
    api: MessagesApi, client: AnthropicClient, items: list[BatchItem], since: Instant
) -> None:
    client.submit_batch(items)
    for number in range(101):
        client.submit_batch([BatchItem(f"x-{number}", items[0].body)])
    api.end_batches()
    assert client.find_batch([item.custom_id for item in items], since) == "msgbatch_000001"


def test_a_failed_request_for_results_costs_nothing(
    api: MessagesApi, client: AnthropicClient, connect: Callable[..., AnthropicClient]
) -> None:
    with pytest.raises(ModelUnavailable) as raised:
        client.batch_results("msgbatch_none")
    assert raised.value.from_api
    with pytest.raises(NotSent):
        connect("http://127.0.0.1:9").batch_results("msgbatch_000001")


@pytest.mark.parametrize("names", [[], ["a b"], ["x" * 65], ["same", "same"], ['"'], ["é"]])
def test_a_batch_that_the_api_would_reject_is_not_sent(
    api: MessagesApi, client: AnthropicClient, body: str, names: list[str]
) -> None:
    with pytest.raises(RequestRejected):
        client.submit_batch([BatchItem(name, body) for name in names])
    assert not api.calls


@pytest.mark.parametrize("lines", ["{", "[]", '{"result": {}}', "[" * 100_000])
def test_results_without_a_custom_id_are_an_unknown_outcome(lines: str) -> None:
    with pytest.raises(OutcomeUnknown):
        read_results(lines)


def test_a_line_separator_inside_an_answer_does_not_split_it(
    api: MessagesApi, client: AnthropicClient, items: list[BatchItem]
) -> None:
    api.responder = lambda body: '{"verdict": "good", "score": 1}\u2028'
    name = client.submit_batch(items)
    api.end_batches()
    results = client.batch_results(name)
    assert results is not None
    assert all(isinstance(result, Reply) for result in results.values())


def test_a_page_of_a_gateway_is_a_failure_that_is_retried(
    api: MessagesApi, client: AnthropicClient, items: list[BatchItem], since: Instant
) -> None:
    api.queue(Junk())
    with pytest.raises(OutcomeUnknown, match="cannot be parsed"):
        client.submit_batch(items)
    for ask in (lambda: client.batch_results("msgbatch_000001"), lambda: client.find_batch(["a"], since)):
        api.queue_reads(Junk())
        with pytest.raises(Overloaded, match="cannot be parsed"):
            ask()
