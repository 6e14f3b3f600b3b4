"""The files of a board on SQLite: the database and the files beside it, each by its name."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from blackboard.errors import ConfigurationError, Mistake, StoreError


@dataclass(frozen=True)
class BoardFiles:
    """The paths of one board's files. No other module knows their suffixes."""

    database: Path
    """The database's path, without symbolic links. A copy of a board has the same files beside it."""

    @property
    def wal(self) -> Path:
        """SQLite's write-ahead log."""
        return self._beside("-wal")

    @property
    def shm(self) -> Path:
        """SQLite's index of the write-ahead log, shared between processes."""
        return self._beside("-shm")

    @property
    def journal(self) -> Path:
        """SQLite's rollback journal, which it uses without a write-ahead log."""
        return self._beside("-journal")

    @property
    def write_lock(self) -> Path:
        """The lock of the process that writes."""
        return self._beside("-write-lock")

    @property
    def write_queue(self) -> Path:
        """The lock of the process that writes next."""
        return self._beside("-write-queue")

    @property
    def backup_list(self) -> Path:
        """The list of the backups that were made: a path on each line."""
        return self._beside("-backups")

    @property
    def spool_folder(self) -> Path:
        """The folder of answers that could not be written to the board."""
        return self._beside("-spool")

    @property
    def run_folder(self) -> Path:
        """The folder of workers' locks and sockets."""
        return self._beside("-run")

    @property
    def of_sqlite(self) -> tuple[Path, ...]:
        """The files that SQLite itself reads, the database first."""
        return self.database, self.wal, self.shm, self.journal

    @property
    def compacted(self) -> BoardFiles:
        """The files of the new content while a compaction builds it."""
        return BoardFiles(self._beside("-compact"))

    def replaced_copy(self, stamp: str) -> BoardFiles:
        """Return the files that keep the content of the board before a restoration or an upgrade at this time."""
        return BoardFiles(self._beside(f".before-{stamp}"))

    def replaced_copies(self) -> list[Path]:
        """Return the databases that restored backups replaced, and copies from before upgrades."""
        return sorted(self.database.parent.glob(f"{self.database.name}.before-*[0-9Z]"))

    def partial(self) -> BoardFiles:
        """Return new names, which nobody can guess, for the files of a copy that is being made."""
        return BoardFiles(self.database.with_name(f".{self.database.name}.{secrets.token_hex(8)}.partial"))

    def existing(self) -> list[Path]:
        """Return every file and folder beside the database that belongs to it, and the database."""
        name = self.database.name
        beside = self.database.parent.glob(f"{name}*")
        return sorted(path for path in beside if path == self.database or path.name[len(name)] in "-.")

    def shared(self) -> list[Path]:
        """Return the existing files that every user of the board needs: not the spool, which belongs to one user."""
        folder = self.run_folder
        inside = folder.iterdir() if folder.is_dir() and not folder.is_symlink() else ()
        return [*(path for path in self.existing() if path != self.spool_folder), *inside]

    def delete(self) -> None:
        """Delete the board: its database, logs, locks and run folder. No process may be using it."""
        for path in (*self.of_sqlite, self.write_lock, self.write_queue):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.run_folder, ignore_errors=True)

    def _beside(self, suffix: str) -> Path:
        return self.database.with_name(self.database.name + suffix)


def path_in(url: str | Path) -> Path | None:
    """Return the file of a path, or of a URL that only names a file; None for any other URL, such as one with a `%`.

    Raises:
        ConfigurationError: The path has a character that no path can have.
    """
    if isinstance(url, Path):
        return resolved_path(url)
    if url and "://" not in url and not url.startswith((":memory:", "file:")):
        return resolved_path(url)
    match = re.fullmatch(r"sqlite:///(?!:memory:$|file:)([^?%]+)", url)
    return None if match is None else resolved_path(match[1])


def resolved_path(path: str | Path) -> Path:
    """Return the path of a file without symbolic links.

    All files of a board, SQLite's log included, are named after this path. Otherwise, processes that reach the board by
    different links would use different locks.

    Raises:
        ConfigurationError: The path has a character that no path can have.
        StoreError: The path is relative, and the current folder was deleted.
    """
    try:
        return Path(os.path.realpath(path))
    except ValueError:
        problem = f"{str(path)!r} cannot be used: it has a character that no path can have"
        raise ConfigurationError([Mistake("database.url", problem)]) from None
    except FileNotFoundError:
        raise StoreError(
            f"{path} is a relative path, and the current folder was deleted; change to another folder, or give an"
            " absolute path"
        ) from None


def postgresql_spool_folder(address: str) -> Path:
    """Return the spool of a board on PostgreSQL: a temporary folder of this user, named by the URL without password."""
    name = hashlib.sha256(address.encode()).hexdigest()[:20]
    return Path(tempfile.gettempdir()) / f"blackboard-{os.getuid()}-{name}-spool"


def sync_to_disk(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
