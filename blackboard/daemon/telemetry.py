"""Traces of model calls and activations through OpenTelemetry. If it is not installed, tracing costs nothing.

This module defines every name of the GenAI semantic conventions that is used. Prompts and answers are never traced.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import Any

from blackboard.board.activations.claims import Claim
from blackboard.board.activations.model_calls import ModelCall
from blackboard.clock import Instant
from blackboard.llm.reply import Reply
from blackboard.system.error_descriptions import class_name

NANOSECONDS_PER_MICROSECOND = 1000


@cache
def get_tracer() -> Any:
    """Return OpenTelemetry's tracer; None if it is not installed."""
    if find_spec("opentelemetry") is None:
        return None
    from opentelemetry import trace

    return trace.get_tracer("blackboard")


@contextmanager
def activation_span(claim: Claim) -> Iterator[None]:
    """Record a span around one run of an agent."""
    if (tracer := get_tracer()) is None:
        yield
        return
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": claim.agent.name,
        "blackboard.activation": claim.row.id,
        "blackboard.watch": claim.watch,
        "blackboard.marks": len(claim.inputs),
    }
    with _span(tracer, f"invoke_agent {claim.agent.name}", attributes, kind=None):
        yield


@contextmanager
def call_span(row: ModelCall) -> Iterator[Callable[[Reply], None]]:
    """Record a span around one model call, and yield a function that records the answer."""
    if (tracer := get_tracer()) is None:
        yield lambda reply: None
        return
    from opentelemetry.trace import SpanKind

    with _span(tracer, f"chat {row.model}", _request(row), SpanKind.CLIENT) as span:
        yield lambda reply: span.set_attributes(_answer(reply))


def record_batch_call(row: ModelCall, result: Reply | Exception | None, now: Instant) -> None:
    """Record a span for a call of the Batch API, from its submission to its result, or to now if there is none.

    The span has no parent: the run that planned the call has ended, and the run that uses its answer has not started.
    """
    if (tracer := get_tracer()) is None:
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


@contextmanager
def _span(tracer: Any, name: str, attributes: dict[str, Any], kind: Any) -> Iterator[Any]:
    from opentelemetry.trace import SpanKind, Status, StatusCode

    with tracer.start_as_current_span(
        name,
        kind=kind or SpanKind.INTERNAL,
        attributes=attributes,
        record_exception=False,  # its text may contain parts of the answer
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except Exception as error:
            span.set_attribute("error.type", class_name(type(error)))
            span.set_status(Status(StatusCode.ERROR))
            raise


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
