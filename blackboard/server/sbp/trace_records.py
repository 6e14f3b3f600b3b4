"""Traces on the board, which clients inscribe, read and erase: records with versions, in marks that do not fade."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from blackboard import Blackboard, MarkRecord
from blackboard.server.sbp.sbp_errors import LARGE_TRACE, SbpError
from blackboard.server.sbp.sbp_marks import (
    Trace,
    fields_of,
    identity_of,
    live_records,
    milliseconds_of,
    reading_time_ms,
    retry_conflicts,
    trails_of,
    withdraw_unchanged,
)
from blackboard.server.sbp.sbp_parameters import Inscription, TraceErasure, TraceFilter

MAX_VALUE_BYTES = 1_048_576


def subject_of(trail: str, key: str) -> str:
    """Return the subject of the trace of a trail and key."""
    return f"{trail}/{key}#{identity_of(trail, key)[:16]}"


def inscribe(board: Blackboard, inscription: Inscription) -> dict[str, Any]:
    """Make a trace, or give it a new value and the next version.

    The new version is the version that was read plus 1. The deposit is refused if the trace has changed meanwhile,
    so each inscription has a version of its own.

    Raises:
        SbpError: The value is too large.
        Conflict: Other programs changed the trace during each attempt.
    """
    size = len(json.dumps(inscription.value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if size > MAX_VALUE_BYTES:
        limits = {"size": size, "limit": MAX_VALUE_BYTES}
        raise SbpError(LARGE_TRACE, f"the value has {size} bytes; a trace may have at most {MAX_VALUE_BYTES}", limits)
    return retry_conflicts(lambda: _inscribe(board, inscription))


def _inscribe(board: Blackboard, inscription: Inscription) -> dict[str, Any]:
    """Make or change a trace, once.

    Raises:
        Conflict: Another program has changed the trace.
    """
    subject = subject_of(inscription.trail, inscription.key)
    old = next(iter(live_records(board, Trace, subject=subject)), None)
    fields = {} if old is None else fields_of(old)
    mark = Trace(
        subject=subject,
        trail=inscription.trail,
        key=inscription.key,
        value=inscription.value,
        tags=inscription.tags,
        source_agent=inscription.source_agent or fields.get("source_agent"),
        version=fields.get("version", 0) + 1,
    )
    receipt = board.deposit(mark, if_event=0 if old is None else old.event_id)
    action = "created" if old is None else "updated"
    return {"trace_id": str(receipt.mark_id), "action": action, "version": mark.version}


def read(board: Blackboard, parameters: TraceFilter) -> dict[str, Any]:
    """Return the traces that pass the filter, the latest first."""
    where = {"trail": parameters.trails, "key": parameters.keys}
    records = live_records(board, Trace, {name: values for name, values in where.items() if values} or None)
    found = [
        record
        for record in records
        if fields_of(record)["key"].startswith(parameters.prefix) and parameters.tags.passes(fields_of(record)["tags"])
    ]  # fmt: skip
    found.sort(key=lambda record: record.event_id, reverse=True)
    return {
        "timestamp": reading_time_ms(board, records),
        "traces": [_shown_trace(record) for record in found[: parameters.limit]],
    }


def _shown_trace(record: MarkRecord) -> dict[str, Any]:
    fields = fields_of(record)
    shown = {
        "id": str(record.id),
        **{name: fields[name] for name in ("trail", "key", "value", "version", "tags")},
        "created_at": milliseconds_of(record.deposited_at),
        "updated_at": milliseconds_of(record.reinforced_at),
    }
    return shown if fields["source_agent"] is None else shown | {"source_agent": fields["source_agent"]}


def find_unwanted(board: Blackboard, parameters: TraceErasure) -> list[MarkRecord]:
    """Return the traces to erase."""
    where = {"trail": [] if parameters.trail is None else [parameters.trail], "key": parameters.keys}
    records = live_records(board, Trace, {name: values for name, values in where.items() if values} or None)
    return [
        record
        for record in records
        if parameters.tags.passes(fields_of(record)["tags"])
        and (parameters.older_than_ms is None or _unchanged_for(record) >= parameters.older_than_ms)
    ]  # fmt: skip


def _unchanged_for(record: MarkRecord) -> int:
    """Return the milliseconds since a trace was last inscribed."""
    return milliseconds_of(record.as_of) - milliseconds_of(record.reinforced_at)


def erase(board: Blackboard, records: Sequence[MarkRecord]) -> dict[str, Any]:
    """Withdraw traces that nobody has changed or removed since they were read."""
    gone = withdraw_unchanged(board, records)
    return {"erased_count": len(gone), "trails_affected": trails_of(gone)}
