"""The reload of the deployment file by a running daemon."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from blackboard.board.daemon_work import Worker
from blackboard.core.agents.agent_definition import Agent
from blackboard.daemon.agent_runs import forked_children
from blackboard.daemon.agent_runs.active_runs import ActiveRuns
from blackboard.daemon.agent_set import AgentSet, code_of
from blackboard.errors import ConfigurationError, StoreError
from blackboard.settings.sink_sections import SinkSection, WebhookSection
from blackboard.system.log_queue import Log

log = Log("blackboard")


class ReloadedFile(NamedTuple):
    """The parts of a reloaded deployment file that a daemon takes over."""

    agents: Mapping[str, Agent]
    """The agents that the daemon runs."""
    settings: Mapping[str, Any]
    """The value of `context.settings` for the agents."""
    sinks: Sequence[SinkSection] = ()
    """The sinks that the daemon delivers messages to."""
    webhooks: Mapping[str, WebhookSection] = {}
    """The webhooks that the daemon posts activations to, by agent."""


DeployFile = Callable[[str], ReloadedFile]
"""A function that deploys the file again, for the worker with an id."""
DeliverTo = Callable[[Sequence[SinkSection], Mapping[str, WebhookSection]], None]
"""A function that delivers to these sinks and webhooks from now on."""


class DeploymentReload:
    """The reload of one daemon's deployment file. Any thread may request it, and the loop runs it.

    Args:
        worker: The worker of the daemon.
        agents: The agents of the daemon, which a reload replaces.
        runs: The activations that run with these agents.
        deliver_to: Directs the deliveries of the daemon to the sinks and webhooks of the reloaded file.
        deploy_file: Deploys the file again; without it, a request does nothing.
    """

    def __init__(
        self,
        worker: Worker,
        agents: AgentSet,
        runs: ActiveRuns,
        deliver_to: DeliverTo,
        deploy_file: DeployFile | None,
    ) -> None:
        self._worker, self._agents, self._runs, self._deliver_to = worker, agents, runs, deliver_to
        self.deploy_file = deploy_file
        """Deploys the file again; None if there is no file."""
        self.is_requested = False
        """Whether the next iteration of the loop should reload the file."""

    def request(self) -> None:
        """Let the next iteration of the loop reload the file."""
        self.is_requested = True

    def run_if_requested(self) -> bool:
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
        deploy = partial(self.deploy_file, self._worker.id)
        self._runs.end_sequences()  # a thread would otherwise continue with the old agent
        try:
            file = forked_children.call(deploy)
            self._deliver_to(file.sinks, file.webhooks)
            self._worker.serve(code_of(file.agents))
        except StoreError:
            self.is_requested = True
            raise
        except BaseException as error:  # a module of the file may raise anything, even SystemExit or KeyboardInterrupt
            why = "has mistakes" if isinstance(error, ConfigurationError) else "cannot be deployed"
            log.error(f"the deployment file {why}; the active deployment was kept", error=error)
            return False
        self._agents.replace(file.agents, file.settings)
        return True
