"""Creates and upgrades the schema, one process at a time; refuses what is no blackboard, and what a newer one wrote."""

from __future__ import annotations

import contextlib
import os
import uuid
import warnings
from typing import Any

from blackboard.errors import StoreError, StoreForeign, StoreNewer
from blackboard.failpoints import reach
from blackboard.packaged_files import migrations_folder
from blackboard.store import dialect as sql_dialect
from blackboard.store.database import Database

__all__ = ["HEAD", "ensure", "state_of"]

HEAD = "0003"
"""The newest migration; a test holds it against the folder."""

KNOWN = ("0001", "0002", "0003")


def ensure(database: Database, now: int, *, create: bool = True) -> bool:
    """Make the schema what this program needs; True if anything was changed.

    Args:
        now: the instant that a new board notes as its creation.
        create: whether an empty database may be made a board; otherwise it is refused.

    Raises:
        StoreForeign: the database holds something else.
        StoreNewer: it was written by a newer program.
        StoreError: it cannot be upgraded.
    """
    _check_version(database)
    if database.exists() and _is_current(database):
        return False
    if not create:
        if not database.exists():
            database.connect(writes=False).close()  # which says that it is not there, or what is left of it
        raise StoreError(f"{database.where} holds no board of this version; run 'blackboard init'")
    connection = database.connect(writes=True)
    try:
        with database.write_lock():  # of two that switch at once, SQLite refuses one without waiting
            try:
                sql_dialect.use_wal(connection, database.dialect)
            except Exception as error:
                raise sql_dialect.translate(error, database.where) from None
    finally:
        connection.close()
    _upgrade(database, now)
    return True


def state_of(database: Database) -> str | None:
    """The migration that the database is at; None for one without a schema.

    Raises:
        StoreForeign: the database holds something else.
    """
    connection = database.connect(writes=False)
    try:
        return _revision(connection, database)
    except (StoreForeign, StoreError):
        raise
    except Exception as error:
        raise sql_dialect.translate(error, database.where) from None
    finally:
        connection.close()


def _is_current(database: Database) -> bool:
    revision = state_of(database)
    if revision is not None and revision not in KNOWN:
        raise StoreNewer(
            f"{database.where} is at schema {revision}, which this version does not know (its newest is {HEAD});"
            " use the newer version of blackboard that wrote it"
        )
    return revision == HEAD


def _revision(connection: Any, database: Database) -> str | None:
    if database.embedded:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        mark = connection.execute("PRAGMA application_id").fetchone()[0]
        if tables and mark != sql_dialect.APPLICATION_ID:
            raise StoreForeign(f"{database.where} is the database of another program; name another file")
        if "alembic_version" not in tables:
            return None
    else:
        found = connection.cursor()
        found.execute("SELECT to_regclass('alembic_version'), to_regclass('board')")
        version, board = found.fetchone()
        if version is None:
            return None
        if board is None:
            raise StoreForeign(f"{database.where} holds the tables of another program; name another database")
    cursor = connection.cursor()
    cursor.execute("SELECT version_num FROM alembic_version")
    row = cursor.fetchone()
    return None if row is None else row[0]


def _upgrade(database: Database, now: int) -> None:
    # Imported here: alembic takes a fifth of a second, and a current database never needs it.
    from alembic.command import upgrade
    from alembic.config import Config
    from sqlalchemy import event

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    with database.write_lock(), database.engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        sql_dialect.prepare(raw, database.dialect, writes=True)

        @event.listens_for(connection, "begin")
        def begin(conn: Any) -> None:
            conn.exec_driver_sql(sql_dialect.begin_write(database.dialect))
            if not database.embedded:
                conn.exec_driver_sql("SELECT pg_advisory_xact_lock(1112296258)")

        try:
            with connection.begin():
                # Another process may have done it while this one waited for its turn.
                if _revision(raw, database) != HEAD:
                    reach("migration.begun")
                    config.attributes["connection"] = connection
                    upgrade(config, "head")
                    _make_views(connection, database)
                    _make_board(connection, database, now)
                    reach("migration.made")
        except Exception as error:
            raise _reworded(error, database) from None
    reach("migration.committed")
    if database.path is not None:
        with contextlib.suppress(OSError):
            os.chmod(database.path, 0o600)


def _make_views(connection: Any, database: Database) -> None:
    from blackboard.store.views import view_definitions

    for name, query in view_definitions(database.dialect).items():
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
        connection.exec_driver_sql(f"CREATE VIEW {name} AS {query}")


def _make_board(connection: Any, database: Database, now: int) -> None:
    from sqlalchemy import select

    from blackboard.store.tables import board

    if connection.execute(select(board.c.id)).first() is None:
        row = {"id": 1, "uid": uuid.uuid4().hex, "created_at": now, "last_recorded_at": now, "version": 0, "paused": 0}
        connection.execute(board.insert().values(**row))
    if database.embedded:
        connection.exec_driver_sql(f"PRAGMA application_id = {sql_dialect.APPLICATION_ID}")


def _reworded(error: Exception, database: Database) -> Exception:
    inner = getattr(error, "orig", None)
    if inner is not None:
        return sql_dialect.translate(inner, database.where)
    return sql_dialect.translate(error, database.where) if isinstance(error, database.dialect.error) else error


def _check_version(database: Database) -> None:
    if database.embedded and not sql_dialect.safe_sqlite():
        version = sql_dialect.SQLITE_VERSION
        warnings.warn(
            f"SQLite {version} can damage a database when two processes checkpoint at once; use 3.51.3 or later",
            RuntimeWarning,
            stacklevel=3,
        )
