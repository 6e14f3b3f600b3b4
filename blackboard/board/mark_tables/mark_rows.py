"""The rows of marks, the events that record their changes, and the event whose payload a mark shows.

A mark shows the payload of the deposit that occurred last, which may not be the last recorded one.
"""

from __future__ import annotations

from dataclasses import dataclass

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.core.records.event_kinds import HistoryEvent
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow
from blackboard.store.statements import MARKS


@dataclass(slots=True)
class EventDetails:
    """The part of an event that does not follow from the mark: its author, and the data of a deposit."""

    event_id: int
    author: str
    """The author who signs the event. The mark may show another author."""
    payload: str | None = None
    intensity: float | None = None
    """The intensity of the deposit alone."""
    activation_id: int | None = None
    shown_event_id: int | None = None
    """The deposit that the mark shows, if it is another deposit."""
    traceparent: str | None = None
    """The trace context of a deposit."""


def insert_mark(txn: BoardTransaction, row: MarkRow) -> None:
    """Insert a mark."""
    txn.sql.put(MARKS.insert_mark, row)
    if txn.row_cache is not None:
        txn.row_cache.note_new(row)


def update_mark(txn: BoardTransaction, row: MarkRow) -> None:
    """Write the part of a mark that a reinforcement changes."""
    txn.sql.run(MARKS.update_mark, **row._asdict())
    if txn.row_cache is not None:
        txn.row_cache.note_change(row)


def delete_mark(txn: BoardTransaction, row: MarkRow) -> None:
    """Remove a mark from the live board."""
    txn.sql.run(MARKS.delete_mark, id=row.id)
    if txn.row_cache is not None:
        txn.row_cache.note_gone(row)


def rebase_mark(txn: BoardTransaction, row: MarkRow) -> None:
    """Write the fading part of a mark that continues from another instant or under another law."""
    txn.sql.run(MARKS.rebase_mark, **row._asdict())
    if txn.row_cache is not None:
        txn.row_cache.note_change(row)


def record_event(
    txn: BoardTransaction,
    row: MarkRow,
    event: HistoryEvent,
    *,
    recorded_at: Instant | None = None,
    occurred_at: Instant | None = None,
    details: EventDetails | None = None,
) -> None:
    """Write an event of a mark, with the state that it produced.

    Args:
        txn: The transaction.
        row: The mark after the event.
        event: What happened to the mark.
        recorded_at: The instant of a change that was in effect earlier than this transaction.
        occurred_at: When the event happened, if it is recorded later.
        details: The author of the event and the data of a deposit; by default the author that the mark shows.
    """
    if recorded_at is None:
        recorded_at = txn.now
    elif txn.recorded < txn.now:
        txn.record_time(txn.now)
    if details is None:
        details = EventDetails(txn.allocate_event_id(), row.author)
    recorded = EventRow(  # by position: see `mark_row_types`
        details.event_id,  # id
        recorded_at,  # recorded_at
        row.id,  # mark_id
        row.kind,  # kind
        row.subject,  # subject
        str(event),  # event; drivers write a plain text fastest
        row.intensity,  # intensity
        row.law,  # law
        row.evaporates_at,  # evaporates_at
        details.author,  # author
        details.activation_id,  # activation_id
        details.payload,  # payload
        row.own_law,  # own_law
        recorded_at if occurred_at is None else occurred_at,  # occurred_at
        row.anchored_at,  # anchored_at
        details.intensity,  # deposited_intensity
        details.shown_event_id,  # shown_event_id
        details.traceparent,  # traceparent
    )
    txn.sql.put(MARKS.insert_event, recorded)


def with_shown_payload(txn: BoardTransaction, event: EventRow) -> EventRow:
    """Return a deposit with the payload and the author that its mark showed after it."""
    if event.shown_event_id is None or (shown := txn.sql.one(MARKS.get_event, id=event.shown_event_id)) is None:
        return event
    return event._replace(
        payload=shown.payload,
        author=shown.author,
        activation_id=shown.activation_id,
        occurred_at=shown.occurred_at,
    )


def shown_event_id(txn: BoardTransaction, row: MarkRow) -> int:
    """Return the id of the deposit whose payload a mark shows."""
    last = txn.sql.existing(MARKS.get_event, id=row.event_id)
    return last.id if last.shown_event_id is None else last.shown_event_id
