"""Absorbed marks: up to which event a watch has absorbed each mark, and the state in which its agent was given it.

A mark is a stimulus only because of an event that is not absorbed. A watch over the board also has a watermark, the
event up to which it has absorbed the marks of the whole board.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from blackboard.board.mark_tables.mark_rows import with_shown_payload
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow
from blackboard.store.row_types.watch_row_types import AbsorbedRow
from blackboard.store.statements import CROSSINGS, MARKS

DROPPED = -1
"""The value for the activation of an absorbed mark if a guard dropped its crossing."""


def last_absorbed(txn: BoardTransaction, watch: RegisteredWatch, mark_id: int) -> int:
    """Return the id of the last event of a mark that a watch has absorbed; 0 if there is none."""
    row = _absorbed_record(txn, watch, mark_id)
    absorbed = 0 if row is None else row.event_id
    return max(absorbed, read_watermark(txn, watch)) if watch.condition.is_over_board else absorbed


def _absorbed_record(txn: BoardTransaction, watch: RegisteredWatch, mark_id: int) -> AbsorbedRow | None:
    """Return the record of a mark that a watch has absorbed; None if there is none."""
    if txn.row_cache is not None and txn.row_cache.has_absorbed(watch.id, mark_id):
        return txn.row_cache.absorbed_event(watch.id, mark_id)
    return txn.sql.one(CROSSINGS.get_absorbed, watch_id=watch.id, mark_id=mark_id)


def read_absorbed(txn: BoardTransaction, watches: Iterable[RegisteredWatch], rows: Collection[MarkRow]) -> None:
    """Read together the absorbed events of some marks, on PostgreSQL."""
    if rows and (cache := txn.row_cache) is not None:
        for watch_id, watch in {watch.id: watch for watch in watches}.items():
            cache.read_absorbed(txn.sql, watch_id, (row.id for row in rows))
            if watch.condition.is_over_board:
                cache.read_watermark(txn.sql, watch_id)


def read_absorbed_of_subject(
    txn: BoardTransaction, watches: Iterable[RegisteredWatch], kind: str, subject: str, rows: Collection[MarkRow]
) -> None:
    """Read together what watches have absorbed of all stored marks of a kind and subject, on PostgreSQL.

    The marks are kept, so that after the deposit a watch over the subject is evaluated without another read.
    """
    if rows and (cache := txn.row_cache) is not None:
        cache.note_marks(kind, subject, rows)
        watch_ids = dict.fromkeys(watch.id for watch in watches)
        cache.read_absorbed_of_subject(txn.sql, watch_ids, kind, subject, [row.id for row in rows])


def read_watermark(txn: BoardTransaction, watch: RegisteredWatch) -> int:
    """Return the id of the event up to which a watch over the board has absorbed everything."""
    if txn.row_cache is not None and (known := txn.row_cache.watermark(watch.id)) is not None:
        return known
    return txn.sql.one(CROSSINGS.get_watermark, id=watch.id) or 0


def last_given_event(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow) -> EventRow | None:
    """Return the event of the state in which the agent of a watch was last given a mark; None if it never was.

    The event has the payload that the mark showed then.
    """
    event_id = None
    if (record := _absorbed_record(txn, watch, row.id)) is not None:
        event_id = None if record.activation_id == DROPPED else record.given_event_id
    elif watch.condition.is_over_board:
        # It absorbs all marks up to its watermark without a record of each.
        values = {"subject": row.subject, "mark_id": row.id, "author": watch.ignored_author}
        event_id = txn.sql.value(
            MARKS.last_deposit_of_others.using("up_to"), up_to=read_watermark(txn, watch), **values
        )
    event = None if event_id is None else txn.sql.one(MARKS.get_event, id=event_id)
    return None if event is None else with_shown_payload(txn, event)


def absorb(txn: BoardTransaction, watch: RegisteredWatch, mark_id: int, event_id: int, activation_id: int) -> None:
    """Record that an activation of a watch absorbed a mark, and was given it as an event left it."""
    _record(txn, watch, mark_id, event_id, activation_id, given_event_id=event_id)


def absorb_silently(
    txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow, known: EventRow, *, dropped: bool
) -> None:
    """Record that a watch absorbed the last event of a mark without an activation, because the event was no news.

    The record keeps `known`, the event whose state the agent was last given or the guard dropped.

    Args:
        txn: The transaction.
        watch: The watch.
        row: The mark.
        known: The event to compare later events with.
        dropped: Whether the guard dropped `known`.
    """
    _record(txn, watch, row.id, row.event_id, DROPPED if dropped else 0, given_event_id=known.id)


def record_dropped(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow) -> None:
    """Record that a watch absorbed a mark because a guard dropped its crossing. The mark does not count as given."""
    _record(txn, watch, row.id, row.event_id, DROPPED, given_event_id=row.event_id)


def absorb_board(txn: BoardTransaction, watch: RegisteredWatch, activation_id: int) -> None:
    """Record that an activation of a watch over the board absorbed every mark up to the last event."""
    if txn.row_cache is not None:
        txn.row_cache.drop_absorbed()
    txn.sql.run(CROSSINGS.set_watermark, id=watch.id, watermark=txn.last_event_id)
    txn.sql.run(CROSSINGS.delete_absorbed_of_inputs, watch_id=watch.id, activation_id=activation_id)


def release_mark(txn: BoardTransaction, watch: RegisteredWatch, mark_id: int) -> None:
    """Record that a mark no longer counts as absorbed by a watch."""
    if txn.row_cache is not None:
        txn.row_cache.drop_absorbed(mark_id)
    txn.sql.run(CROSSINGS.delete_absorbed, watch_id=watch.id, mark_id=mark_id)


def release_removed(txn: BoardTransaction, mark_id: int) -> None:
    """Delete what all watches have absorbed of a mark that is removed."""
    if txn.row_cache is not None:
        txn.row_cache.drop_absorbed(mark_id)
    txn.sql.run(MARKS.delete_absorbed_of_mark, mark_id=mark_id)


def _record(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    mark_id: int,
    event_id: int,
    activation_id: int,
    *,
    given_event_id: int,
) -> None:
    """Record up to which event a watch has absorbed a mark, and which event its agent was given."""
    if txn.row_cache is not None:
        txn.row_cache.drop_absorbed(mark_id)
    txn.sql.run(
        CROSSINGS.set_absorbed,
        watch_id=watch.id,
        mark_id=mark_id,
        event_id=event_id,
        activation_id=activation_id,
        given_event_id=given_event_id,
    )
