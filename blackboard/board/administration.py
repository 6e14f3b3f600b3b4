"""Acts of a person who maintains a board: deployments by file, its address and files, up-to-date views, and queries."""

from __future__ import annotations

import contextlib
from pathlib import Path

from blackboard.board import loaded_files
from blackboard.board.deployer import Deployer
from blackboard.board.facade import Blackboard
from blackboard.board.loaded_files import ReadPosition, SourceWithdrawal
from blackboard.board.result_types import DeployResult
from blackboard.core.specs.deployment import Deployment
from blackboard.store.database_factory import database_of
from blackboard.store.database_interfaces.query_interface import Result as Result
from blackboard.store.database_interfaces.query_interface import Values
from blackboard.store.schema import schema_views


def deploy(board: Blackboard, deployer: Deployer, deployment: Deployment) -> DeployResult:
    """Deploy what a deployment file says.

    Raises:
        AgentInUse: A living worker serves an agent that would be removed or replaced.
    """
    return deployer.deploy(board.session, lambda txn: deployment, board.author)


def read_position(board: Blackboard, source: str, kind: str) -> ReadPosition | None:
    """Return how far a followed file has been deposited by the author of the board; None if it never was."""
    return loaded_files.read_position(board.session, source, board.author, kind)


def set_read_position(board: Blackboard, source: str, kind: str, position: ReadPosition) -> None:
    """Record how far a followed file has been deposited by the author of the board."""
    loaded_files.record_position(board.session, source, board.author, kind, position)


def withdraw_source(board: Blackboard, source: str) -> SourceWithdrawal:
    """Withdraw the marks that were loaded from a file, and free their keys; see `loaded_files.withdraw_source`."""
    return loaded_files.withdraw_source(board.session, source, board.author)


def partition_history(board: Blackboard, events: int) -> None:
    """Keep the history of a board on a server in partitions, each for so many events, at least 1,000.

    Raises:
        UsageError: The board is in a file, or the number is out of range.
        StoreError: The user does not own the tables.
    """
    from blackboard.board.housekeeping import history_partitions  # only `init` needs it

    history_partitions.create(board.session, events)


def delete_files(path: Path) -> None:
    """Delete the board in a file, with all files beside it. No daemon may serve it."""
    database_of(path).place.delete()


def check_url(url_or_path: str | Path) -> None:
    """Check that a board can be addressed in this way, without opening it.

    Raises:
        ConfigurationError: The URL cannot be used.
    """
    database_of(url_or_path).close()


def creates_on_demand(url_or_path: str | Path) -> bool:
    """Return whether a command that opens a board may create and upgrade it without an option: only a file.

    Raises:
        ConfigurationError: The URL cannot be used.
    """
    with contextlib.closing(database_of(url_or_path)) as database:
        return database.place.is_created_on_demand


def can_partition_history(url_or_path: str | Path) -> bool:
    """Return whether the history of a board may be in partitions: only on a server.

    Raises:
        ConfigurationError: The URL cannot be used.
    """
    with contextlib.closing(database_of(url_or_path)) as database:
        return database.dialect.can_partition


def exists(url_or_path: str | Path) -> bool:
    """Return whether there is a board, or a database on a server, which may be empty.

    Raises:
        ConfigurationError: The URL cannot be used.
    """
    with contextlib.closing(database_of(url_or_path)) as database:
        return database.place.exists()


def refresh_views(board: Blackboard) -> str | None:
    """Rewrite the views if their texts are of another version; return a note if a worker prevents that.

    Raises:
        StoreError: The board has stored a decay law that this process does not know.
    """
    return schema_views.refresh_views(board.database, board.session.now)


def run_query(
    board: Blackboard,
    sql: str,
    values: Values = (),
    *,
    limit: int = 1000,
    seconds: float = 10.0,
    is_trusted: bool = True,
) -> Result:
    """Run one SELECT over views or tables, where it can only read, and return at most `limit` rows.

    For a file, the query runs in a process of its own; on a server, in a transaction of its own.

    Args:
        board: The open board, on a file or on a server.
        sql: One SELECT statement over the views.
        values: The values of its placeholders, by position or by name.
        limit: The largest number of rows, at least 1.
        seconds: The longest time that the query may take.
        is_trusted: Whether the query comes from someone who uses the board as this process does. On a server, a query
            of others runs as the user of `query_url`.

    Raises:
        InvalidQuery: The SQL is invalid, or it writes.
        QueryStopped: The query took more than `seconds`, or too much memory.
        StoreError: The board cannot be read.
        WorkError: A query of others on a server, where `query_url` names no user who may only read.
    """
    board.now()  # opens the files of the log, which a process that can only read cannot create
    return board.database.readonly.table(sql, values, limit=limit, seconds=seconds, is_trusted=is_trusted)
