"""Keeps answers that the database would not take, in files beside it, until it takes them. It understands none of them.

What was paid for must not be lost because a disk was full for a minute. A file is written whole or not at all, is
readable by its owner alone, and goes when its answer is committed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import structlog

from blackboard.board import spooled_answers
from blackboard.board.blackboard import Blackboard
from blackboard.failpoints import reach

__all__ = ["Spool", "Spooled"]

log = structlog.get_logger("blackboard")


class Spooled(NamedTuple):
    """An answer that waits."""

    call: int
    raw: str
    request_id: str | None


class Spool:
    """The folder of one board: `<database>-spool`, or, for a board on a server, one of this user's."""

    def __init__(self, board: Blackboard) -> None:
        self._board = board
        self.folder = spooled_answers.folder_of(board.database)
        # What not even a file could be made for: it lives as long as the process does.
        self._unwritten: dict[int, Spooled] = {}

    def put(self, answer: Spooled) -> None:
        """Keep an answer. Never fails: without room for a file, it stays in memory."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self.folder / f"{answer.call}.json"
            self._write(path, {"board": self._uid(), **answer._asdict()})
        except Exception as error:
            self._unwritten[answer.call] = answer
            log.error("an answer is kept in memory alone", call=answer.call, error=str(error))
            return
        reach("spool.kept")
        log.error("an answer is kept beside the database, which would not take it", call=answer.call, file=str(path))

    def waiting(self) -> Iterator[Spooled]:
        """Every answer that waits and is this board's."""
        yield from list(self._unwritten.values())
        try:
            paths = sorted(self.folder.glob("*.json"))
        except OSError:
            return
        for path in paths:
            try:
                found = json.loads(path.read_text("utf-8"))
                answer = Spooled(int(found["call"]), str(found["raw"]), found["request_id"])
            except (OSError, ValueError, KeyError, TypeError) as error:
                log.error("a file in the spool cannot be read; it is left there", file=str(path), error=str(error))
                continue
            if found["board"] == self._uid():
                yield answer

    def drop(self, answer: Spooled) -> None:
        """It was committed."""
        self._unwritten.pop(answer.call, None)
        spooled_answers.drop(self._board.database, [answer.call])

    def _write(self, path: Path, content: dict[str, object]) -> None:
        beside = path.with_suffix(".part")
        handle = os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)  # the name is as durable as the content
        finally:
            os.close(folder)

    def _uid(self) -> str:
        return self._board.uid
