"""The upkeep of a board: backups, their restoration, compaction, and measurements for `doctor`.

A board in a file and a board on PostgreSQL differ in this. `sqlite.sqlite_upkeep` and `postgresql.postgresql_upkeep`
have the two implementations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from blackboard.clock import Instant
from blackboard.durations import Duration
from blackboard.store.transaction import Transaction


@dataclass(frozen=True)
class Copy:
    """A copy of a board: its file, its size, its numbers of marks and events, and the last recorded instant."""

    path: Path
    bytes: int
    marks: int
    events: int
    last_recorded_at: Instant


@dataclass(frozen=True)
class FileHealth:
    """The figures of one file."""

    journal_mode: str
    """SQLite's journal mode."""
    bytes: int
    """The size of the file."""
    log_bytes: int
    """The size of the write-ahead log."""
    free_bytes: int
    """The free space on the file's disk."""
    idle_bytes: int
    """The size of the unused pages in the file."""
    is_mounted_alone: bool
    """Whether the file is mounted without its folder, as in a container that was given only the file."""
    open_to_others: tuple[Path, ...]
    """Files and folders that other users may read or write."""
    damage: tuple[str, ...]
    """The errors found in the pages."""


@dataclass(frozen=True)
class PostgresqlHealth:
    """The figures of one database server."""

    version: str
    """The version of the database server, as it names it."""
    is_standby: bool
    """Whether it is a standby, which can only be read."""
    skew: Duration
    """The microseconds by which this machine's clock is ahead of the database server's; negative if it is behind."""
    is_pooled: bool
    """Whether a pooler gives each transaction a connection that it may share."""
    keeps_statements: bool
    """Whether this process lets a connection keep statements and settings."""
    is_heard: bool
    """Whether processes with this configuration are notified of commits immediately."""
    unsafe_settings: tuple[str, ...]
    """The settings that let a crash of the database server lose commits that were answered."""


@dataclass(frozen=True)
class Health:
    """The figures of one database, with the figures of its file or its database server."""

    engine: str
    """The name of the database engine, with its version if this process has its library."""
    is_safe: bool = True
    """Whether that version is free of the checkpoint race that can corrupt a database."""
    file: FileHealth | None = None
    database_server: PostgresqlHealth | None = None


class BoardUpkeep(ABC):
    """The upkeep of one board."""

    @abstractmethod
    def back_up(self, to: Path) -> Copy:
        """Copy the board, which may be in use, to a new file, and check the copy.

        Raises:
            StoreError: The file exists or cannot be written, the copy is damaged, or a program of PostgreSQL is
                missing.
        """

    @abstractmethod
    def restore(self, backup: Path, now: Instant) -> tuple[Copy, Path | None]:
        """Replace the board, if there is one, by a backup. No process may be using the board.

        Returns:
            The restored board, and the path of the old board, which is kept beside it; None if there was none.

        Raises:
            StoreError: The backup is damaged, foreign or newer than this program, its new place cannot be written, or
                a database on PostgreSQL is not empty.
        """

    @abstractmethod
    def keep_before_upgrade(self, now: Instant) -> Path | None:
        """Copy the board before its upgrade, and return the path of the copy; None on PostgreSQL.

        Raises:
            StoreError: The copy cannot be written, or is damaged.
        """

    @abstractmethod
    def known_copies(self) -> list[Path]:
        """Return the known copies of the board that still exist: backups, and what a restoration or an upgrade kept."""

    @abstractmethod
    def count_events(self, copy: Path, subject: str) -> int | None:
        """Return the number of events about a subject in a known copy; None if it cannot be read."""

    @abstractmethod
    def readers_in_place(self) -> Iterator[Callable[[], AbstractContextManager[Transaction]]]:
        """Yield functions that open a reading transaction: of the board, and of each copy that stands beside it.

        Only a file that exists has any. A restoration or an upgrade kept the copies there. Each can be read only until
        the next one is yielded.
        """

    @abstractmethod
    def compact(self, *, insist: bool = True) -> bool:
        """Rewrite the file of the board, and empty its write-ahead log, and return whether both are done.

        Args:
            insist: Whether to block writers for the whole time, if they prevented the earlier tries.

        Raises:
            StoreBusy: Another process is compacting the board.
            StoreError: The board is on PostgreSQL, or the disk is full.
        """

    @abstractmethod
    def empty_log(self) -> bool:
        """Move the write-ahead log into the file and empty it, and return whether it is empty. PostgreSQL has none."""

    @abstractmethod
    def partition_history(self, transaction: Transaction, events: int) -> None:
        """Keep the history in partitions, each for a number of ids. The present history becomes the first partition.

        If the board has partitions already, the new number applies to later ones.

        Args:
            transaction: A transaction with the lock of writers.
            events: The number of ids of a partition.

        Raises:
            UsageError: The board is in a file.
            StoreError: The user does not own the tables.
        """

    @abstractmethod
    def analyze_history(self) -> None:
        """Take the statistics of a history as a whole. PostgreSQL itself takes only those of each partition."""

    @abstractmethod
    def is_copy_seen(self, version: str) -> bool:
        """Return whether every transaction sees the copied events of partitions.

        Args:
            version: The `Partitioning.version` when the copy was complete.

        Raises:
            StoreError: The database server cannot be used.
        """

    @abstractmethod
    def measure(self, *, thorough: bool = True) -> Health:
        """Measure the database; a thorough measurement reads every page of a file in search of damage.

        Raises:
            StoreError: The database cannot be used.
        """
