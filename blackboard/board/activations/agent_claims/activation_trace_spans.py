"""The trace spans of activations: the deposits that they link to, and the span that a remote worker continues.

A deposit is a cause of an activation and not its parent: it may cause several, and an activation has several causes.
So the span of an activation has links to the spans of the deposits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blackboard.board.activations.agent_claims.claims import Claim
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.store.statements import ACTIVATIONS
from blackboard.system import tracing


def waking_traceparents(txn: BoardTransaction, activation_id: int) -> Sequence[str]:
    """Return the trace contexts of the latest deposits that woke an agent, latest first, each once."""
    found = txn.sql.all(ACTIVATIONS.waking_traceparents, activation_id=activation_id, limit=tracing.MAX_LINKS)
    return list(dict.fromkeys(found))


def span_name(claim: Claim) -> str:
    """Return the name of the span of an activation, by the GenAI conventions."""
    return f"invoke_agent {claim.agent_spec.name}"


def span_attributes(claim: Claim) -> Mapping[str, Any]:
    """Return the attributes of the span of an activation, by the GenAI conventions."""
    return {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": claim.agent_spec.name,
        "blackboard.activation": claim.row.id,
        "blackboard.watch": claim.watch,
        "blackboard.marks": len(claim.inputs),
    }


@dataclass(frozen=True)
class HandOver:
    """The hand-over of an activation to a remote worker."""

    traceparent: str | None
    """The trace context that the worker continues: the context of the activation's span or, without OpenTelemetry, of
    the latest deposit that woke the agent; None if nothing is traced."""
    _span: Any = None

    def end(self) -> None:
        """End the span. Call this after the commit: a span that never ends, as after a rollback, is not recorded."""
        if self._span is not None:
            self._span.end()


def hand_over(txn: BoardTransaction, claim: Claim) -> HandOver:
    """Begin the span of an activation that a remote worker has claimed, and store its trace context.

    The span ends with the hand-over, because the end of the run may be in another process.
    """
    causes = waking_traceparents(txn, claim.row.id)
    span, traceparent = None, causes[0] if causes else None
    if (tracer := tracing.get_tracer()) is not None:
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind

        name, attributes = span_name(claim), span_attributes(claim)
        span = tracer.start_span(name, context=Context(), kind=SpanKind.PRODUCER, attributes=attributes)
        tracing.link(span, causes)
        traceparent = tracing.traceparent_of(span) or traceparent
    if traceparent != claim.row.traceparent:
        txn.sql.run(ACTIVATIONS.set_traceparent, id=claim.row.id, traceparent=traceparent)
    return HandOver(traceparent, span)
