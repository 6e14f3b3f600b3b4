"""The purge of the full-text index, which removes erased words from its bytes.

FTS5 only marks a text as deleted, and drops its words when it merges the parts of its index. So all parts are merged,
in steps between which others write. Forgetting a subject purges the index at once; retention purges it within a day.
"""

from __future__ import annotations

from blackboard.board.board_session import BoardSession
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.durations import DAY
from blackboard.store.statements import SEARCH

PAGES_PER_TRANSACTION = 500
"""Pages of the index that one transaction writes."""


def due_since(txn: BoardTransaction) -> Instant | None:
    """Return the instant since which the index may contain erased words; None if it does not."""
    return txn.sql.value(SEARCH.owed_purge)


def is_due(txn: BoardTransaction) -> bool:
    """Return whether the index has contained erased words for a day."""
    due_at = due_since(txn)
    return due_at is not None and txn.now >= due_at + DAY


def purge(session: BoardSession) -> None:
    """Merge all parts of the index if it may contain erased words."""
    if session.read(due_since) is None:
        return
    session.write(lambda txn: txn.sql.run(SEARCH.begin_purge))
    has_more = session.write(lambda txn: _merge(txn, -PAGES_PER_TRANSACTION))
    while has_more:
        has_more = session.write(lambda txn: _merge(txn, PAGES_PER_TRANSACTION))
    session.write(lambda txn: txn.sql.run(SEARCH.settle_purge))


def _merge(txn: BoardTransaction, pages: int) -> bool:
    """Merge some pages, and return whether there is more to merge. A server clears its index itself."""
    if (content := txn.sql.deleted_content) is None or not txn.sql.value(SEARCH.has_index):
        return False
    content.overwrite()
    return content.merge_index(pages)
