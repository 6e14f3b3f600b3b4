"""Files that get their names when they are complete."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from blackboard.errors import StoreError
from blackboard.system.files.board_files import BoardFiles, sync_to_disk
from blackboard.system.files.file_errors import file_failure
from blackboard.system.files.private_files import create_private


@contextlib.contextmanager
def partial_file(target: Path) -> Iterator[Path]:
    """Create a file beside the target that only this user may read, and delete it afterwards.

    Raises:
        StoreError: The file cannot be created.
    """
    if not target.parent.is_dir():
        raise StoreError(f"{target} cannot be written: {target.parent} is not a folder; make it, or name another file")
    files = BoardFiles(target).partial()
    part = files.database
    try:
        os.close(create_private(part, os.O_WRONLY))
    except OSError as error:
        raise file_failure(part, "cannot be written", error) from None
    try:
        yield part
    finally:
        for file in files.of_sqlite:
            with contextlib.suppress(OSError):
                file.unlink()


def put_in_place(part: Path, to: Path) -> None:
    """Give a complete file its name, durably.

    Raises:
        StoreError: The name is taken.
    """
    sync_to_disk(part)
    try:
        os.link(part, to)  # unlike a rename, a link fails if another process has just created the file
    except FileExistsError:
        raise StoreError(f"{to} now exists; choose another name") from None
    except OSError:
        os.rename(part, to)
    sync_to_disk(to.parent)
