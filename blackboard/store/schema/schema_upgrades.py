"""The creation and the upgrades of the schema. One process at a time changes it."""

from __future__ import annotations

import os
import threading
import uuid
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blackboard.clock import Instant
from blackboard.errors import StoreError
from blackboard.store.database import Database
from blackboard.store.row_types.board_row_types import WorkerRow
from blackboard.store.schema.schema_revisions import HEAD, KNOWN, check_revision, revision_of, revision_on
from blackboard.store.schema.schema_views import rewrite_views
from blackboard.system.failpoints import failpoint
from blackboard.system.files.packaged_files import migrations_folder

if TYPE_CHECKING:
    from sqlalchemy import Connection

alembic_lock = threading.Lock()
"""The lock that is held while Alembic runs, because a process has only one Alembic context for all databases."""


@dataclass(frozen=True)
class SchemaChange:
    """A schema that was created or upgraded."""

    before: str | None
    """The migration before; None if there was no board."""
    after: str
    backup: Path | None
    """A copy of the board as it was before an upgrade; None for a new board, and on PostgreSQL."""


def create_or_upgrade(
    database: Database, now: Callable[[], Instant], *, create: bool = True, upgrade: bool | None = None
) -> SchemaChange | None:
    """Create or upgrade the schema, if this is allowed; return the change, or None.

    A copy of the board is made before an upgrade. If `upgrade` is None, `create` also decides about an upgrade.

    Raises:
        StoreForeign: The database belongs to another program.
        StoreMissing: There is no board, and none may be created.
        StoreNewer: A newer version wrote the database.
        StoreError: The schema cannot be upgraded, or is older and must stay. A worker that is alive prevents an
            upgrade.
    """
    _check_version(database)
    database.place.check_names()
    revision = revision_of(database) if database.place.exists() else None
    if revision == HEAD:
        return None
    if revision is not None and not (revision in KNOWN and (create if upgrade is None else upgrade)):
        check_revision(revision, database.location)
    if revision is None and not create:
        database.place.refuse_missing()
    database.separate_readers()
    return _upgrade(database, now())


def _renew_lock() -> None:
    """In a forked child, replace a lock that a thread of the parent held, because that thread does not exist there."""
    global alembic_lock
    alembic_lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


def _upgrade(database: Database, now: Instant) -> SchemaChange | None:
    with database.write_lock(), alembic_lock:
        change = migrate(database, now)
    failpoint("migration.committed")
    if change is not None and change.before is None:
        database.place.apply_mode_to_new()
    return change


def migrate(database: Database, now: Instant) -> SchemaChange | None:
    """Create or upgrade the schema in one transaction. Other processes wait until it ends."""
    from sqlalchemy import event

    with database.engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        database.dialect.prepare(raw, writes=True)

        @event.listens_for(connection, "begin")
        def begin(conn: Any) -> None:
            for statement in database.dialect.begin_write:
                conn.exec_driver_sql(statement)
            if lock := database.dialect.lock_schema:
                conn.exec_driver_sql(lock)

        try:
            with connection.begin():
                return _migrate_locked(connection, database, now)
        except Exception as error:
            raise _translate(error, database) from None


def _migrate_locked(connection: Any, database: Database, now: Instant) -> SchemaChange | None:
    """Create or upgrade the schema while no other process can."""
    raw: Any = connection.connection.dbapi_connection
    # Another process may have upgraded the schema while this process waited for the lock.
    revision, copy = revision_on(raw, database), None
    if revision == HEAD:
        return None
    if revision is not None:
        _check_unserved(database, raw, revision, now)
        copy = database.upkeep.keep_before_upgrade(now)
    failpoint("migration.begun")
    database.dialect.take_time(raw.cursor())  # the steps of a migration are far apart on a busy machine
    transaction = database.transaction_of(raw)
    if (partitions := transaction.partitions) is not None:
        partitions.abandon_copy()
    run_migrations(connection)
    _create_board(connection, database, now)
    rewrite_views(transaction)
    transaction.flush()
    failpoint("migration.made")
    return SchemaChange(revision, HEAD, copy)


def run_migrations(connection: Connection) -> None:
    """Run the migrations that a database lacks, in the transaction of a connection."""
    # Imported here: alembic takes a fifth of a second, and a board of the newest schema never needs it.
    from alembic.command import upgrade
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    upgrade(config, "head")


def _check_unserved(database: Database, connection: Any, revision: str, now: Instant) -> None:
    """Check that no worker is alive, because it would continue with a schema that it does not know.

    Raises:
        StoreError: A worker is alive.
    """
    cursor = connection.cursor()
    cursor.execute("SELECT * FROM worker")
    columns = [column[0] for column in cursor.description]
    missing = dict.fromkeys(WorkerRow._fields)  # an old schema has fewer columns
    workers = [WorkerRow(**{**missing, **dict(zip(columns, row, strict=True))}) for row in cursor.fetchall()]
    dead = database.processes.dead_among(workers, now, database.transaction_of(connection)) if workers else set()
    if running := sorted(row.id for row in workers if row.id not in dead):
        raise StoreError(
            f"{database.location} is at schema {revision}, and worker {running[0]} runs on it; stop every worker, then"
            f" run 'blackboard init', which upgrades the board to schema {HEAD}"
        )


def _create_board(connection: Any, database: Database, now: Instant) -> None:
    from sqlalchemy import select

    from blackboard.store.schema.tables import board

    if connection.execute(select(board.c.id)).first() is None:
        row = {"id": 1, "uid": uuid.uuid4().hex, "created_at": now, "last_recorded_at": now, "version": 0, "paused": 0}
        connection.execute(board.insert().values(**row))
    if mark := database.dialect.mark_as_board:
        connection.exec_driver_sql(mark)


def _translate(error: Exception, database: Database) -> Exception:
    cause = getattr(error, "orig", None) or error  # SQLAlchemy wraps the driver's error
    errors = database.dialect.errors
    return errors.translate(cause, database.location) if isinstance(cause, errors.base) else error


def _check_version(database: Database) -> None:
    if problem := database.dialect.library_problem():
        warnings.warn(problem, RuntimeWarning, stacklevel=3)
