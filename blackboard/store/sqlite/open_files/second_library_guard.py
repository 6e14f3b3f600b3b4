"""A guard against a second SQLite library: while this process has a board open, no other library opens its file.

POSIX drops all locks of a process on a file as soon as the process closes any descriptor of the file. So SQLite closes
no descriptor of a file that another of its connections has locked. But a library knows only its own connections. When a
second SQLite library in the process closes a connection, the locks of the first are gone. Other processes then write at
the same time and delete the log.

The standard library's `sqlite3` announces each connection by an audit event. A board uses `pysqlite3` where the
`sqlite3` of the interpreter is not safe, and `pysqlite3` announces no connections. So the guard sees exactly the other
library. The guard sees neither `ATTACH` nor a library that C code uses.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blackboard.errors import LibraryConflict, StoreError
from blackboard.store.dialects import sqlite_library
from blackboard.store.sqlite.open_files import inherited_files
from blackboard.store.sqlite.open_files.inherited_files import Identity, file_identity
from blackboard.system import forks
from blackboard.system.files.private_files import create_private

OTHERS_ANNOUNCE = sqlite_library.sqlite.Connection.__module__.partition(".")[0] != "sqlite3"
"""Whether an audit event of `sqlite3` announces a connection of another library, and not of the board's own."""


class LogInUse(StoreError):
    """Another connection of this process has a log open that was removed.

    The class is internal: `SqliteDatabase` catches it to close its connections. Programs catch `StoreError`.
    """


@dataclass(slots=True, eq=False)
class OpenFile:
    """A file that a connection of this process has open, and its write-ahead log."""

    path: str
    """Its real path."""
    file: Identity
    """Its device and inode."""
    log: Identity | None = None
    """The device and inode of the log that the connection has open; None if it has none."""
    index: Identity | None = None
    """The device and inode of the index of that log."""
    wal: str = ""
    """The path of the log."""
    shm: str = ""
    """The path of its index."""
    generation: int = 0
    """The process that opened it: see `forks`."""

    def __post_init__(self) -> None:
        self.generation = forks.generation()
        self.wal, self.shm = f"{self.path}-wal", f"{self.path}-shm"

    def note_log(self) -> None:
        """Store the identity of the log at the path, which SQLite has just opened."""
        self.log, self.index = file_identity(self.wal), file_identity(self.shm)

    @property
    def has_log_and_index(self) -> bool:
        """Whether the log and the index that the connection has open are still at their paths."""
        return self.log is None or (file_identity(self.wal), file_identity(self.shm)) == (self.log, self.index)

    @property
    def is_beside_another_log(self) -> bool:
        """Whether another log, or its index, has taken the place of the log that the connection has open."""
        return self.log is not None and not (
            file_identity(self.wal) in (None, self.log) and file_identity(self.shm) in (None, self.index)
        )

    @property
    def is_beside_an_empty_log(self) -> bool:
        """Whether an empty log has replaced the log that the connection has open."""
        if self.log is None or file_identity(self.shm) not in (None, self.index):
            return False
        try:
            return os.stat(self.wal).st_size == 0
        except OSError:
            return False


_open: dict[int, OpenFile] = {}
"""The files of all open connections, by the id of the connection. It needs no lock, because each access is one step."""
_lock = threading.Lock()
_watches = False


def open_file(path: str, connect: Any) -> tuple[Any, OpenFile]:
    """Open a connection by calling `connect`, unless that is unsafe, and record the file that it has open.

    Raises:
        LibraryConflict: This process has the file open through something other than the board.
        LogInUse: Another connection of this process still has a log open that was removed.
    """
    real = os.path.realpath(path)
    with _lock:
        _watch()
        while True:
            before = file_identity(real)
            opened = OpenFile(real, before or (0, 0))
            others = connections_to(opened.file)
            if not others:
                _check_descriptors(opened)
            _check_logs(others, path)
            connection = connect()
            after = file_identity(real)
            if before is None or before == after:
                opened.file = after or opened.file
                _open[id(connection)] = opened
                return connection, opened
            connection.close()  # the file was replaced just now, and the old or the new file may be open


def _check_logs(others: Iterable[OpenFile], path: str) -> None:
    """Check that the log of each open connection to a file is in its place.

    The connections of a process to one file share the log's index, which fits no other log. A connection that another
    thread is closing has no log, because SQLite may have deleted it.
    """
    for other in others:
        if not other.has_log_and_index and other.log is not None:
            raise LogInUse(
                f"{other.wal} was removed while it was open; close every connection of this process to {path}"
            )


def create(path: str | Path, mode: int) -> None:
    """Create a file with a mode, unless it exists.

    Closing the file drops the locks on it, so no other thread may open it at the same time.

    Raises:
        OSError: The file cannot be created.
    """
    with _lock, contextlib.suppress(FileExistsError):
        os.close(create_private(path, os.O_WRONLY, mode))


def note_closed(connection: object) -> None:
    """Record that a connection is closed."""
    _open.pop(id(connection), None)


def connections_to(file: Identity) -> list[OpenFile]:
    """Return the `OpenFile` of each open connection of this process to a file."""
    return [opened for opened in [*_open.values()] if opened.file == file]


def _watch() -> None:
    """Install the audit hook with the first board, not earlier, because it cannot be removed."""
    global _watches
    if OTHERS_ANNOUNCE and not _watches:
        _watches = True
        sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse a connection of another library to a file that a board has open."""
    if event != "sqlite3.connect" or not _open:
        return
    for name in _names(arguments[0]):
        if (file := file_identity(name)) and connections_to(file):
            raise LibraryConflict(
                f"{name} is open as a board in this process, through another SQLite library"
                f" ({sqlite_library.sqlite.__name__} {sqlite_library.SQLITE_VERSION}), and two libraries in one"
                " process drop each other's locks, which damages the file; use board.query(sql),"
                " blackboard.connect(path) or board.engine(), or another process"
            )


def _names(database: Any) -> Iterable[str]:
    """Return the paths that the first argument of `sqlite3.connect` may name; it may be a URI."""
    try:
        name = os.fsdecode(database)
    except TypeError:
        return []
    if not name.startswith("file:"):
        return [name]
    from urllib.parse import unquote

    path = name[5:].partition("#")[0].partition("?")[0]
    if path.startswith("//"):  # an authority: nothing, or localhost
        path = "/" + path[2:].partition("/")[2]
    return [name, unquote(path)]


def _check_descriptors(opened: OpenFile) -> None:
    """Refuse a file that this process has open already.

    If the board uses the interpreter's `sqlite3`, the file may be open through the same library, which is safe.
    """
    if OTHERS_ANNOUNCE and (descriptors := inherited_files.descriptors_of(opened.file)):
        raise LibraryConflict(
            f"this process has {opened.path} open already (descriptor {descriptors[0]}), not as a board, and closing"
            " the file while the board is open would drop the board's locks, which damages the file; close it first"
            " (a with statement does not close a connection of sqlite3), then use board.query(sql),"
            " blackboard.connect(path) or board.engine()"
        )


def _note_fork() -> None:
    """In a forked child, drop the connections of its parent. An inherited open file cannot be used there."""
    global _lock
    _lock = threading.Lock()
    for opened in _open.values():
        inherited_files.note(Path(opened.path))
    _open.clear()


os.register_at_fork(after_in_child=_note_fork)
