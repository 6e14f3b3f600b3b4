"""Errors of the files of a board, each with a remedy. They are told apart by the error number of the system."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from blackboard.errors import StoreError, StoreExhausted
from blackboard.system.files.file_owners import describe_access

_EXHAUSTED = frozenset({errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC})


def file_failure(path: Path, problem: str, error: OSError) -> StoreError:
    """Return the error for a file or folder beside a board; `problem` says what failed, as in "cannot be opened"."""
    if path.is_symlink():
        return StoreError(f"{path} is a symbolic link, and nothing is written through a link; remove the link")
    text = f"{path} {problem}: {error.strerror or error}"
    if error.errno in _EXHAUSTED:
        return StoreExhausted(text)
    hint = _hint(path, error)
    return StoreError(f"{text}; {hint}" if hint else text)


def _hint(path: Path, error: OSError) -> str:
    match error.errno:
        case errno.EACCES | errno.EPERM:
            return describe_access(path) or f"check the permissions of {_nearest(path)}"
        case errno.ENOENT | errno.ENOTDIR:
            return f"check that {path.parent} is a folder"
        case errno.EISDIR:
            return "remove this folder"
    return ""


def _nearest(path: Path) -> Path:
    """Return a path, or the folder of a file that cannot be made or reached."""
    return path if os.path.lexists(path) else path.parent
