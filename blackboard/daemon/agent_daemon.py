"""The daemon as programs use it: the class `Daemon`, which runs the agents of a board."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from blackboard.board.daemon_work import RemainingWork
from blackboard.board.facade import Blackboard
from blackboard.core.agents.agent_definition import Agent
from blackboard.daemon.daemon_events import DaemonListener
from blackboard.daemon.loop.daemon_loop import DaemonLoop
from blackboard.llm.anthropic_client import client_from
from blackboard.llm.model_client import ModelClient
from blackboard.llm.model_settings import ModelSettings
from blackboard.settings.sections import DaemonSection
from blackboard.system.log_queue import Log

log = Log("blackboard")


class Daemon:
    """A loop that wakes the agents of one board. Several daemons may serve one board at the same time.

    Args:
        board: The board that the daemon serves.
        agents: The agents whose functions this process has; other agents wait for other daemons. At its start, the
            daemon deploys new agents and agents whose code has changed, with their own declarations. All others keep
            their registered settings.
        settings: The settings of `[daemon]`: intervals, leases, limits.
        model: The settings of `[model]`: the model that answers if there is a client, and its prices.
        client: The connection to the model's provider; None for the agents' offline rules.
        agent_settings: The value of `context.settings` for agents.
        rng: The source of jitter.
        replace: Whether `run` may deploy changed code of an agent that another living worker serves.
    """

    def __init__(
        self,
        board: Blackboard,
        agents: Mapping[str, Agent] | Iterable[Agent],
        settings: DaemonSection | None = None,
        *,
        model: ModelSettings | None = None,
        client: ModelClient | None = None,
        agent_settings: Mapping[str, Any] | None = None,
        rng: random.Random | None = None,
        replace: bool = False,
    ) -> None:
        self._loop = DaemonLoop(
            board,
            agents,
            settings,
            model=model,
            client=client,
            agent_settings=agent_settings,
            rng=rng,
            replace=replace,
        )

    @classmethod
    def from_file(cls, board: Blackboard, path: Path | str | None = None, *, replace: bool = False) -> Daemon:
        """Deploy a deployment file on a board, and return the daemon that it describes, with its model and settings.

        A file that names no agents deploys nothing. The key of the model is read from the environment.

        Args:
            board: The board, whatever `[database]` in the file says.
            path: The file; by default the file that the commands use.
            replace: Whether to deploy the file even if it removes or changes an agent that a living worker serves.

        Raises:
            ConfigurationError: The file has mistakes, or the key is not valid; all are listed.
            AgentInUse: The deployment would remove or replace an agent that a living worker serves.
        """
        from blackboard.settings.deployment_resolver import resolve_file

        resolved = resolve_file(None if path is None else Path(path))
        settings = resolved.settings
        client = client_from(settings.model, os.environ)
        for warning in resolved.warnings:
            log.warning(str(warning))
        if (deployment := resolved.merged_with(board.deployment)) is not None:
            board.deploy(deployment, replace=replace)
        daemon = cls(
            board,
            resolved.agents,
            settings.daemon,
            model=settings.model,
            client=client,
            agent_settings=settings.settings,
        )
        daemon._loop.deliver_to(settings.sinks, resolved.webhooks)
        return daemon

    def __repr__(self) -> str:
        return f"Daemon({self._loop.board!r}, agents={sorted(self._loop.agents)})"

    @property
    def on_event(self) -> list[DaemonListener]:
        """The functions that are called with a `DaemonEvent` and its details. The list may be changed at any time."""
        return self._loop.on_event

    def run(self, *, until_quiescent: bool = False) -> RemainingWork:
        """Serve the board until `stop` is called, or until the daemon can do none of the remaining work.

        Args:
            until_quiescent: Whether to end when all work that is left waits for a budget, a guard, a pause or a person.

        Returns:
            The unfinished work and the reasons.

        Raises:
            AgentInUse: Another living worker serves one of the agents with other code, and `replace` is not set.
            ConfigurationError: An agent uses a model without a price.
            StoreError: The board cannot be used at the start.
            UsageError: This daemon has run before.
        """
        return self._loop.run(until_quiescent=until_quiescent)

    def stop(self, *, now: bool = False) -> None:
        """Stop: let activations finish within the time `grace` of the settings, then hand back the others.

        Args:
            now: Whether to hand all activations back without waiting.
        """
        self._loop.stop(now=now)
