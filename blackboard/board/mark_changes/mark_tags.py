"""The tags of marks on the board. Each value of each tag is a row, and marks are found by these rows."""

from __future__ import annotations

import json

from blackboard.board.declaration_changes.tag_changes import rows_of
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.marks.kinds import Kind
from blackboard.store.rows import MarkRow
from blackboard.store.statements import MARKS


def write(txn: BoardTransaction, kind: Kind, old: MarkRow | None, row: MarkRow) -> None:
    """Replace the tags of a mark by the tags of its payload."""
    if old is not None:
        if old.payload == row.payload:
            return
        if kind.tag_schema.keys(json.loads(old.payload)) == kind.tag_schema.keys(json.loads(row.payload)):
            return
        delete(txn, row.id)
    for tag in rows_of(kind.tag_schema, row):
        txn.sql.put(MARKS.insert_tag, tag)


def delete(txn: BoardTransaction, mark_id: int) -> None:
    """Delete the tags of a mark that leaves the board."""
    txn.sql.run(MARKS.delete_tags_of_mark, mark_id=mark_id)
