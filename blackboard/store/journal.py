"""Queries on the journal of model calls."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, bindparam, case, column, func, or_, select, table

from blackboard.store.phrases import AT_MOST, insert_into, number, update_by, word
from blackboard.store.rows import OPEN_CALLS
from blackboard.store.tables import activation, model_call
from blackboard.store.transaction import Statement
from blackboard.store.view_columns import VIEWS

p = bindparam

# The partial index of what is not over is used where its own condition stands in the query, word for word.
_open = model_call.c.state.in_([word(state) for state in OPEN_CALLS])
_planned = _open & (model_call.c.state == word("planned"))

CALL_COLUMNS = (*model_call.c,)
INSERT_CALL = insert_into(model_call, "id")
LAST_CALL_ID = Statement(select(func.max(model_call.c.id)))
GET_CALL = Statement(select(*CALL_COLUMNS).where(model_call.c.id == p("id")))
CALLS_OF = Statement(
    select(*CALL_COLUMNS).where(model_call.c.activation_id == p("activation_id")).order_by(model_call.c.id.desc())
)
SEND_CALL = update_by(model_call, "id", "state", "sent_at", "reserved", "custom_id", "submission", "would_hold")
ANSWER_CALL = update_by(
    model_call, "id", "state", "answered_at", "reserved", "reply", "request_id", "input_tokens", "cache_read_tokens",
    "cache_write_tokens", "output_tokens", "cost", "direct_cost", "error",
)  # fmt: skip
NOTE_CALL = update_by(model_call, "id", "error")
END_CALL = update_by(model_call, "id", "state", "reserved", "error", "request_id")
RECORD_COST = update_by(model_call, "id", "state", "cost", "direct_cost", "reserved")
_answered = and_(model_call.c.activation_id == p("activation"), model_call.c.state == word("answered"))
APPLY_CALL = Statement(
    model_call.update()
    .where(model_call.c.id == select(func.max(model_call.c.id)).where(_answered).scalar_subquery())
    .values(state=word("applied"), applied_at=p("at"))
)
SPARE_CALLS = Statement(model_call.update().where(_answered).values(state=word("unusable"), error=p("why")))
REOPEN_CALLS = Statement(
    model_call.update()
    .where(model_call.c.activation_id == p("activation"), model_call.c.state == word("rejected"))
    .values(state=word("failed"))
)
FORGET_NOTES = Statement(
    model_call.update()
    .where(model_call.c.activation_id == p("activation"), model_call.c.state == word("planned"))
    .values(error=None)
)
FORGET_ALL_NOTES = Statement(model_call.update().where(_planned, model_call.c.error.is_not(None)).values(error=None))

# -- what was spent -------------------------------------------------------------------------------------------------

_taken = func.coalesce(model_call.c.cost, number(0)) + model_call.c.reserved
_counts = case((model_call.c.state == word("failed"), number(0)), else_=number(1))
_this_hour = model_call.c.sent_at >= p("hour")


def _spent(*where: Any) -> Statement:
    """Money and calls of the day and, of these, of the hour: one range of an index, which holds all that is summed."""
    sums = (
        func.sum(_taken),
        func.sum(_counts),
        func.sum(case((_this_hour, _taken), else_=number(0))),
        func.sum(case((_this_hour, _counts), else_=number(0))),
    )
    return Statement(
        select(*(func.coalesce(item, number(0)) for item in sums)).where(model_call.c.sent_at >= p("day"), *where)
    )


SPENT = _spent()
SPENT_BY = _spent(model_call.c.agent == p("agent"))
SPENT_FOR = Statement(
    select(func.coalesce(func.sum(_taken), number(0)), func.coalesce(func.sum(_counts), number(0))).where(
        model_call.c.activation_id == p("activation_id"),
        model_call.c.sent_at.is_not(None),
        model_call.c.id <= p("up_to"),
    )
)
"""Money and calls of one activation, up to one of all calls."""

# -- the cheap lane -------------------------------------------------------------------------------------------------

_batch = _open & (model_call.c.api == word("batch"))
_of_held = model_call.join(activation, activation.c.id == model_call.c.activation_id)
# Only calls whose activation was put back: else its results could come before it waits for them.
TO_SUBMIT = Statement(
    select(*CALL_COLUMNS)
    .select_from(_of_held)
    .where(
        _batch,
        model_call.c.state == word("planned"),
        activation.c.state == word("held"),
        activation.c.retry_at.is_(None),
    )
    .order_by(model_call.c.id)
    .limit(AT_MOST)
)
SUBMITTED = Statement(select(*CALL_COLUMNS).where(_batch, model_call.c.state == word("sent")).order_by(model_call.c.id))
OPEN_BATCH_CALLS = Statement(
    select(model_call.c.agent, func.count())
    .select_from(_of_held)
    .where(
        _batch,
        # A planned call with an error has no room in its budget until a person makes some.
        or_(
            model_call.c.state == word("sent"),
            and_(model_call.c.state == word("planned"), model_call.c.error.is_(None)),
        ),
        activation.c.state == word("held"),
        activation.c.retry_at.is_(None),
    )
    .group_by(model_call.c.agent)
)
NAME_BATCH = Statement(
    model_call.update()
    .where(model_call.c.submission == p("of_submission"), _batch, model_call.c.state == word("sent"))
    .values(batch_id=p("batch_id"))
)
ANSWERED_BATCH_CALLS = Statement(
    select(activation.c.id)
    .select_from(_of_held)
    .where(_batch, model_call.c.state == word("answered"), activation.c.state == word("held"))
)

# -- for people -----------------------------------------------------------------------------------------------------

COUNT_OPEN = Statement(select(model_call.c.state, func.count()).where(_open).group_by(model_call.c.state))
RESERVED = Statement(select(func.coalesce(func.sum(model_call.c.reserved), number(0))).where(_open))
NEWEST = Statement(select(*CALL_COLUMNS).order_by(model_call.c.id.desc()).limit(AT_MOST))
_costs = table("costs", *(column(name) for name in VIEWS["costs"]))
COSTS = Statement(select(*_costs.c).where(_costs.c.day >= p("since")).order_by(_costs.c.day, _costs.c.agent))
