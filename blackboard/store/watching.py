"""Queries on watches, crossings, falls and totals: what the agenda is made of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, bindparam, case, delete, func, insert, select

from blackboard.store.phrases import AT_MOST, insert_into, number, update_by, word
from blackboard.store.tables import (
    absorbed,
    activation,
    activation_input,
    backfill,
    board_total,
    crossing,
    event,
    mark,
    predicted_crossing,
    watch,
)
from blackboard.store.transaction import Statement

p = bindparam
ONE = number(1)
waiting = crossing.c.state == word("waiting")

# -- watches ----------------------------------------------------------------------------------------------------------

ALL_WATCHES = Statement(select(watch.c.id, watch.c.agent, watch.c.name, watch.c.active))
INSERT_WATCH = insert_into(watch, "id")
FIND_WATCH = Statement(select(watch.c.id).where(watch.c.agent == p("agent"), watch.c.name == p("name")))
SET_ACTIVE = update_by(watch, "id", "active")
SET_CONDITION = update_by(watch, "id", "condition", "active")
RENAME_AGENT = Statement(watch.update().where(watch.c.agent == p("former")).values(agent=p("agent")))
WATERMARK = Statement(select(watch.c.watermark).where(watch.c.id == p("id")))
SET_WATERMARK = update_by(watch, "id", "watermark")
FORMER_CONDITION = Statement(select(watch.c.condition, watch.c.watermark).where(watch.c.id == p("id")))

# -- absorption -------------------------------------------------------------------------------------------------------

ABSORBED = Statement(
    select(absorbed.c.event_id).where(absorbed.c.watch_id == p("watch_id"), absorbed.c.mark_id == p("mark_id"))
)
INSERT_ABSORBED = insert_into(absorbed)
UPDATE_ABSORBED = Statement(
    absorbed.update()
    .where(absorbed.c.watch_id == p("watch_id"), absorbed.c.mark_id == p("mark_id"))
    .values(event_id=p("event_id"), activation_id=p("activation_id"))
)
UNABSORB = Statement(
    delete(absorbed).where(
        absorbed.c.watch_id == p("watch_id"),
        absorbed.c.mark_id == p("mark_id"),
        absorbed.c.activation_id == p("activation_id"),
    )
)
DROP_ABSORBED_UP_TO = Statement(
    delete(absorbed).where(absorbed.c.watch_id == p("watch_id"), absorbed.c.event_id <= p("watermark"))
)

_own = select(mark.c.id).where(mark.c.author == p("author"))
FORGET_ABSORBED_OF = Statement(
    delete(absorbed).where(absorbed.c.watch_id == p("watch_id"), absorbed.c.mark_id.in_(_own))
)
ABSORB_OWN_MARKS = Statement(
    insert(absorbed).from_select(
        ["watch_id", "mark_id", "event_id", "activation_id"],
        select(p("watch_id", type_=Integer), mark.c.id, mark.c.event_id, number(0)).where(mark.c.author == p("author")),
    )
)


def _absorb_all(*where: Any) -> Statement:
    """Note live marks of a kind as absorbed, whole, by a watch that has not noted them."""
    noted = select(absorbed.c.mark_id).where(absorbed.c.watch_id == p("watch_id"), absorbed.c.mark_id == mark.c.id)
    rows = select(p("watch_id", type_=Integer), mark.c.id, mark.c.event_id, number(0)).where(
        mark.c.kind == p("kind"), *where, ~noted.exists()
    )
    return Statement(insert(absorbed).from_select(["watch_id", "mark_id", "event_id", "activation_id"], rows))


_given = (
    select(activation_input.c.activation_id)
    .select_from(activation_input.join(activation, activation.c.id == activation_input.c.activation_id))
    .where(
        activation_input.c.mark_id == mark.c.id,
        activation_input.c.event_id >= mark.c.event_id,
        activation_input.c.role == word("absorbed"),
        activation.c.watch_id == p("watch_id"),
    )
)
ABSORB_UP_TO = _absorb_all(mark.c.event_id <= p("watermark"))
ABSORB_INPUTS = _absorb_all(_given.exists())

# -- crossings --------------------------------------------------------------------------------------------------------

CROSSING_COLUMNS = (*crossing.c,)
INSERT_CROSSING = insert_into(crossing, "id")
RENEW_CROSSING = Statement(
    crossing.update()
    .where(
        crossing.c.watch_id == p("watch"),
        crossing.c.subject == p("of_subject"),
        crossing.c.mark_id == p("of_mark"),
        waiting,
    )
    .values(
        law=p("law"),
        order_key=p("order_key"),
        event_id=p("event_id"),
        marks=p("marks"),
        urgent=case((crossing.c.urgent > p("urgent"), crossing.c.urgent), else_=p("urgent")),
        ready_at=case(
            (crossing.c.held_by.is_not(None), crossing.c.ready_at),
            (crossing.c.ready_at < p("ready_at"), crossing.c.ready_at),
            else_=p("ready_at"),
        ),
    )
)
CROSSED_SINCE = Statement(
    select(crossing.c.id)
    .where(
        crossing.c.watch_id == p("watch_id"),
        crossing.c.subject == p("subject"),
        crossing.c.mark_id == p("mark_id"),
        crossing.c.crossed_at >= p("since"),
    )
    .limit(ONE)
)
WAITING = Statement(
    select(*CROSSING_COLUMNS)
    .where(
        crossing.c.watch_id == p("watch_id"),
        crossing.c.subject == p("subject"),
        crossing.c.mark_id == p("mark_id"),
        waiting,
    )
    .limit(ONE)
)
READY = Statement(
    select(func.min(crossing.c.ready_at)).where(
        crossing.c.watch_id == p("watch_id"), waiting, crossing.c.ready_at <= p("now")
    )
)
"""Since when the longest of a watch's ready crossings has been ready."""
NEXT_READY = Statement(
    select(func.min(crossing.c.ready_at)).where(
        crossing.c.watch_id == p("watch_id"), waiting, crossing.c.ready_at > p("now")
    )
)
NEXT_WATCH_WAITING = Statement(select(func.min(crossing.c.watch_id)).where(waiting, crossing.c.watch_id > p("after")))
"""The next watch with a crossing that waits: asked in a row, it skips through the index."""
_few = (
    select(crossing.c.marks)
    .where(crossing.c.watch_id == p("watch_id"), waiting, crossing.c.held_by.is_(None))
    .limit(AT_MOST)
    .subquery()
)
COUNT_BATCH = Statement(select(func.coalesce(func.sum(_few.c.marks), number(0))))
_candidates = select(*CROSSING_COLUMNS).where(
    crossing.c.watch_id == p("watch_id"),
    waiting,
    (crossing.c.held_by.is_(None)) | (crossing.c.ready_at <= p("now")),
)
CANDIDATES_OF_LAW = Statement(
    _candidates.where(crossing.c.law == p("law")).order_by(crossing.c.order_key.desc(), crossing.c.id).limit(AT_MOST)
)
NEXT_LAW_WAITING = Statement(
    select(func.min(crossing.c.law)).where(crossing.c.watch_id == p("watch_id"), waiting, crossing.c.law > p("after"))
)
"""The next law of the crossings that wait for a watch: asked in a row, it skips through the index."""
HOLD_CROSSING = update_by(crossing, "id", "held_by", "ready_at")
CLOSE_CROSSING = update_by(crossing, "id", "state", "activation_id", "closed_at")
_window_end = crossing.c.noticed_at + p("batch_window", type_=BigInteger)
_released_at = case(
    (crossing.c.urgent == number(1), p("at", type_=BigInteger)),
    (crossing.c.marks >= p("full", type_=BigInteger), p("at", type_=BigInteger)),
    (_window_end > p("at", type_=BigInteger), _window_end),
    else_=p("at", type_=BigInteger),
)
"""When what a guard held back is ready once that lets go: at once, or when it has gathered as any other crossing."""
RELEASE_SUBJECT = Statement(
    crossing.update()
    .where(
        crossing.c.watch_id == p("watch"),
        crossing.c.subject == p("of_subject"),
        waiting,
        crossing.c.held_by == word("guard"),
    )
    .values(held_by=None, ready_at=_released_at)
)
RELEASE_WATCH = Statement(
    crossing.update()
    .where(crossing.c.watch_id == p("watch"), waiting, crossing.c.held_by == word("guard"))
    .values(held_by=None, ready_at=_released_at)
)
WAITING_OF_WATCH = Statement(
    select(*CROSSING_COLUMNS).where(crossing.c.watch_id == p("watch_id"), waiting).order_by(crossing.c.id)
)
WAITING_OF_SUBJECT = Statement(
    select(*CROSSING_COLUMNS)
    .where(crossing.c.watch_id == p("watch_id"), crossing.c.subject == p("subject"), waiting)
    .order_by(crossing.c.id)
)
WAITING_OF_MARK = Statement(
    select(*CROSSING_COLUMNS)
    .where(crossing.c.subject == p("subject"), crossing.c.mark_id == p("mark_id"), waiting)
    .order_by(crossing.c.id)
)
CLOSE_WATCH = Statement(
    crossing.update()
    .where(crossing.c.watch_id == p("watch"), waiting)
    .values(state=word("withdrawn"), closed_at=p("at"))
)
FINISH_CROSSINGS = Statement(
    crossing.update().where(crossing.c.activation_id == p("activation")).values(state=p("state"), closed_at=p("at"))
)
MOVE_CROSSING = Statement(
    crossing.update()
    .where(crossing.c.activation_id == p("from_id"), crossing.c.mark_id == p("of_mark"))
    .values(activation_id=p("to_id"))
)
COUNT_WAITING = Statement(
    select(crossing.c.watch_id, func.count(), func.min(crossing.c.crossed_at))
    .where(waiting)
    .group_by(crossing.c.watch_id)
)
CLAIMED_SUBJECTS = Statement(
    select(crossing.c.subject).where(crossing.c.activation_id == p("activation_id")).distinct()
)

