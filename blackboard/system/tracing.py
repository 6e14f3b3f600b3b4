"""Spans through OpenTelemetry, and the trace context that a deposit carries.

OpenTelemetry is used only if this process uses it already: without an SDK, its API discards every span. The trace
context is a text, as the header `traceparent` of W3C Trace Context has it, so it also passes through programs without
OpenTelemetry.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from blackboard.system.error_descriptions import class_name

HEADER = "traceparent"
MAX_LINKS = 32
"""The largest number of spans to which one span has links: the spans of the latest deposits."""
_API = "opentelemetry.trace"
_PROVIDER_VARIABLE = "OTEL_PYTHON_TRACER_PROVIDER"
"""The variable that configures an SDK by the environment alone."""
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16

_given: ContextVar[str | None] = ContextVar("traceparent", default=None)


# -- trace contexts ----------------------------------------------------------------------------------------------------


def read_traceparent(text: str | None) -> str | None:
    """Return a trace context in the form of version 00; None if the text is not a valid context.

    Of a later version, only the parts that version 00 has are read, as W3C Trace Context says.
    """
    found = None if text is None else _TRACEPARENT.fullmatch(text)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None) or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return f"00-{trace_id}-{span_id}-{flags}"


def current_traceparent() -> str | None:
    """Return the present trace context of this thread: the given context, or the context of the current span."""
    if (given := _given.get()) is not None:
        return given
    api = sys.modules.get(_API)
    return None if api is None else traceparent_of(api.get_current_span())


@contextmanager
def within_trace(traceparent: str | None) -> Iterator[None]:
    """Make a trace context the current one of this thread. None changes nothing."""
    if traceparent is None:
        yield
        return
    token = _given.set(traceparent)
    try:
        yield
    finally:
        _given.reset(token)


def traceparent_of(span: Any) -> str | None:
    """Return the trace context of a span; None if there is no valid span."""
    context = span.get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 0xFF:02x}"


# -- spans -------------------------------------------------------------------------------------------------------------


def get_tracer() -> Any:
    """Return OpenTelemetry's tracer; None if this process does not use OpenTelemetry."""
    if _API not in sys.modules and not os.environ.get(_PROVIDER_VARIABLE):
        return None
    return _tracer()


@cache
def _tracer() -> Any:
    from opentelemetry import trace

    return trace.get_tracer("blackboard")


@contextmanager
def recorded_span(tracer: Any, name: str, attributes: Mapping[str, Any], kind: Any = None) -> Iterator[Any]:
    """Record a span, and yield it. An error is recorded by its class, because its text may quote marks or answers."""
    from opentelemetry.trace import SpanKind, Status, StatusCode

    with tracer.start_as_current_span(
        name,
        kind=kind or SpanKind.INTERNAL,
        attributes=dict(attributes),
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except Exception as error:
            span.set_attribute("error.type", class_name(type(error)))
            span.set_status(Status(StatusCode.ERROR))
            raise


def link(span: Any, traceparents: Iterable[str]) -> None:
    """Link a span to the spans of trace contexts: they are its causes, and none of them is its parent."""
    from opentelemetry.trace import SpanContext, TraceFlags

    for text in traceparents:
        _, trace_id, span_id, flags = text.split("-")
        span.add_link(
            SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
        )
