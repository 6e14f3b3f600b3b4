"""The views that people query: their texts, which are rewritten if those of a board differ.

A board stores a hash of the texts, which contain the decay laws of this version and the laws that the board has stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from blackboard.clock import DEFAULT_LEAP, Instant
from blackboard.core.marks import decay
from blackboard.errors import StoreError
from blackboard.store.database import Database
from blackboard.store.dialects.dialect import Dialect
from blackboard.store.live_mark_statements import share_of
from blackboard.store.statement_file import StatementFile
from blackboard.store.statements import ACTIVATIONS, DEPLOYMENTS, SEARCH
from blackboard.store.transaction import Transaction
from blackboard.system.files.packaged_files import program_version

_STATEMENTS = StatementFile("views")

BUILT_IN_LAWS = tuple(name for name, law in decay.LAWS.items() if law.__module__ == decay.__name__)
"""The names of the decay laws of this version."""


def view_definitions(dialect: Dialect, stored_laws: Iterable[str] = (), *, is_searched: bool = False) -> dict[str, str]:
    """Return the SELECT behind each view, for the laws of this version and the laws that the board has stored.

    If the board has no full-text index (`is_searched` is false), the view `searchable_marks` is empty.

    Raises:
        StoreError: This process does not know a stored law.
    """
    names = sorted({*BUILT_IN_LAWS, *stored_laws})
    if unknown := [name for name in names if name not in decay.LAWS]:
        raise StoreError(
            f"the board uses the decay law {unknown[0]!r}, which this version does not know; import the module that"
            " defines it, or use the version that wrote it"
        )
    parts = {"leap": str(DEFAULT_LEAP), "share": share_of(tuple(decay.LAWS[name] for name in names))}
    return {
        name: statement.using(*_options(name, is_searched=is_searched), **parts).text(dialect.name)
        for name, statement in _STATEMENTS.all().items()
    }


def _options(name: str, *, is_searched: bool) -> list[str]:
    if name != "searchable_marks":
        return []
    return ["with_index" if is_searched else "without_index"]


def hash_of(definitions: dict[str, str]) -> str:
    """Return a hash of the texts of views."""
    return hashlib.sha256("\n".join(f"{name} {text}" for name, text in definitions.items()).encode()).hexdigest()


def refresh_views(database: Database, now: Callable[[], Instant]) -> str | None:
    """Rewrite outdated views, unless a worker of another version is running.

    `now` returns the board's time.

    Returns:
        A note if the views of another version are kept; otherwise None.

    Raises:
        StoreError: The board has stored a decay law that this process does not know.
    """
    with database.read() as transaction:
        if _outdated_views(transaction) is None:
            return None
        others = [row for row in transaction.all(ACTIVATIONS.workers) if row.version != program_version()]
        dead = database.processes.dead_among(others, now(), transaction) if others else set()
    if running := sorted((row.id, row.version or "unknown") for row in others if row.id not in dead):
        worker, version = running[0]
        return (
            f"the views of another version are kept, because worker {worker} of version {version}"
            " is running; stop it, then run 'blackboard init'"
        )
    with database.exclusive_transaction() as transaction:
        rewrite_views(transaction)
    return None


def rewrite_views(transaction: Transaction) -> None:
    """Rewrite the views if they are outdated, at the end of a transaction that may have outdated them."""
    if (views := _outdated_views(transaction)) is not None:
        _write_views(transaction, views)


def _outdated_views(transaction: Transaction) -> dict[str, str] | None:
    """Return the views of this version if the board has other views; otherwise None."""
    is_searched = bool(transaction.value(SEARCH.has_index))
    views = view_definitions(transaction.dialect, transaction.all(DEPLOYMENTS.law_names), is_searched=is_searched)
    return None if transaction.one(DEPLOYMENTS.get_views_hash) == hash_of(views) else views


def _write_views(transaction: Transaction, views: dict[str, str]) -> None:
    for name, query in views.items():
        transaction.dialect.replace_view(transaction.cursor, name, query)
    transaction.run(DEPLOYMENTS.set_views_hash, views_hash=hash_of(views))
