"""The documents of the full-text index: the text of each mark of a searched kind.

A transaction collects the changed marks, and writes their documents at its end in the order of their ids, because the
index is fastest in that order. A mark that changes several times is written once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import count
from typing import Any, NamedTuple

from blackboard.board.transactions.board_transaction import BoardTransaction, CollectedChanges
from blackboard.core.marks.full_text import SearchSchema
from blackboard.store.dialects.full_text_queries import field_of, path_of
from blackboard.store.row_types.search_row_types import SearchDocRow, SearchKindRow
from blackboard.store.statements import MARKS, SEARCH
from blackboard.store.transaction import Transaction

SHIFT = 40
"""The bits of a mark's id in the id of a document; 2 ** 40 ids are enough for 300 events a second in a century."""


class Phase(StrEnum):
    """The state of the work on the index of a kind."""

    LIVE = "live"
    """The live marks from before the declaration are put into the index."""
    FADED = "faded"
    """The faded marks are put into the index, from the history."""
    DONE = "done"
    """The index has all marks."""
    REMOVED = "removed"
    """The index is being removed, because the kind is no longer searched, or has other fields to search."""


class Change(NamedTuple):
    """A change of the text of a mark."""

    schema: SearchSchema
    event_id: int | None
    """The event with the new payload; None if the mark is no longer searched."""
    payload: str
    is_new: bool = False
    """Whether the index has no document of the mark."""


class IndexedText(NamedTuple):
    """A text that an index may have."""

    kind: str
    mark_id: int
    event_id: int | None
    """The event whose payload has the text; None for whichever event it is."""


class CollectedTexts(CollectedChanges):
    """The new texts of marks, by their documents."""

    def __init__(self) -> None:
        self.changes: dict[int, Change] = {}

    def write(self, txn: BoardTransaction) -> None:
        """Write the documents in the order of their ids."""
        changes, self.changes = self.changes, {}
        for doc, change in sorted(changes.items()):
            _write_document(txn.sql, doc, change)


def doc_id(number: int, mark_id: int) -> int:
    """Return the id of the document of a mark in an index."""
    return (number << SHIFT) + mark_id


def mark_of(doc: int) -> int:
    """Return the id of the mark of a document."""
    return doc & ((1 << SHIFT) - 1)


def bounds(number: int) -> dict[str, int]:
    """Return the first and the last document id of an index, as parameters of statements."""
    return {"first": doc_id(number, 0), "last": doc_id(number + 1, 0) - 1}


def begin(transaction: Transaction, kind: str, schema: SearchSchema, up_to: int) -> SearchKindRow:
    """Begin the index of a kind, and create what all indexes share."""
    create_index(transaction)
    numbers = {row.number for row in transaction.all(SEARCH.kinds)}
    number = next(number for number in count() if number not in numbers)  # the lowest makes the smallest index
    row = SearchKindRow(number, kind, Phase.LIVE, 0, up_to)
    transaction.run(SEARCH.insert_kind, **row._asdict())
    for position, name in enumerate(schema.names):
        transaction.run(SEARCH.insert_field, number=number, position=position, path=path_of(name))
    return row


def create_index(transaction: Transaction) -> None:
    """Create what the indexes of all kinds share, if it is not there."""
    for statement in (SEARCH.create_index, SEARCH.create_beside, SEARCH.tune_index):
        transaction.run(statement)


def schema_of(transaction: Transaction, kind: str, number: int) -> SearchSchema:
    """Return the fields that an index contains. The kind may have other fields by now."""
    return SearchSchema(kind, tuple(map(field_of, transaction.all(SEARCH.paths, number=number))))


def note(
    txn: BoardTransaction, kind: str, mark_id: int, event_id: int | None, payload: str = "", *, is_new: bool = False
) -> None:
    """Record that the text of a mark has changed or, without an event, that the mark is no longer searched."""
    number = txn.active.searched.get(kind)
    if number is not None:
        doc = doc_id(number, mark_id)
        changes = txn.changes_of(CollectedTexts).changes
        earlier = changes.get(doc)
        is_new = is_new or (earlier is not None and earlier.is_new)
        changes[doc] = Change(txn.kind(kind).search_schema, event_id, payload, is_new)


def _write_document(transaction: Transaction, doc: int, change: Change) -> None:
    """Write the document of a mark whose text has changed."""
    before = None if change.is_new else transaction.one(SEARCH.find_doc, id=doc)
    if before == change.event_id:
        return
    text = "" if change.event_id is None else change.schema.text(json.loads(change.payload))
    if before is None:
        transaction.run(SEARCH.insert_doc, id=doc, event_id=change.event_id)
        _put(transaction, doc, text)
        return
    old = text_of(transaction, change.schema, before)
    if change.event_id is None:
        transaction.run(SEARCH.delete_doc, id=doc)
    else:
        transaction.run(SEARCH.move_doc, id=doc, event_id=change.event_id)
    if change.event_id is None or old != text:
        transaction.run(SEARCH.remove_text, id=doc, text=old)
        if change.event_id is not None:
            _put(transaction, doc, text)


def kinds(transaction: Transaction) -> set[str]:
    """Return the kinds that have an index, or a former index that is being removed."""
    return {row.kind for row in transaction.all(SEARCH.kinds)}


def erase(txn: BoardTransaction, texts: Sequence[IndexedText]) -> None:
    """Remove texts from every index."""
    erased = 0
    for row in txn.sql.all(SEARCH.kinds):
        fields = schema_of(txn.sql, row.kind, row.number)
        for text in sorted(texts, key=lambda text: text.mark_id):
            doc = doc_id(row.number, text.mark_id)
            found = txn.sql.one(SEARCH.find_doc, id=doc) if text.kind == row.kind else None
            if found is not None and text.event_id in (None, found):
                erased += remove(txn.sql, fields, [SearchDocRow(doc, found)])
    if erased:
        txn.sql.run(SEARCH.owe_purge, at=txn.now)


def erase_subject(txn: BoardTransaction, subject: str) -> None:
    """Remove the texts of a subject from every index.

    A purge is then owed, because parts of an index may still have former texts, even of live marks.
    """
    txn.changes_of(CollectedTexts).write(txn)
    if searched := kinds(txn.sql):
        events = txn.sql.all(MARKS.events_of_subject, subject=subject)
        marks = dict.fromkeys((event.kind, event.mark_id) for event in events)
        erase(txn, [IndexedText(kind, mark_id, None) for kind, mark_id in marks if kind in searched])
        txn.sql.run(SEARCH.owe_purge, at=txn.now)


def remove(transaction: Transaction, schema: SearchSchema, docs: Iterable[SearchDocRow]) -> int:
    """Remove documents, in the order of their ids, and return how many."""
    removed = 0
    for doc in docs:
        transaction.run(SEARCH.remove_text, id=doc.id, text=text_of(transaction, schema, doc.event_id))
        transaction.run(SEARCH.delete_doc, id=doc.id)
        removed += 1
    return removed


def text_of(transaction: Transaction, schema: SearchSchema, event_id: int) -> str:
    """Return the text that an event holds."""
    payload: Any = json.loads(transaction.existing(MARKS.get_event, id=event_id).payload or "{}")
    return schema.text(payload)


def _put(transaction: Transaction, doc: int, text: str) -> None:
    transaction.run(SEARCH.put_text, id=doc, text=transaction.dialect.indexed_text(text))
