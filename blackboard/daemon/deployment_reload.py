"""The reload of the deployment file by a running daemon."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from blackboard.board.daemon_work.worker import Worker
from blackboard.core.agents.agent_definition import Agent
from blackboard.daemon import forked_children
from blackboard.daemon.agent_runs.active_runs import ActiveRuns
from blackboard.daemon.agent_set import AgentSet, code_of
from blackboard.errors import ConfigurationError, StoreError
from blackboard.system.log_queue import Log

log = Log("blackboard")

DeployFile = Callable[[], tuple[Mapping[str, Agent], Mapping[str, Any]]]
"""Deploys the file again; returns the agents and the value of `context.settings` for them."""


class DeploymentReload:
    """The reload of one daemon's deployment file. It is requested by any thread and run by the loop.

    Args:
        worker: The worker of the daemon.
        agents: The agents of the daemon, which a reload replaces.
        runs: The activations that run with these agents.
    """

    def __init__(self, worker: Worker, agents: AgentSet, runs: ActiveRuns) -> None:
        self._worker, self._agents, self._runs = worker, agents, runs
        self.deploy_file: DeployFile | None = None
        """Deploys the file again; without it, a request does nothing."""
        self.is_requested = False
        """Whether the next iteration of the loop should reload the file."""

    def run(self) -> bool:
        """Reload the file if this was requested, and return whether the agents were replaced.

        If the file has mistakes, they are logged, and the active deployment stays active.

        Raises:
            StoreError: The board cannot be used. The file is not the cause, so the request stays.
        """
        if not self.is_requested:
            return False
        self.is_requested = False
        if self.deploy_file is None:
            return False
        self._runs.end_sequences()  # a thread would otherwise continue with the old agent
        try:
            agents, settings = forked_children.call(self.deploy_file)
            self._worker.serve(code_of(agents))
        except StoreError:
            self.is_requested = True
            raise
        except BaseException as error:  # a module of the file may raise anything, even SystemExit or KeyboardInterrupt
            why = "has mistakes" if isinstance(error, ConfigurationError) else "cannot be deployed"
            log.error(f"the deployment file {why}; the active deployment was kept", error=error)
            return False
        self._agents.replace(agents, settings)
        return True
