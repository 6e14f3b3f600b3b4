"""Rewrites what follows from the marks outside the database, after the commit; may do so twice, and loses nothing."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, TypeVar

import structlog

from blackboard.agent_definition import Agent
from blackboard.board.blackboard import Blackboard
from blackboard.board_files import BoardFiles
from blackboard.failpoints import reach
from blackboard.marks import Mark
from blackboard.store.write_lock import WriteLock

__all__ = ["Publisher", "Reader"]

log = structlog.get_logger("blackboard")

M = TypeVar("M", bound=Mark)

PATIENCE = 10.0
"""Seconds to wait for another process that publishes."""


class Reader:
    """A board to read marks from, and no more."""

    def __init__(self, board: Blackboard) -> None:
        self._board = board

    def marks(self, kind: type[M], *, subject: str | None = None, limit: int | None = None) -> list[M]:
        """Return the live marks of a kind, strongest first."""
        return self._board.marks(kind, subject=subject, limit=limit)


class Publisher:
    """Calls the agents' `publish` functions: at the start, and after each activation that left marks.

    One at a time, in all processes of the board, so that an older state never overwrites a newer one.
    """

    def __init__(self, board: Blackboard, agents: Mapping[str, Agent], settings: Mapping[str, Any]) -> None:
        self._reader, self._agents, self._settings = Reader(board), agents, settings
        self._lock = threading.Lock()
        folder = None if board.database.path is None else BoardFiles(board.database.path).run_folder
        self._write_lock = None if folder is None else WriteLock(folder / "publish", PATIENCE)

    def start(self) -> None:
        """Bring everything up to date: the process may have died between a commit and what follows from it."""
        for agent in self._agents.values():
            self.changed(agent)

    def changed(self, agent: Agent) -> None:
        """Bring what follows from an agent's marks up to date."""
        if agent.publish is None:
            return
        with self._lock:
            try:
                with nullcontext() if self._write_lock is None else self._write_lock.acquired():
                    reach("publish.before")
                    agent.publish(self._reader, self._settings)
                    reach("publish.after")
            except Exception as error:  # the marks are the truth; the next change, or start, writes it again
                log.error("publishing failed; it is tried again at the next change", agent=agent.name, error=str(error))

    def stop(self) -> None:
        """Wait for one that is under way."""
        with self._lock:
            if self._write_lock is not None:
                self._write_lock.close()
