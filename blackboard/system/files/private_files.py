"""Files and folders with exact permissions, independent of the umask, and never behind a symbolic link.

Other users may be able to write to the folder where a file is made. A symbolic link of another user must not lead
this process to another file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from pathlib import Path

from blackboard.errors import StoreError
from blackboard.system.files.file_errors import file_failure
from blackboard.system.files.file_owners import describe_access, is_private_folder

PRIVATE_MODE = 0o600
"""The mode of a file that only its owner may read."""

MODE_BITS = 0o666
"""The bits that the mode of a file may have: to read and to write."""


def parse_mode(value: object) -> int:
    """Return the permissions of an octal text such as "0660", or of TOML's 0o660.

    Raises:
        ValueError: The text is not such a mode, or the owner may not read and write.
    """
    is_octal_text = isinstance(value, str) and re.fullmatch(r"(0o?)?[0-7]{3}", value)
    mode = int(value[-3:], 8) if isinstance(value, str) and is_octal_text else value
    if type(mode) is not int or mode & ~MODE_BITS or mode & PRIVATE_MODE != PRIVATE_MODE:
        raise ValueError(f'must be an octal mode that lets the owner read and write, such as "0660", not {value!r}')
    return mode


def open_private(path: str | Path, flags: int, mode: int = PRIVATE_MODE) -> int:
    """Open a file for writing, and return its descriptor. If the file does not exist, make it with a mode.

    Raises:
        OSError: The file cannot be opened, or is a symbolic link.
    """
    flags |= os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        with contextlib.suppress(FileExistsError):
            return create_private(path, flags, mode)
        with contextlib.suppress(FileNotFoundError):  # another process has just removed the file
            return os.open(path, flags)


def create_private(path: str | Path, flags: int, mode: int = PRIVATE_MODE) -> int:
    """Make a file with a mode, and return its descriptor.

    Raises:
        FileExistsError: There is a file, or a link.
        OSError: The file cannot be created.
    """
    handle = os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with contextlib.suppress(OSError):  # a file system without permissions
        os.fchmod(handle, mode)
    return handle


def make_folder(folder: Path, mode: int = PRIVATE_MODE) -> None:
    """Make a folder, and the missing folders above it, for the users who may read files of this mode.

    Raises:
        OSError: The folder cannot be created.
    """
    if not folder.parent.exists():
        make_folder(folder.parent, mode)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, folder_mode(mode))
        set_mode(folder, folder_mode(mode))
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def set_mode(path: Path, mode: int) -> None:
    """Set the mode of a file or folder. A folder keeps its set-group-id bit."""
    before = os.stat(path).st_mode
    if stat.S_IMODE(before) & 0o777 != mode:
        os.chmod(path, mode | (before & stat.S_ISGID))


def folder_mode(mode: int) -> int:
    """Return the mode of a folder for files of a mode: users who may read the files may also enter the folder."""
    return mode | (mode & 0o444) >> 2


def mode_of(path: Path) -> int:
    """Return the mode for the files beside a file: its own mode, or the private one if it does not exist."""
    try:
        return (os.stat(path).st_mode & MODE_BITS) | PRIVATE_MODE
    except OSError:
        return PRIVATE_MODE


def ensure_private_folder(folder: Path, mode: int = PRIVATE_MODE) -> Path:
    """Create the folder if necessary, let only this user enter it, and return it.

    If the mode of the board shares it with other users, its folders are shared as well, because these users may change
    the board anyway.

    Raises:
        StoreError: The folder cannot be created, or belongs to another user, who could then pose as a worker, or as a
            model.
    """
    try:
        make_folder(folder, mode)
        if mode != PRIVATE_MODE and not folder.is_symlink():
            return folder
        if not is_private_folder(folder):
            whose = describe_access(folder) or f"{folder} is a link, or not a folder"
            raise StoreError(f"{whose}; remove it, or ask its owner to remove it")
        if os.lstat(folder).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            os.chmod(folder, 0o700)
    except OSError as error:
        raise file_failure(folder, "cannot be created", error) from None
    return folder
