"""A guard of the open file: connections are closed when their file was replaced or their log was removed.

SQLite would continue with files that have lost their paths.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from blackboard.store.sqlite.open_files.log_guarded_connection import BoardConnection, LogLost
from blackboard.store.sqlite.sqlite_file import FileReplaced, SqliteFile


class ReplacedFileGuard:
    """The guard of the connections that a process has open to one file.

    Args:
        file: The file.
        close_connections: Closes the idle connections; the others are closed after their use.
    """

    def __init__(self, file: SqliteFile, close_connections: Callable[[], None]) -> None:
        self._file, self._close_connections = file, close_connections

    def check_file(self) -> None:
        """Check that the path still names the open file. If another file is there, the next attempt opens it.

        Raises:
            StoreError: The path names another file, or none.
        """
        try:
            self._file.check()
        except FileReplaced:
            self._close_connections()
            self._file.note_all_closed()
            raise

    def give_up_outdated(self, connection: Any) -> bool:
        """Close all connections if this one has another log open than the log at the path; return whether it had.

        The index of the log is compared: processes with two indexes would overwrite each other's part of a log.

        Raises:
            LogLost: Another log is in its place.
        """
        if connection.has_its_index:
            return False
        self._give_up(connection, committed=False)
        return True

    def check_log(self, connection: Any) -> None:
        """Check after a commit that the open log is still at its path.

        Raises:
            LogLost: Another log is in its place.
        """
        if not connection.has_its_log:
            self._give_up(connection, committed=True)

    def _give_up(self, connection: BoardConnection, *, committed: bool) -> None:
        """Close the connections, whose log has lost its path, and save the log if possible.

        New connections open a new log.
        """
        saved = connection.save_log()
        connection.close()
        self._close_connections()
        if not saved:
            raise LogLost(connection.opened, committed=committed)
