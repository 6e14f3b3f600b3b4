"""The views of a board, which are rewritten if they are outdated."""

from __future__ import annotations

from collections.abc import Callable

from blackboard.clock import Instant
from blackboard.store.database import Database
from blackboard.store.statements import ACTIVATIONS, DEPLOYMENTS, SEARCH
from blackboard.store.transaction import Transaction
from blackboard.system.files.packaged_files import program_version


def refresh_views(database: Database, now: Callable[[], Instant]) -> str | None:
    """Rewrite outdated views, unless a worker of another version is running.

    Return a note if the views of another version are kept; otherwise None. `now` returns the board's time.

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
    from blackboard.store.schema.view_definitions import hash_of, view_definitions

    is_searched = bool(transaction.value(SEARCH.has_index))
    views = view_definitions(transaction.dialect, transaction.all(DEPLOYMENTS.law_names), is_searched=is_searched)
    return None if transaction.one(DEPLOYMENTS.get_views_hash) == hash_of(views) else views


def _write_views(transaction: Transaction, views: dict[str, str]) -> None:
    from blackboard.store.schema.view_definitions import hash_of

    for name, query in views.items():
        transaction.dialect.replace_view(transaction.cursor, name, query)
    transaction.run(DEPLOYMENTS.set_views_hash, views_hash=hash_of(views))
