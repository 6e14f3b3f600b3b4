"""The SQLite file of a board: its existence, its identity since it was opened, and its permissions."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import NoReturn

from blackboard.errors import StoreError, StoreForeign, StoreMissing
from blackboard.store.database_interfaces.place_interface import BoardPlace, FileSizes
from blackboard.store.sqlite.local_processes import worker_sockets
from blackboard.store.sqlite.open_files import inherited_files, log_guarded_connection, second_library_guard
from blackboard.system.files import file_owners
from blackboard.system.files.board_files import BoardFiles
from blackboard.system.files.file_errors import file_failure
from blackboard.system.files.private_files import PRIVATE_MODE, folder_mode, make_folder, set_mode


class FileReplaced(StoreError):
    """Another file has taken the place of the open one."""


class SqliteFile(BoardPlace):
    """The database file at a path, with the files beside it."""

    is_created_on_demand = True

    def __init__(self, path: Path, mode: int | None) -> None:
        self.path = path
        """The path of the SQLite file."""
        self.mode = mode
        """The mode of the file and of the files beside it; None if it is not set."""
        self.files = BoardFiles(path)
        """The paths of all files of the board."""
        self._opened: tuple[int, int] | None = None
        """The device and the inode of the file that was opened."""

    def exists(self) -> bool:
        """Return whether the file exists and is not empty."""
        status = _status(self.path)
        return status is not None and status.st_size > 0

    def refuse_missing(self) -> NoReturn:
        """Raise the error of a missing board.

        Raises:
            StoreMissing: Always.
        """
        if _status(self.path) is None:
            self._check_no_log()
        raise StoreMissing(
            f"there is no board at {self.path}; name yours with --database or --config, or create one with"
            " 'blackboard init'"
        )

    def prepare_to_open(self, *, writes: bool) -> None:
        """Check that the file can be opened, and create it if it is missing and is to be written.

        Raises:
            StoreMissing: There is no such file, and it should be read; or a removed file has left its log.
            StoreError: The file cannot be created, reached or written, or its log is behind a link.
        """
        inherited_files.check(self.path)
        self._check_links()
        if _status(self.path) is not None:
            if writes and not file_owners.may_write(self.path):  # SQLite would only refuse the first change
                hint = file_owners.describe_access(self.path) or "check its permissions"
                raise StoreError(f"{self.path} cannot be written; {hint}")
            return
        if not writes:
            self.refuse_missing()
        self.check()
        self._check_no_log()
        self._create()

    def note_opened(self) -> None:
        """Store the identity of the opened file, unless an open connection has stored it."""
        if self._opened is None and (status := _status(self.path)) is not None:
            self._opened = status.st_dev, status.st_ino

    def note_all_closed(self) -> None:
        """Record that no connection is open."""
        self._opened = None

    def check(self) -> None:
        """Check that the path still names the open file: SQLite would continue with a file that has lost its name.

        Raises:
            StoreMissing: The file was removed.
            FileReplaced: Another file is in its place.
            StoreError: The file has other names.
        """
        if self._opened is None:
            return
        status = _status(self.path)
        if status is None:
            raise StoreMissing(
                f"{self.path} was removed while it was open; put it back, or restore a backup with 'blackboard restore'"
            )
        if (status.st_dev, status.st_ino) != self._opened:
            raise FileReplaced(
                f"{self.path} was replaced by another file while it was open; try again to open the new file"
            )
        if status.st_nlink > 1:
            raise self._other_names_error()

    def check_names(self) -> None:
        """Check that the path leads to a file that has only one name.

        SQLite would keep a log for each name, and lose the content of all logs but one.

        Raises:
            StoreForeign: The path leads to something that is not a file.
            StoreError: The path has other names.
        """
        self.check_is_file()
        if (status := _status(self.path)) is not None and status.st_nlink > 1:
            raise self._other_names_error()

    def check_is_file(self) -> None:
        """Check that the path is not a folder, a device or a pipe.

        Raises:
            StoreForeign: Something else is there.
        """
        if (status := _status(self.path)) is not None and not stat.S_ISREG(status.st_mode):
            description = "a folder" if stat.S_ISDIR(status.st_mode) else "not a file that can hold a board"
            raise StoreForeign(f"{self.path} is {description}; name another file with --database or [database] url")

    def owned_by_others(self) -> str | None:
        """Return a text that names the files of other users, and their owners.

        None if this user made all, or if the mode shares them.
        """
        if (self.mode or PRIVATE_MODE) != PRIVATE_MODE:
            return None
        return file_owners.describe_foreign((*self.files.of_sqlite, self.files.write_lock, self.files.write_queue))

    def apply_mode_to_new(self) -> None:
        with contextlib.suppress(OSError):  # another user may have made the empty file
            set_mode(self.path, self.mode or PRIVATE_MODE)

    def apply_mode(self) -> None:
        if self.mode is None:
            return
        for path in self.files.shared():
            with contextlib.suppress(OSError):  # the file is already gone
                if (status := os.lstat(path)).st_uid == os.geteuid() and not stat.S_ISLNK(status.st_mode):
                    set_mode(path, folder_mode(self.mode) if path.is_dir() else self.mode)

    def is_read_only(self) -> bool:
        """Return whether this user cannot write to the file, such as on a read-only mount.

        Raises:
            StoreError: The file cannot be read either.
        """
        return self.read_only_parameters() is not None

    def read_only_parameters(self) -> str | None:
        """Return how a URI opens a file that cannot be written; None if it can be written.

        Raises:
            StoreError: The file cannot be read either.
        """
        return log_guarded_connection.read_only_parameters(self.files)

    def delete(self) -> None:
        """Delete the board, with all files beside it. No process may be using it."""
        worker_sockets.delete_all(self.files.run_folder)
        self.files.delete()

    def sizes(self) -> FileSizes:
        """Return the sizes of the file and of its write-ahead log."""
        return FileSizes(self.path.stat().st_size, self.log_bytes())

    def log_bytes(self) -> int:
        """Return the size of the write-ahead log; 0 if there is none."""
        try:
            return self.files.wal.stat().st_size
        except OSError:
            return 0

    @property
    def spool_folder(self) -> Path:
        """The folder of answers that could not be written to the board."""
        return self.files.spool_folder

    def _check_links(self) -> None:
        """Refuse a log behind a link, because SQLite would write through the link.

        Raises:
            StoreError: The log is a link.
        """
        for file in self.files.of_sqlite[1:]:
            if os.path.islink(file):
                raise StoreError(f"{file} is a symbolic link, and nothing is written through a link; remove the link")

    def _check_no_log(self) -> None:
        """Refuse to create a file beside the log of a removed file: SQLite would discard the log.

        Raises:
            StoreMissing: There is a log.
        """
        # A process that has created the file since it was looked for also has a log.
        if (log := self.files.wal).exists() and _status(self.path) is None:
            raise StoreMissing(
                f"{self.path} was removed, but its log {log} is still there; put the file back, restore a backup with"
                " 'blackboard restore', or remove the log to start with a new board"
            )

    def _create(self) -> None:
        try:
            make_folder(self.path.parent, self.mode or PRIVATE_MODE)
            second_library_guard.create(self.path, self.mode or PRIVATE_MODE)
        except OSError as error:
            raise file_failure(self.path, "cannot be created", error) from None

    def _other_names_error(self) -> StoreError:
        path = self.path
        near = (other for other in path.parent.iterdir() if other != path and other.exists())
        others = sorted(str(other) for other in near if other.samefile(path))
        if kept := [copy for copy in self.files.replaced_copies() if str(copy) in others]:
            return StoreError(
                f"{path} is being replaced by 'blackboard restore'; if that was interrupted ({kept[-1]} is the"
                " previous board, with its log), run the command again"
            )
        names = f" ({', '.join(others)})" if others else ""
        return StoreError(
            f"{path} has a second name, a hard link{names}, and deposits through one name are lost through the"
            " other: remove one of them, or use a symbolic link; 'blackboard backup' makes a copy"
        )


def _status(path: Path) -> os.stat_result | None:
    """Return the status of a file; None if there is no such file.

    Raises:
        StoreError: The file cannot be reached.
    """
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        hint = file_owners.describe_access(path)
        raise StoreError(f"{path} cannot be reached: {error.strerror}{hint and f'; {hint}'}") from None
