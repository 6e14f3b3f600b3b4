"""Spans that a test records with OpenTelemetry's own SDK, without a change of the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from blackboard.system import tracing


@contextmanager
def recorded_spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield the exporter that keeps the spans of the program. Without the SDK, the test is left out."""
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "get_tracer", lambda: provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


def links_of(span: Any) -> list[str]:
    """Return the trace contexts to which a span has links."""
    return [
        f"00-{item.context.trace_id:032x}-{item.context.span_id:016x}-{item.context.trace_flags:02x}"
        for item in span.links
    ]


def traceparent(number: int) -> str:
    """Return the trace context of a span that somebody else records."""
    return f"00-{number:032x}-{number:016x}-01"
