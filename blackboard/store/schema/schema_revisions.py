"""The revisions of the schema: one for each migration. A board stores its own."""

from __future__ import annotations

from typing import Any

from blackboard.errors import StoreError, StoreNewer
from blackboard.store.database import Database

KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011")
"""Every migration, oldest first. A test compares them with the folder."""

HEAD = KNOWN[-1]
"""The newest migration."""


def check_revision(revision: str, location: str) -> None:
    """Check that a board has the schema of this version. Every transaction begins with this check.

    Raises:
        StoreNewer: A newer version wrote the board.
        StoreError: The schema is older.
    """
    if revision == HEAD:
        return
    check_known(revision, location)
    raise StoreError(
        f"{location} is at schema {revision}; this version needs {HEAD}; run 'blackboard init' to upgrade it"
    )


def check_known(revision: str, location: str) -> None:
    """Check that this version knows the schema of a board or of a copy.

    Raises:
        StoreNewer: A newer version wrote it.
    """
    if revision not in KNOWN:
        raise StoreNewer(
            f"{location} is at schema {revision}, which this version does not know (its newest is {HEAD});"
            " use the newer version of blackboard that wrote it"
        )


def revision_of(database: Database) -> str | None:
    """Return the migration of the database; None if it has no schema.

    Raises:
        StoreForeign: The database belongs to another program.
    """
    connection = database.connect(writes=False)
    try:
        return revision_on(connection, database)
    except database.dialect.errors.base as error:
        raise database.dialect.errors.translate(error, database.location) from None
    finally:
        connection.close()


def revision_on(connection: Any, database: Database) -> str | None:
    """Return the migration of a database, as a connection sees it; None if it has no schema.

    Raises:
        StoreForeign: The database belongs to another program.
    """
    if not database.dialect.holds_board(connection, database.location):
        return None
    cursor = connection.cursor()
    cursor.execute("SELECT version_num FROM alembic_version")
    row = cursor.fetchone()
    return None if row is None else row[0]
