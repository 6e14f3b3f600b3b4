"""Queries on the journal of model calls."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Integer, bindparam, func, or_, select

from blackboard.store.statement import Statement, insert_into, update_by, word
from blackboard.store.tables import model_call

p = bindparam


class CallRow(NamedTuple):
    """A row of `model_call`. Money is in micro-dollars."""

    id: int
    activation_id: int
    agent: str
    model: str
    lane: str
    state: str
    body: str
    planned_at: int
    sent_at: int | None
    answered_at: int | None
    applied_at: int | None
    reserved: int
    reply: str | None
    request_id: str | None
    custom_id: str | None
    batch_id: str | None
    input_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    cost: int | None
    direct_cost: int | None
    error: str | None


CALL_COLUMNS = (*model_call.c,)
INSERT_CALL = insert_into(model_call, "id")
LAST_CALL_ID = Statement(select(func.max(model_call.c.id)))
GET_CALL = Statement(select(*CALL_COLUMNS).where(model_call.c.id == p("id")))
CALLS_OF = Statement(
    select(*CALL_COLUMNS).where(model_call.c.activation_id == p("activation_id")).order_by(model_call.c.id.desc())
)
SEND_CALL = update_by(model_call, "id", "state", "sent_at", "reserved")
ANSWER_CALL = update_by(
    model_call, "id", "state", "answered_at", "reserved", "reply", "request_id", "input_tokens", "cache_read_tokens",
    "cache_write_tokens", "output_tokens", "cost", "direct_cost", "error",
)  # fmt: skip
END_CALL = update_by(model_call, "id", "state", "reserved", "error", "request_id")
APPLY_CALLS = Statement(
    model_call.update()
    .where(model_call.c.activation_id == p("activation"), model_call.c.state == word("answered"))
    .values(state=word("applied"), applied_at=p("at"))
)
IN_STATE = Statement(
    select(*CALL_COLUMNS)
    .where(model_call.c.state == p("state"), model_call.c.lane == p("lane"))
    .order_by(model_call.c.id)
)
SPENT = Statement(
    select(func.coalesce(func.sum(func.coalesce(model_call.c.cost, 0) + model_call.c.reserved), 0), func.count()).where(
        model_call.c.sent_at > p("since"),
        or_(p("agent", type_=model_call.c.agent.type) == word(""), model_call.c.agent == p("agent")),
    )
)
COUNT_BY_STATE = Statement(select(model_call.c.state, func.count()).group_by(model_call.c.state))
NEWEST = Statement(select(*CALL_COLUMNS).order_by(model_call.c.id.desc()).limit(p("limit", type_=Integer)))
