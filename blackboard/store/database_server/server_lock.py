"""A lock between processes on a server, which the server frees when its holder's connection ends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from blackboard.store.database import Database

PUBLISH_LOCK = 1112296259
"""The number of the advisory lock of publishing: any number, the same in every version."""


class ProcessLock(Protocol):
    """A lock that one process of a board holds at a time."""

    def acquired(self) -> contextlib.AbstractContextManager[None]:
        """Hold the lock.

        Raises:
            StoreBusy: Other processes held it for too long.
            StoreError: It cannot be taken.
        """

    def close(self) -> None:
        """Free what the lock needs while it is not held."""


class ServerLock:
    """An advisory lock of a transaction. A pooler keeps a transaction on one connection, so the lock works behind it.

    Args:
        database: The database of the board.
        number: The number of the lock.
        seconds: The longest wait in seconds.
    """

    def __init__(self, database: Database, number: int, seconds: float) -> None:
        self._database, self._number, self._seconds = database, number, seconds

    @contextlib.contextmanager
    def acquired(self) -> Iterator[None]:
        """Hold the lock, on a connection of its own.

        Raises:
            StoreBusy: Other processes held it for too long.
            StoreError: The server cannot be used.
        """
        dialect = self._database.dialect
        statements = (
            "BEGIN",
            f"SET LOCAL lock_timeout = {max(1, round(self._seconds * 1000))}",
            "SET LOCAL idle_in_transaction_session_timeout = 0",  # its holder does other things meanwhile
            f"SELECT pg_advisory_xact_lock({self._number})",
        )
        with contextlib.closing(self._database.connect(writes=False)) as connection:
            try:
                connection.cursor().execute("; ".join(statements), prepare=False)
            except dialect.error as error:
                raise dialect.translate(error, self._database.where) from None
            yield

    def close(self) -> None:
        """Do nothing: the lock has no connection while it is not held."""
