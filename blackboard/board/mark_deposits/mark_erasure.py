"""Erasure of the marks of a subject, and of what their events say."""

from __future__ import annotations

from collections.abc import Iterable

from blackboard.board.mark_changes import mark_removals
from blackboard.board.open_needs import need_rows
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.store.statements import ERASURE


def remove_marks(txn: BoardTransaction, subject: str, author: str) -> int:
    """Remove every mark of the subject from the board, and return how many were live."""
    live = 0
    # Withdrawing a need also withdraws its mark `overdue`, so that mark is removed first.
    for row in sorted(txn.sql.all(ERASURE.marks_to_erase, subject=subject), key=need_rows.is_need):
        if not row.is_live(txn.now):
            mark_removals.evaporate(txn, row)
        else:
            mark_removals.withdraw(txn, row.id, author)
            live += 1
    return live


def erase_events(txn: BoardTransaction, subject: str, new_name: str) -> None:
    """Erase the payloads of a subject's events and the keys of its deposits, and give the events another subject."""
    txn.sql.run(ERASURE.delete_keys, subject=subject)
    txn.sql.run(ERASURE.erase_events, subject=subject, new_name=new_name)
    if (partitions := txn.sql.partitions) is not None:
        partitions.erase_copied(subject, new_name)


def marks_naming(txn: BoardTransaction, subject: str, patterns: Iterable[str]) -> list[int]:
    """Return the ids of the marks of other subjects whose payloads ever fitted a pattern of LIKE."""
    found = (txn.sql.all(ERASURE.marks_naming, pattern=pattern, subject=subject) for pattern in patterns)
    return sorted({mark_id for ids in found for mark_id in ids})
