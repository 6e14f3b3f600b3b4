"""Files beside the database with model answers that could not be stored.

A daemon writes these files. `forget` deletes those whose requests were about the erased subject.

A paid answer must not be lost because a disk was full for a minute. A file is written atomically, is readable only by
its owner, and is removed when its answer is committed. Files in a folder of another user are ignored.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from blackboard.board.board_session import BoardSession
from blackboard.store.database import Database
from blackboard.system.failpoints import failpoint
from blackboard.system.files.board_files import sync_to_disk
from blackboard.system.files.file_owners import foreign_owner, is_private_folder, name_of, this_user
from blackboard.system.files.private_files import ensure_private_folder, open_private
from blackboard.system.log_queue import Log

log = Log("blackboard")


class SpooledAnswer(NamedTuple):
    """A raw answer that waits for the database, with the id of its call."""

    call_id: int
    raw: str
    request_id: str | None


class AnswerSpool:
    """The spool of one board: the folder `<database>-spool`, or, for a board on PostgreSQL, a folder of this user."""

    def __init__(self, session: BoardSession) -> None:
        self._session = session
        self.folder = _folder_of(session.database)
        # Answers that could not be written to a file. They are lost when the process ends.
        self._in_memory: dict[int, SpooledAnswer] = {}
        self._has_warned = False

    def put(self, answer: SpooledAnswer) -> None:
        """Keep an answer. If no file can be written, it stays in memory; no error is raised."""
        try:
            ensure_private_folder(self.folder)
            path = file_of(self._session.database, answer.call_id)
            _write(path, {"board": self._session.read(lambda txn: txn.board_id), **answer._asdict()})
        except Exception as error:
            self._in_memory[answer.call_id] = answer
            log.error("an answer is kept only in memory", call=answer.call_id, error=error)
            return
        failpoint("spool.kept")
        log.error("the database did not accept an answer; it is kept in a file", call=answer.call_id, file=str(path))

    def waiting_answers(self) -> Iterator[SpooledAnswer]:
        """Yield every waiting answer of this board."""
        yield from list(self._in_memory.values())
        try:
            paths = sorted(self.folder.glob("*.json")) if self._is_usable() else []
        except OSError:
            return
        for path in paths:
            if (owner := foreign_owner(path)) is not None:
                log.warning("a file of the spool belongs to another user", file=str(path), owner=owner)
            try:
                content = json.loads(path.read_text("utf-8"))
                answer = SpooledAnswer(int(content["call_id"]), str(content["raw"]), content["request_id"])
                board = content["board"]
            except (OSError, ValueError, KeyError, TypeError) as error:
                log.error("a file of the spool cannot be read; it is kept", file=str(path), error=error)
                continue
            if board == self._session.read(lambda txn: txn.board_id):
                yield answer

    def _is_usable(self) -> bool:
        """Return whether the folder belongs to this user. A folder of another user is logged once.

        Raises:
            OSError: There is no folder, or it cannot be reached.
        """
        usable = is_private_folder(self.folder)
        if not usable and not self._has_warned:
            self._has_warned = True
            owner = foreign_owner(self.folder) or name_of(this_user())
            log.error("the spool is not a folder of this user, and is not used", folder=str(self.folder), owner=owner)
        return usable

    def delete(self, call_id: int) -> None:
        """Delete the spooled answer of a call after the board has stored it."""
        self._in_memory.pop(call_id, None)
        delete_files(self._session.database, [call_id])


def file_of(database: Database, call_id: int) -> Path:
    """Return the file of the answer to a call."""
    return _folder_of(database) / f"{call_id}.json"


def delete_files(database: Database, call_ids: Iterable[int]) -> None:
    """Delete the files of the answers to some calls."""
    if _folder_of(database).is_symlink():
        return  # no answer is ever written through a link
    for call_id in call_ids:
        with contextlib.suppress(OSError):
            file_of(database, call_id).unlink()


def _folder_of(database: Database) -> Path:
    """Return the folder: beside the database, or a folder of this user for a board on PostgreSQL."""
    return database.place.spool_folder


def _write(path: Path, content: dict[str, object]) -> None:
    part = path.with_suffix(".part")
    handle = open_private(part, os.O_WRONLY | os.O_TRUNC)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    sync_to_disk(path.parent)  # also makes the new name of the file durable
