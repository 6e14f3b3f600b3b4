"""Which workers of a board live, told by their locks alone, and the folder that these lie in. It removes nothing."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from blackboard.board.waking import run_folder
from blackboard.errors import StoreError

__all__ = ["any_living", "living", "private_folder"]


def living(database: Path | None, workers: Iterable[str]) -> set[str] | None:
    """Those of the registered workers that live; None where there are no locks to tell, as on a server."""
    if database is None:
        return None
    folder = run_folder(database)
    return {worker for worker in workers if _is_held(folder / f"{worker.rsplit('-', 1)[-1]}.lock")}


def any_living(database: Path | None) -> bool:
    """Whether any worker of a board lives, registered or not."""
    return database is not None and any(_is_held(lock) for lock in run_folder(database).glob("*.lock"))


def private_folder(folder: Path) -> Path:
    """The folder, made if need be: this user's, and no one else's to enter.

    Raises:
        StoreError: it cannot be made, or somebody else made it, who could then pose as a worker.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = os.lstat(folder)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise StoreError(f"{folder} is not this user's folder; remove it, or have its owner do so")
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            os.chmod(folder, 0o700)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made: {error.strerror}; check the permissions beside the board") from None
    return folder


def _is_held(lock: Path) -> bool:
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
