"""The partitions of the table `event`, by ranges of ids, on a server whose board was initialized with them.

The newest partitions are empty, so that new events always find theirs. Creating one blocks nobody: an empty table is
made beside `event` and attached to it.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, NamedTuple

from blackboard.clock import Instant
from blackboard.errors import StoreError
from blackboard.store.rows import Id
from blackboard.store.transaction import Transaction

if TYPE_CHECKING:
    from blackboard.store.database import Database

TABLE = "event_partitioning"
"""A table with one row, which exists only on a board with partitions; see `Partitioning`."""
FACTOR = 8
"""How much larger each further partition is if one transaction has more events than the one before it holds."""

WAIT_MILLISECONDS = 20
"""How long a change of partitions waits for other sessions. All writers wait as long, and new readers may."""

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


class Partition(NamedTuple):
    """A partition: its table, its first id (None: there is no lower bound), and the id behind its last one."""

    name: str
    first: Id | None
    end: Id


class Carry(NamedTuple):
    """The state of the copy of the events that stay of some partitions, which are removed at its end."""

    first: Id | None
    """The first id of the partitions; None if there is no lower bound."""
    end: Id
    """The id behind their last one."""
    reached: Id
    """The id below which all events were considered."""
    began_at: Instant
    deployment: int
    """The version of the deployment that was active then."""
    crossing_id: Id
    """The newest crossing that was considered; 0 without one."""
    activation_id: Id
    """The newest activation that was considered; 0 without one."""


class Partitioning(NamedTuple):
    """The row of the table `event_partitioning`."""

    events: int
    """The number of ids of a new partition."""
    carried_to: Id
    """The id below which no partition is removed as a whole any more. Old events there are deleted one by one."""
    carry: Carry | None
    """The copy that is under way; None if there is none."""
    version: str
    """A text that changes with the row."""


def has_partitions(sql: Transaction) -> bool:
    """Return whether the table `event` of a board on a server has partitions."""
    return sql.cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (TABLE,)).fetchone()[0]  # type: ignore[no-any-return]


def may_change(sql: Transaction) -> bool:
    """Return whether this user may create and remove partitions: the owner of the table may."""
    row = sql.cursor.execute(
        "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = CAST('event' AS regclass)"
    ).fetchone()
    return bool(row[0])


def partitions_of(sql: Transaction) -> list[Partition]:
    """Return all partitions in the order of their ids."""
    found = []
    for name, bounds in sql.cursor.execute(_LIST).fetchall():
        match = _BOUNDS.search(bounds)
        assert match is not None, bounds
        found.append(Partition(name, None if match[1] is None else int(match[1]), int(match[2])))
    return sorted(found, key=lambda partition: partition.end)


def read_partitioning(sql: Transaction) -> Partitioning:
    """Return the settings of the partitions, and the state of a copy that is under way."""
    carry = ", ".join(f"carry_{name}" for name in Carry._fields)
    row = sql.cursor.execute(f"SELECT events, carried_to, CAST(xmin AS text), {carry} FROM {TABLE}").fetchone()
    return Partitioning(row[0], row[1], None if row[4] is None else Carry(*row[3:]), row[2])


def wait_briefly(sql: Transaction) -> None:
    """Let the statements that follow in the transaction fail if they have to wait for other sessions for long."""
    sql.cursor.execute(f"SET LOCAL lock_timeout = {WAIT_MILLISECONDS}")


def deleted_to(sql: Transaction) -> Id:
    """Return the id below which old events are deleted one by one. What is copied stays until the copy is in place."""
    partitioning = read_partitioning(sql)
    return partitioning.carried_to if partitioning.carry is None else partitioning.carry.first or 0


def create_partitions(sql: Transaction, events: int) -> None:
    """Make `event` a table with partitions, each for so many ids. What it contains becomes the first partition.

    Of a board that has partitions, the new number applies to later ones.
    """
    if has_partitions(sql):
        sql.cursor.execute(f"UPDATE {TABLE} SET events = %s", (events,))
        return
    cursor = sql.cursor
    cursor.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
    end = max(_last_id(sql), events) + 1
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
    add_partitions(sql, events)


def add_partitions(sql: Transaction, room: int, *, at: Id | None = None, up_to: Id | None = None) -> int:
    """Create partitions until at least `room` ids above those in use have one, and return how many were created.

    The transaction must have the lock of writers.

    Args:
        sql: The transaction.
        room: The number of ids.
        at: An id below which no event will be written; one partition is enough for all up to it.
        up_to: The last id in use; by default that of the last event.
    """
    events = read_partitioning(sql).events
    end, last = partitions_of(sql)[-1].end, _last_id(sql) if up_to is None else up_to
    added = 0
    while end <= last + room:
        first, end = end, max(end + events, 0 if at is None else at)
        name = name_of(end)
        sql.cursor.execute(f"CREATE TABLE {name} (LIKE event INCLUDING ALL)")
        sql.cursor.execute(f"ALTER TABLE event ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({end})")
        added += 1
    return added


def make_room(sql: Transaction, attempt: int) -> bool:
    """Create a partition for new events; return False if this user may not.

    Args:
        sql: A transaction with the lock of writers.
        attempt: How often another transaction has found none. Each time, the partition is larger.
    """
    if not may_change(sql):
        return False
    events = read_partitioning(sql).events * FACTOR ** (attempt - 1)
    add_partitions(sql, events, at=partitions_of(sql)[-1].end + events)
    return True


def analyze(database: Database) -> None:
    """Take the statistics of the whole table, which the server takes only of each partition by itself."""
    failures = (database.dialect.error, StoreError)  # then the plans follow older statistics
    with contextlib.suppress(*failures), contextlib.closing(database.connect(writes=True)) as connection:
        connection.execute("ANALYZE event")


def name_of(end: Id) -> str:
    """Return the name of the partition that ends before an id."""
    return f"event_to_{end - 1}"


def _last_id(sql: Transaction) -> Id:
    return int(sql.cursor.execute("SELECT coalesce(max(id), 0) FROM event").fetchone()[0])


def copy_rights(sql: Transaction, source: str, to: str) -> None:
    """Give the users of a table the same rights to another."""
    for (grant,) in sql.cursor.execute(_RIGHTS.format(source=source, to=to)).fetchall():
        sql.cursor.execute(grant)
