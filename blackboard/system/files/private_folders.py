"""Folders beside a board that no other user may enter, unless the board is shared."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from blackboard.errors import StoreError
from blackboard.system.files.file_failures import file_failure
from blackboard.system.files.file_owners import describe_access, is_private_folder
from blackboard.system.files.private_files import PRIVATE_MODE, make_folder


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
            raise StoreError(f"{whose}; remove it, or ask its owner to do so")
        if os.lstat(folder).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            os.chmod(folder, 0o700)
    except OSError as error:
        raise file_failure(folder, "cannot be created", error) from None
    return folder