# -- falls ------------------------------------------------------------------------------------------------------------

PREDICTED = Statement(
    select(predicted_crossing.c.due_at).where(
        predicted_crossing.c.watch_id == p("watch_id"),
        predicted_crossing.c.subject == p("subject"),
        predicted_crossing.c.mark_id == p("mark_id"),
    )
)
INSERT_PREDICTED = insert_into(predicted_crossing)
UPDATE_PREDICTED = Statement(
    predicted_crossing.update()
    .where(
        predicted_crossing.c.watch_id == p("watch"),
        predicted_crossing.c.subject == p("of_subject"),
        predicted_crossing.c.mark_id == p("of_mark"),
    )
    .values(due_at=p("due_at"))
)
DELETE_PREDICTED = Statement(
    delete(predicted_crossing).where(
        predicted_crossing.c.watch_id == p("watch_id"),
        predicted_crossing.c.subject == p("subject"),
        predicted_crossing.c.mark_id == p("mark_id"),
    )
)
DELETE_PREDICTED_OF_WATCH = Statement(delete(predicted_crossing).where(predicted_crossing.c.watch_id == p("watch_id")))
DELETE_FALLS_OF_MARK = Statement(delete(predicted_crossing).where(predicted_crossing.c.mark_id == p("mark_id")))
DUE_PREDICTED = Statement(
    select(*predicted_crossing.c)
    .where(predicted_crossing.c.due_at <= p("now"))
    .order_by(predicted_crossing.c.due_at)
    .limit(AT_MOST)
)
DUE_PREDICTED_OF = Statement(
    select(*predicted_crossing.c)
    .where(
        predicted_crossing.c.watch_id == p("watch_id"),
        predicted_crossing.c.subject == p("subject"),
        predicted_crossing.c.due_at <= p("now"),
    )
    .order_by(predicted_crossing.c.due_at)
)
DUE_PREDICTED_OF_WATCH = Statement(
    select(*predicted_crossing.c)
    .where(predicted_crossing.c.watch_id == p("watch_id"), predicted_crossing.c.due_at <= p("now"))
    .order_by(predicted_crossing.c.due_at)
)
PREDICTED_OF = Statement(
    select(predicted_crossing.c.mark_id, predicted_crossing.c.due_at)
    .where(predicted_crossing.c.watch_id == p("watch_id"), predicted_crossing.c.subject == p("subject"))
    .order_by(predicted_crossing.c.due_at)
)
NEXT_PREDICTED = Statement(select(func.min(predicted_crossing.c.due_at)))

