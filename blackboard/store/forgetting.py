"""Queries that erase what was said about one subject, and leave ids, instants, kinds, intensities and costs."""

from __future__ import annotations

from sqlalchemy import bindparam, case, delete, func, null, or_, select, union

from blackboard.store.phrases import number, word
from blackboard.store.tables import (
    activation,
    activation_input,
    crossing,
    deposit_key,
    event,
    mark,
    model_call,
    predicted_crossing,
    subject_cooldown,
)
from blackboard.store.transaction import Statement

p = bindparam
NOTHING = word("")

MARKS_OF = Statement(select(*mark.c).where(mark.c.subject == p("subject")).order_by(mark.c.id))
COUNT_EVENTS = Statement(select(func.count()).where(event.c.subject == p("subject")))

_marks = select(event.c.mark_id).where(event.c.subject == p("subject"))
_given = select(activation_input.c.activation_id).where(activation_input.c.mark_id.in_(_marks))
_about = select(activation.c.id).where(activation.c.subject == p("subject"))
_left = select(event.c.activation_id).where(event.c.subject == p("subject"), event.c.activation_id.is_not(None))
ACTIVATIONS = Statement(
    select(*activation.c).where(activation.c.id.in_(union(_given, _about, _left))).order_by(activation.c.id)
)
"""Every activation that was given or shown a mark of the subject, or left one, or is about it."""

CALLS_NAMING = Statement(
    select(model_call.c.id).where(
        or_(
            model_call.c.body.like(p("pattern"), escape="\\"),
            model_call.c.reply.like(p("pattern"), escape="\\"),
            model_call.c.error.like(p("pattern"), escape="\\"),
        )
    )
)
CALLS_OF = Statement(select(model_call.c.id).where(model_call.c.activation_id == p("activation_id")))
NAMED_ELSEWHERE = Statement(
    select(event.c.mark_id)
    .where(event.c.payload.like(p("pattern"), escape="\\"), event.c.subject != p("subject"))
    .distinct()
    .order_by(event.c.mark_id)
)

CLOSE_CROSSINGS = Statement(
    crossing.update()
    .where(crossing.c.subject == p("of_subject"), crossing.c.state == word("waiting"))
    .values(state=word("withdrawn"), closed_at=p("at"))
)
RENAME_CROSSINGS = Statement(crossing.update().where(crossing.c.subject == p("of_subject")).values(subject=p("to")))
RENAME_ACTIVATIONS = Statement(
    activation.update().where(activation.c.subject == p("of_subject")).values(subject=p("to"))
)
ERASE_ERROR = Statement(activation.update().where(activation.c.id == p("key")).values(error=p("instead")))
ERASE_EVENTS = Statement(
    event.update().where(event.c.subject == p("of_subject")).values(subject=p("to"), payload=null())
)
ERASE_CALL = Statement(
    model_call.update()
    .where(model_call.c.id == p("key"))
    .values(
        body=NOTHING,
        reply=null(),
        error=null(),
        marks=number(-1),  # no activation takes it up again
        state=case(
            (model_call.c.state == word("planned"), word("failed")),
            (model_call.c.state == word("answered"), word("unusable")),
            (model_call.c.state == word("sent"), word("unknown")),
            else_=model_call.c.state,
        ),
    )
)
DELETE_KEYS = Statement(delete(deposit_key).where(deposit_key.c.mark_id.in_(_marks)))
DELETE_COOLDOWNS = Statement(delete(subject_cooldown).where(subject_cooldown.c.subject == p("subject")))
DELETE_PREDICTED_OF_SUBJECT = Statement(delete(predicted_crossing).where(predicted_crossing.c.subject == p("subject")))
