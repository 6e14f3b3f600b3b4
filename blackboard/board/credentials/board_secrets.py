"""Secrets of a board: random texts that it stores, each under a name, for programs that serve it."""

from __future__ import annotations

import secrets

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.store.statements import TOKENS


def get_or_make(txn: BoardTransaction, name: str) -> str:
    """Return the secret of a name. If there is none yet, make it and store it on this board."""
    value = txn.sql.one(TOKENS.get_secret, name=name)
    if value is None:
        value = secrets.token_hex(32)
        txn.sql.run(TOKENS.insert_secret, name=name, value=value)
    return value
