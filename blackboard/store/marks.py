"""Queries on marks and their events."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Float, Select, and_, bindparam, cast, delete, func, or_, select

from blackboard.store.phrases import AT_MOST, insert_into, number, unindexed, update_by, word
from blackboard.store.strength import live_marks
from blackboard.store.tables import (
    absorbed,
    board,
    deposit_key,
    event,
    kind,
    law,
    law_segment,
    mark,
    unique_value,
    watch,
)
from blackboard.store.transaction import Statement

p = bindparam
ONE, ZERO = number(1), number(0)

# -- what a transaction begins with ---------------------------------------------------------------------------------

_ids = event.alias("ids")
PRESENT = Statement(
    select(
        board.c.version,
        board.c.last_recorded_at,
        event.c.id,
        event.c.recorded_at,
        select(func.min(mark.c.evaporates_at)).scalar_subquery(),
    ).select_from(board.outerjoin(event, event.c.id == select(func.max(_ids.c.id)).scalar_subquery()))
)
"""(deployment version, latest recorded instant, last event's id, its instant, when the next mark evaporates).

The last three are null where there is none.
"""

RECORD_TIME = Statement(board.update().values(last_recorded_at=p("at")))

# -- marks ------------------------------------------------------------------------------------------------------------

MARK_COLUMNS = (*mark.c,)
INSERT_EVENT = insert_into(event)
INSERT_MARK = insert_into(mark)
UPDATE_MARK = update_by(
    mark,
    "id",
    "payload",
    "author",
    "intensity",
    "law",
    "anchored_at",
    "event_id",
    "reinforced_at",
    "reinforcements",
    "evaporates_at",
    "order_key",
)
REBASE_MARK = update_by(mark, "id", "intensity", "law", "anchored_at", "evaporates_at", "order_key")
DELETE_MARK = Statement(delete(mark).where(mark.c.id == p("id")))
FIND_MARK = Statement(
    select(*MARK_COLUMNS).where(mark.c.kind == p("kind"), mark.c.subject == p("subject")).order_by(mark.c.id.desc())
)
GET_MARK = Statement(select(*MARK_COLUMNS).where(mark.c.id == p("id")))
MARKS_OF_SUBJECT = FIND_MARK
MARKS_AFTER = Statement(
    select(*MARK_COLUMNS)
    .where(mark.c.kind == p("kind"), mark.c.event_id > p("after"), mark.c.event_id <= p("up_to"))
    .order_by(mark.c.event_id)
    .limit(AT_MOST)
)
MARKS_OF_KIND = Statement(select(*MARK_COLUMNS).where(mark.c.kind == p("kind")))
UNDER_LAW = Statement(
    select(*MARK_COLUMNS)
    .where(
        mark.c.kind == p("kind"),
        mark.c.law == p("law"),
        mark.c.anchored_at < p("at"),
        or_(mark.c.evaporates_at.is_(None), mark.c.evaporates_at > p("at")),
    )
    .limit(AT_MOST)
)
DEPOSITED_SINCE = Statement(select(*MARK_COLUMNS).where(mark.c.event_id > p("since")).order_by(mark.c.event_id))
EVAPORATED = Statement(
    select(*MARK_COLUMNS).where(mark.c.evaporates_at <= p("now")).order_by(mark.c.evaporates_at).limit(AT_MOST)
)
NEXT_EVAPORATION = Statement(select(func.min(mark.c.evaporates_at)))
COUNT_LIVE = Statement(
    select(mark.c.kind, func.count())
    .where(or_(mark.c.evaporates_at.is_(None), mark.c.evaporates_at > p("now")))
    .group_by(mark.c.kind)
    .order_by(mark.c.kind)
)
FORGET_ABSORBED = Statement(delete(absorbed).where(absorbed.c.mark_id == p("mark_id")))

# -- keys and unique values -------------------------------------------------------------------------------------------

FIND_KEY = Statement(select(deposit_key.c.mark_id, deposit_key.c.event_id).where(deposit_key.c.key == p("key")))
INSERT_KEY = insert_into(deposit_key)
FIND_UNIQUE = Statement(
    select(unique_value.c.mark_id).where(unique_value.c.kind == p("kind"), unique_value.c.value == p("value"))
)
INSERT_UNIQUE = insert_into(unique_value)
DELETE_UNIQUE = Statement(delete(unique_value).where(unique_value.c.mark_id == p("mark_id")))

# -- laws and kinds ---------------------------------------------------------------------------------------------------

FIND_LAW = Statement(select(law.c.law).where(law.c.law == p("law")))
INSERT_LAW = insert_into(law)
INSERT_SEGMENT = insert_into(law_segment)
INSERT_KIND = insert_into(kind)
UPDATE_KIND = update_by(kind, "name", "weight", "floor", "law")
GET_LAW = Statement(select(law.c.spec).where(law.c.law == p("law")))

# -- events -----------------------------------------------------------------------------------------------------------

EVENT_COLUMNS = (*event.c,)
GET_EVENT = Statement(select(*EVENT_COLUMNS).where(event.c.id == p("id")))
EVENTS_OF_SUBJECT = Statement(select(*EVENT_COLUMNS).where(event.c.subject == p("subject")).order_by(event.c.id))
NEXT_SUBJECT = Statement(select(func.min(event.c.subject)).where(event.c.subject > p("after")))
"""The next subject that anything was ever said about: asked in a row, it skips through the index."""
DEPTH_BEHIND = Statement(select(event.c.activation_id).where(event.c.id == p("id")))

_later = event.alias("later")
AT_INSTANT = Statement(
    select(*EVENT_COLUMNS)
    .where(
        event.c.recorded_at <= p("at"),
        event.c.event.not_in([word("evaporated"), word("withdrawn")]),
        ~select(_later.c.id)
        .where(
            _later.c.subject == event.c.subject,
            _later.c.mark_id == event.c.mark_id,
            _later.c.id > event.c.id,
            _later.c.recorded_at <= p("at"),
        )
        .exists(),
    )
    .order_by(event.c.id)
)
"""The last event up to a past instant of every mark that lay on the board then, or had evaporated and was not moved."""

GONE_SINCE = Statement(
    select(*(column for column in event.c))
    .where(event.c.kind == p("kind"), event.c.id > p("since"), event.c.event == word("evaporated"))
    .order_by(event.c.id)
)
LAST_DEPOSIT = Statement(
    select(*EVENT_COLUMNS)
    .where(
        event.c.subject == p("subject"),
        event.c.mark_id == p("mark_id"),
        event.c.event.in_([word("deposited"), word("reinforced")]),
    )
    .order_by(event.c.id.desc())
    .limit(ONE)
)
COUNT_REINFORCEMENTS = Statement(
    select(func.count())
    .select_from(event)
    .where(event.c.subject == p("subject"), event.c.mark_id == p("mark_id"), event.c.event == word("reinforced"))
)

# -- live marks with their strength ------------------------------------------------------------------------------------

_clock = select(p("as_of", type_=BigInteger).label("as_of")).cte("clock").prefix_with("MATERIALIZED")
_live = live_marks(_clock).subquery("live")
LIVE_COLUMNS = (*(_live.c[column.name] for column in mark.c), _live.c.weight, _live.c.strength)
_NARROWED = {
    "kind": _live.c.kind == p("kind"),
    "subject": _live.c.subject == p("subject"),
    "law": _live.c.law == p("law"),
    "min_strength": _live.c.strength >= p("min_strength"),
}


def _strongest(*asked: str) -> Select[Any]:
    """The live marks at `as_of`, strongest first, narrowed by the parameters that are asked for."""
    query = select(*LIVE_COLUMNS).where(*(_NARROWED[item] for item in asked if item != "limit"))
    query = query.order_by(_live.c.strength.desc(), _live.c.id)
    return query.limit(AT_MOST) if "limit" in asked else query


_asked = [
    tuple(one for one, wanted in zip(("kind", "subject", "min_strength", "limit"), choice, strict=True) if wanted)
    for choice in product((False, True), repeat=4)
]
LIVE = {" ".join(item): Statement(partial(_strongest, *item)) for item in (*_asked, ("kind", "law", "limit"))}
"""By the parameters that each takes beside `as_of`."""
LIVE_IN_ORDER = Statement(
    select(*LIVE_COLUMNS)
    .where(_NARROWED["kind"], _NARROWED["law"])
    .order_by(_live.c.order_key.desc(), _live.c.id.desc())
    .limit(AT_MOST)
)
"""The strongest of a kind under a law whose order lasts: one way through the index."""

LAWS_IN_USE = Statement(
    select(mark.c.law).where(mark.c.kind == p("kind"), mark.c.law > p("after")).order_by(mark.c.law).limit(ONE)
)
"""The next law in use by a kind's marks after one: asked in a row, it skips through the index."""

STIMULI = Statement(
    select(*MARK_COLUMNS, absorbed.c.event_id)
    .select_from(mark.outerjoin(absorbed, and_(absorbed.c.watch_id == p("watch_id"), absorbed.c.mark_id == mark.c.id)))
    .where(
        mark.c.kind == p("kind"),
        mark.c.subject == p("subject"),
        or_(mark.c.evaporates_at.is_(None), mark.c.evaporates_at > p("now")),
        mark.c.event_id > func.coalesce(absorbed.c.event_id, ZERO),
        mark.c.author != p("not_author"),
    )
)
"""The marks of one subject that a watch has not absorbed; the last column is what it absorbed of it before."""

BOARD_STIMULI = Statement(
    select(*MARK_COLUMNS, absorbed.c.event_id)
    .select_from(mark.outerjoin(absorbed, and_(absorbed.c.watch_id == p("watch_id"), absorbed.c.mark_id == mark.c.id)))
    .where(
        mark.c.kind == p("kind"),
        mark.c.event_id > p("watermark"),
        or_(mark.c.evaporates_at.is_(None), mark.c.evaporates_at > p("now")),
        mark.c.event_id > func.coalesce(absorbed.c.event_id, ZERO),
        mark.c.author != p("not_author"),
    )
)
"""The same over the whole board, beyond the watch's watermark."""

_nothing = cast(number(0.0), Float)  # PostgreSQL takes a bare 0.0 for a decimal number
_since = cast(mark.c.anchored_at - p("anchor", type_=BigInteger), Float)
_exponential = mark.c.intensity * func.power(number(2.0), _since / p("length", type_=Float))
_linear = mark.c.intensity * _since / p("length", type_=Float)
_SUMS = {
    "exponential": (_exponential, _nothing),
    "linear": (mark.c.intensity, _linear),
    "other": (mark.c.intensity, _nothing),
}
_beyond = unindexed(mark.c.event_id) > select(watch.c.watermark).where(watch.c.id == p("watch_id")).scalar_subquery()


def _summed(*where: ColumnElement[bool]) -> dict[str, Statement]:
    """For each way to add up: how many stimuli of a watch over the board, and the two sums of `Decay.sums`."""
    return {
        name: Statement(
            select(func.count(), *(func.coalesce(func.sum(item), _nothing) for item in sums))
            .select_from(
                mark.outerjoin(absorbed, and_(absorbed.c.watch_id == p("watch_id"), absorbed.c.mark_id == mark.c.id))
            )
            .where(
                *where,
                _beyond,
                unindexed(mark.c.event_id) > func.coalesce(absorbed.c.event_id, ZERO),
                mark.c.author != p("not_author"),
            )
        )
        for name, sums in _SUMS.items()
    }


STIMULI_SUMMED = _summed(
    mark.c.kind == p("kind"),
    mark.c.law == p("law"),
    or_(unindexed(mark.c.evaporates_at).is_(None), unindexed(mark.c.evaporates_at) > p("up_to")),
)
"""Of the marks under a law that are live at an instant."""
EXPIRED_SUMMED = _summed(
    mark.c.evaporates_at > p("after"),
    mark.c.evaporates_at <= p("up_to"),
    unindexed(mark.c.kind) == p("kind"),
    unindexed(mark.c.law) == p("law"),
)
"""Of those that evaporated in a span of time and were not moved to the history yet."""

EXPIRED_STIMULI = Statement(
    select(*MARK_COLUMNS, absorbed.c.event_id)
    .select_from(mark.outerjoin(absorbed, and_(absorbed.c.watch_id == p("watch_id"), absorbed.c.mark_id == mark.c.id)))
    .where(
        mark.c.evaporates_at > p("after"),
        mark.c.evaporates_at <= p("up_to"),
        unindexed(mark.c.kind) == p("kind"),
        unindexed(mark.c.law) == p("law"),
        unindexed(mark.c.event_id) > select(watch.c.watermark).where(watch.c.id == p("watch_id")).scalar_subquery(),
        mark.c.event_id > func.coalesce(absorbed.c.event_id, ZERO),
        mark.c.author != p("not_author"),
    )
)
