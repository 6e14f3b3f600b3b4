"""Queries that remove what is kept no longer. The newest event always stays: ids are given on from it."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, func, select, tuple_

from blackboard.store.phrases import AT_MOST, number, word
from blackboard.store.tables import (
    activation,
    activation_input,
    board_total,
    crossing,
    deposit_key,
    event,
    kind,
    law,
    law_change,
    law_segment,
    mark,
    model_call,
    subject_cooldown,
)
from blackboard.store.transaction import Statement

p = bindparam

_may_run = [word("ready"), word("running"), word("held"), word("dead"), word("quarantined")]
_later = event.alias("later")
_old = (
    select(event.c.id)
    .where(
        event.c.recorded_at < p("before"),
        event.c.id < select(func.max(_later.c.id)).scalar_subquery(),
        ~select(mark.c.id).where(mark.c.id == event.c.mark_id).exists(),
        # What an activation was given that may yet run, and what stands behind a crossing that waits.
        ~select(activation.c.id)
        .join(activation_input, activation_input.c.activation_id == activation.c.id)
        .where(activation_input.c.mark_id == event.c.mark_id, activation.c.state.in_(_may_run))
        .exists(),
        ~select(crossing.c.id)
        .where(crossing.c.subject.in_([event.c.subject, word("")]), crossing.c.state == word("waiting"))
        .exists(),
    )
    .order_by(event.c.id)
    .limit(AT_MOST)
)
OLDEST_EVENT = Statement(select(event.c.recorded_at).order_by(event.c.id).limit(number(1)))
OLD_EVENTS = Statement(delete(event).where(event.c.id.in_(_old)))
_over = activation.c.state.in_([word("done"), word("faded"), word("skipped"), word("discarded")])
_finished = (
    select(activation.c.id)
    .where(_over, activation.c.finished_at < p("before"))
    .order_by(activation.c.finished_at)
    .limit(AT_MOST)
)
OLD_ACTIVATIONS = Statement(_finished)
DELETE_ACTIVATION = Statement(delete(activation).where(activation.c.id == p("id")))
DELETE_INPUTS = Statement(delete(activation_input).where(activation_input.c.activation_id == p("id")))
DELETE_CROSSINGS = Statement(delete(crossing).where(crossing.c.activation_id == p("id")))
DELETE_CALLS = Statement(delete(model_call).where(model_call.c.activation_id == p("id")))
_closed = (
    select(crossing.c.id)
    .where(crossing.c.state == word("withdrawn"), crossing.c.closed_at < p("before"))
    .limit(AT_MOST)
)
OLD_CROSSINGS = Statement(delete(crossing).where(crossing.c.id.in_(_closed)))
_keys = select(deposit_key.c.key).where(deposit_key.c.at < p("before")).limit(AT_MOST)
OLD_KEYS = Statement(delete(deposit_key).where(deposit_key.c.key.in_(_keys)))
_calls = (
    select(model_call.c.id)
    .where(
        model_call.c.state.in_(
            [word(state) for state in ("applied", "failed", "rejected", "unusable", "cost_recorded")]
        ),
        model_call.c.planned_at < p("before"),
    )
    .limit(AT_MOST)
)
OLD_CALLS = Statement(delete(model_call).where(model_call.c.id.in_(_calls)))
_rests = (
    select(subject_cooldown.c.agent, subject_cooldown.c.subject)
    .where(subject_cooldown.c.until <= p("now"))
    .limit(AT_MOST)
)
OLD_COOLDOWNS = Statement(
    delete(subject_cooldown).where(tuple_(subject_cooldown.c.agent, subject_cooldown.c.subject).in_(_rests))
)

# -- laws that marks brought with them -------------------------------------------------------------------------------

COUNT_LAWS = Statement(select(func.count()).select_from(law))
_kept = (kind.c.law, law_change.c.law, law_change.c.new_law, board_total.c.law)
_in_use = [~law.c.law.in_(select(column)) for column in _kept]
UNUSED_LAWS = Statement(
    select(law.c.law)
    .where(
        *_in_use,
        ~law.c.law.in_(select(crossing.c.law).where(crossing.c.state == word("waiting"))),
        ~law.c.law.in_(select(event.c.law)),
    )
    .limit(AT_MOST)
)
"""Laws of which no event is kept. It reads the whole history, so it is asked outside a writing transaction."""
_still_unused = (
    *_in_use,
    law.c.law == p("key"),
    ~select(event.c.id).where(event.c.id > p("since"), event.c.law == p("key")).exists(),
)
DELETE_SEGMENTS = Statement(delete(law_segment).where(law_segment.c.law.in_(select(law.c.law).where(*_still_unused))))
DELETE_LAW = Statement(delete(law).where(*_still_unused))
