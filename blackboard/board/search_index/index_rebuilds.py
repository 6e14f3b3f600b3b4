"""Rebuilds of an index after a change of the searched fields: a new index is filled, and the former is removed.

The first batch is done in the transaction of the change, so that the index of a small board is complete immediately. A
worker does the rest. Deposits go to the new index from the change on, so a batch leaves out the marks that the new
index already has.
"""

from __future__ import annotations

from blackboard.board.mark_tables.mark_rows import shown_event_id
from blackboard.board.result_types.mark_results import SearchProgress
from blackboard.board.search_index import search_documents
from blackboard.board.search_index.search_documents import Change, CollectedTexts, Phase
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.marks.full_text import SearchSchema
from blackboard.core.records.event_kinds import HistoryEvent
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.errors import ConfigurationError, Mistake, StoreError
from blackboard.store.row_types.mark_row_types import EventRow
from blackboard.store.row_types.search_row_types import SearchKindRow
from blackboard.store.schema import schema_views
from blackboard.store.statements import MARKS, SEARCH

MARKS_INDEXED_AT_ONCE = 1000
"""Marks that are put into the index in the transaction of the change."""
EVENTS_PER_BATCH = 20_000
"""Events of the history that one batch reads to find marks that have faded."""


def begin(txn: BoardTransaction, name: str, old_spec: KindSpec, new_spec: KindSpec) -> list[str]:
    """Begin the index of a kind, and the removal of its former index.

    Returns:
        A text, in a list, if a worker must fill the index; otherwise an empty list.

    Raises:
        ConfigurationError: The SQLite library of this process has no FTS5.
    """
    if old_spec.search == new_spec.search:
        return []
    for row in txn.sql.all(SEARCH.kinds):
        if row.kind == name and row.phase != Phase.REMOVED:
            _move(txn, row, Phase.REMOVED, search_documents.bounds(row.number)["first"] - 1)
    if not new_spec.search:
        return []
    try:
        txn.sql.dialect.require_full_text()
    except StoreError as error:
        raise ConfigurationError([Mistake(f"kinds.{name}.search", str(error))]) from None
    row = search_documents.begin(txn.sql, name, new_spec.kind(name).search_schema, txn.last_event_id)
    schema_views.rewrite_views(txn.sql)
    for phase in (Phase.LIVE, Phase.FADED):
        if row.phase != phase:
            break
        _BATCHES[phase](txn, row, MARKS_INDEXED_AT_ONCE)
        txn.changes_of(CollectedTexts).write(txn)
        row = _reread(txn, row)
    if row.phase == Phase.DONE:
        return []
    return [f"kind {name}: its marks are put into the full-text index in the background"]


def run_batch(txn: BoardTransaction, limit: int) -> int:
    """Run a part of the oldest work on an index, over at most `limit` marks.

    Returns:
        The number of marks that it touched, at least 1; 0 if there is no such work.
    """
    row = txn.sql.one(SEARCH.unfinished)
    return 0 if row is None else max(1, _BATCHES[Phase(row.phase)](txn, row, limit))


def _add_live(txn: BoardTransaction, row: SearchKindRow, limit: int) -> int:
    """Add the next marks on the board. Marks that were deposited since the change are in the index already."""
    fields = search_documents.schema_of(txn.sql, row.kind, row.number)
    marks = txn.sql.all(MARKS.marks_changed_between, kind=row.kind, after=row.position, up_to=row.up_to, limit=limit)
    for mark in marks:
        if _lacks(txn, row, mark.id):
            _add(txn, row, fields, mark.id, shown_event_id(txn, mark), mark.payload)
    if len(marks) == limit:
        _move(txn, row, Phase.LIVE, marks[-1].event_id)
    else:
        # A mark that faded meanwhile has left the board before its turn.
        txn.sql.run(SEARCH.move_kind, number=row.number, phase=Phase.FADED, position=0, up_to=txn.last_event_id)
    return len(marks)


