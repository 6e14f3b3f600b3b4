"""Compaction of a board's file, and the purge of its full-text index: both remove erased words from its bytes.

FTS5 only marks a text as deleted, and drops its words when it merges the parts of its index. So all parts are merged,
in steps between which others write. Forgetting a subject compacts and purges at once; retention purges within a day.
The board records that an erasure still requires a compaction or a purge.
"""

from __future__ import annotations

from blackboard.board.board_session import BoardSession
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.durations import DAY
from blackboard.errors import StoreError
from blackboard.store.statements import ERASURE, SEARCH

LOG_IN_USE = "a reader still needs the write-ahead log: end it, or try again later"


def compaction_due_since(txn: BoardTransaction) -> Instant | None:
    """Return the instant since which the file may contain words of an erased subject; None if it does not."""
    return txn.sql.value(ERASURE.owed_compaction)


def compact(session: BoardSession, *, insist: bool = True) -> bool:
    """Compact the file and purge its full-text index, and record that no erasure requires it any longer.

    Return whether it is done.

    Args:
        session: The session of a board in a file.
        insist: Whether to block writers for the whole time, if they prevented the earlier tries.

    Raises:
        StoreError: The file cannot be compacted now.
    """
    purge_index(session)
    due_at = session.read(compaction_due_since)
    try:
        done = session.database.upkeep.compact(insist=insist)
    except MemoryError:
        raise StoreError(f"{session.database.where} could not be compacted: there is not enough memory") from None
    if done and due_at is not None:
        session.write(lambda txn: txn.sql.run(ERASURE.end_compaction, due_at=due_at))
    return done


PAGES_PER_TRANSACTION = 500
"""Pages of the index that one transaction writes."""


def purge_due_since(txn: BoardTransaction) -> Instant | None:
    """Return the instant since which the index may contain erased words; None if it does not."""
    return txn.sql.value(SEARCH.owed_purge)


def is_purge_due(txn: BoardTransaction) -> bool:
    """Return whether the index has contained erased words for a day."""
    due_at = purge_due_since(txn)
    return due_at is not None and txn.now >= due_at + DAY


def purge_index(session: BoardSession) -> None:
    """Merge all parts of the index if it may contain erased words."""
    if session.read(purge_due_since) is None:
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
