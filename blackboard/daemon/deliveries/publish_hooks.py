"""Publish hooks: the `publish` functions of agents, which update files and other systems from marks after a commit.

The same marks may be published twice. No change is lost.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from blackboard.board.daemon_work import publish_lock
from blackboard.board.facade import Blackboard
from blackboard.core.agents.agent_definition import Agent, require_done
from blackboard.core.marks.mark_model import Mark
from blackboard.daemon.agent_runs import forked_children
from blackboard.system.failpoints import failpoint
from blackboard.system.log_queue import Log

log = Log("blackboard")

M = TypeVar("M", bound=Mark)

MAX_PUBLISH_WAIT_SECONDS = 10.0
"""Seconds to wait while another process publishes."""


class PublishReader:
    """A read-only view of the marks of a board."""

    def __init__(self, board: Blackboard, former_settings: Sequence[Mapping[str, Any]] = ()) -> None:
        self._board = board
        self.former_settings = former_settings
        """The settings of this process's last publication, if other settings are active now."""

    @property
    def board_id(self) -> str:
        """The id of the board, which no other board has."""
        return self._board.board_id

    def marks(self, kind: type[M], *, subject: str | None = None, limit: int | None = None) -> list[M]:
        """Return the live marks of a kind, strongest first.

        Raises:
            UnreadableMark: A mark does not fit its class. Publishing without this mark would remove what was published
                for it.
        """
        return self._board.marks(kind, subject=subject, limit=limit, strict=True)


class Publisher:
    """The calls of the agents' `publish` functions: at the start, after a reload, and after activations with deposits.

    The processes of the board publish in turn, under a lock: an older state never overwrites a newer one.
    """

    def __init__(self, board: Blackboard, agents: Mapping[str, Agent], settings: Mapping[str, Any]) -> None:
        self._board, self._agents, self._settings = board, agents, settings
        self._former: dict[str, list[Mapping[str, Any]]] = {}
        """The former settings, for each agent that has not yet published under the active settings."""
        self._lock = threading.Lock()
        self._process_lock = publish_lock(board, MAX_PUBLISH_WAIT_SECONDS)

    def publish_all(self) -> None:
        """Publish for every agent. The previous process may have died between a commit and its publishing."""
        for agent in self._agents.values():
            self.publish(agent)

    def publish(self, agent: Agent) -> None:
        """Call the `publish` function of an agent, if it has one."""
        if agent.publish is None:
            return
        with self._lock:
            try:
                with self._process_lock.hold():
                    failpoint("publish.before")
                    publish = agent.publish
                    reader = PublishReader(self._board, tuple(self._former.get(agent.name, ())))
                    forked_children.call(lambda: require_done(publish(reader, self._settings), "publish"))
                    self._former.pop(agent.name, None)
                    failpoint("publish.after")
            except Exception as error:  # no change is lost: the next change or start publishes the marks again
                log.error("publishing failed; the next change retries it", agent=agent.name, error=error)

    def replace(self, agents: Mapping[str, Agent], settings: Mapping[str, Any]) -> None:
        """Replace the agents and their settings, and publish under the new ones."""
        with self._lock:
            if settings != self._settings:
                for name in (name for name, agent in agents.items() if agent.publish is not None):
                    self._former.setdefault(name, []).append(self._settings)
            self._agents, self._settings = agents, settings
        self.publish_all()

    def close(self) -> None:
        """Wait for the current call, and close the lock between processes."""
        with self._lock:
            self._process_lock.close()
