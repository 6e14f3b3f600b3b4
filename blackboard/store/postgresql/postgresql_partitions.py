"""The partitions of the table `event`, by ranges of ids, for a board on PostgreSQL that was initialized with them.

The newest partitions are empty, so that new events always find theirs. Creating one blocks nobody: an empty table is
made beside `event` and attached to it.

A partition is removed when all its events are old. The events that stay are copied into a table beside `event`, in
small transactions. Then one short transaction exchanges this table for the partition, which is dropped.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from blackboard.errors import StoreError
from blackboard.store.event_partitions import Carry, EventPartitions, Partition, Partitioning
from blackboard.store.row_types.column_types import Id
from blackboard.store.row_types.columns_by_table import COLUMNS
from blackboard.store.statement_file import QUIET, Statement
from blackboard.store.transaction import Transaction

if TYPE_CHECKING:
    from blackboard.store.database import Database

TABLE = "event_partitioning"
"""A table with one row, which exists only on a board with partitions; see `Partitioning`."""

CARRIED = "carried_event"
"""The table into which the events that must stay are copied. It then replaces a partition."""

GROWTH_FACTOR = 8
"""If one transaction has more events than a new partition holds, the next partition is larger by this factor."""

LOCK_WAIT_MILLISECONDS = 20
"""How long a change of partitions waits for other sessions. All writers wait meanwhile, and new readers may have to."""

_COLUMNS = ", ".join(COLUMNS["event"])
_BOUNDS = re.compile(r"FROM \((?:MINVALUE|'(-?\d+)')\) TO \('(-?\d+)'\)")
_LIST = (
    "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid)"
    " FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = CAST('event' AS regclass)"
)
_RIGHTS = (
    "SELECT format('GRANT %s ON {to} TO %s', r.privilege_type,"
    " CASE r.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r.grantee)) END)"
    " FROM pg_class AS c, aclexplode(c.relacl) AS r"
    " WHERE c.oid = CAST('{source}' AS regclass) AND r.grantee <> c.relowner"
)


class PostgresqlPartitions(EventPartitions):
    """The partitions of a board on PostgreSQL; see `EventPartitions`.

    Args:
        transaction: The transaction.
    """

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def may_change(self) -> bool:
        row = self._transaction.cursor.execute(
            "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = CAST('event' AS regclass)"
        ).fetchone()
        return bool(row[0])

    def all(self) -> list[Partition]:
        found = []
        for name, bounds in self._transaction.cursor.execute(_LIST).fetchall():
            match = _BOUNDS.search(bounds)
            assert match is not None, bounds
            found.append(Partition(name, None if match[1] is None else int(match[1]), int(match[2])))
        return sorted(found, key=lambda partition: partition.end)

    def state(self) -> Partitioning:
        carry = ", ".join(f"carry_{name}" for name in Carry._fields)
        row = self._transaction.cursor.execute(
            f"SELECT events, carried_to, CAST(xmin AS text), {carry} FROM {TABLE}"
        ).fetchone()
        return Partitioning(row[0], row[1], None if row[4] is None else Carry(*row[3:]), row[2])

    def wait_briefly(self) -> None:
        self._transaction.cursor.execute(f"SET LOCAL lock_timeout = {LOCK_WAIT_MILLISECONDS}")

    def deleted_to(self) -> Id:
        partitioning = self.state()
        return partitioning.carried_to if partitioning.carry is None else partitioning.carry.first or 0

    def add(self, room: int, *, at: Id | None = None, up_to: Id | None = None) -> int:
        events = self.state().events
        end, last = self.all()[-1].end, self.last_id() if up_to is None else up_to
        added = 0
        while end <= last + room:
            first, end = end, max(end + events, 0 if at is None else at)
            name = _partition_name(end)
            self._transaction.cursor.execute(f"CREATE TABLE {name} (LIKE event INCLUDING ALL)")
            self._transaction.cursor.execute(
                f"ALTER TABLE event ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({end})"
            )
            added += 1
        return added

    def make_room(self, attempt: int) -> bool:
        """Create a partition for new events; return False if this user may not.

        Args:
            attempt: How often another transaction has found none. Each time, the partition is larger.
        """
        if not self.may_change():
            return False
        events = self.state().events * GROWTH_FACTOR ** (attempt - 1)
        self.add(events, at=self.all()[-1].end + events)
        return True

    def last_id(self) -> Id:
        """Return the id of the last event; 0 without one."""
        return int(self._transaction.cursor.execute("SELECT coalesce(max(id), 0) FROM event").fetchone()[0])

    # -- events that stay --------------------------------------------------------------------------------------------

    def begin_copy(self, carry: Carry) -> None:
        lower = "" if carry.first is None else f"id >= {carry.first} AND "
        self._transaction.cursor.execute(f"DROP TABLE IF EXISTS {CARRIED}")
        check = f"CONSTRAINT carried_range CHECK ({lower}id < {carry.end})"
        self._transaction.cursor.execute(f"CREATE TABLE {CARRIED} (LIKE event INCLUDING ALL, {check})")
        # With the same rights, every program that may forget a subject can also erase it in the copy.
        _copy_rights(self._transaction, "event", CARRIED)
        self.save_copy(carry)

    def save_copy(self, carry: Carry) -> None:
        values = ", ".join(f"carry_{name} = %s" for name in Carry._fields)
        self._transaction.cursor.execute(f"UPDATE {TABLE} SET {values}", carry)

    def copy_events(self, statement: Statement[Any], **values: Any) -> int:
        return self._transaction.run_and_count(_copy_statement(statement, self._transaction.dialect.name), **values)

    def _is_copying(self) -> bool:
        """Return whether events that stay are being copied."""
        return _has_table(self._transaction, CARRIED)

    def erase_copied(self, subject: str, new_name: str) -> None:
        if self._is_copying():
            self._transaction.cursor.execute(
                f"UPDATE {CARRIED} SET subject = %s, payload = NULL, traceparent = NULL WHERE subject = %s",
                (new_name, subject),
            )

    def exchange(self, carry: Carry) -> None:
        cursor = self._transaction.cursor
        self.wait_briefly()
        cursor.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
        for partition in self.all():
            if partition.end <= carry.end and (carry.first is None or (partition.first or 0) >= carry.first):
                cursor.execute(f"ALTER TABLE event DETACH PARTITION {partition.name}")
                cursor.execute(f"DROP TABLE {partition.name}")
        lower = "MINVALUE" if carry.first is None else carry.first
        cursor.execute(f"ALTER TABLE event ATTACH PARTITION {CARRIED} FOR VALUES FROM ({lower}) TO ({carry.end})")
        cursor.execute(f"ALTER TABLE {CARRIED} DROP CONSTRAINT carried_range")
        cursor.execute(f"ALTER TABLE {CARRIED} RENAME TO {_partition_name(carry.end)}")
        self.end_copy(carry.end)

    def abandon_copy(self) -> None:
        if self._is_copying():
            self._transaction.cursor.execute(f"DROP TABLE {CARRIED}")
            self.end_copy(self.state().carried_to)

    def end_copy(self, carried_to: Id) -> None:
        nothing = ", ".join(f"carry_{name} = NULL" for name in Carry._fields)
        self._transaction.cursor.execute(f"UPDATE {TABLE} SET carried_to = %s, {nothing}", (carried_to,))


def has_partitions(transaction: Transaction) -> bool:
    """Return whether the table `event` of a board on PostgreSQL has partitions."""
    return _has_table(transaction, TABLE)


def _has_table(transaction: Transaction, name: str) -> bool:
    return bool(transaction.cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (name,)).fetchone()[0])


def create_partitions(transaction: Transaction, events: int) -> None:
    """Make `event` a table with partitions, each for a number of ids; see `BoardUpkeep.partition_history`."""
    if has_partitions(transaction):
        transaction.cursor.execute(f"UPDATE {TABLE} SET events = %s", (events,))
        return
    cursor = transaction.cursor
    cursor.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
    end = max(PostgresqlPartitions(transaction).last_id(), events) + 1
    first = _partition_name(end)
    indexes = cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'event' AND schemaname = current_schema()"
    ).fetchall()
    cursor.execute(f"ALTER TABLE event RENAME TO {first}")
    for name, _ in indexes:
        cursor.execute(f"ALTER INDEX {name} RENAME TO {name.replace('event', first, 1)}")
    cursor.execute(f"CREATE TABLE event (LIKE {first} INCLUDING DEFAULTS) PARTITION BY RANGE (id)")
    cursor.execute("ALTER TABLE event ADD CONSTRAINT event_pkey PRIMARY KEY (id)")
    for name, definition in indexes:
        if name != "event_pkey":
            cursor.execute(definition)
    cursor.execute(f"ALTER TABLE event ATTACH PARTITION {first} FOR VALUES FROM (MINVALUE) TO ({end})")
    _copy_rights(transaction, first, "event")
    fields = ", ".join(f"carry_{name} bigint" for name in Carry._fields)
    cursor.execute(f"CREATE TABLE {TABLE} (events bigint NOT NULL, carried_to bigint NOT NULL, {fields})")
    cursor.execute(f"INSERT INTO {TABLE} (events, carried_to) VALUES (%s, 0)", (events,))
    _copy_rights(transaction, "event", TABLE)
    PostgresqlPartitions(transaction).add(events)


def analyze_table(database: Database) -> None:
    """Take the statistics of the whole table. PostgreSQL itself takes only those of each partition."""
    failures = (database.dialect.errors.base, StoreError)  # after a failure, the plans follow older statistics
    with contextlib.suppress(*failures), contextlib.closing(database.connect(writes=True)) as connection:
        connection.execute("ANALYZE event")


def is_seen_by_all(database: Database, version: str) -> bool:
    """Return whether every transaction of the database sees the row `version` and all that was copied before it.

    When a table replaces a partition, all transactions see the table immediately. But they see only the rows that were
    committed before they began. VACUUM knows the transactions of all sessions, and on a standby it ends those that are
    older.

    Raises:
        StoreError: The database server cannot be used.
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
            raise database.dialect.errors.translate(error, database.location) from None
    return bool(row[0]) and row[1] == version


@cache
def _copy_statement(statement: Statement[Any], dialect: str) -> Statement[Any]:
    """Return the statement that copies the events that a query selects."""
    text = f"INSERT INTO {CARRIED} ({_COLUMNS}) {statement.text(dialect)} ON CONFLICT (id) DO NOTHING"
    return replace(statement, texts=dict.fromkeys(statement.texts, text), options=frozenset(), known_effect=QUIET)


def _partition_name(end: Id) -> str:
    """Return the name of the partition that ends before an id."""
    return f"event_to_{end - 1}"


def _copy_rights(transaction: Transaction, source: str, to: str) -> None:
    """Give the users of a table the same rights to another."""
    for (grant,) in transaction.cursor.execute(_RIGHTS.format(source=source, to=to)).fetchall():
        transaction.cursor.execute(grant)
