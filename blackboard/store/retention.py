"""Queries that remove what is kept no longer. The newest event always stays: ids are given on from it."""

from __future__ import annotations

from sqlalchemy import Integer, bindparam, delete, func, select

from blackboard.store.statement import Statement, word
from blackboard.store.tables import activation, activation_mark, crossing, deposit_key, event, mark, model_call

p = bindparam

_later = event.alias("later")
_old = (
    select(event.c.id)
    .where(
        event.c.at < p("before"),
        event.c.id < select(func.max(_later.c.id)).scalar_subquery(),
        ~select(mark.c.id).where(mark.c.id == event.c.mark_id).exists(),
    )
    .order_by(event.c.id)
    .limit(p("limit", type_=Integer))
)
OLD_EVENTS = Statement(delete(event).where(event.c.id.in_(_old)))
_over = activation.c.state.in_([word("done"), word("faded"), word("passed"), word("discarded")])
_finished = (
    select(activation.c.id)
    .where(_over, activation.c.finished_at < p("before"))
    .order_by(activation.c.finished_at)
    .limit(p("limit", type_=Integer))
)
OLD_ACTIVATIONS = Statement(_finished)
DELETE_ACTIVATION = Statement(delete(activation).where(activation.c.id == p("id")))
DELETE_GIVEN = Statement(delete(activation_mark).where(activation_mark.c.activation_id == p("id")))
DELETE_CROSSINGS = Statement(delete(crossing).where(crossing.c.activation_id == p("id")))
DELETE_CALLS = Statement(delete(model_call).where(model_call.c.activation_id == p("id")))
_closed = (
    select(crossing.c.id)
    .where(crossing.c.state == word("withdrawn"), crossing.c.closed_at < p("before"))
    .limit(p("limit", type_=Integer))
)
OLD_CROSSINGS = Statement(delete(crossing).where(crossing.c.id.in_(_closed)))
_keys = select(deposit_key.c.key).where(deposit_key.c.at < p("before")).limit(p("limit", type_=Integer))
OLD_KEYS = Statement(delete(deposit_key).where(deposit_key.c.key.in_(_keys)))
_calls = (
    select(model_call.c.id)
    .where(
        model_call.c.state.in_([word(state) for state in ("applied", "failed", "rejected", "unusable", "settled")]),
        model_call.c.planned_at < p("before"),
    )
    .limit(p("limit", type_=Integer))
)
OLD_CALLS = Statement(delete(model_call).where(model_call.c.id.in_(_calls)))
