"""The indexes by which marks are found: the values of unique fields, the tags, and the documents of the full text."""

from __future__ import annotations

import json

from blackboard.board.deployment_effects.kind_changes import tag_rows
from blackboard.board.search_index import search_documents
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.marks.kinds import Kind
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.statements import MARKS


def update(
    txn: BoardTransaction, kind: Kind, old: MarkRow | None, row: MarkRow, *, shown_event_id: int, value: str | None
) -> None:
    """Update the indexes after a deposit.

    Args:
        txn: The transaction.
        kind: The kind of the mark.
        old: The mark before the deposit; None if it is new.
        row: The mark after the deposit.
        shown_event_id: The id of the deposit whose payload the mark shows.
        value: The value that the mark holds in the unique field of its kind; None if it holds none.
    """
    if kind.unique is not None:
        _hold_value(txn, row, value, is_new=old is None)
    if kind.tags:
        _write_tags(txn, kind, old, row)
    if kind.search:
        search_documents.note(txn, kind.name, row.id, shown_event_id, row.payload, is_new=old is None)


def delete_keys(txn: BoardTransaction, row: MarkRow) -> None:
    """Delete the unique value and the tags of a mark that leaves the board. Evaporated marks can still be searched."""
    kind = txn.kind(row.kind)
    if kind.unique is not None:
        txn.sql.run(MARKS.delete_unique_value, mark_id=row.id)
    if kind.tags:
        txn.sql.run(MARKS.delete_tags_of_mark, mark_id=row.id)


def _hold_value(txn: BoardTransaction, row: MarkRow, value: str | None, *, is_new: bool) -> None:
    if not is_new:
        txn.sql.run(MARKS.delete_unique_value, mark_id=row.id)
    if value is not None:
        txn.sql.run(MARKS.insert_unique_value, kind=row.kind, value=value, mark_id=row.id)


def _write_tags(txn: BoardTransaction, kind: Kind, old: MarkRow | None, row: MarkRow) -> None:
    """Replace the tags of a mark by the tags of its payload. Each value of each tag is a row."""
    if old is not None:
        if old.payload == row.payload:
            return
        if kind.tag_schema.keys(json.loads(old.payload)) == kind.tag_schema.keys(json.loads(row.payload)):
            return
        txn.sql.run(MARKS.delete_tags_of_mark, mark_id=row.id)
    for tag in tag_rows(kind.tag_schema, row):
        txn.sql.put(MARKS.insert_tag, tag)
