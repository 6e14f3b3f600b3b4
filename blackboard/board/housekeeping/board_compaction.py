"""Compaction of a board's file, and the purge of its full-text index: both remove erased words from its bytes.

FTS5 only marks a text as deleted, and drops its words when it merges the parts of its index. So all parts are merged
in steps, between which other connections write. Forgetting a subject compacts and purges immediately; retention purges
within a day. A compaction or a purge that an erasure requires is owed until it is done. The board records what is owed.
"""

from __future__ import annotations

from blackboard.board.board_session import BoardSession
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.durations import DAY
from blackboard.errors import StoreError
from blackboard.store.statements import ERASURE, SEARCH

LOG_IN_USE = "a reader still needs the write-ahead log: end it, or try again later"


def compaction_owed_since(txn: BoardTransaction) -> Instant | None:
    """Return the instant since which the file may contain words of an erased subject; None if it does not."""
    return txn.sql.value(ERASURE.owed_compaction)


def compact(session: BoardSession, *, insist: bool = True) -> bool:
    """Compact the file and purge its full-text index, and record that neither is owed any longer.

    Args:
        session: The session of a board in a file.
        insist: Whether to block writers for the whole time, if they prevented the earlier tries.

    Returns:
        Whether it is done.

    Raises:
        StoreError: The file cannot be compacted now.
    """
    purge_index(session)
    owed_since = session.read(compaction_owed_since)
    try:
        done = session.database.upkeep.compact(insist=insist)
    except MemoryError:
        raise StoreError(f"{session.database.location} could not be compacted: there is not enough memory") from None
    if done and owed_since is not None:
        session.write(lambda txn: txn.sql.run(ERASURE.end_compaction, owed_since=owed_since))
    return done


PAGES_PER_TRANSACTION = 500
"""Pages of the index that one transaction writes."""


def _purge_owed_since(txn: BoardTransaction) -> Instant | None:
    """Return the instant since which the index may contain erased words; None if it does not."""
    return txn.sql.value(SEARCH.owed_purge)


def is_due(txn: BoardTransaction) -> bool:
    """Return whether a compaction is owed, or a purge has been owed for a day."""
    if compaction_owed_since(txn) is not None:
        return True
    owed_since = _purge_owed_since(txn)
    return owed_since is not None and txn.now >= owed_since + DAY


def purge_index(session: BoardSession) -> None:
    """Merge all parts of the index if it may contain erased words."""
    if session.read(_purge_owed_since) is None:
        return
    session.write(lambda txn: txn.sql.run(SEARCH.begin_purge))
    has_more = session.write(lambda txn: _merge(txn, -PAGES_PER_TRANSACTION))
    while has_more:
        has_more = session.write(lambda txn: _merge(txn, PAGES_PER_TRANSACTION))
    session.write(lambda txn: txn.sql.run(SEARCH.end_purge))


def _merge(txn: BoardTransaction, pages: int) -> bool:
    """Merge some pages, and return whether there is more to merge. PostgreSQL clears its index itself."""
    if (content := txn.sql.deleted_content) is None or not txn.sql.value(SEARCH.has_index):
        return False
    content.overwrite()
    return content.merge_index(pages)
