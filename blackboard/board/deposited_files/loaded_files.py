"""Loaded files: the names that a board gives to them, and the withdrawal of all deposits of a file.

A withdrawal corrects a wrong load. A board remembers the file with the key of each loaded deposit, as long as it
remembers the key.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from blackboard.board.facade import Blackboard
from blackboard.board.mark_changes import mark_removals
from blackboard.board.mark_changes.deposit_checks import check_signature
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.errors import NotFound
from blackboard.store.row_types.mark_row_types import DepositKeyRow, EventRow, MarkRow
from blackboard.store.statements import MARKS

WITHDRAWALS_PER_TRANSACTION = 200
"""The number of marks in one transaction. It is small, so that a daemon waits only briefly."""


@dataclass(frozen=True)
class KeptMark:
    """A mark that was not withdrawn, and the reason."""

    mark_id: int
    kind: str
    subject: str
    reason: str


@dataclass(frozen=True)
class SourceWithdrawal:
    """The result of the withdrawal of a file's deposits."""

    withdrawn: int
    """The number of marks that were taken off the board."""
    freed: int
    """The number of keys that were freed."""
    kept: Sequence[KeptMark]
    """The marks that agents know already, or that other deposits share. Their keys stay."""


def source_of(path: str | os.PathLike[str], *, follows: bool = True) -> str:
    """Return the name that a board gives to a file: a digest of its path without symbolic links.

    A link as the last part of the path stays if `follows` is false.
    """
    folder, name = os.path.split(path)
    real = os.path.realpath(path) if follows else os.path.join(os.path.realpath(folder), name)
    return hashlib.sha256(os.fsencode(real)).hexdigest()[:32]


def withdraw_source(board: Blackboard, source: str, author: str) -> SourceWithdrawal:
    """Withdraw the marks that were loaded from a file, by any author and as any kind, and free their keys.

    Two groups of marks stay: marks that were given to an agent, because it may have acted on them, and marks that a
    deposit from elsewhere has joined. An interrupted withdrawal can be repeated.

    Raises:
        InvalidAuthor: `author`, who signs the withdrawals, has the name of an agent, or a name that looks like one.
    """
    withdrawn = freed = after = 0
    kept: list[KeptMark] = []
    while True:
        batch = board.session.write(partial(_withdraw_batch, source=source, author=author, after=after))
        withdrawn, freed = withdrawn + batch.withdrawn, freed + batch.freed
        kept += batch.kept
        if batch.last is None:
            return SourceWithdrawal(withdrawn, freed, kept)
        after = batch.last


@dataclass
class _Batch:
    withdrawn: int
    freed: int
    kept: list[KeptMark]
    last: int | None
    """The last mark of the batch; None if there are no more."""


def _withdraw_batch(txn: BoardTransaction, source: str, author: str, after: int) -> _Batch:
    """Withdraw the next marks of a loaded file, and free their keys, so that the file can be loaded again."""
    check_signature(txn, author)
    ids = txn.sql.all(MARKS.marks_of_source, source=source, after=after, limit=WITHDRAWALS_PER_TRANSACTION)
    batch = _Batch(0, 0, [], ids[-1] if ids else None)
    for mark_id in ids:
        keys = txn.sql.all(MARKS.keys_of_source, source=source, mark_id=mark_id)
        row = txn.sql.one(MARKS.get_mark, id=mark_id)
        subject = _subject_of(txn, row, keys)
        own, others = _deposits(txn, mark_id, subject, keys)
        # A deposit that changed nothing has no mark of its own, so only its key is removed.
        if own and (reason := _reason_to_keep(txn, mark_id, others if row is not None else [])) is not None:
            batch.kept.append(KeptMark(mark_id, keys[0].kind, subject, reason))
            continue
        if own and row is not None:
            with contextlib.suppress(NotFound):  # the mark has evaporated
                mark_removals.withdraw(txn, mark_id, author)
                batch.withdrawn += 1
        for key in keys:
            txn.sql.run(MARKS.delete_key, key=key.key, author=key.author, kind=key.kind)
        batch.freed += len(keys)
    return batch


def _reason_to_keep(txn: BoardTransaction, mark_id: int, others: Sequence[EventRow]) -> str | None:
    """Return why a mark must stay; None if it may go. `others` are the deposits from elsewhere."""
    if agents := txn.sql.all(MARKS.agents_given_mark, mark_id=mark_id):
        return f"given to {', '.join(agents)}"
    if others:
        return f"joined by deposits of {', '.join(sorted({event.author for event in others}))}"
    return None


def _deposits(
    txn: BoardTransaction, mark_id: int, subject: str, keys: Sequence[DepositKeyRow]
) -> tuple[list[EventRow], list[EventRow]]:
    """Return the deposits of a mark from the file, and its deposits from elsewhere.

    If a deposit of the file changed nothing, its key names an earlier event, whose time differs from the key's.
    """
    made = {(key.event_id, key.at) for key in keys}
    own: list[EventRow] = []
    others: list[EventRow] = []
    for event in txn.sql.all(MARKS.deposits_of_mark, subject=subject, mark_id=mark_id):
        (own if (event.id, event.recorded_at) in made else others).append(event)
    return own, others


def _subject_of(txn: BoardTransaction, row: MarkRow | None, keys: Sequence[DepositKeyRow]) -> str:
    """Return the subject of a mark; an empty text if its history was removed."""
    if row is not None:
        return row.subject
    events = (txn.sql.one(MARKS.get_event, id=key.event_id) for key in keys)
    return next((event.subject for event in events if event is not None), "")
