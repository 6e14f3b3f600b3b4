"""The details of one activation: its marks, its deposits and its model calls, and the texts of each call."""

from __future__ import annotations

import json

from blackboard.board.mark_tables.mark_rows import with_shown_payload
from blackboard.board.mark_tables.mark_states import mark_strength
from blackboard.board.reading.mark_queries import event_record
from blackboard.board.reading.work_queries import activation_record
from blackboard.board.result_types.row_conversion import optional_datetime, result_of
from blackboard.board.result_types.work_results import ActivationDetails, GivenMark, ModelCallRecord, ModelCallTexts
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables.activation_inputs import InputRole
from blackboard.board.work_tables.activation_rows import existing_activation, is_stuck
from blackboard.core.micro_dollars import to_usd
from blackboard.errors import NotFound
from blackboard.store.row_types.activation_row_types import InputEvent
from blackboard.store.row_types.model_call_row_types import CallRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MARKS, MODEL_CALLS


def activation_details(txn: BoardTransaction, activation_id: int) -> ActivationDetails:
    """Return an activation with its marks, deposits and calls.

    Raises:
        NotFound: There is no such activation.
    """
    row = existing_activation(txn, activation_id)
    watch = txn.sql.one(CROSSINGS.get_watch, id=row.watch_id)
    calls = [_call(call) for call in reversed(txn.sql.all(MODEL_CALLS.calls_of_activation, activation_id=row.id))]
    return ActivationDetails(
        activation=activation_record(txn, row, None if watch is None else watch.name),
        is_stuck=is_stuck(row),
        split_from=row.split_from,
        parts=tuple(part.id for part in txn.sql.all(ACTIVATIONS.split_from, id=row.id)),
        marks=tuple(_given_mark(txn, mark) for mark in txn.sql.all(ACTIVATIONS.inputs, activation_id=row.id)),
        deposits=tuple(map(event_record, txn.sql.all(MARKS.events_of_activation, activation_id=row.id))),
        calls=tuple(calls),
        cost_usd=sum(call.cost_usd or 0.0 for call in calls),
    )


def model_call_texts(txn: BoardTransaction, call_id: int) -> ModelCallTexts:
    """Return the request and the answer of a call.

    Raises:
        NotFound: There is no such call.
    """
    row = txn.sql.one(MODEL_CALLS.get_call, id=call_id)
    if row is None:
        raise NotFound(f"there is no model call {call_id}; the view model_calls lists them")
    return ModelCallTexts(row.id, json.loads(row.body), None if row.reply is None else json.loads(row.reply))


def _given_mark(txn: BoardTransaction, row: InputEvent) -> GivenMark:
    """Return an input of an activation."""
    mark = txn.sql.one(MARKS.get_mark, id=row.mark_id)
    known = mark if row.event is None else with_shown_payload(txn, row.event)
    state, strength, changed_at = "unknown", 0.0, None
    if known is not None:
        last = txn.sql.one(MARKS.last_event_of_mark, subject=known.subject, mark_id=row.mark_id)
        if last is not None:
            state, changed_at = last.event, None if last == row.event else last.recorded_at
    if mark is not None and mark.is_live(txn.now):
        state, strength = "live", mark_strength(txn, mark)
    elif mark is not None:  # the mark has evaporated, and will be moved to the history
        state, changed_at = "evaporated", mark.evaporates_at
    return GivenMark(
        mark_id=row.mark_id,
        role="read" if row.role == InputRole.READ else "given",
        kind=None if known is None else known.kind,
        subject=None if known is None else known.subject,
        payload=None if known is None or known.payload is None else json.loads(known.payload),
        strength=row.strength,
        state=state,
        strength_now=strength,
        changed_at=optional_datetime(changed_at),
    )


def _call(row: CallRow) -> ModelCallRecord:
    cost = None if row.cost is None else to_usd(row.cost)
    return result_of(ModelCallRecord, row, cost_usd=cost, reserved_usd=to_usd(row.reserved))
