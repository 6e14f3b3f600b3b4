"""Connections to the SQLite file of a board, and the log that each has open.

A person or a program may remove the write-ahead log of a board in use. SQLite then continues in a file without a name,
while other processes begin a new log. So each connection knows its log, and a commit is acknowledged only if that log
is still at its path.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from blackboard.errors import StoreError
from blackboard.store.dialects import sqlite_library
from blackboard.store.sqlite.open_files import inherited_files, second_library_guard
from blackboard.store.sqlite.open_files.second_library_guard import OpenFile
from blackboard.system import forks
from blackboard.system.files.board_files import BoardFiles
from blackboard.system.files.file_owners import may_write

LOCK_SCRIPT = Path(__file__).with_name("shared_lock_script.py")


class LogLost(StoreError):
    """Another log has taken the path of an open connection's log. If `committed`, this was found after a commit."""

    def __init__(self, opened: OpenFile | None, *, committed: bool) -> None:
        self.committed = committed
        log = "the write-ahead log" if opened is None else opened.wal
        text = (
            f"{log} was removed while it was open, and a new log has taken its place; the last deposits"
            " before that may be missing from the board"
        )
        if committed:
            text += ", and this change may be missing too; check the board, or repeat the deposit with its key"
        super().__init__(f"{text}; the next attempt opens the new log")


class BoardConnection(sqlite_library.sqlite.Connection):  # type: ignore[misc]  # the driver has no types
    """A connection of the board's own SQLite library, opened by `connect`."""

    opened: OpenFile | None = None
    """The file and the log that it has open."""
    takes_no_log: bool = False
    """Whether the connection reads the file without a log, because there was no log."""

    def open_log(self) -> None:
        """Make SQLite open its log, and store the identity of the log.

        If this connection found no log, a log that exists now belongs to another connection, which deletes it.
        """
        self.execute("PRAGMA schema_version").fetchone()
        if self.opened is not None and self.execute("PRAGMA journal_mode").fetchone() == ("wal",):
            self.opened.note_log()

    @property
    def has_its_log(self) -> bool:
        """Whether the log that it has open is still at its path."""
        opened = self.opened
        return opened is None or opened.log is None or inherited_files.file_identity(opened.wal) == opened.log

    @property
    def has_its_index(self) -> bool:
        """Whether the index of the log that it has open is still at its path."""
        opened = self.opened
        if self.takes_no_log and opened is not None:
            return inherited_files.file_identity(opened.wal) is None  # a log here means that another process is writing
        return opened is None or opened.log is None or inherited_files.file_identity(opened.shm) == opened.index

    def save_log(self) -> bool:
        """Copy a removed log into the database, unless other processes may have written a new log.

        Returns:
            Whether the database then contains the whole removed log.
        """
        if self.opened is None or (self.opened.is_beside_another_log and not self.opened.is_beside_an_empty_log):
            return False
        busy, frames, copied = self.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return bool(busy == 0 and frames == copied)

    def close(self) -> None:
        """Close the connection. A log that was removed is saved; if another log is at its path, that log stays.

        In a forked child the connection is its parent's, and stays as it is.
        """
        if self.opened is not None and self.opened.generation != forks.generation():
            forks.keep_for_ever(self)
            return
        if self.opened is not None and not self.opened.has_log_and_index:
            with contextlib.suppress(sqlite_library.sqlite.Error):  # a connection that can only read cannot
                self.save_log()
        try:
            with _preserve_log(self.opened):
                if self.opened is not None:
                    # The last connection deletes the log, while another thread may be opening a connection.
                    self.opened.log = None
                super().close()
        except OSError:
            forks.keep_for_ever(self)  # closing the connection would lose data
            return
        second_library_guard.note_closed(self)

    def __del__(self) -> None:
        """Close the connection if the program has not closed it.

        A connection that was never opened has nothing to close.
        """
        if self.opened is not None:
            with contextlib.suppress(Exception):
                self.close()


def read_only_parameters(files: BoardFiles) -> str | None:
    """Return how a URI opens a file that cannot be written, such as on a read-only mount; None if it can be written.

    SQLite needs an index to read a write-ahead log. If it cannot create an index, it reads only a file without a log,
    and the URI must say that no process writes to the file.

    Raises:
        StoreError: There is a log without an index.
    """
    if may_write(files.database) and may_write(files.database.parent):
        return None
    if not files.wal.exists():
        return "mode=ro&immutable=1"
    if files.shm.exists():
        return "mode=ro"
    if files.wal.stat().st_size == 0:
        return "mode=ro&immutable=1"
    raise StoreError(
        f"{files.database} cannot be read here: its write-ahead log {files.wal} needs an index, which"
        " cannot be made because the folder cannot be written; copy both files to another folder"
    )


def connect(path: str | Path, parameters: str | None = None, **options: Any) -> BoardConnection:
    """Open a connection to a file through the board's own library.

    Args:
        path: The path of the SQLite file.
        parameters: The parameters of the URI, if the file is opened by a URI.
        **options: Further arguments of the driver's `connect`.

    Raises:
        LibraryConflict: This process has the file open through something other than the board.
        LogInUse: Another connection of this process still has a log open that was removed.
    """

    def open_it() -> Any:
        if parameters is None:
            return sqlite_library.sqlite.connect(str(path), factory=BoardConnection, **options)
        from urllib.parse import quote

        uri = f"file:{quote(str(path))}?{parameters}"
        return sqlite_library.sqlite.connect(uri, uri=True, factory=BoardConnection, **options)

    connection: BoardConnection
    connection, opened = second_library_guard.open_file(str(path), open_it)
    connection.opened, connection.takes_no_log = opened, "immutable" in (parameters or "")
    return connection


def use_log(connection: BoardConnection) -> None:
    """Switch a file to a write-ahead log, so that readers and writers do not wait for each other.

    Raises:
        StoreError: The file cannot have a write-ahead log.
        sqlite3.Error: The file cannot be changed.
    """
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(
            f"this database cannot use a write-ahead log (its journal mode stays {mode!r}), which a board needs;"
            " put the file on a local disk"
        )


@contextlib.contextmanager
def _preserve_log(opened: OpenFile | None) -> Iterator[None]:
    """Keep the log that has replaced this connection's log.

    The last connection to a file copies its log into the file and deletes the log at its path. A connection with
    another log must not delete the log at that path, which has the writes of other connections. SQLite neither copies
    nor deletes a log while another process has a lock on the file. So a process holds such a lock.
    """
    if opened is None or not opened.is_beside_another_log or len(second_library_guard.connections_to(opened.file)) > 1:
        yield
        return
    with subprocess.Popen(
        [sys.executable, "-I", str(LOCK_SCRIPT), opened.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        try:
            if holder.stdout.readline() != b"held\n":
                raise OSError(f"{opened.path} cannot be locked")
            yield
        finally:
            holder.stdin.close()
