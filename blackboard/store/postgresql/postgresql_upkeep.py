"""The upkeep of a board on PostgreSQL, which does much of it itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from blackboard.clock import Instant
from blackboard.errors import StoreError
from blackboard.store.database_interfaces.upkeep_interface import BoardUpkeep, Copy, Health
from blackboard.store.postgresql.postgresql_backups import back_up_postgresql, restore_postgresql
from blackboard.store.postgresql.postgresql_database import PostgresqlDatabase
from blackboard.store.postgresql.postgresql_health import measure_postgresql
from blackboard.store.postgresql.postgresql_partitions import analyze_table, create_partitions, is_seen_by_all
from blackboard.store.transaction import Transaction


class PostgresqlUpkeep(BoardUpkeep):
    """The upkeep of a board on PostgreSQL; see `BoardUpkeep`."""

    def __init__(self, database: PostgresqlDatabase) -> None:
        self._database = database

    def back_up(self, to: Path) -> Copy:
        return back_up_postgresql(self._database, to)

    def restore(self, backup: Path, now: Instant) -> tuple[Copy, None]:
        return restore_postgresql(backup, self._database), None

    def keep_before_upgrade(self, now: Instant) -> None:
        return None

    def known_copies(self) -> list[Path]:
        return []

    def count_events(self, copy: Path, subject: str) -> None:
        return None

    def readers_in_place(self) -> Iterator[Callable[[], AbstractContextManager[Transaction]]]:
        return iter(())

    def compact(self, *, insist: bool = True) -> bool:
        location = self._database.location
        raise StoreError(f"{location} is on PostgreSQL, which reuses its pages itself; only files are compacted")

    def empty_log(self) -> bool:
        return False

    def partition_history(self, transaction: Transaction, events: int) -> None:
        create_partitions(transaction, events)

    def analyze_history(self) -> None:
        analyze_table(self._database)

    def is_copy_seen(self, version: str) -> bool:
        return is_seen_by_all(self._database, version)

    def measure(self, *, thorough: bool = True) -> Health:
        return Health(self._database.dialect.name, database_server=measure_postgresql(self._database))
