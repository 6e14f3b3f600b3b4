"""Queries on activations, agents' rests and pauses, and workers."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, func, insert, or_, select

from blackboard.store.phrases import AT_MOST, insert_into, number, update_by, word
from blackboard.store.rows import OPEN_CALLS
from blackboard.store.tables import (
    activation,
    activation_input,
    agent_state,
    board,
    crossing,
    event,
    model_call,
    subject_cooldown,
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
    activation,
    "id",
    "state",
    "finished_at",
    "retry_at",
    "error",
    "attempt",
    "worker",
    "lease_until",
    "marks_deposited",
    "interruptions",
)
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
DEFERRED = Statement(
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
            or_(model_call.c.api == word("messages"), model_call.c.error.is_not(None)),
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

INSERT_INPUT = insert_into(activation_input)
INPUTS = Statement(
    select(
        activation_input.c.mark_id,
        activation_input.c.role,
        activation_input.c.event_id,
        activation_input.c.strength,
        *event.c,
    )
    .select_from(activation_input.outerjoin(event, event.c.id == activation_input.c.event_id))
    .where(activation_input.c.activation_id == p("activation_id"))
    .order_by(activation_input.c.strength.desc(), activation_input.c.mark_id)
)
INPUT_BEFORE = Statement(
    select(activation_input.c.activation_id)
    .select_from(activation_input.join(activation, activation.c.id == activation_input.c.activation_id))
    .where(
        activation_input.c.mark_id == p("mark_id"),
        activation_input.c.event_id >= p("event_id"),
        activation_input.c.role == word("absorbed"),
        activation.c.watch_id == p("watch_id"),
    )
    .limit(ONE)
)
"""Whether a watch was given a mark as an event left it, or as a later one did."""
MOVE_INPUT = Statement(
    activation_input.update()
    .where(activation_input.c.activation_id == p("from_id"), activation_input.c.mark_id == p("of_mark"))
    .values(activation_id=p("to_id"))
)
_reads = select(
    p("to_id", type_=activation.c.id.type),
    activation_input.c.mark_id,
    activation_input.c.role,
    activation_input.c.event_id,
    activation_input.c.strength,
).where(activation_input.c.activation_id == p("from_id"), activation_input.c.role == word("read"))
COPY_READS = Statement(insert(activation_input).from_select([c.name for c in activation_input.c], _reads))
SET_INPUT_COUNT = update_by(activation, "id", "marks_absorbed")
DEPOSITED_BY = Statement(select(*event.c).where(event.c.activation_id == p("activation_id")).order_by(event.c.id))

AGENT_STATES = Statement(select(*agent_state.c))
AGENT_STATE = Statement(select(*agent_state.c).where(agent_state.c.agent == p("agent")))
INSERT_AGENT_STATE = insert_into(agent_state)
SET_COOLDOWN = update_by(agent_state, "agent", "cooldown_until", "failures")
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
RENAME_COOLDOWNS = Statement(
    subject_cooldown.update().where(subject_cooldown.c.agent == p("former")).values(agent=p("agent"))
)
DROP_COOLDOWNS_OF = Statement(delete(subject_cooldown).where(subject_cooldown.c.agent == p("agent")))
PAUSE_BOARD = Statement(board.update().values(paused=p("paused"), paused_because=p("because")))
BOARD = Statement(select(*board.c))

COOLDOWN_OF = Statement(
    select(subject_cooldown.c.until).where(
        subject_cooldown.c.agent == p("agent"), subject_cooldown.c.subject == p("subject")
    )
)
INSERT_COOLDOWN = insert_into(subject_cooldown)
UPDATE_COOLDOWN = Statement(
    subject_cooldown.update()
    .where(subject_cooldown.c.agent == p("of_agent"), subject_cooldown.c.subject == p("of_subject"))
    .values(until=p("until"))
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