# -- totals over the whole board --------------------------------------------------------------------------------------

TOTALS = Statement(
    select(
        board_total.c.kind,
        board_total.c.law,
        board_total.c.marks,
        board_total.c.sum0,
        board_total.c.sum1,
        board_total.c.anchor,
        board_total.c.evaporated_through,
    ).where(board_total.c.watch_id == p("watch_id"))
)
INSERT_TOTAL = insert_into(board_total)
UPDATE_TOTAL = Statement(
    board_total.update()
    .where(board_total.c.watch_id == p("watch"), board_total.c.kind == p("of_kind"), board_total.c.law == p("of_law"))
    .values(
        marks=p("marks"), sum0=p("sum0"), sum1=p("sum1"), anchor=p("anchor"), evaporated_through=p("evaporated_through")
    )
)
DELETE_TOTALS = Statement(delete(board_total).where(board_total.c.watch_id == p("watch_id")))

# -- work that follows a change of the deployment ---------------------------------------------------------------------

BACKFILLS = Statement(select(*backfill.c).order_by(backfill.c.id))
INSERT_BACKFILL = insert_into(backfill, "id")
MOVE_BACKFILL = update_by(backfill, "id", "position")
DELETE_BACKFILL = Statement(delete(backfill).where(backfill.c.id == p("id")))
LAST_EVENT = Statement(select(func.max(event.c.id)))
