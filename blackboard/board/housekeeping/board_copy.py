"""The copy of a whole board to an empty board, which may be on another kind of database.

It reads one snapshot of the source while the source's writers wait, and writes this snapshot in one transaction of the
target. The copy is the same board: it has the same identity, ids, tokens and history. The full-text index is built anew
from the history.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from blackboard.board.board_session import BoardSession
from blackboard.board.search_index import search_documents
from blackboard.errors import StoreError
from blackboard.store.schema import database_copy, schema_views
from blackboard.store.schema.database_copy import CopyProgress, TableCopy
from blackboard.store.statements import MARKS, SEARCH
from blackboard.store.transaction import Transaction

DOCS_PER_STEP = 1_000
"""Documents of the full-text index that are read and written in one step."""


@dataclass(frozen=True)
class BoardCopy:
    """A copy of a board to another database."""

    source: str
    """The location of the board that was copied."""
    target: str
    """The location of the copy."""
    uid: str
    """The id of the board, which its copy also has."""
    tables: list[TableCopy]
    documents: int
    """The number of documents in the full-text index."""
    marks: int
    events: int


def copy_board(source: BoardSession, target: BoardSession, progress: CopyProgress) -> BoardCopy:
    """Copy a board to an empty board, completely or not at all. Nothing changes on the source.

    Raises:
        StoreBusy: Another process writes on one of the boards for too long.
        StoreError: The target is not empty, or cannot hold the content of the source.
    """
    target.read(lambda txn: _require_empty(txn.sql, target.database.location))
    with source.database.rehearsal() as read, target.database.exclusive_transaction() as written:
        _require_empty(written, target.database.location)
        if (partitions := written.partitions) is not None:
            oldest, newest = read.all(MARKS.events_after, after=0, limit=1), read.all(MARKS.newest_events, limit=1)
            first, last = (oldest[0].id, newest[0].id) if oldest else (0, 0)
            partitions.add(0, at=first, up_to=last)
        tables = database_copy.copy_tables(read, written, progress)
        documents = _copy_index(read, written, progress)
        schema_views.rewrite_views(written)
    rows = {table.name: table.rows for table in tables}
    return BoardCopy(
        source=source.database.location,
        target=target.database.location,
        uid=source.read(lambda txn: txn.board_id),
        tables=tables,
        documents=documents,
        marks=rows["mark"],
        events=rows["event"],
    )


def _require_empty(transaction: Transaction, location: str) -> None:
    """Check that nothing is on the target.

    Raises:
        StoreError: The target is not empty.
    """
    if (table := database_copy.filled_table(transaction)) is not None:
        raise StoreError(f"{location} is not empty: its table {table} has rows; name an empty database")


def _copy_index(source: Transaction, target: Transaction, progress: CopyProgress) -> int:
    """Build the full-text index of the target, if the source has one; return the number of its documents."""
    if not source.value(SEARCH.has_index):
        return 0
    search_documents.create_index(target)
    copied = 0
    for kind in source.all(SEARCH.kinds):
        fields = search_documents.schema_of(source, kind.kind, kind.number)
        bounds = search_documents.bounds(kind.number)
        total = source.value(SEARCH.count_docs, **bounds)
        after, done = bounds["first"] - 1, 0
        while docs := source.all(SEARCH.next_texts, after=after, last=bounds["last"], limit=DOCS_PER_STEP):
            texts = ((doc.id, fields.text(json.loads(doc.payload or "{}"))) for doc in docs)
            rows = [{"id": number, "text": target.dialect.indexed_text(text)} for number, text in texts]
            target.run_many(SEARCH.put_text, rows)
            after, done = docs[-1].id, done + len(docs)
            progress(f"search index of {kind.kind}", done, total)
        copied += done
    return copied
