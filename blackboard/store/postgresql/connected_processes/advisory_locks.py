"""Advisory locks of the database server that one process at a time holds.

The database server frees a lock when the connection of its holder ends.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blackboard.store.postgresql.postgresql_database import PostgresqlDatabase

LOCKS = {"publish": 1112296260}
"""The numbers of the advisory locks, by their names: any numbers, the same in every version."""


class AdvisoryLock:
    """An advisory lock of a transaction. A pooler keeps a transaction on one connection, so the lock works behind it.

    Args:
        database: The database of the board.
        name: The name of the lock; see `LOCKS`.
        seconds: The longest wait in seconds.
    """

    def __init__(self, database: PostgresqlDatabase, name: str, seconds: float) -> None:
        self._database, self._number, self._seconds = database, LOCKS[name], seconds

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lock, on a connection of its own.

        Raises:
            StoreBusy: Other processes held it for too long.
            StoreError: The database server cannot be used.
        """
        dialect = self._database.dialect
        statements = (
            "BEGIN",
            f"SET LOCAL lock_timeout = {max(1, round(self._seconds * 1000))}",
            "SET LOCAL idle_in_transaction_session_timeout = 0",  # the holder of the lock does other work meanwhile
            f"SELECT pg_advisory_xact_lock({self._number})",
        )
        with contextlib.closing(self._database.connect(writes=False)) as connection:
            try:
                connection.cursor().execute("; ".join(statements), prepare=False)
            except dialect.errors.base as error:
                raise dialect.errors.translate(error, self._database.location) from None
            yield

    def close(self) -> None:
        """Do nothing: the lock has no connection while it is not held."""
