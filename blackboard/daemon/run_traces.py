"""Traces of model calls and activations through OpenTelemetry.

They cost nothing in a process that does not use OpenTelemetry.

The names follow the GenAI semantic conventions. Prompts and answers are never traced.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from blackboard.board.daemon_work import Claim, ModelCall, activation_trace_spans
from blackboard.clock import Instant
from blackboard.llm.answer_parser import Reply
from blackboard.system import tracing
from blackboard.system.error_descriptions import class_name

NANOSECONDS_PER_MICROSECOND = 1000


@contextmanager
def activation_span(claim: Claim, causes: Callable[[], Iterable[str]]) -> Iterator[str | None]:
    """Record a span around one run of an agent, and yield its trace context; None if nothing is traced.

    Args:
        claim: The claim of the activation that runs.
        causes: Returns the trace contexts of the deposits that woke the agent. The span has links to them.
    """
    if (tracer := tracing.get_tracer()) is None:
        yield None
        return
    name, attributes = activation_trace_spans.span_name(claim), activation_trace_spans.span_attributes(claim)
    with tracing.recorded_span(tracer, name, attributes) as span:
        if span.is_recording():
            tracing.link(span, causes())
        yield tracing.traceparent_of(span)


@contextmanager
def call_span(row: ModelCall) -> Iterator[Callable[[Reply], None]]:
    """Record a span around one model call, and yield a function that records the answer."""
    if (tracer := tracing.get_tracer()) is None:
        yield lambda reply: None
        return
    from opentelemetry.trace import SpanKind

    with tracing.recorded_span(tracer, f"chat {row.model}", _request(row), SpanKind.CLIENT) as span:
        yield lambda reply: span.set_attributes(_answer(reply))


def record_batch_call(row: ModelCall, result: Reply | Exception | None, now: Instant) -> None:
    """Record a span for a call of the Batch API, from its submission to its result, or to now without a result.

    The span has no parent: the run that planned the call has ended, and the run that uses its answer has not started.
    """
    if (tracer := tracing.get_tracer()) is None:
        return
    from opentelemetry.trace import SpanKind, Status, StatusCode

    start = now if row.sent_at is None else row.sent_at
    span = tracer.start_span(
        f"chat {row.model}",
        kind=SpanKind.CLIENT,
        attributes=_request(row),
        start_time=start * NANOSECONDS_PER_MICROSECOND,
    )
    if isinstance(result, Reply):
        span.set_attributes(_answer(result))
    else:
        span.set_attribute("error.type", "OutcomeUnknown" if result is None else class_name(type(result)))
        span.set_status(Status(StatusCode.ERROR))
    span.end(end_time=now * NANOSECONDS_PER_MICROSECOND)


def _request(row: ModelCall) -> dict[str, Any]:
    result = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.agent.name": row.agent,
        "gen_ai.request.model": row.model,
        # The body may be erased.
        "gen_ai.request.max_tokens": json.loads(row.body)["max_tokens"] if row.body else None,
        "blackboard.activation": row.activation_id,
        "blackboard.call": row.id,
        "blackboard.api": row.api,
        "blackboard.batch": row.batch_id,
    }
    return {name: value for name, value in result.items() if value is not None}


def _answer(reply: Reply) -> dict[str, Any]:
    usage = reply.usage
    result = {
        "gen_ai.response.model": reply.model,
        "blackboard.request_id": reply.request_id,
        "gen_ai.response.finish_reasons": [reply.stop_reason] if reply.stop_reason else None,
        "gen_ai.usage.input_tokens": None if usage is None else usage.prompt,
        "gen_ai.usage.output_tokens": None if usage is None else usage.output,
        "gen_ai.usage.cache_read.input_tokens": None if usage is None else usage.cache_read,
        "gen_ai.usage.cache_creation.input_tokens": None if usage is None else usage.cache_creation,
    }
    return {name: value for name, value in result.items() if value is not None}
