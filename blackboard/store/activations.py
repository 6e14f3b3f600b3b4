"""Queries on activations, agents' rests and pauses, and workers."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, func, insert, or_, select

from blackboard.store.phrases import AT_MOST, insert_into, number, update_by, word
from blackboard.store.rows import OPEN_CALLS
from blackboard.store.tables import (
    activation,
    activation_mark,
    agent_state,
    board,
    crossing,
    event,
    model_call,
    rest,
    worker,
)
from blackboard.store.transaction import Statement

p = bindparam
ONE = number(1)

ACTIVATION_COLUMNS = (*activation.c,)
# The partial index of what is not over is used where its own condition stands in the query, word for word.
unfinished = activation.c.state.in_([word(state) for state in ("ready", "running", "held", "dead", "quarantined")])
waiting = unfinished & activation.c.state.in_([word("ready"), word("held")])
running = unfinished & (activation.c.state == word("running"))
INSERT_ACTIVATION = insert_into(activation, "id")
LAST_ACTIVATION = Statement(select(func.max(activation.c.id)))
GET_ACTIVATION = Statement(select(*ACTIVATION_COLUMNS).where(activation.c.id == p("id")))
SPLIT_OFF = Statement(
    select(*ACTIVATION_COLUMNS)
    .where(activation.c.split_from.is_not(None), activation.c.split_from == p("id"))
    .order_by(activation.c.id)
)
"""The activations that were split off one."""
START_ACTIVATION = update_by(
    activation, "id", "state", "started_at", "attempt", "worker", "lease_until", "fence", "retry_at"
)
END_ACTIVATION = update_by(
    activation, "id", "state", "finished_at", "retry_at", "error", "attempt", "worker", "lease_until", "marks_left",
    "interruptions",
)  # fmt: skip
EXTEND_LEASE = Statement(
    activation.update().where(running, activation.c.worker == p("by")).values(lease_until=p("until"))
)
READY_TO_RETRY = Statement(
    select(*ACTIVATION_COLUMNS)
    .where(waiting, activation.c.agent == p("agent"), activation.c.retry_at <= p("now"))
    .order_by(activation.c.retry_at, activation.c.id)
    .limit(ONE)
)
NEXT_RETRY = Statement(
    select(func.min(activation.c.retry_at)).where(
        waiting, activation.c.agent == p("agent"), activation.c.retry_at > p("now")
    )
)
PUT_BACK = Statement(
    select(*crossing.c, activation.c.error, activation.c.retry_at)
    .select_from(activation.join(crossing, crossing.c.activation_id == activation.c.id))
    .where(waiting, crossing.c.state == word("claimed"))
)
"""The crossings whose activation waits to be begun again, with why and until when."""
RUNNING_OF = Statement(select(func.count()).where(running, activation.c.agent == p("agent")))
AGENTS_WAITING = Statement(select(activation.c.agent).where(waiting).distinct())
RUNNING = Statement(select(*ACTIVATION_COLUMNS).where(running))
UNFINISHED_IN_STATE = Statement(
    select(*ACTIVATION_COLUMNS).where(unfinished, activation.c.state == p("state")).order_by(activation.c.id)
)
IN_STATE = Statement(select(*ACTIVATION_COLUMNS).where(activation.c.state == p("state")).order_by(activation.c.id))
COUNT_BY_STATE = Statement(
    select(activation.c.agent, activation.c.state, func.count()).group_by(activation.c.agent, activation.c.state)
)
WOKEN_SINCE = Statement(
    select(func.count()).where(
        activation.c.agent == p("agent"),
        activation.c.created_at > p("since"),
        activation.c.state.not_in([word("quarantined"), word("faded"), word("skipped")]),
    )
)
HELD_OF_WATCH = Statement(
    select(activation.c.error, activation.c.retry_at)
    .where(
        unfinished,
        activation.c.state == word("held"),
        activation.c.agent == p("agent"),
        activation.c.retry_at > p("now"),
        activation.c.watch_id == p("watch_id"),
    )
    .limit(ONE)
)
RELEASE_HELD = Statement(
    activation.update()
    .where(activation.c.id == p("key"), activation.c.state == word("held"))
    .values(state=word("ready"), retry_at=p("at"), error=p("error"))
)
_over_budget = or_(
    activation.c.retry_at.is_not(None),
    activation.c.id.in_(
        select(model_call.c.activation_id).where(
            model_call.c.state.in_([word(state) for state in OPEN_CALLS]),
            model_call.c.state == word("planned"),
            or_(model_call.c.lane == word("direct"), model_call.c.error.is_not(None)),
        )
    ),
)
RECHECK_HELD = Statement(
    activation.update()
    .where(unfinished, activation.c.state == word("held"), _over_budget)
    .values(state=word("ready"), retry_at=p("at"))
)
"""Lets what a budget holds ask again: what waits for a window to turn, and what planned a call that had no room."""
EXPLAIN_HELD = Statement(
    activation.update()
    .where(activation.c.id == p("key"), activation.c.state == word("held"))
    .values(error=p("error"), retry_at=p("until"))
)

INSERT_GIVEN = insert_into(activation_mark)
GIVEN = Statement(
    select(
        activation_mark.c.mark_id,
        activation_mark.c.role,
        activation_mark.c.event_id,
        activation_mark.c.strength,
        activation_mark.c.previous_event_id,
        *event.c,
    )
    .select_from(activation_mark.outerjoin(event, event.c.id == activation_mark.c.event_id))
    .where(activation_mark.c.activation_id == p("activation_id"))
    .order_by(activation_mark.c.strength.desc(), activation_mark.c.mark_id)
)
GIVEN_BEFORE = Statement(
    select(activation_mark.c.activation_id)
    .select_from(activation_mark.join(activation, activation.c.id == activation_mark.c.activation_id))
    .where(
        activation_mark.c.mark_id == p("mark_id"),
        activation_mark.c.event_id >= p("event_id"),
        activation_mark.c.role == word("absorbed"),
        activation.c.watch_id == p("watch_id"),
    )
    .limit(ONE)
)
"""Whether a watch was given a mark as an event left it, or as a later one did."""
MOVE_GIVEN = Statement(
    activation_mark.update()
    .where(activation_mark.c.activation_id == p("from_id"), activation_mark.c.mark_id == p("of_mark"))
    .values(activation_id=p("to_id"))
)
_reads = select(
    p("to_id", type_=activation.c.id.type),
    activation_mark.c.mark_id,
    activation_mark.c.role,
    activation_mark.c.event_id,
    activation_mark.c.strength,
    activation_mark.c.previous_event_id,
).where(activation_mark.c.activation_id == p("from_id"), activation_mark.c.role == word("read"))
COPY_READS = Statement(insert(activation_mark).from_select([c.name for c in activation_mark.c], _reads))
COUNT_GIVEN = update_by(activation, "id", "marks_absorbed")
LEFT_BY = Statement(select(*event.c).where(event.c.activation_id == p("activation_id")).order_by(event.c.id))

AGENT_STATES = Statement(select(*agent_state.c))
AGENT_STATE = Statement(select(*agent_state.c).where(agent_state.c.agent == p("agent")))
INSERT_AGENT_STATE = insert_into(agent_state)
SET_REST = update_by(agent_state, "agent", "rest_until", "failures")
SET_PAUSE = update_by(agent_state, "agent", "paused", "paused_because")
RENAME_STATE = Statement(agent_state.update().where(agent_state.c.agent == p("former")).values(agent=p("agent")))
RENAME_OPEN = Statement(
    activation.update()
    .where(
        activation.c.agent == p("former"),
        activation.c.state.in_([word(state) for state in ("ready", "running", "held", "dead", "quarantined")]),
    )
    .values(agent=p("agent"))
)
RENAME_RESTS = Statement(rest.update().where(rest.c.agent == p("former")).values(agent=p("agent")))
DROP_RESTS_OF = Statement(delete(rest).where(rest.c.agent == p("agent")))
PAUSE_BOARD = Statement(board.update().values(paused=p("paused"), paused_because=p("because")))
BOARD = Statement(select(*board.c))

REST_OF = Statement(select(rest.c.until).where(rest.c.agent == p("agent"), rest.c.subject == p("subject")))
INSERT_REST = insert_into(rest)
UPDATE_REST = Statement(
    rest.update().where(rest.c.agent == p("of_agent"), rest.c.subject == p("of_subject")).values(until=p("until"))
)

WORKERS = Statement(select(*worker.c))
INSERT_WORKER = insert_into(worker)
SEE_WORKER = update_by(worker, "id", "seen_at")
DELETE_WORKER = Statement(delete(worker).where(worker.c.id == p("id")))
NEWEST = Statement(
    select(*ACTIVATION_COLUMNS)
    .where(or_(p("agent", type_=activation.c.agent.type) == word(""), activation.c.agent == p("agent")))
    .order_by(activation.c.id.desc())
    .limit(AT_MOST)
)
