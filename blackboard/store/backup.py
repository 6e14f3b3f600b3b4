"""Copies an SQLite board while it is in use, and puts a copy in its place. It never leaves half of either behind.

A copy is taken through SQLite's online backup, in steps, of one snapshot: depositors go on, and only the write-ahead
log waits to be emptied until the copy is made. It is checked by opening it before it gets its name.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blackboard.errors import StoreError, StoreForeign, StoreMissing, StoreNewer
from blackboard.store import dialect as sql_dialect
from blackboard.store.database import Database
from blackboard.store.schema import KNOWN

__all__ = ["Copy", "back_up", "backups_of", "examine", "holding", "restore"]

PAGES = 500
"""Pages in one step: what is copied before others are let in."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Copy:
    """What a copy of a board holds."""

    path: Path
    bytes: int
    marks: int
    events: int
    last_recorded_at: int
    """The last instant that it recorded, in microseconds since the epoch."""


def back_up(database: Database, to: Path, progress: Progress = lambda done, of: None) -> Copy:
    """Copy a board, which may be in use, to a new file that only this user may read.

    Args:
        to: must not exist.
        progress: called with the pages copied and the pages there are.

    Raises:
        StoreError: the database is no file, the target exists or cannot be written, or the copy turns out damaged.
    """
    source = _file_of(database)
    to = to.absolute()
    if to.exists():
        raise StoreError(f"{to} exists; a backup takes the place of nothing, so name another file")
    with _partial(to) as part:
        _copy(database, part, progress)
        copied = examine(part)
        _sync(part)
        try:
            os.link(part, to)  # unlike a rename, it fails where somebody has made that file meanwhile
        except FileExistsError:
            raise StoreError(f"{to} exists by now; name another file") from None
        except OSError:
            os.rename(part, to)
        _sync(to.parent)
    _note(source, to)
    return Copy(to, copied.bytes, copied.marks, copied.events, copied.last_recorded_at)


def restore(backup: Path, database: Database, stamp: str) -> tuple[Copy, Path | None]:
    """Put a copy in a board's place. Nothing may be using the board; whoever has it open finds another file there.

    Args:
        stamp: ends the name under which the old board is kept beside it.

    Returns:
        What was restored, and where the old board now is; None if there was none.

    Raises:
        StoreError: the copy is damaged, foreign or newer than this program, or the place cannot be written.
    """
    path = _file_of(database)
    checked = examine(backup)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _partial(path) as part:
        _copy(Database(backup), part, lambda done, of: None)
        examine(part)
        _sync(part)
        with database.write_lock():
            kept = _keep_copy(path, stamp)
            os.replace(part, path)
            _sync(path.parent)
    connection = database.connect(writes=True)
    try:
        sql_dialect.use_wal(connection, database.dialect)
    finally:
        connection.close()
    return Copy(path, checked.bytes, checked.marks, checked.events, checked.last_recorded_at), kept


def examine(path: Path) -> Copy:
    """What a copy holds, once every page of it has been read and found whole.

    Raises:
        StoreMissing: there is no such file.
        StoreForeign: it is not a blackboard.
        StoreNewer: it was written by a newer program.
        StoreError: it is damaged.
    """
    if not path.is_file():
        raise StoreMissing(f"there is no file {path}")
    database = Database(path)
    try:
        with database.read() as tx:
            rows = tx.cursor
            if rows.execute("PRAGMA application_id").fetchone()[0] != sql_dialect.APPLICATION_ID:
                raise StoreForeign(f"{path} is not a blackboard")
            version = rows.execute("SELECT version_num FROM alembic_version").fetchone()[0]
            if version not in KNOWN:
                raise StoreNewer(f"{path} is at schema {version}, which this version does not know")
            problems = [row[0] for row in rows.execute("PRAGMA integrity_check(10)").fetchall()]
            if problems != ["ok"]:
                raise StoreError(f"{path} is damaged: {'; '.join(problems)[:500]}")
            marks = rows.execute("SELECT count(*) FROM mark").fetchone()[0]
            events, last = rows.execute("SELECT count(*), coalesce(max(recorded_at), 0) FROM event").fetchone()
            recorded = rows.execute("SELECT last_recorded_at FROM board").fetchone()[0]
    finally:
        database.close()
    return Copy(path, path.stat().st_size, marks, events, max(last, recorded))


def backups_of(path: Path) -> list[Path]:
    """The copies of a board that are known here and still exist: backups that were made, and boards kept aside."""
    try:
        noted = _list_of(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        noted = []
    kept = sorted(path.parent.glob(f"{path.name}.before-*[0-9Z]"))
    return [values for values in dict.fromkeys([*(Path(line) for line in noted), *kept]) if values.is_file()]


def holding(copy: Path, subject: str) -> int | None:
    """How many events about a subject a copy holds; None if it cannot be read."""
    database = Database(copy)
    try:
        with database.read() as tx:
            values = tx.cursor.execute("SELECT count(*) FROM event WHERE subject = ?", (subject,)).fetchone()
            return int(values[0])
    except StoreError:
        return None
    finally:
        database.close()


def _copy(database: Database, to: Path, progress: Progress) -> None:
    source: Any = database.connect(writes=False)
    target: Any = None
    try:
        target = sql_dialect.sqlite.connect(str(to), isolation_level=None)
        # The snapshot is held for the whole copy: otherwise every commit of others would start it anew.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        source.backup(target, pages=PAGES, progress=lambda status, left, of: progress(of - left, of))
        source.execute("COMMIT")
    except sql_dialect.sqlite.Error as error:
        raise sql_dialect.translate(error, str(to)) from None
    finally:
        source.close()
        if target is not None:
            target.close()


@contextlib.contextmanager
def _partial(target: Path) -> Iterator[Path]:
    """A file beside the target that only this user may read, and that is gone afterwards."""
    part = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror}") from None
    try:
        yield part
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):
                os.unlink(f"{part}{suffix}")


def _keep_copy(path: Path, stamp: str) -> Path | None:
    """Give the old board a second name, with its log, and only then take the log from the first.

    A log can lie there without its board, which somebody removed. It goes aside all the same.
    """
    was_there = path.exists()
    kept = path.with_name(f"{path.name}.before-{stamp}")
    for suffix in ("-wal", ""):
        if os.path.exists(f"{path}{suffix}"):
            try:
                os.link(f"{path}{suffix}", f"{kept}{suffix}")
            except FileExistsError:
                raise StoreError(f"{kept}{suffix} exists; move it away first") from None
            except OSError:  # a file system without links
                shutil.copy2(f"{path}{suffix}", f"{kept}{suffix}")
    _sync(path.parent)
    # A log that stayed would be taken for the restored board's own.
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{path}{suffix}")
    return kept if was_there else None


def _note(source: Path, to: Path) -> None:
    """Remember where a copy is, so that `forget` can say what still holds the past. Losing this loses no data."""
    with contextlib.suppress(OSError):
        handle = os.open(_list_of(source), os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, f"{to}\n".encode())
        finally:
            os.close(handle)


def _list_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-backups")


def _file_of(database: Database) -> Path:
    if database.path is None:
        raise StoreError(f"{database.where} is on a server; use the server's own backup, such as pg_dump")
    return database.path


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
