"""Keys of deposits: a key belongs to its author and kind, and stands for the first request that was made with it."""

from __future__ import annotations

from typing import NamedTuple

from blackboard.board.mark_tables.mark_states import live_strength
from blackboard.board.result_types.mark_results import Receipt
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.text_checks import check_text
from blackboard.errors import InvalidMark, KeyReused
from blackboard.store.row_types.mark_row_types import DepositKeyRow
from blackboard.store.statements import MARKS

MAX_KEY_CHARACTERS = 400
RESERVED = "blackboard/"
"""The prefix of keys that only the board itself may use."""


def check_key(key: str) -> None:
    """Check that a key can be stored.

    Raises:
        InvalidMark: The key is blank, too long, not valid text, or begins with the board's own prefix.
    """
    check_text("key", key, MAX_KEY_CHARACTERS)
    if key.startswith(RESERVED):
        raise InvalidMark(
            f"the key {key!r} begins with {RESERVED!r}, which is reserved for the board itself; choose another key"
        )


class KeyedRequest(NamedTuple):
    """A request for a deposit with a key, by a digest of all its arguments."""

    author: str
    kind: str
    key: str
    digest: str


def find(txn: BoardTransaction, request: KeyedRequest) -> Receipt | None:
    """Return the receipt of the first request with a key, or None if there was none.

    A key that was stored without a digest matches every request.

    Raises:
        KeyReused: The key was used for another request.
    """
    author, kind, key, digest = request
    if txn.row_cache is not None and txn.row_cache.is_known(key):
        known = txn.row_cache.request_with(author, kind, key)
    else:
        known = txn.sql.one(MARKS.find_key, author=author, kind=kind, key=key)
    if known is None:
        return None
    if known.digest not in (digest, ""):
        raise KeyReused(
            f"the key {key!r} of {author} stands for another deposit of the kind {kind!r}, mark {known.mark_id};"
            " nothing was stored. Give each deposit its own key"
        )
    row = txn.sql.one(MARKS.get_mark, id=known.mark_id)
    return Receipt(known.mark_id, known.event_id, "duplicate", 0.0 if row is None else live_strength(txn, row))


def insert(txn: BoardTransaction, request: KeyedRequest, receipt: Receipt, source: str | None) -> None:
    """Record the request that a key was used for, with its result and the file that it was loaded from."""
    author, kind, key, digest = request
    row = DepositKeyRow(key, author, kind, digest, receipt.mark_id, receipt.event_id, txn.now, source)
    txn.sql.put(MARKS.insert_key, row)
    if txn.row_cache is not None:
        txn.row_cache.note_key(row)
