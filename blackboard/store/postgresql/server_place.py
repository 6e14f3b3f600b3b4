"""The place of a board on a server. Its files belong to the server."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from blackboard.errors import StoreError, StoreMissing
from blackboard.store.database_parts.board_place import BoardPlace
from blackboard.system.files.board_files import server_spool_folder


class ServerPlace(BoardPlace):
    """The place of a board on a server, whose URL without a password is given; see `BoardPlace`."""

    is_created_on_demand = False

    def __init__(self, where: str) -> None:
        self._where = where

    def exists(self) -> bool:
        return True

    def refuse_missing(self) -> NoReturn:
        raise StoreMissing(f"{self._where} holds no board; 'blackboard init' creates one")

    def check_names(self) -> None:
        """Do nothing: a URL has no other names that matter."""

    def is_read_only(self) -> bool:
        return False

    def owned_by_others(self) -> None:
        return None

    def apply_mode(self, *, is_new: bool = False) -> None:
        """Do nothing: a server has rights instead."""

    def delete(self) -> NoReturn:
        raise StoreError(f"{self._where} is on a server, where its owner drops the database")

    def sizes(self) -> dict[str, int]:
        return {}

    @property
    def spool_folder(self) -> Path:
        """A folder of this user, because a server has none."""
        return server_spool_folder(self._where)
