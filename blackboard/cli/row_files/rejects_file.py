"""The file for rejected rows: made with the first such row, readable only by its owner, and never behind a link."""

from __future__ import annotations

import csv
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from blackboard.errors import UsageError
from blackboard.system.files.private_files import PRIVATE_MODE, open_private

if TYPE_CHECKING:
    from blackboard.cli.row_files.row_reader import BadRow


def default_path(file: str, *, follow: bool = False) -> Path:
    """Return the default file for bad rows: beside a file, and in the current folder for a stream.

    A file to `follow` may not exist yet.
    """
    if file == "-":
        return Path("stdin.rejects.csv")
    is_file = Path(file).is_file() or (follow and not Path(file).exists())
    return Path(f"{file}.rejects.csv" if is_file else "load.rejects.csv")


@contextmanager
def rejects_file(path: Path, source: str, *, extends: bool = False) -> Iterator[Callable[[BadRow], None]]:
    """Yield a function that writes a rejected row. The first call creates the file, or replaces an earlier file.

    Only its owner may read it, because it contains text of strangers. With `extends`, the function adds to an earlier
    file: it identifies rows by their place in bytes, and writes each row immediately.

    Raises:
        UsageError: The file is a link, or the file that is loaded.
    """
    if path.is_symlink() and not path.is_char_device():
        raise UsageError(f"{path} is a link, and rejected rows are not written through it; name a file with --rejects")
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"--rejects {path} {'is a folder' if path.is_dir() else 'is in a folder that does not exist'}")
    if path.is_file() and Path(source).is_file() and path.samefile(source):
        raise UsageError(f"--rejects {path} is the file that is loaded")
    writer: Any = None
    stream: IO[str]
    with ExitStack() as stack:

        def reject(row: BadRow) -> None:
            nonlocal writer, stream
            if writer is None:
                stream = stack.enter_context(_private_file(path, extends=extends))
                writer = csv.writer(stream)
                if not (extends and os.fstat(stream.fileno()).st_size):
                    writer.writerow(("byte" if extends else "row", "reason", "content"))
            writer.writerow((row.number, row.reason, row.raw))
            if extends:
                stream.flush()

        yield reject


def _private_file(path: Path, *, extends: bool) -> IO[str]:
    """Open a text file that only its owner may read. It is empty unless it `extends` an earlier file.

    A link is never followed, except to a device.
    """
    flags = os.O_WRONLY | (os.O_APPEND if extends else os.O_TRUNC)
    is_device = path.is_char_device()  # such as /dev/stderr
    handle = os.open(path, flags | os.O_CLOEXEC) if is_device else open_private(path, flags)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        os.fchmod(handle, PRIVATE_MODE)
    return open(handle, "w", encoding="utf-8", errors="backslashreplace", newline="")
