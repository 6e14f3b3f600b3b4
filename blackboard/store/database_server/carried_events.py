"""The events that stay when a partition is removed: they are copied into a table that takes its place.

The table is beside `event` while it is filled in small transactions. Then one short transaction exchanges it for the
partition, which is dropped.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from blackboard.store.database_server.event_partitions import (
    TABLE,
    Carry,
    copy_rights,
    has_partitions,
    name_of,
    partitions_of,
    read_partitioning,
    wait_briefly,
)
from blackboard.store.rows import COLUMNS, Id
from blackboard.store.statement_file import Statement
from blackboard.store.transaction import Transaction

if TYPE_CHECKING:
    from blackboard.store.database import Database

CARRIED = "carried_event"
"""The table into which the events that must stay are copied. It then replaces a partition."""

_COLUMNS = ", ".join(COLUMNS["event"])


def begin_carry(sql: Transaction, carry: Carry) -> None:
    """Create the table for the events that stay."""
    lower = "" if carry.first is None else f"id >= {carry.first} AND "
    sql.cursor.execute(f"DROP TABLE IF EXISTS {CARRIED}")
    sql.cursor.execute(
        f"CREATE TABLE {CARRIED} (LIKE event INCLUDING ALL, CONSTRAINT carried_range CHECK ({lower}id < {carry.end}))"
    )
    copy_rights(sql, "event", CARRIED)  # so that every program that may forget a subject can erase it there
    save_carry(sql, carry)


def save_carry(sql: Transaction, carry: Carry) -> None:
    """Write the state of the copy."""
    values = ", ".join(f"carry_{name} = %s" for name in Carry._fields)
    sql.cursor.execute(f"UPDATE {TABLE} SET {values}", carry)


def copy_events(sql: Transaction, statement: Statement[Any], **values: Any) -> int:
    """Copy the events that a statement selects, except those that were copied before, and return their number."""
    text, names = statement.compiled(sql.dialect)
    answer = sql.send(
        f"INSERT INTO {CARRIED} ({_COLUMNS}) {text} ON CONFLICT (id) DO NOTHING", *(values[name] for name in names)
    )
    sql.flush()
    return int(answer.changed)


def is_carrying(sql: Transaction) -> bool:
    """Return whether events that stay are being copied."""
    return sql.cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (CARRIED,)).fetchone()[0]  # type: ignore[no-any-return]


def erase_carried(sql: Transaction, subject: str, new_name: str) -> None:
    """Erase a subject in the copied events, as in the events themselves."""
    if has_partitions(sql) and is_carrying(sql):
        sql.cursor.execute(
            f"UPDATE {CARRIED} SET subject = %s, payload = NULL, traceparent = NULL WHERE subject = %s",
            (new_name, subject),
        )


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
            connection.execute("SET synchronous_commit = on")  # VACUUM takes no commit for certain that is not on disk
            connection.execute(f"VACUUM (ANALYZE) {CARRIED}")
            connection.execute(f"VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) {TABLE}")
            row = connection.execute(
                "SELECT relpages > 0 AND relallvisible >= relpages,"
                f" (SELECT CAST(xmin AS text) FROM {TABLE}) FROM pg_class WHERE oid = CAST('{TABLE}' AS regclass)"
            ).fetchone()
        except database.dialect.error as error:
            raise database.dialect.translate(error, database.where) from None
    return bool(row[0]) and row[1] == version


def swap(sql: Transaction, carry: Carry) -> None:
    """Let the table with the copied events take the place of its partitions, which are dropped.

    Raises:
        the driver's error: A reader held the table for too long.
    """
    cursor = sql.cursor
    wait_briefly(sql)
    cursor.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
    for partition in partitions_of(sql):
        if partition.end <= carry.end and (carry.first is None or (partition.first or 0) >= carry.first):
            cursor.execute(f"ALTER TABLE event DETACH PARTITION {partition.name}")
            cursor.execute(f"DROP TABLE {partition.name}")
    lower = "MINVALUE" if carry.first is None else carry.first
    cursor.execute(f"ALTER TABLE event ATTACH PARTITION {CARRIED} FOR VALUES FROM ({lower}) TO ({carry.end})")
    cursor.execute(f"ALTER TABLE {CARRIED} DROP CONSTRAINT carried_range")
    cursor.execute(f"ALTER TABLE {CARRIED} RENAME TO {name_of(carry.end)}")
    end_carry(sql, carry.end)


def abandon_carry(sql: Transaction) -> None:
    """Drop the copied events, which begin anew, because a change of the schema does not reach them."""
    if has_partitions(sql) and is_carrying(sql):
        sql.cursor.execute(f"DROP TABLE {CARRIED}")
        end_carry(sql, read_partitioning(sql).carried_to)


def end_carry(sql: Transaction, carried_to: Id) -> None:
    """Record that no partition below an id is removed as a whole any more, and that nothing is being copied."""
    nothing = ", ".join(f"carry_{name} = NULL" for name in Carry._fields)
    sql.cursor.execute(f"UPDATE {TABLE} SET carried_to = %s, {nothing}", (carried_to,))
