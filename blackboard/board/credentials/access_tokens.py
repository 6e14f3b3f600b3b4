"""Access tokens of programs on other machines: names, authors and scopes. The board stores only hashes of tokens."""

from __future__ import annotations

import hashlib
import secrets

from blackboard.board import activity_log
from blackboard.board.mark_changes.deposit_checks import check_signature
from blackboard.board.result_types.administration_results import AccessToken
from blackboard.board.result_types.row_conversion import optional_datetime
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import to_datetime
from blackboard.core.records.event_kinds import ActivityEvent
from blackboard.core.text_checks import check_text
from blackboard.core.token_scopes import Scopes
from blackboard.durations import Duration
from blackboard.errors import NotFound, UsageError
from blackboard.store.row_types.board_row_types import AccessTokenRow
from blackboard.store.statements import TOKENS

TOKEN_PREFIX = "blackboard_"
"""The prefix of every token. Tools that look for leaked secrets recognize tokens by it."""
MAX_TOKEN_NAME_CHARACTERS = 100


def create(
    txn: BoardTransaction, name: str, scopes: Scopes, author: str, lifetime: Duration | None, creator: str
) -> str:
    """Make a token, and return it. It cannot be read again. `author` signs the holder's deposits.

    Raises:
        InvalidAuthor: The author cannot be stored, is reserved, or has a name that is or looks like an agent's.
        InvalidMark: The name cannot be stored.
        UsageError: A token of this name was made and not revoked, or the lifetime is 0.
    """
    if lifetime == 0:
        raise UsageError(
            "a token that is valid for 0s has already expired; give a longer time, or none for a token"
            " that does not expire"
        )
    check_text("name of a token", name, MAX_TOKEN_NAME_CHARACTERS)
    check_signature(txn, author)
    if txn.sql.one(TOKENS.unrevoked_token, name=name) is not None:
        raise UsageError(f"there is a token {name!r}; revoke it first, or choose another name")
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    txn.sql.run(
        TOKENS.insert_token,
        digest=_digest(token),
        name=name,
        author=author,
        scopes=" ".join(scopes.texts),
        created_at=txn.now,
        expires_at=None if lifetime is None else txn.now + lifetime,
    )
    activity_log.record(txn, ActivityEvent.CREATE_TOKEN, author=creator, token=name)
    return token


def find(txn: BoardTransaction, token: str) -> AccessToken | None:
    """Return the record of a token, even if it has expired or was revoked; None if the board never made it."""
    row = txn.sql.one(TOKENS.get_token, digest=_digest(token))
    return None if row is None else _record(txn, row)


def all_tokens(txn: BoardTransaction) -> list[AccessToken]:
    """Return all tokens that were ever made, oldest first."""
    return [_record(txn, row) for row in txn.sql.all(TOKENS.tokens)]


def revoke(txn: BoardTransaction, name: str, author: str) -> None:
    """Revoke the token of a name.

    Raises:
        NotFound: There is none, or it was revoked before.
    """
    row = txn.sql.one(TOKENS.unrevoked_token, name=name)
    if row is None:
        raise NotFound(f"there is no token {name!r} that could be revoked; 'blackboard token list' lists them")
    txn.sql.run(TOKENS.revoke_token, digest=row.digest, now=txn.now)
    activity_log.record(txn, ActivityEvent.REVOKE_TOKEN, author=author, token=name)


def _digest(token: str) -> str:
    # A token has 256 random bits, so it cannot be found by trying, even with a fast hash.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _record(txn: BoardTransaction, row: AccessTokenRow) -> AccessToken:
    is_expired = row.expires_at is not None and row.expires_at <= txn.now
    return AccessToken(
        name=row.name,
        author=row.author,
        scopes=tuple(row.scopes.split()),
        state="revoked" if row.revoked_at is not None else "expired" if is_expired else "valid",
        created_at=to_datetime(row.created_at),
        expires_at=optional_datetime(row.expires_at),
        revoked_at=optional_datetime(row.revoked_at),
    )
