"""The states of stored marks in a transaction: under the laws of its deployment, with their strengths and tags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.core.marks.fading_marks import FadingMark, FadingState
from blackboard.core.marks.tags import Tags
from blackboard.store.row_types.mark_row_types import LiveMark, MarkRow
from blackboard.store.statement_file import Statement

KEPT_TAGS = 8
"""The number of marks whose tags a transaction keeps: enough for one mark before and after a change."""


class _KeptTags:
    """The tags that a transaction keeps, by kind and payload."""

    def __init__(self) -> None:
        self.tags: dict[tuple[str, str], Tags] = {}


def backfilled_row(txn: BoardTransaction, row: MarkRow) -> MarkRow:
    """Return a mark in its state after the last change of its kind, without writing it.

    The mark fades by the old law up to the instant of the change and by the new law after it, without a jump. A mark
    with a law of its own keeps it. A new floor moves only the evaporation.
    """
    change = txn.active.law_changes.get((row.kind, row.law))
    if change is None or row.anchored_at >= change.changed_at or not row.is_live(change.changed_at):
        return row  # deposited after the change, or evaporated before it
    at = change.changed_at
    state = FadingState(row.intensity, row.anchored_at, txn.laws.get(txn.sql, row.law))
    law = row.law if row.own_law else change.new_law
    if law != row.law:
        state = FadingState(state.remaining(at), at, txn.laws.get(txn.sql, law))
    evaporates_at = state.evaporates_at(txn.kind(row.kind))
    return row._replace(
        intensity=state.intensity,
        law=law,
        anchored_at=state.at,
        evaporates_at=None if evaporates_at is None else max(at, evaporates_at),
        order_key=state.law.order_key(state.intensity, state.at),
    )


def live_rows(txn: BoardTransaction, rows: Iterable[MarkRow], at: Instant | None = None) -> list[MarkRow]:
    """Return the rows that are live at an instant (default: now), in their state after changes of their kinds."""
    at = txn.now if at is None else at
    return [backfilled for row in rows if (backfilled := backfilled_row(txn, row)).is_live(at)]


def fading_state(txn: BoardTransaction, row: MarkRow) -> FadingState:
    """Return the part of a mark that fades."""
    row = backfilled_row(txn, row)
    return FadingState(row.intensity, row.anchored_at, txn.laws.get(txn.sql, row.law))


def mark_strength(txn: BoardTransaction, row: MarkRow, at: Instant | None = None) -> float:
    """Return a mark's strength at an instant, by default this transaction's. The mark need not be live then."""
    at = txn.now if at is None else at
    weight = txn.kind(row.kind).weight
    if at == row.anchored_at == txn.now:
        return weight * row.intensity  # the mark was just deposited, so nothing has faded
    return weight * fading_state(txn, row).remaining(at)


def live_strength(txn: BoardTransaction, row: MarkRow) -> float:
    """Return the strength of a mark now; 0 if it is no longer live."""
    return mark_strength(txn, row) if row.is_live(txn.now) else 0.0


def marks_with_strength(txn: BoardTransaction, statement: Statement[LiveMark], **values: Any) -> list[LiveMark]:
    """Return the live marks of a statement that computes their strengths.

    Raises:
        InvalidLaw: A mark has a decay law that this process does not know.
    """
    rows = txn.sql.all(statement, **values)
    for row in rows:
        if row.strength is None:
            fading_state(txn, row.mark)  # raises the error that names the law
    return rows


def fading_mark(txn: BoardTransaction, row: MarkRow, group: str | None = None) -> FadingMark:
    """Return a mark as a forecast needs it. `group` is the group whose marks were read."""
    row = backfilled_row(txn, row)
    return FadingMark(
        row.kind,
        row.subject,
        txn.kind(row.kind).weight,
        fading_state(txn, row),
        row.evaporates_at,
        row.changed_at,
        tags=tags_of(txn, row.kind, row.payload),
        group=group,
    )


def tags_of(txn: BoardTransaction, kind: str, payload: str | None) -> Tags | None:
    """Return the tags of a mark with a payload; None if its kind has none, or the payload was erased.

    The last few are kept, because every watch on the kind asks for the tags of the same mark.
    """
    schema = txn.kind(kind).tag_schema
    if not schema.names or payload is None:
        return None
    kept = txn.cache_of(_KeptTags).tags
    found = kept.get((kind, payload))
    if found is None or found.schema is not schema:
        if len(kept) >= KEPT_TAGS:
            kept.clear()
        found = kept[kind, payload] = Tags(schema, payload)
    return found
