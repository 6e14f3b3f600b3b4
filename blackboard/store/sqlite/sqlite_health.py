"""The health of a board in a file: measurements of its engine, its file, its log and its permissions."""

from __future__ import annotations

import os
import re
import shutil
import stat
from pathlib import Path

from blackboard.store.database_interfaces.upkeep_interface import FileHealth, Health
from blackboard.store.dialects import sqlite_library
from blackboard.store.sqlite.sqlite_database import SqliteDatabase
from blackboard.system.files.private_files import folder_mode

MOUNTS = Path("/proc/self/mountinfo")
"""The mounts of this process, on Linux."""


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
