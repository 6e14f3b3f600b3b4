"""The progress of the full-text index of each kind."""

from __future__ import annotations

from blackboard.board.result_types import SearchProgress
from blackboard.board.search_index import search_documents
from blackboard.board.search_index.search_documents import Phase
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.store.rows import SearchKindRow
from blackboard.store.statements import SEARCH

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
