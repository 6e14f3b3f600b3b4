"""The events that stay when a partition is removed: they are copied into a table that takes its place.

The table is beside `event` while it is filled in small transactions. Then one short transaction exchanges it for the
partition, which is dropped.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from blackboard.store.postgresql.partition_tables import TABLE, copy_rights, name_of
from blackboard.store.rows import COLUMNS, Id
from blackboard.store.statement_file import Statement
from blackboard.store.transaction import Transaction
from blackboard.store.transaction_parts.event_partitions import Carry, EventPartitions

if TYPE_CHECKING:
    from blackboard.store.database import Database

CARRIED = "carried_event"
"""The table into which the events that must stay are copied. It then replaces a partition."""

_COLUMNS = ", ".join(COLUMNS["event"])


class CarriedEvents(EventPartitions):
    """The part of the partitions of a server that copies events; see `EventPartitions`.

    Args:
        sql: The transaction.
    """

    def __init__(self, sql: Transaction) -> None:
        self._sql = sql

    def begin_copy(self, carry: Carry) -> None:
        lower = "" if carry.first is None else f"id >= {carry.first} AND "
        self._sql.cursor.execute(f"DROP TABLE IF EXISTS {CARRIED}")
        check = f"CONSTRAINT carried_range CHECK ({lower}id < {carry.end})"
        self._sql.cursor.execute(f"CREATE TABLE {CARRIED} (LIKE event INCLUDING ALL, {check})")
        copy_rights(self._sql, "event", CARRIED)  # so that every program that may forget a subject can erase it there
        self.save_copy(carry)

    def save_copy(self, carry: Carry) -> None:
        values = ", ".join(f"carry_{name} = %s" for name in Carry._fields)
        self._sql.cursor.execute(f"UPDATE {TABLE} SET {values}", carry)

    def copy_events(self, statement: Statement[Any], **values: Any) -> int:
        return self._sql.changed(_copying(statement, self._sql.dialect.name), **values)

    def _is_copying(self) -> bool:
        """Return whether events that stay are being copied."""
        return self._sql.cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (CARRIED,)).fetchone()[0]  # type: ignore[no-any-return]

    def erase_copied(self, subject: str, new_name: str) -> None:
        if self._is_copying():
            self._sql.cursor.execute(
                f"UPDATE {CARRIED} SET subject = %s, payload = NULL, traceparent = NULL WHERE subject = %s",
                (new_name, subject),
            )

    def exchange(self, carry: Carry) -> None:
        cursor = self._sql.cursor
        self.wait_briefly()
        cursor.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
        for partition in self.all():
            if partition.end <= carry.end and (carry.first is None or (partition.first or 0) >= carry.first):
                cursor.execute(f"ALTER TABLE event DETACH PARTITION {partition.name}")
                cursor.execute(f"DROP TABLE {partition.name}")
        lower = "MINVALUE" if carry.first is None else carry.first
        cursor.execute(f"ALTER TABLE event ATTACH PARTITION {CARRIED} FOR VALUES FROM ({lower}) TO ({carry.end})")
        cursor.execute(f"ALTER TABLE {CARRIED} DROP CONSTRAINT carried_range")
        cursor.execute(f"ALTER TABLE {CARRIED} RENAME TO {name_of(carry.end)}")
        self.end_copy(carry.end)

    def abandon_copy(self) -> None:
        if self._is_copying():
            self._sql.cursor.execute(f"DROP TABLE {CARRIED}")
            self.end_copy(self.state().carried_to)

    def end_copy(self, carried_to: Id) -> None:
        nothing = ", ".join(f"carry_{name} = NULL" for name in Carry._fields)
        self._sql.cursor.execute(f"UPDATE {TABLE} SET carried_to = %s, {nothing}", (carried_to,))


@cache
def _copying(statement: Statement[Any], dialect: str) -> Statement[Any]:
    """Return the statement that copies the events that a query selects."""
    text = f"INSERT INTO {CARRIED} ({_COLUMNS}) {statement.text(dialect)} ON CONFLICT (id) DO NOTHING"
    return replace(statement, texts=dict.fromkeys(statement.texts, text), options=frozenset(), word="quiet")


def is_seen_by_all(database: Database, version: str) -> bool:
    """Return whether every transaction of the database sees the row `version` and all that was copied before it.

    When a table replaces a partition, all transactions see the table at once. But they see only the rows that were
    committed before they began. VACUUM knows the transactions of all sessions, and on a standby it ends those that
    are older.

    Raises:
        StoreError: The server cannot be used.
    """
    with contextlib.closing(database.connect(writes=True)) as connection:
        try:
            connection.execute("SET synchronous_commit = on")  # VACUUM counts only commits that are on the disk
            connection.execute(f"VACUUM (ANALYZE) {CARRIED}")
            connection.execute(f"VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) {TABLE}")
            row = connection.execute(
                "SELECT relpages > 0 AND relallvisible >= relpages,"
                f" (SELECT CAST(xmin AS text) FROM {TABLE}) FROM pg_class WHERE oid = CAST('{TABLE}' AS regclass)"
            ).fetchone()
        except database.dialect.errors.base as error:
            raise database.dialect.errors.translate(error, database.where) from None
    return bool(row[0]) and row[1] == version
