"""Addresses of boards: what a URL or a path says about its board before it is opened."""

from __future__ import annotations

import contextlib
from pathlib import Path

from blackboard.store.database_factory import database_of


def check_url(url_or_path: str | Path) -> None:
    """Check that a board can be addressed in this way, without opening it.

    Raises:
        ConfigurationError: The URL cannot be used.
    """
    database_of(url_or_path).close()


def exists(url_or_path: str | Path) -> bool:
    """Return whether there is a board, or a database on PostgreSQL, which may be empty.

    Raises:
        ConfigurationError: The URL cannot be used.
    """
    with contextlib.closing(database_of(url_or_path)) as database:
        return database.place.exists()


def creates_on_demand(url_or_path: str | Path) -> bool:
    """Return whether a command that opens a board may create and upgrade it without an option: only in a file.

    Raises:
        ConfigurationError: The URL cannot be used.
    """
    with contextlib.closing(database_of(url_or_path)) as database:
        return database.place.is_created_on_demand


def can_partition_history(url_or_path: str | Path) -> bool:
    """Return whether the history of a board may be in partitions: only on PostgreSQL.

    Raises:
        ConfigurationError: The URL cannot be used.
    """
    with contextlib.closing(database_of(url_or_path)) as database:
        return database.dialect.can_partition
