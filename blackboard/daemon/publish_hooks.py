"""Publishing: agents rewrite what follows from the marks outside the database, after the commit.

It may happen twice for the same marks, and loses nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, TypeVar

import structlog

from blackboard.agent_definition import Agent
from blackboard.board.blackboard import Blackboard
from blackboard.board.worker_operations import publish_lock
from blackboard.failpoints import failpoint
from blackboard.marks import Mark

__all__ = ["Publisher", "Reader"]

log = structlog.get_logger("blackboard")

M = TypeVar("M", bound=Mark)

PATIENCE = 10.0
"""Seconds to wait for another process that publishes."""


class Reader:
    """A board of which only marks can be read."""

    def __init__(self, board: Blackboard) -> None:
        self._board = board

    def marks(self, kind: type[M], *, subject: str | None = None, limit: int | None = None) -> list[M]:
        """Return the live marks of a kind, strongest first."""
        return self._board.marks(kind, subject=subject, limit=limit)


class Publisher:
    """Calls the agents' `publish` functions: at the start, and after each activation that deposited marks.

    A lock between all processes of the board lets one publish at a time, so that an older state never overwrites a
    newer one.
    """

    def __init__(self, board: Blackboard, agents: Mapping[str, Agent], settings: Mapping[str, Any]) -> None:
        self._reader, self._agents, self._settings = Reader(board), agents, settings
        self._lock = threading.Lock()
        self._process_lock = publish_lock(board, PATIENCE)

    def publish_all(self) -> None:
        """Publish for every agent: the process may have died between a commit and its publishing."""
        for agent in self._agents.values():
            self.publish(agent)

    def publish(self, agent: Agent) -> None:
        """Publish what follows from an agent's marks."""
        if agent.publish is None:
            return
        with self._lock:
            try:
                with nullcontext() if self._process_lock is None else self._process_lock.acquired():
                    failpoint("publish.before")
                    agent.publish(self._reader, self._settings)
                    failpoint("publish.after")
            except Exception as error:  # nothing is lost: the next change, or start, publishes the marks again
                log.error("publishing failed; the next change tries it again", agent=agent.name, error=str(error))

    def replace(self, agents: Mapping[str, Agent], settings: Mapping[str, Any]) -> None:
        """Publish for these agents from now on, with these settings."""
        with self._lock:
            self._agents, self._settings = agents, settings

    def close(self) -> None:
        """Wait for the current call, and close the lock between processes."""
        with self._lock:
            if self._process_lock is not None:
                self._process_lock.close()
