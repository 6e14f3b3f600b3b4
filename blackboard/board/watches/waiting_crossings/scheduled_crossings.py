"""Crossings of schedules: when they are due, which instant they are for, and how missed instants are treated.

The next instant of a schedule is stored as a predicted crossing of its watch. So daemons sleep until then, and the
transaction that finds it due records the crossing, once. While that crossing waits, no next instant is stored. The
claim computes from the clock alone which instant the crossing is for: the last instant that is due, or the first under
`catch_up = "all"`. So a paused agent costs nothing, however long the pause is, and the instants do not depend on the
process that claims.
"""

from __future__ import annotations

from itertools import islice

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.waiting_crossings.crossing_order import LOWEST_KEY, STATIC_LAW
from blackboard.board.work_tables.crossing_rows import insert_crossing, skip_crossing
from blackboard.clock import Instant, iso
from blackboard.core.conditions.schedules import MAX_COUNTED_INSTANTS
from blackboard.core.marks.scopes import WHOLE_BOARD
from blackboard.durations import HOUR, MINUTE, Duration, format_duration
from blackboard.store.row_types.watch_row_types import SCHEDULE, CrossingKey, CrossingRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS

UPCOMING_INSTANTS = 3
"""The number of instants of a schedule that an explanation or a preview lists."""
LATEST_START: Duration = MINUTE
"""How long after its instant an activation may begin under `catch_up = "none"`."""


def begin(txn: BoardTransaction, watch: RegisteredWatch) -> None:
    """Store the next instant of a schedule that is new or has changed. Earlier instants are not caught up."""
    _set_next(txn, watch, watch.schedule.next_after(txn.now, watch.scheduled_from))


def fire(txn: BoardTransaction, watch: RegisteredWatch, due_at: Instant) -> None:
    """Record the crossing of a schedule that is due, unless one waits."""
    _set_next(txn, watch, None)
    if waiting_crossing(txn, watch) is None:
        at, value = _stands_for(txn, watch, due_at, 1.0)
        insert_crossing(
            txn,
            watch,
            _key(watch),
            crossed_at=at,
            value=value,
            threshold=1.0,
            marks=0,
            urgent=0,
            ready_at=txn.now,
            held_by=None,
            law=STATIC_LAW,
            order_key=LOWEST_KEY,
            event_id=None,
            measure=SCHEDULE,
            cause=None,
            began_at=None,
        )


def waiting_crossing(txn: BoardTransaction, watch: RegisteredWatch) -> CrossingRow | None:
    """Return the waiting crossing of a schedule, if there is one."""
    return txn.sql.one(CROSSINGS.waiting_crossing, **_key(watch)._asdict())


def last(txn: BoardTransaction, watch: RegisteredWatch) -> CrossingRow | None:
    """Return the newest crossing of a schedule that no longer waits, if there is one."""
    return txn.sql.one(CROSSINGS.last_scheduled, watch_id=watch.id)


def bring_up_to_date(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> CrossingRow | None:
    """Bring the instant of a crossing that is free to start up to date, and return the crossing.

    If it is too late to start, skip the crossing, and return None.
    """
    at, value = _stands_for(txn, watch, crossing.crossed_at, crossing.value)
    if at != crossing.crossed_at:
        crossing = crossing._replace(crossed_at=at, noticed_at=txn.now, value=value)
        txn.sql.run(CROSSINGS.renew_scheduled, id=crossing.id, crossed_at=at, noticed_at=txn.now, value=value)
    if watch.catch_up != "none" or txn.now - at <= LATEST_START:
        return crossing
    late = f'not begun within {format_duration(LATEST_START)} (catch_up = "none")'
    skip_crossing(txn, watch, crossing, f"{reason_of_schedule(watch, crossing)}; {late}")
    plan_next(txn, watch, crossing)
    return None


def plan_next(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> None:
    """Store the next instant of a schedule after a crossing that no longer waits.

    If the instant is due already, the watch crosses now.
    """
    if next_stored(txn, watch) is not None:
        return  # the schedule has changed since
    due_at = watch.schedule.next_after(crossing.crossed_at, watch.scheduled_from)
    _set_next(txn, watch, due_at)
    if due_at is not None and due_at <= txn.now:
        fire(txn, watch, due_at)


def upcoming_instants(txn: BoardTransaction, watch: RegisteredWatch, limit: int = UPCOMING_INSTANTS) -> list[Instant]:
    """Return the next instants of a schedule that are not due yet, at most `limit`."""
    return list(islice(watch.schedule.instants(txn.now, watch.scheduled_from), limit))


def next_stored(txn: BoardTransaction, watch: RegisteredWatch) -> Instant | None:
    """Return the stored next instant of a schedule; None while its crossing waits."""
    row = txn.sql.one(CROSSINGS.get_predicted_crossing, **_key(watch)._asdict())
    return None if row is None else row.due_at


def next_scheduled(txn: BoardTransaction) -> Instant | None:
    """Return the next instant that is stored for a schedule of the board; None if there is none."""
    instants = [next_stored(txn, watch) for watch in txn.active.watches.values() if watch.condition.is_schedule]
    return min((at for at in instants if at is not None), default=None)


def keeps(watch: RegisteredWatch, crossing: CrossingRow) -> bool:
    """Return whether a waiting crossing of a changed watch belongs to its present schedule."""
    return (
        watch.condition.is_schedule
        and crossing.is_scheduled
        and watch.schedule.contains(crossing.crossed_at, watch.scheduled_from)
    )


def rate_ends_at(txn: BoardTransaction, watch: RegisteredWatch) -> Instant | None:
    """Return when `max_activations_per_hour` lets time alone wake an agent again; None if it allows that now.

    Schedules and rewakes cannot loop. So a crossing over the limit waits, and is not quarantined.
    """
    if (limit := watch.agent_spec.settings.max_activations_per_hour) is None:
        return None
    values = {"agent": watch.agent_spec.name, "since": txn.now - HOUR, "number": limit - 1}
    began = txn.sql.one(ACTIVATIONS.nth_newest, **values)
    return None if began is None else int(began) + HOUR


def reason_of_schedule(watch: RegisteredWatch, crossing: CrossingRow) -> str:
    """Return why a schedule woke its agent: the instant, and how many before it were missed."""
    missed = int(crossing.value) - 1
    count = f"at least {missed}" if missed >= MAX_COUNTED_INSTANTS - 1 else str(missed)
    return f"{watch.condition}: due at {iso(crossing.crossed_at)}" + (f", after {count} missed" if missed else "")


def _stands_for(txn: BoardTransaction, watch: RegisteredWatch, at: Instant, value: float) -> tuple[Instant, float]:
    """Return the instant that a crossing is for, and the number of instants that it covers."""
    if watch.catch_up == "all":
        return at, value
    latest = watch.schedule.latest(at, txn.now, watch.scheduled_from)
    count = watch.schedule.count(at, latest, watch.scheduled_from)
    return latest, min(float(MAX_COUNTED_INSTANTS), value + count - 1)


def _key(watch: RegisteredWatch) -> CrossingKey:
    return CrossingKey(watch.id, WHOLE_BOARD)


def _set_next(txn: BoardTransaction, watch: RegisteredWatch, due_at: Instant | None) -> None:
    txn.sql.run(CROSSINGS.set_predicted_crossing, **_key(watch)._asdict(), due_at=due_at)
