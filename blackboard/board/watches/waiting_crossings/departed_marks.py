"""Marks that may have caused a crossing but no longer count, because they evaporated or their tags changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from blackboard.board.mark_tables import watch_scopes
from blackboard.board.mark_tables.mark_rows import with_shown_payload
from blackboard.board.mark_tables.mark_states import backfilled_row, mark_strength
from blackboard.board.mark_tables.marks_in_scopes import stored_marks
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.measurements import absorbed_marks, watched_marks
from blackboard.board.work_tables.activation_inputs import strength_of
from blackboard.clock import Instant
from blackboard.core.marks.scopes import WHOLE_BOARD
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow, mark_after
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import ACTIVATIONS, MARKS


class InputMark(NamedTuple):
    """A mark behind a crossing, which an activation would be given."""

    event: EventRow
    """The event that produced its state."""
    strength: float
    """Its strength now."""


class _Departure(NamedTuple):
    """A mark that may have caused a crossing and no longer counts."""

    mark_id: int
    subject: str
    evaporated_at: Instant | None
    """None if the mark has other tags than before."""
    row: MarkRow | None = None
    """The mark, if it is still stored."""


def departed_inputs(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> list[InputMark]:
    """Return the marks that caused a crossing and no longer count, as they were when they last counted.

    A mark that evaporated is returned with its present strength, whether it is already in the history or still stored
    as a mark. A mark that now has other tags is treated like one that evaporated, with the strength 0.
    """
    stored = stored_marks(txn, watch.condition.kinds, crossing.scope)
    departures = {departure.mark_id: departure for departure in _retagged_marks(txn, watch, crossing, stored)}
    departures |= {departure.mark_id: departure for departure in _evaporated_marks(txn, watch, crossing, stored)}
    inputs = [_input_of(txn, watch, crossing, departure) for departure in departures.values()]
    any_mark_causes = watch.condition.is_falling or crossing.cause is not None
    return [item for item in inputs if item is not None and (any_mark_causes or _was_stimulus(txn, watch, item.event))]


def _evaporated_marks(
    txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow, stored: Sequence[MarkRow]
) -> Iterator[_Departure]:
    """Yield the marks in the scope of a crossing that have evaporated since it was recorded."""
    departures = {
        row.id: _Departure(row.id, row.subject, backfilled_row(txn, row).evaporates_at, row) for row in stored
    }
    for kind in watch.condition.kinds:
        for event in txn.sql.all(MARKS.evaporations_since, kind=kind, since=crossing.event_id or 0):
            departures[event.mark_id] = _Departure(event.mark_id, event.subject, event.evaporates_at)
    since = begin_of_fall(watch, crossing)
    has_subject = watch.condition.by is None and crossing.scope != WHOLE_BOARD
    for departure in departures.values():
        is_in_scope = watch.condition.covers(departure.subject) and (
            not has_subject or departure.subject == crossing.scope
        )
        if is_in_scope and departure.evaporated_at is not None and since <= departure.evaporated_at <= txn.now:
            yield departure


def _retagged_marks(
    txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow, stored: Sequence[MarkRow]
) -> Iterator[_Departure]:
    """Yield the marks that changed since a crossing and do not count in its scope, because of their tags."""
    if not watch.condition.depends_on_tags:
        return
    since = crossing.event_id or 0
    if watch.condition.by is not None:  # the marks may be in other groups by now
        stored = [
            row for row in txn.sql.all(MARKS.marks_changed_since, since=since) if row.kind in watch.condition.kinds
        ]
    for row in stored:
        if row.event_id >= since and not _counts_in(txn, watch, crossing.scope, row):
            yield _Departure(row.id, row.subject, evaporated_at=None)


def _input_of(
    txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow, departure: _Departure
) -> InputMark | None:
    """Return a mark as it was when it last counted; None if the mark last counted before the crossing."""
    event, following = last_counted(txn, watch, crossing.scope, departure.subject, departure.mark_id)
    if event is None:
        return None
    if following is not None:
        return InputMark(event, 0.0) if following.id >= (crossing.event_id or 0) else None
    if departure.evaporated_at is None or departure.evaporated_at < event.recorded_at:
        return None  # the mark had faded before its deposit was recorded
    return InputMark(event, strength_of(txn, event) if departure.row is None else mark_strength(txn, departure.row))


def last_counted(
    txn: BoardTransaction, watch: RegisteredWatch, scope: str, subject: str, mark_id: int
) -> tuple[EventRow | None, EventRow | None]:
    """Return the last event after which a mark counted in a scope, and the next event, which took it out.

    The first is None if the mark never counted there, and the second if it still counts.
    """
    if not watch.condition.depends_on_tags:
        return txn.sql.one(MARKS.last_deposit, subject=subject, mark_id=mark_id), None
    following = None
    for event in reversed(txn.sql.all(MARKS.deposits_of_mark, subject=subject, mark_id=mark_id)):
        payload = with_shown_payload(txn, event).payload
        if payload is not None and _counts_in(txn, watch, scope, mark_after(event)._replace(payload=payload)):
            return event, following
        following = event
    return None, following


def _counts_in(txn: BoardTransaction, watch: RegisteredWatch, scope: str, row: MarkRow) -> bool:
    return watched_marks.is_counted(txn, watch, row) and watch_scopes.scope_of(txn, watch, row) == scope


def begin_of_fall(watch: RegisteredWatch, crossing: CrossingRow) -> Instant:
    """Return the instant of the fall that made a falling watch cross. A watch over time crosses later than that."""
    return crossing.began_at if watch.condition.is_falling and crossing.began_at is not None else crossing.crossed_at


def _was_stimulus(txn: BoardTransaction, watch: RegisteredWatch, event: EventRow) -> bool:
    """Return whether an evaporated mark was a stimulus.

    The record of an absorption is deleted with its mark, so the inputs of past activations decide. A record of a
    deposit that was no news stays while a crossing waits.
    """
    counted: int | None = event.id
    if event.author == watch.ignored_author:
        values = {"subject": event.subject, "mark_id": event.mark_id, "author": watch.ignored_author}
        counted = txn.sql.value(MARKS.last_deposit_of_others, **values)
    absorbed = txn.sql.value(ACTIVATIONS.last_absorbed_event, watch_id=watch.id, mark_id=event.mark_id) or 0
    return counted is not None and counted > max(absorbed, absorbed_marks.last_absorbed(txn, watch, event.mark_id))
