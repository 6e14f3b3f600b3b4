"""The upkeep of a board on a server. Much of it is the server's own work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from blackboard.clock import Instant
from blackboard.errors import StoreError
from blackboard.store.database_parts.board_upkeep import BoardUpkeep, Copy, Health
from blackboard.store.postgresql.carried_events import is_seen_by_all
from blackboard.store.postgresql.dump_backups import back_up_server, restore_server
from blackboard.store.postgresql.server_checks import measure_server
from blackboard.store.postgresql.server_database import ServerDatabase
from blackboard.store.postgresql.server_partitions import analyze_table, create_partitions
from blackboard.store.transaction import Transaction


class ServerUpkeep(BoardUpkeep):
    """The upkeep of the board of a server; see `BoardUpkeep`."""

    def __init__(self, database: ServerDatabase) -> None:
        self._database = database

    def back_up(self, to: Path) -> Copy:
        return back_up_server(self._database, to)

    def restore(self, backup: Path, now: Instant) -> tuple[Copy, None]:
        return restore_server(backup, self._database), None

    def keep_before_upgrade(self, now: Instant) -> None:
        return None

    def known_copies(self) -> list[Path]:
        return []

    def count_events(self, copy: Path, subject: str) -> None:
        return None

    def readers_in_place(self) -> Iterator[Callable[[], AbstractContextManager[Transaction]]]:
        return iter(())

    def compact(self, *, insist: bool = True) -> bool:
        where = self._database.where
        raise StoreError(f"{where} is on a server, which reuses its pages itself; only files are compacted")

    def empty_log(self) -> bool:
        return False

    def partition_history(self, sql: Transaction, events: int) -> None:
        create_partitions(sql, events)

    def analyze_history(self) -> None:
        analyze_table(self._database)

    def is_copy_seen(self, version: str) -> bool:
        return is_seen_by_all(self._database, version)

    def measure(self, *, thorough: bool = True) -> Health:
        return Health(self._database.dialect.name, server=measure_server(self._database))
