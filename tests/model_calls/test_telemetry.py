"""Runs and calls are traced if OpenTelemetry is installed, without text of requests and answers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from blackboard.clock import parse_instant
from tests.model_calls.later_batches import BatchEndsLater
from tests.support.fake_api_faults import Status
from tests.support.messages_api import MessagesApi
from tests.support.paying_board import PayingBoard
from tests.support.recorded_spans import recorded_spans


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with recorded_spans(monkeypatch) as exporter:
        yield exporter


def test_a_call_is_a_span_within_the_span_of_its_activation(world: PayingBoard, spans: Any) -> None:
    world.deposit_leads(2)
    world.run_until_quiescent()
    call, run = spans.get_finished_spans()
    assert (run.name, call.name) == ("invoke_agent judge", "chat claude-haiku-4-5")
    assert call.parent.span_id == run.context.span_id
    assert run.attributes["gen_ai.operation.name"] == "invoke_agent"
    assert run.attributes["blackboard.marks"] == 2
    attributes = dict(call.attributes)
    assert attributes["gen_ai.operation.name"] == "chat"
    assert attributes["gen_ai.provider.name"] == "anthropic"
    assert attributes["gen_ai.request.model"] == attributes["gen_ai.response.model"] == "claude-haiku-4-5"
    assert attributes["gen_ai.usage.input_tokens"] > 0
    assert attributes["gen_ai.response.finish_reasons"] == ("end_turn",)
    assert "seats" not in str([span.to_json() for span in (call, run)])


def test_a_failed_call_has_its_error(world: PayingBoard, api: MessagesApi, spans: Any) -> None:
    world.deposit_leads()
    api.queue(Status(529))
    world.run_until_quiescent()
    failed = next(span for span in spans.get_finished_spans() if span.name.startswith("chat"))
    assert failed.attributes["error.type"] == "Overloaded"
    assert not failed.status.is_ok


def test_the_span_of_a_batch_call_lasts_from_submission_to_result(
    world_of: Callable[..., PayingBoard], api: MessagesApi, spans: Any
) -> None:
    world = world_of(use_batch_api=True)
    world.deposit_leads(2)
    client = BatchEndsLater(api, looks=2)
    world.run_until_quiescent(client)
    client.close()
    [span] = [span for span in spans.get_finished_spans() if span.name.startswith("chat")]
    [call] = world.calls()
    assert span.start_time == 1000 * parse_instant(call["sent_at"])
    assert span.end_time == 1000 * parse_instant(call["answered_at"])
    assert span.attributes["blackboard.api"] == "batch"
    assert span.attributes["blackboard.batch"] == call["batch_id"]
    assert span.attributes["gen_ai.usage.output_tokens"] > 0
    assert span.status.is_ok
    assert "seats" not in span.to_json()


def test_an_unprocessed_call_of_a_batch_has_its_error(
    world_of: Callable[..., PayingBoard], api: MessagesApi, spans: Any
) -> None:
    world = world_of(use_batch_api=True)
    world.deposit_leads(1)
    bad = [{"type": "expired"}]
    client = BatchEndsLater(api, looks=0, outcome=lambda custom_id: bad.pop() if bad else None)
    world.run_until_quiescent(client)
    client.close()
    first, second = (span for span in spans.get_finished_spans() if span.name.startswith("chat"))
    assert first.attributes["error.type"] == "NotSent"
    assert not first.status.is_ok
    assert second.status.is_ok


def test_without_a_call_opentelemetry_is_not_imported() -> None:
    code = "import sys, blackboard.daemon; sys.exit('opentelemetry' in sys.modules or 'anthropic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
