"""Compaction of a board's file, and the record that an erasure still requires one."""

from __future__ import annotations

from blackboard.board.board_session import BoardSession
from blackboard.board.housekeeping import search_purge
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.errors import StoreError
from blackboard.store.statements import ERASURE

LOG_IN_USE = "a reader still needs the write-ahead log: end it, or try again later"


def due_since(txn: BoardTransaction) -> Instant | None:
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
    search_purge.purge(session)
    due_at = session.read(due_since)
    try:
        done = session.database.upkeep.compact(insist=insist)
    except MemoryError:
        raise StoreError(f"{session.database.where} could not be compacted: there is not enough memory") from None
    if done and due_at is not None:
        session.write(lambda txn: txn.sql.run(ERASURE.end_compaction, due_at=due_at))
    return done
