"""Acts of a person who maintains a board: deployments by file, backups, up-to-date views, and queries."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from blackboard.board.activations.call_records.answer_spool import AnswerSpool
from blackboard.board.blackboard import Blackboard
from blackboard.board.deployments.deployer import Deployer
from blackboard.board.housekeeping import erasure
from blackboard.board.housekeeping.erasure import ErasedEvents
from blackboard.board.loads import loaded_files, read_positions
from blackboard.board.loads.loaded_files import SourceWithdrawal
from blackboard.board.loads.read_positions import ReadPosition
from blackboard.board.result_types import DeployResult
from blackboard.clock import Instant
from blackboard.core.deployment import Deployment
from blackboard.errors import StoreBusy, StoreError
from blackboard.store import schema
from blackboard.store.board_file import worker_sockets
from blackboard.store.board_upkeep import Copy
from blackboard.store.database_factory import database_of
from blackboard.store.readonly.readonly_query import Result as Result
from blackboard.store.readonly.readonly_query import Values
from blackboard.store.statements import ACTIVATIONS
from blackboard.system.board_files import BoardFiles

if TYPE_CHECKING:
    from blackboard.board.housekeeping.board_copy import BoardCopy
    from blackboard.store.table_copy import Progress as Progress


def back_up(board: Blackboard, to: Path) -> Copy:
    """Copy a board, which may be in use, to a new file, and check the copy.

    Raises:
        StoreError: The file exists or cannot be written, the copy is damaged, or a program of the server is missing.
    """
    return board.database.upkeep.back_up(to)


def restore(copy: Path, url_or_path: str | Path, now: Instant) -> tuple[Copy, Path | None]:
    """Replace a board, if there is one, by a backup.

    The old board stays beside it, under a name that ends with the time. On a server, the database must be empty.

    Returns the restored board, and the path of the old board, if there was one.

    Raises:
        StoreBusy: A daemon serves the board.
        StoreError: The copy is damaged, foreign or newer than this program, or its new place cannot be written.
    """
    database = database_of(url_or_path)
    try:
        if database.processes.is_served():
            raise StoreBusy(f"a daemon serves {database.where}: stop it first")
        return database.upkeep.restore(copy, now)
    finally:
        database.close()


def check_at_rest(board: Blackboard) -> None:
    """Check that a board is at rest, so that it can be copied.

    Raises:
        StoreBusy: A daemon serves it.
        StoreError: It is not paused, or answers of a model are not stored on it yet.
    """
    where, session = board.database.where, board.session
    workers = session.read(lambda txn: {row.id for row in txn.sql.all(ACTIVATIONS.workers)})
    if board.database.processes.is_served() or workers - session.dead_workers():
        raise StoreBusy(f"a daemon serves {where}: stop it first")
    if session.read(lambda txn: txn.pause is None):
        raise StoreError(f"{where} is not paused: pause it first, so that no daemon serves both the board and its copy")
    if next(AnswerSpool(session).waiting(), None) is not None:
        raise StoreError(
            f"answers of a model wait in files beside {where}: run a daemon once, which stores them when it starts"
        )


def copy_board(
    source: Blackboard, target: Blackboard, progress: Progress = lambda name, done, total: None
) -> BoardCopy:
    """Copy a board with its whole history to an empty one: completely or not at all.

    Nothing changes on the source, whose depositors wait, or fail after a while. The source must be paused, and so the
    copy is: no two daemons do the work of one board.

    Args:
        source: The board.
        target: An empty board.
        progress: Called with a table, the number of its copied rows, and the number of all its rows.

    Raises:
        StoreBusy: A daemon serves the source, or another process writes on one of the boards for too long.
        StoreError: Somebody works on the source, the target is not empty, or it cannot hold what the source has.
    """
    from blackboard.board.housekeeping import board_copy  # needs SQLAlchemy, which other uses of a board do without

    check_at_rest(source)
    return board_copy.copy(source.session, target.session, progress)


def deploy(board: Blackboard, deployer: Deployer, deployment: Deployment) -> DeployResult:
    """Deploy what a deployment file says.

    Raises:
        AgentInUse: A living worker serves an agent that would be removed or replaced.
    """
    return deployer.deploy(board.session, lambda txn: deployment, board.author)


def read_position(board: Blackboard, source: str, kind: str) -> ReadPosition | None:
    """Return how far a followed file has been deposited by the author of the board; None if it never was."""
    return read_positions.load_position(board.session, source, board.author, kind)


def set_read_position(board: Blackboard, source: str, kind: str, position: ReadPosition) -> None:
    """Record how far a followed file has been deposited by the author of the board."""
    read_positions.save_position(board.session, source, board.author, kind, position)


def withdraw_source(board: Blackboard, source: str) -> SourceWithdrawal:
    """Withdraw the marks that were loaded from a file, and free their keys; see `loaded_files.withdraw_source`."""
    return loaded_files.withdraw_source(board.session, source, board.author)


def erased_events(url_or_path: str | Path) -> list[ErasedEvents | None]:
    """Return the events of forgotten subjects, to look for them in a backup that is to be restored.

    The list has an entry for the board in the file, and for each board that an earlier restore replaced. The entry is
    None if that board cannot be read. Without a board, the list is empty.

    Raises:
        ConfigurationError: The URL cannot be used.
    """
    database = database_of(url_or_path)
    try:
        return [*map(erasure.erased_events, database.upkeep.boards_in_place())]
    finally:
        database.close()


def brought_back(board: Blackboard, erased: Iterable[ErasedEvents | None]) -> list[str]:
    """Return the forgotten subjects that this board contains again, because it is an older copy."""
    known = [events for events in erased if events is not None]
    subjects = board.session.read(
        lambda txn: [subject for events in known for subject in erasure.brought_back(txn, events)]
    )
    return list(dict.fromkeys(subjects))


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
    files = BoardFiles(path)
    worker_sockets.remove_all(files.run_folder)
    files.delete()


def check_url(url_or_path: str | Path) -> None:
    """Check that a board can be addressed in this way, without opening it.

    Raises:
        ConfigurationError: The URL cannot be used.
    """
    database_of(url_or_path).close()


def creates_on_demand(url_or_path: str | Path) -> bool:
    """Return whether a command that opens a board may create and upgrade it without being told to: only a file.

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
    """Rewrite the views if their texts are of another version; returns a note if a worker prevents that.

    Raises:
        StoreError: The board has stored a decay law that this process does not know.
    """
    return schema.refresh_views(board.database)


def query(
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
        board: The board.
        sql: The query.
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