def _add_faded(txn: BoardTransaction, row: SearchKindRow, limit: int) -> int:
    """Add the faded marks among the next events of the history."""
    fields = search_documents.schema_of(txn.sql, row.kind, row.number)
    up_to = min(row.up_to, row.position + EVENTS_PER_BATCH)
    values = {"kind": row.kind, "event": HistoryEvent.EVAPORATED, "after": row.position, "up_to": up_to}
    events = txn.sql.all(SEARCH.events_of_kind_between, **values, limit=limit)
    for event in events:
        if _lacks(txn, row, event.mark_id) and (shown := _last_shown(txn, event)) is not None:
            _add(txn, row, fields, event.mark_id, shown.id, shown.payload)
    if len(events) == limit:
        up_to = events[-1].id
    _move(txn, row, Phase.FADED if up_to < row.up_to else Phase.DONE, up_to)
    return len(events)


def _last_shown(txn: BoardTransaction, event: EventRow) -> EventRow | None:
    """Return the deposit that a mark showed last; None if it was removed from the history."""
    last = txn.sql.one(MARKS.last_deposit, subject=event.subject, mark_id=event.mark_id)
    if last is None or last.shown_event_id is None:
        return last
    return txn.sql.one(MARKS.get_event, id=last.shown_event_id)


def _lacks(txn: BoardTransaction, row: SearchKindRow, mark_id: int) -> bool:
    """Return whether an index has no document of a mark."""
    doc = search_documents.doc_id(row.number, mark_id)
    return doc not in txn.changes_of(CollectedTexts).changes and txn.sql.one(SEARCH.find_doc, id=doc) is None


def _add(
    txn: BoardTransaction, row: SearchKindRow, fields: SearchSchema, mark_id: int, event_id: int, payload: str | None
) -> None:
    """Add the document of a mark, unless its text was erased."""
    if payload is not None:
        doc = search_documents.doc_id(row.number, mark_id)
        txn.changes_of(CollectedTexts).changes[doc] = Change(fields, event_id, payload, is_new=True)


def _remove(txn: BoardTransaction, row: SearchKindRow, limit: int) -> int:
    """Remove the next documents of an index, and at last the index."""
    fields = search_documents.schema_of(txn.sql, row.kind, row.number)
    last = search_documents.bounds(row.number)["last"]
    docs = txn.sql.all(SEARCH.next_docs, after=row.position, last=last, limit=limit)
    search_documents.remove(txn.sql, fields, docs)
    if len(docs) == limit:
        _move(txn, row, Phase.REMOVED, docs[-1].id)
    else:
        txn.sql.run(SEARCH.delete_fields, number=row.number)
        txn.sql.run(SEARCH.delete_kind, number=row.number)
    return len(docs)


def _move(txn: BoardTransaction, row: SearchKindRow, phase: Phase, position: int) -> None:
    txn.sql.run(SEARCH.move_kind, number=row.number, phase=phase, position=position, up_to=row.up_to)


def _reread(txn: BoardTransaction, row: SearchKindRow) -> SearchKindRow:
    return next(found for found in txn.sql.all(SEARCH.kinds) if found.number == row.number)


_BATCHES = {Phase.LIVE: _add_live, Phase.FADED: _add_faded, Phase.REMOVED: _remove}


_DOING = {
    Phase.LIVE: "adding live marks",
    Phase.FADED: "adding faded marks",
    Phase.DONE: "",
    Phase.REMOVED: "removing a former index",
}


def progress(txn: BoardTransaction) -> tuple[SearchProgress, ...]:
    """Return the progress of the full-text index of each kind."""
    return tuple(
        SearchProgress(
            kind=row.kind,
            marks=txn.sql.value(SEARCH.count_docs, **search_documents.bounds(row.number)),
            complete=row.phase in (Phase.FADED, Phase.DONE),
            doing=_DOING[Phase(row.phase)],
            share=_share(txn, row),
        )
        for row in txn.sql.all(SEARCH.kinds)
    )


def _share(txn: BoardTransaction, row: SearchKindRow) -> float:
    if row.phase == Phase.DONE:
        return 1.0
    if row.phase == Phase.REMOVED:
        return max(0, search_documents.mark_of(row.position + 1) - 1) / max(1, txn.last_event_id)
    return min(1.0, row.position / max(1, row.up_to))
