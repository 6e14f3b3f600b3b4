"""The folder of answers that the database could not take. A daemon fills it; `forget` drops answers from it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from blackboard.board_files import server_spool_folder
from blackboard.store.database import Database

__all__ = ["drop", "file_of", "folder_of"]


def folder_of(database: Database) -> Path:
    """Return the folder: beside the database, or a folder of this user for a board on a server."""
    return server_spool_folder(database.where) if database.files is None else database.files.spool_folder


def file_of(database: Database, call_id: int) -> Path:
    """Return the file of the answer to a call."""
    return folder_of(database) / f"{call_id}.json"


def drop(database: Database, call_ids: Iterable[int]) -> None:
    """Remove the answers to some calls."""
    for call_id in call_ids:
        with contextlib.suppress(OSError):
            file_of(database, call_id).unlink()
