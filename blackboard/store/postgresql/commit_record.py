"""The record of a writer's commits on PostgreSQL, which says whether a COMMIT without a response succeeded.

A connection can be lost after the database server got COMMIT and before its response arrived. Then the work may or may
not be stored. If the program repeated the work, it could be stored twice; if the program reported a failure, the report
could be wrong. So each writing transaction raises a number in a row of its own writer before anything else. A new
connection then changes the same row: it waits until the lost transaction has ended, and finds the number that was
committed last.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from blackboard.clock import SystemClock, microseconds_in, sleep_for
from blackboard.durations import MILLISECOND, Duration
from blackboard.errors import StoreError

OUTCOME_SECONDS = 30.0
"""How long the program tries to read the outcome of a commit. The database server ends a lost transaction earlier."""
OUTCOME_PAUSE: Duration = 50 * MILLISECOND
"""The pause between two attempts."""
KEPT_RECORDS = "1 day"
"""How long the row of a writer stays after its last commit, if the writer did not remove it itself."""

_NOW = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
_RAISE = (
    f"INSERT INTO writer (id, n, at) VALUES ($1, $2, {_NOW})"
    " ON CONFLICT (id) DO UPDATE SET n = excluded.n, at = excluded.at"
)
_LOCK = "SELECT id FROM board WHERE id = 1 FOR UPDATE"
"""Waits for the transactions of other writers."""
_TRIED = f"WITH tried AS ({_LOCK} SKIP LOCKED)"
_RAISE_AND_TRY = f"{_TRIED} {_RAISE} RETURNING EXISTS (SELECT FROM tried)"
"""Raises the number, and returns whether the lock was free."""
_LOCK_ROW = f"{_TRIED} SELECT EXISTS (SELECT FROM tried) FROM writer WHERE id = $1 FOR UPDATE"
"""Locks the row of the writer, and returns whether the lock was free."""
# If the first transaction of the writer is still open, it has inserted the row, and this statement waits for its end.
_ENSURE = "INSERT INTO writer (id, n, at) VALUES ('{id}', 0, " + _NOW + ") ON CONFLICT (id) DO NOTHING"
_READ = "SELECT n, CAST(xmin AS text) FROM writer WHERE id = '{id}' FOR UPDATE"
# A message on the lost connection may still be under way. It must not commit after the caller was told "no". So the
# row gets a number that no transaction has. If the connection of this search is lost too, the next search still finds
# that the transaction was not committed.
_GIVE_UP = "UPDATE writer SET n = {n}, at = " + _NOW + " WHERE id = '{id}'"
_FIRST_EVENT = "SELECT min(id) FROM event WHERE id > {after} AND CAST(xmin AS text) = '{transaction}'"
_TIDY = (
    "DELETE FROM writer WHERE id IN (SELECT id FROM writer"
    f" WHERE at < CAST(extract(epoch FROM clock_timestamp() - interval '{KEPT_RECORDS}') * 1000000 AS BIGINT)"
    " FOR UPDATE SKIP LOCKED)"
)
_REMOVE = "DELETE FROM writer WHERE id = '{id}'"


class CommitOutcome(NamedTuple):
    """The outcome of a transaction whose COMMIT had no response."""

    is_committed: bool
    first_event_id: int | None = None
    """The first event that it has recorded, if it is committed and the caller looks for it; otherwise None."""


class CommitRecord:
    """The record of the commits of one writing connection after another, in a row of the table `writer`.

    Args:
        begin: The statements that begin a writing transaction.
    """

    def __init__(self, begin: Sequence[str]) -> None:
        self._begin = begin
        self._id = secrets.token_hex(16)
        self._number = 0
        """The number of the last transaction that began."""
        self._tried: Any = None
        """The result of trying the lock at the beginning of the last transaction: whether it was free."""

    def begin(self, send: Callable[..., Any], *, notes_waits: bool = False) -> None:
        """Begin a transaction, raise the number, and wait for other writers.

        Args:
            send: Sends a statement with its values, and returns the place for its result: `PipelinedTransaction.send`.
            notes_waits: Whether `had_to_wait` will be read. Finding it takes a third of the time of the statement.
        """
        for statement in self._begin:
            send(statement)
        if not self._number:
            send(_TIDY)
        self._number += 1
        raises = send(_RAISE_AND_TRY if notes_waits else _RAISE, self._id, self._number)
        self._tried = raises if notes_waits else None
        send(_LOCK)

    def begin_checked(self, send: Callable[..., Any]) -> tuple[str, int]:
        """Begin a transaction that is a single message, and wait for other writers.

        Returns:
            The id of the writer, and the number that the message must give its row. The message commits only if the row
            has a lower number. `find_outcome` writes a higher one if the message has not committed, so a message that
            arrives later changes nothing.
        """
        for statement in self._begin:
            send(statement)
        self._number += 1
        self._tried = send(_LOCK_ROW, self._id)
        send(_LOCK)
        return self._id, self._number

    @property
    def had_to_wait(self) -> bool:
        """Whether another writer had the lock when the last transaction began; False if the result has not arrived."""
        return self._tried is not None and self._tried.rows == [(False,)]

    def find_outcome(
        self, connect: Callable[[], Any], errors: type[Exception], events_after: int | None = None
    ) -> CommitOutcome:
        """Find the outcome of the last transaction. If it is not committed, prevent a later commit.

        Args:
            connect: Opens a writing connection.
            errors: The errors of the driver, after which the search begins again.
            events_after: If given, also find the first event that the transaction recorded after this event.

        Raises:
            Exception: The database did not respond in time. This is the last error of the driver or the store.
        """
        clock = SystemClock()
        end = clock.monotonic() + microseconds_in(OUTCOME_SECONDS)
        sought, self._number = self._number, self._number + 1
        while True:
            try:
                with contextlib.closing(connect()) as connection:
                    return self._find(connection.cursor(), sought, events_after)
            except (errors, StoreError):  # a connection that cannot be opened is an error of the store
                if clock.monotonic() >= end:
                    raise
            sleep_for(OUTCOME_PAUSE)

    def _find(self, cursor: Any, sought: int, events_after: int | None) -> CommitOutcome:
        """Return the outcome of the transaction with a number, after its end. Give it up if it is not committed."""
        cursor.execute("; ".join(self._begin), prepare=False)
        cursor.execute(_ENSURE.format(id=self._id), prepare=False)
        cursor.execute(_READ.format(id=self._id), prepare=False)
        number, transaction = cursor.fetchone()
        first_event_id = None
        if number != sought:
            cursor.execute(_GIVE_UP.format(id=self._id, n=sought + 1), prepare=False)
        elif events_after is not None:
            cursor.execute(_FIRST_EVENT.format(after=events_after, transaction=transaction), prepare=False)
            first_event_id = cursor.fetchone()[0]
        cursor.execute("COMMIT")
        return CommitOutcome(number == sought, first_event_id)

    def remove(self, cursor: Any) -> None:
        """Remove the row, because its writer ends. Without a row there is nothing to do."""
        if self._number:
            statements = (*self._begin, "SET LOCAL synchronous_commit = off", _REMOVE.format(id=self._id), "COMMIT")
            cursor.execute("; ".join(statements), prepare=False)
