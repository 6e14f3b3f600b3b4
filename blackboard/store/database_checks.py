"""What can be measured of a database from outside its tables: the engine, the file, its log, its permissions. It judges
nothing."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from blackboard.store import dialect as sql_dialect
from blackboard.store.database import Database

__all__ = ["Health", "measure", "open_to_others"]


@dataclass(frozen=True)
class Health:
    """The figures of one database. None stands for what its sort does not have."""

    engine: str
    version: str
    safe: bool
    """Whether that version is free of the race of two checkpoints."""
    journal_mode: str | None
    bytes: int | None
    log_bytes: int | None
    """Of the write-ahead log."""
    free_bytes: int | None
    """Room on the file's disk."""
    idle_bytes: int | None
    """Pages of the file that hold nothing."""
    open_to_others: tuple[Path, ...]
    """Files and folders that other users may read or write."""
    damage: tuple[str, ...]
    """What a look at every page found wrong."""


def measure(database: Database, *, thorough: bool = True) -> Health:
    """Measure a database.

    Args:
        thorough: read every page for damage; otherwise only look at the structure's beginning.

    Raises:
        StoreError: it cannot be opened.
    """
    path = database.path
    if path is None:
        return Health(database.dialect.name, "", True, None, None, None, None, None, (), ())
    with database.read() as tx:
        rows = tx.cursor

        def number(pragma: str) -> int:
            return int(rows.execute(f"PRAGMA {pragma}").fetchone()[0])

        mode = rows.execute("PRAGMA journal_mode").fetchone()[0]
        idle = number("freelist_count") * number("page_size")
        damage = []
        if thorough:
            damage = [row[0] for row in rows.execute("PRAGMA integrity_check(10)").fetchall() if row[0] != "ok"]
    log = Path(f"{path}-wal")
    return Health(
        "SQLite",
        sql_dialect.SQLITE_VERSION,
        sql_dialect.safe_sqlite(),
        str(mode),
        path.stat().st_size,
        log.stat().st_size if log.exists() else 0,
        shutil.disk_usage(path.parent).free,
        idle,
        tuple(open_to_others(_files_of(path))),
        tuple(damage),
    )


def open_to_others(paths: list[Path]) -> list[Path]:
    """Those that somebody else than their owner may read, write or enter."""
    result = []
    for path in paths:
        try:
            mode = os.lstat(path).st_mode
        except OSError:
            continue
        if mode & (stat.S_IRWXG | stat.S_IRWXO) and not stat.S_ISLNK(mode):
            result.append(path)
    return result


def _files_of(path: Path) -> list[Path]:
    """The database and everything that belongs to it, in the folder where it lies."""
    return sorted(
        item for item in path.parent.glob(f"{path.name}*") if item == path or item.name[len(path.name)] in "-."
    )
