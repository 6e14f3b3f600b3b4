"""The upkeep of a board in a file, and measurements of its engine, its file, its log and its permissions."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from blackboard.clock import Instant
from blackboard.errors import UsageError
from blackboard.store.database_interfaces.upkeep_interface import BoardUpkeep, Copy, FileHealth, Health
from blackboard.store.dialects import sqlite_library
from blackboard.store.sqlite import compaction
from blackboard.store.sqlite import sqlite_backups as backups
from blackboard.store.sqlite.sqlite_database import SqliteDatabase
from blackboard.store.transaction import Transaction
from blackboard.system.files.private_files import folder_mode

MOUNTS = Path("/proc/self/mountinfo")
"""The mounts of this process, on Linux."""


class SqliteUpkeep(BoardUpkeep):
    """The upkeep of the board of a file; see `BoardUpkeep`."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def back_up(self, to: Path) -> Copy:
        return backups.back_up(self._database, to)

    def restore(self, backup: Path, now: Instant) -> tuple[Copy, Path | None]:
        return backups.restore(backup, self._database, backups.stamp_of(now))

    def keep_before_upgrade(self, now: Instant) -> Path:
        return backups.keep_before_upgrade(self._database, now)

    def known_copies(self) -> list[Path]:
        return backups.backups_of(self._database.path)

    def count_events(self, copy: Path, subject: str) -> int | None:
        return backups.count_events(copy, subject)

    def readers_in_place(self) -> Iterator[Callable[[], AbstractContextManager[Transaction]]]:
        if not self._database.path.exists():
            return
        yield self._database.read
        for copy in self._database.place.files.replaced_copies():
            with contextlib.closing(SqliteDatabase.at(copy)) as replaced:
                yield replaced.read

    def compact(self, *, insist: bool = True) -> bool:
        return compaction.compact(self._database, insist=insist)

    def empty_log(self) -> bool:
        return compaction.empty_log(self._database)

    def partition_history(self, transaction: Transaction, events: int) -> None:
        location = self._database.location
        raise UsageError(f"{location} is a file; only the history of a board on a server has partitions")

    def analyze_history(self) -> None:
        """Do nothing: there are no partitions."""

    def is_copy_seen(self, version: str) -> bool:
        return True

    def measure(self, *, thorough: bool = True) -> Health:
        return measure_sqlite(self._database, thorough=thorough)


def measure_sqlite(database: SqliteDatabase, *, thorough: bool = True) -> Health:
    """Measure a file; a thorough measurement reads every page in search of damage.

    Raises:
        StoreError: The database cannot be opened.
    """
    file = database.place
    with database.read() as transaction:
        rows = transaction.cursor

        def number(pragma: str) -> int:
            return int(rows.execute(f"PRAGMA {pragma}").fetchone()[0])

        # A connection to a read-only file reports no log. The header of the file shows the mode of other processes.
        mode = "wal" if _uses_log(file.path) else rows.execute("PRAGMA journal_mode").fetchone()[0]
        idle = number("freelist_count") * number("page_size")
        damage = []
        if thorough:
            damage = [row[0] for row in rows.execute("PRAGMA integrity_check(10)").fetchall() if row[0] != "ok"]
    path = file.path
    figures = FileHealth(
        journal_mode=str(mode),
        bytes=path.stat().st_size,
        log_bytes=file.log_bytes(),
        free_bytes=shutil.disk_usage(path.parent).free,
        idle_bytes=idle,
        is_mounted_alone=is_mount_point(path),
        open_to_others=tuple(open_to_others(file.files.existing(), file.mode or 0)),
        damage=tuple(damage),
    )
    return Health(f"SQLite {sqlite_library.SQLITE_VERSION}", sqlite_library.HAS_SAFE_CHECKPOINTS, figures)


def _uses_log(path: Path) -> bool:
    """Return whether the header of a file says that it is read and written with a write-ahead log."""
    with path.open("rb") as file:
        return file.read(20)[18:] == b"\x02\x02"


def open_to_others(paths: list[Path], shared: int = 0) -> list[Path]:
    """Return the paths that other users may read, write or enter, beyond the mode that shares the board."""
    result = []
    for path in paths:
        try:
            mode = os.lstat(path).st_mode
        except OSError:
            continue
        if mode & (stat.S_IRWXG | stat.S_IRWXO) & ~folder_mode(shared) and not stat.S_ISLNK(mode):
            result.append(path)
    return result


def is_mount_point(path: Path) -> bool:
    """Return whether a path is a mount point; False where the system does not tell."""
    try:
        lines = MOUNTS.read_text("utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    return any(_unescaped(line.split()[4]) == str(path) for line in lines)


def _unescaped(text: str) -> str:
    """Return a path in the list of mounts. The list writes spaces and similar characters as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
