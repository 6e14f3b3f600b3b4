"""Backups: copies of an SQLite board in use, and their restoration. Each happens completely or not at all.

SQLite's online backup copies one snapshot in steps. Depositors can continue, but the write-ahead log cannot be emptied
until the copy is finished. The copy is opened and checked before it gets its name.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

from blackboard.clock import Instant, to_datetime
from blackboard.errors import StoreError, StoreForeign, StoreMissing
from blackboard.store.database_interfaces.upkeep_interface import Copy
from blackboard.store.dialects.sqlite_dialect import APPLICATION_ID
from blackboard.store.dialects.sqlite_library import sqlite
from blackboard.store.schema.schema_revisions import check_known
from blackboard.store.sqlite.open_files import log_guarded_connection
from blackboard.store.sqlite.sqlite_database import SqliteDatabase
from blackboard.system.files.board_files import BoardFiles, sync_to_disk
from blackboard.system.files.partial_files import partial_file, put_in_place
from blackboard.system.files.private_files import create_private, make_folder, mode_of, open_private, set_mode

PAGES_PER_STEP = 500
"""Pages to copy in one step, between which other processes may write."""

BackupProgress = Callable[[int, int], None]
"""Called with the number of copied pages and of all pages."""


def back_up(database: SqliteDatabase, to: Path, progress: BackupProgress = lambda copied, pages: None) -> Copy:
    """Copy a board, which may be in use, to a new file for the users of the board; report each step of the copy.

    Raises:
        StoreError: The file exists or cannot be written, or the copy is damaged.
    """
    source = database.place.files
    to = to.absolute()
    if to.exists():
        raise StoreError(f"{to} already exists; choose another name")
    copy = _make(database, to, progress)
    _add_to_list(source.backup_list, to, mode_of(source.database))
    return copy


def keep_before_upgrade(database: SqliteDatabase, now: Instant) -> Path:
    """Copy a board to a file beside it, before its schema is upgraded; return the path of the copy.

    Raises:
        StoreError: The copy cannot be written, or is damaged.
    """
    to = database.place.files.replaced_copy(stamp_of(now)).database
    return _make(database, to, lambda copied, pages: None).path


def stamp_of(now: Instant) -> str:
    """Return the text for an instant in the name of a copy."""
    return to_datetime(now).astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")


def _make(database: SqliteDatabase, to: Path, progress: BackupProgress) -> Copy:
    with partial_file(to) as part:
        _copy(database, part, progress)
        copy = examine_copy(part)
        set_mode(part, mode_of(database.place.files.database))
        put_in_place(part, to)
    return replace(copy, path=to)


def restore(backup: Path, database: SqliteDatabase, stamp: str) -> tuple[Copy, Path | None]:
    """Replace a board, if there is one, by a copy. No process may be using the board.

    Returns:
        The restored board, and the path of the old board, which is kept; None if there was none. The path ends with
        `stamp`.

    Raises:
        StoreError: The copy is damaged, foreign or newer than this program, or its new place cannot be written.
    """
    files = database.place.files
    database.place.check_is_file()
    path, copy = files.database, examine_copy(backup)
    mode = mode_of(path)
    make_folder(path.parent, mode)
    with partial_file(path) as part:
        _copy(SqliteDatabase.at(backup), part, lambda copied, pages: None)
        examine_copy(part)
        set_mode(part, mode)
        sync_to_disk(part)
        with database.write_lock():
            kept = _keep(files, files.replaced_copy(stamp))
            os.replace(part, path)
            sync_to_disk(path.parent)
    connection = database.connect(writes=True)
    try:
        log_guarded_connection.use_log(connection)
    finally:
        connection.close()
    return replace(copy, path=path), kept


def examine_copy(path: Path) -> Copy:
    """Read every page of a copy, and return its description.

    Raises:
        StoreMissing: There is no such file.
        StoreForeign: The file is not a blackboard.
        StoreNewer: A newer program wrote it.
        StoreError: The copy is damaged.
    """
    if not path.is_file():
        raise StoreMissing(f"there is no file {path}")
    database = SqliteDatabase.at(path)
    try:
        with database.read() as transaction:
            rows = transaction.cursor
            if rows.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                raise StoreForeign
            version = rows.execute("SELECT version_num FROM alembic_version").fetchone()[0]
            check_known(version, str(path))
            problems = [row[0] for row in rows.execute("PRAGMA integrity_check(10)").fetchall()]
            if problems != ["ok"]:
                raise StoreError(f"{path} is damaged: {'; '.join(problems)[:500]}")
            marks = rows.execute("SELECT count(*) FROM mark").fetchone()[0]
            event_time, board_time = ("at", "recorded_at") if version < "0003" else ("recorded_at", "last_recorded_at")
            events, last = rows.execute(f"SELECT count(*), coalesce(max({event_time}), 0) FROM event").fetchone()
            recorded = rows.execute(f"SELECT coalesce(max({board_time}), 0) FROM board").fetchone()[0]
    except StoreForeign:
        raise StoreForeign(f"{path} is not a blackboard; name a file that 'blackboard backup' wrote") from None
    finally:
        database.close()
    return Copy(path, path.stat().st_size, marks, events, max(last, recorded))


def backups_of(path: Path) -> list[Path]:
    """Return the known copies of a board that still exist: backups, and what a restoration or an upgrade kept."""
    files = BoardFiles(path)
    try:
        lines = files.backup_list.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    copies = [*map(Path, lines), *files.replaced_copies()]
    return [copy for copy in dict.fromkeys(copies) if copy.is_file()]


def count_events(copy: Path, subject: str) -> int | None:
    """Return the number of events about a subject in a copy; None if it cannot be read."""
    database = SqliteDatabase.at(copy)
    try:
        with database.read() as transaction:
            # An old copy may contain the subject in another Unicode form.
            forms = (subject, unicodedata.normalize("NFD", subject))
            return int(
                transaction.cursor.execute("SELECT count(*) FROM event WHERE subject IN (?, ?)", forms).fetchone()[0]
            )
    except StoreError:
        return None
    finally:
        database.close()


def _copy(database: SqliteDatabase, to: Path, progress: BackupProgress) -> None:
    """Copy a database page by page into an empty file, from one snapshot."""
    source: Any = database.connect(writes=False)
    target: Any = None
    try:
        target = sqlite.connect(str(to), isolation_level=None)
        # The snapshot is held for the whole copy: without it, each commit of another process would restart the copy.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        source.backup(target, pages=PAGES_PER_STEP, progress=lambda status, left, pages: progress(pages - left, pages))
        source.execute("COMMIT")
    except sqlite.Error as error:
        raise database.dialect.errors.translate(error, str(to)) from None
    finally:
        source.close()
        if target is not None:
            target.close()


def _keep(old: BoardFiles, kept: BoardFiles) -> Path | None:
    """Give the old board and its log a second name. Only then remove the log under its first name.

    If a person removed only the board, its log is still there. The log is also kept.
    """
    existed = old.database.exists()
    for file, copy in ((old.wal, kept.wal), (old.database, kept.database)):
        if file.exists():
            try:
                os.link(file, copy)
            except FileExistsError:
                raise StoreError(f"the old board would be kept as {copy}, which exists; move that file away") from None
            except OSError:  # a file system without links
                _copy_file(file, copy)
    sync_to_disk(old.database.parent)
    # SQLite would apply the old log to the restored board.
    old.wal.unlink(missing_ok=True)
    old.shm.unlink(missing_ok=True)
    return kept.database if existed else None


def _copy_file(file: Path, copy: Path) -> None:
    with file.open("rb") as source, open(create_private(copy, os.O_WRONLY, mode_of(file)), "wb") as target:
        shutil.copyfileobj(source, target)


def _add_to_list(backup_list: Path, to: Path, mode: int) -> None:
    """Record the path of a copy, so that `forget` can name it. If this fails, no data is lost."""
    with contextlib.suppress(OSError):
        handle = open_private(backup_list, os.O_WRONLY | os.O_APPEND, mode)
        try:
            os.write(handle, f"{to}\n".encode())
        finally:
            os.close(handle)
