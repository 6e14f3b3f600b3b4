"""Backups of boards on PostgreSQL by its own programs: `pg_dump` copies, `pg_restore` checks and restores.

A backup is one snapshot of the board. A restoration happens completely or not at all.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from blackboard.errors import StoreError, StoreForeign, StoreMissing
from blackboard.store.database_interfaces.upkeep_interface import Copy
from blackboard.store.postgresql.postgresql_database import PostgresqlDatabase
from blackboard.store.schema.schema_revisions import check_known, revision_of
from blackboard.system.files.partial_files import partial_file, put_in_place

DUMP, RESTORE = "pg_dump", "pg_restore"

_COUNTS = (
    "SELECT (SELECT count(*) FROM mark), (SELECT count(*) FROM event),"
    " greatest((SELECT coalesce(max(recorded_at), 0) FROM event), (SELECT last_recorded_at FROM board))"
)


def back_up_postgresql(database: PostgresqlDatabase, to: Path) -> Copy:
    """Copy a board on PostgreSQL, which may be in use, to a new file in the archive format of `pg_dump`, and check it.

    Raises:
        StoreError: The file exists or cannot be written, a program is missing, or the copy is damaged.
    """
    to = to.absolute()
    if to.exists():
        raise StoreError(f"{to} already exists; choose another name")
    _check_board(database)
    with database.read() as transaction, partial_file(to) as part:
        cursor = transaction.cursor
        cursor.execute("SELECT set_config('idle_in_transaction_session_timeout', '0', true), pg_export_snapshot()")
        snapshot = cursor.fetchone()[1]
        cursor.execute(_COUNTS)
        marks, events, last = cursor.fetchone()
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={part}"]
        _run(database, DUMP, [*options, "--exclude-table-data=writer"])
        _check_archive(part)
        copy = Copy(part, part.stat().st_size, marks, events, last)
        put_in_place(part, to)
    return replace(copy, path=to)


def restore_postgresql(archive: Path, database: PostgresqlDatabase) -> Copy:
    """Restore a board into an empty database on PostgreSQL.

    Raises:
        StoreMissing: There is no such file.
        StoreForeign: The file is not a backup of a board on PostgreSQL.
        StoreError: The database is not empty, a program is missing, or the restoration failed.
    """
    if not archive.is_file():
        raise StoreMissing(f"there is no file {archive}")
    if "board" not in _check_archive(archive):
        raise StoreForeign(f"{archive} is not a backup of a blackboard on PostgreSQL")
    with database.read() as transaction:
        transaction.cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()")
        if transaction.cursor.fetchone()[0]:
            raise StoreError(f"{database.location} is not empty; create a new database, and restore into that")
    options = [
        "--no-owner",
        "--no-privileges",
        "--exit-on-error",
        "--single-transaction",
        f"--dbname={_target(database)}",
    ]
    _run(database, RESTORE, [*options, str(archive)])
    _check_board(database)
    with database.read() as transaction:
        transaction.cursor.execute(_COUNTS)
        return Copy(archive, archive.stat().st_size, *transaction.cursor.fetchone())


def _check_board(database: PostgresqlDatabase) -> None:
    version = revision_of(database)
    if version is None:
        database.place.refuse_missing()
    check_known(version, database.location)


def _check_archive(archive: Path) -> set[str]:
    """Read a whole archive, and return the names of the tables in it.

    Raises:
        StoreForeign: The file is not an archive of this kind.
    """
    program = _program(RESTORE)
    try:
        listed = subprocess.run([program, "--list", archive], check=True, capture_output=True, text=True)
        subprocess.run([program, f"--file={os.devnull}", archive], check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        raise StoreForeign(f"{archive} is not an archive that {RESTORE} can read: {_last_line(error.stderr)}") from None
    lines = [line.split() for line in listed.stdout.splitlines() if not line.startswith(";")]
    return {words[5] for words in lines if words[3:4] == ["TABLE"] and len(words) > 5}


def _run(database: PostgresqlDatabase, name: str, arguments: Sequence[str]) -> None:
    """Run a program on a database. The password is in its environment, where other users cannot read it.

    Raises:
        StoreError: The program is missing, or it failed.
    """
    options = [f"--dbname={_target(database)}"] if name == DUMP else []
    environment = {**os.environ, "PGCONNECT_TIMEOUT": "10"}
    with contextlib.suppress(KeyError):
        environment["PGPASSWORD"] = str(database.connect_options()["password"])
    try:
        subprocess.run(
            [_program(name), "--no-password", *options, *arguments], check=True, capture_output=True, env=environment
        )
    except subprocess.CalledProcessError as error:
        raise StoreError(f"{name} failed on {database.location}: {_last_line(error.stderr)}") from None


def _target(database: PostgresqlDatabase) -> str:
    """Return the database as the database server's programs take it, without its password."""
    options: dict[str, Any] = {key: value for key, value in database.connect_options().items() if key != "password"}
    return " ".join(f"{key}='{_quoted(str(value))}'" for key, value in options.items())


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _program(name: str) -> str:
    if (path := shutil.which(name)) is None:
        raise StoreError(f"{name} is not installed; it comes with the client programs of PostgreSQL")
    return path


def _last_line(text: str | bytes) -> str:
    lines = (text.decode(errors="replace") if isinstance(text, bytes) else text).strip().splitlines()
    return lines[-1] if lines else "it said nothing"
