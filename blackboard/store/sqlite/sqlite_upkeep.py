"""The upkeep of a board in a file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from blackboard.clock import Instant
from blackboard.errors import UsageError
from blackboard.store.database_interfaces.upkeep_interface import BoardUpkeep, Copy, Health
from blackboard.store.sqlite import compaction
from blackboard.store.sqlite import sqlite_backups as backups
from blackboard.store.sqlite.sqlite_database import SqliteDatabase
from blackboard.store.sqlite.sqlite_health import measure_sqlite
from blackboard.store.transaction import Transaction


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
        raise UsageError(f"{location} is a file; only the history of a board on PostgreSQL has partitions")

    def analyze_history(self) -> None:
        """Do nothing: there are no partitions."""

    def is_copy_seen(self, version: str) -> bool:
        return True

    def measure(self, *, thorough: bool = True) -> Health:
        return measure_sqlite(self._database, thorough=thorough)
