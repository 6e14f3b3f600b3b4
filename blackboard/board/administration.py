"""Acts of a person who maintains a board: deployments by file, partitions, views, queries, durability, and deletion."""

from __future__ import annotations

from pathlib import Path

from blackboard.board.deployments.deployer import Deployer
from blackboard.board.facade import Blackboard
from blackboard.board.result_types.administration_results import DeployResult
from blackboard.core.records.query_result_rows import QueryResult
from blackboard.core.specs.deployment import Deployment
from blackboard.store.database_factory import database_of
from blackboard.store.database_interfaces.user_query_interface import Values
from blackboard.store.schema import schema_views


def deploy(board: Blackboard, deployer: Deployer, deployment: Deployment) -> DeployResult:
    """Deploy what a deployment file says.

    Raises:
        AgentInUse: A living worker serves an agent that would be removed or replaced.
    """
    return deployer.deploy(board.session, lambda txn: deployment, board.author)


def partition_history(board: Blackboard, events: int) -> None:
    """Keep the history of a board on a server in partitions, each for `events` events, at least 1,000.

    Raises:
        UsageError: The board is in a file, or the number is out of range.
        StoreError: The user does not own the tables.
    """
    from blackboard.board.housekeeping import history_partitions  # only `init` needs it

    history_partitions.create(board.session, events)


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
) -> QueryResult:
    """Run one SELECT over views or tables, where it can only read, and return at most `limit` rows.

    For a file, the query runs in a process of its own; on a server, in a transaction of its own.

    Args:
        board: The open board, on a file or on a server.
        sql: One SELECT statement over the views.
        values: The values of its placeholders, by position or by name.
        limit: The largest number of rows, at least 1.
        seconds: The longest time that the query may take.
        is_trusted: Whether the writer of the query may do all that this process may. On a server, any other query runs
            as the user of `query_url`.

    Raises:
        InvalidQuery: The SQL is invalid, or it writes.
        QueryStopped: The query took more than `seconds`, or too much memory.
        StoreError: The board cannot be read.
        WorkError: The query is not trusted, and `query_url` names no user of the server who may only read.
    """
    board.now()  # opens the files of the log, which a process that can only read cannot create
    return board.database.readonly.table(sql, values, limit=limit, seconds=seconds, is_trusted=is_trusted)


def is_read_only(board: Blackboard) -> bool:
    """Return whether this user can certainly not write to a board. A server shows this only at a write.

    Raises:
        StoreError: The board cannot be read either.
    """
    return board.database.place.is_read_only()


def skip_disk_flush(board: Blackboard) -> None:
    """Make commits return before they are on the disk, for temporary boards. A power cut may damage the file."""
    board.database.skip_disk_flush()


def delete_board(path: Path) -> None:
    """Delete the board in a file, with all files beside it. No daemon may serve it."""
    database_of(path).place.delete()
