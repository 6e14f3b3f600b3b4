"""The partitions of the table `event`, by ranges of ids, on a server whose board was initialized with them.

The newest partitions are empty, so that new events always find theirs. Creating one blocks nobody: an empty table is
made beside `event` and attached to it.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from blackboard.errors import StoreError
from blackboard.store.database_server.carried_events import CarriedEvents
from blackboard.store.database_server.partition_tables import TABLE, copy_rights, name_of
from blackboard.store.rows import Id
from blackboard.store.transaction import Transaction
from blackboard.store.transaction_parts.event_partitions import Carry, Partition, Partitioning

if TYPE_CHECKING:
    from blackboard.store.database import Database

FACTOR = 8
"""How much larger each further partition is if one transaction has more events than the partition before it holds."""

WAIT_MILLISECONDS = 20
"""How long a change of partitions waits for other sessions. All writers wait as long, and new readers may."""

_BOUNDS = re.compile(r"FROM \((?:MINVALUE|'(-?\d+)')\) TO \('(-?\d+)'\)")
_LIST = (
    "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid)"
    " FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = CAST('event' AS regclass)"
)


class ServerPartitions(CarriedEvents):
    """The partitions of a board on a server; see `EventPartitions`."""

    def may_change(self) -> bool:
        row = self._sql.cursor.execute(
            "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = CAST('event' AS regclass)"
        ).fetchone()
        return bool(row[0])

    def all(self) -> list[Partition]:
        found = []
        for name, bounds in self._sql.cursor.execute(_LIST).fetchall():
            match = _BOUNDS.search(bounds)
            assert match is not None, bounds
            found.append(Partition(name, None if match[1] is None else int(match[1]), int(match[2])))
        return sorted(found, key=lambda partition: partition.end)

    def state(self) -> Partitioning:
        carry = ", ".join(f"carry_{name}" for name in Carry._fields)
        row = self._sql.cursor.execute(
            f"SELECT events, carried_to, CAST(xmin AS text), {carry} FROM {TABLE}"
        ).fetchone()
        return Partitioning(row[0], row[1], None if row[4] is None else Carry(*row[3:]), row[2])

    def wait_briefly(self) -> None:
        self._sql.cursor.execute(f"SET LOCAL lock_timeout = {WAIT_MILLISECONDS}")

    def deleted_to(self) -> Id:
        partitioning = self.state()
        return partitioning.carried_to if partitioning.carry is None else partitioning.carry.first or 0

    def add(self, room: int, *, at: Id | None = None, up_to: Id | None = None) -> int:
        events = self.state().events
        end, last = self.all()[-1].end, self.last_id() if up_to is None else up_to
        added = 0
        while end <= last + room:
            first, end = end, max(end + events, 0 if at is None else at)
            name = name_of(end)
            self._sql.cursor.execute(f"CREATE TABLE {name} (LIKE event INCLUDING ALL)")
            self._sql.cursor.execute(f"ALTER TABLE event ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({end})")
            added += 1
        return added

    def make_room(self, attempt: int) -> bool:
        """Create a partition for new events; return False if this user may not.

        Args:
            attempt: How often another transaction has found none. Each time, the partition is larger.
        """
        if not self.may_change():
            return False
        events = self.state().events * FACTOR ** (attempt - 1)
        self.add(events, at=self.all()[-1].end + events)
        return True

    def last_id(self) -> Id:
        """Return the id of the last event; 0 without one."""
        return int(self._sql.cursor.execute("SELECT coalesce(max(id), 0) FROM event").fetchone()[0])


def has_partitions(sql: Transaction) -> bool:
    """Return whether the table `event` of a board on a server has partitions."""
    return sql.cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (TABLE,)).fetchone()[0]  # type: ignore[no-any-return]


def create_partitions(sql: Transaction, events: int) -> None:
    """Make `event` a table with partitions, each for so many ids. What it contains becomes the first partition.

    Of a board that has partitions, the new number applies to later partitions.
    """
    if has_partitions(sql):
        sql.cursor.execute(f"UPDATE {TABLE} SET events = %s", (events,))
        return
    cursor = sql.cursor
    cursor.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
    end = max(ServerPartitions(sql).last_id(), events) + 1
    first = name_of(end)
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
    copy_rights(sql, first, "event")
    fields = ", ".join(f"carry_{name} bigint" for name in Carry._fields)
    cursor.execute(f"CREATE TABLE {TABLE} (events bigint NOT NULL, carried_to bigint NOT NULL, {fields})")
    cursor.execute(f"INSERT INTO {TABLE} (events, carried_to) VALUES (%s, 0)", (events,))
    copy_rights(sql, "event", TABLE)
    ServerPartitions(sql).add(events)


def analyze_table(database: Database) -> None:
    """Take the statistics of the whole table, which the server takes only of each partition by itself."""
    failures = (database.dialect.errors.base, StoreError)  # then the plans follow older statistics
    with contextlib.suppress(*failures), contextlib.closing(database.connect(writes=True)) as connection:
        connection.execute("ANALYZE event")
