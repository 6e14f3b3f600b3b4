"""The files of a project, read and written byte for byte: all of them or none."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from blackboard.errors import UsageError


def read_text(folder: Path, name: str) -> str | None:
    """Return the text of a file with its own line endings; None if there is none.

    Raises:
        UsageError: The file cannot be read, or it is not UTF-8.
    """
    try:
        return (folder / name).read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{name} cannot be changed: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{name} cannot be changed, because it is not UTF-8") from None


def newline_of(text: str) -> str:
    """Return the line ending of a text."""
    return "\r\n" if "\r\n" in text else "\n"


def write_texts(
    folder: Path, names: Sequence[str], before: Mapping[str, str | None], after: Mapping[str, str | None]
) -> None:
    """Write the texts of files in this order. After an error, the files are as they were.

    Args:
        folder: The folder of the project.
        names: The paths of the files, relative to the folder.
        before: Their present texts; None if there is no file.
        after: Their new texts; None to delete the file.

    Raises:
        OSError: A file or a folder cannot be written.
    """
    parents = {folder / parent for name in names for parent in Path(name).parents}
    new_folders = [path for path in parents if not path.exists()]
    begun: list[str] = []
    try:
        for name in names:
            begun.append(name)
            write_text(folder / name, after[name])
    except BaseException:
        for name in reversed(begun):
            with contextlib.suppress(OSError):
                write_text(folder / name, before[name])
        remove_empty(new_folders)
        raise


def remove_empty(folders: Sequence[Path]) -> None:
    """Remove the folders where nothing is left."""
    for path in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        with contextlib.suppress(OSError):  # the folder is not empty
            path.rmdir()


def write_text(path: Path, text: str | None) -> None:
    """Write a text byte for byte. If it is None, delete the file.

    Raises:
        OSError: The file or its folder cannot be written.
    """
    if text is None:
        path.resolve().unlink(missing_ok=True)  # a link that a person made stays
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
