"""The agents of a daemon: their code and settings, their deployment, and what they publish."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from blackboard.board.daemon_work import Worker, learn_classes_of
from blackboard.board.facade import Blackboard
from blackboard.core.agents.agent_definition import Agent
from blackboard.core.specs.agent_spec import check_agents
from blackboard.daemon.deliveries.publish_hooks import Publisher
from blackboard.errors import ConfigurationError, UsageError
from blackboard.settings.agent_defined_settings import section_mistakes
from blackboard.system.log_queue import Log

log = Log("blackboard")


class AgentSet(Mapping[str, Agent]):
    """The agents whose functions this process has, by name.

    Args:
        board: The board, where the mark classes of the agents become known.
        agents: The agents, with their functions; as a mapping, by name.
        settings: The value of `context.settings` for the agents.
        replace: Whether the agents' code may replace active code that another living worker serves.
    """

    def __init__(
        self,
        board: Blackboard,
        agents: Mapping[str, Agent] | Iterable[Agent],
        settings: Mapping[str, Any],
        *,
        replace: bool,
    ) -> None:
        self._board, self._replaces = board, replace
        self.settings = settings
        """The value of `context.settings`."""
        if not isinstance(agents, Iterable):
            raise UsageError("the agents of a daemon are a list; write Daemon(board, [sales]) for one agent")
        found: list[Agent] = list(agents.values() if isinstance(agents, Mapping) else agents)
        check_agents(found, "Daemon()")
        self._agents = {agent.name: agent for agent in found}
        self.publisher = Publisher(board, self._agents, settings)
        """Calls the `publish` functions of the agents."""
        self._outdated: set[str] = set()
        learn_classes_of(board, self._agents.values())

    def __getitem__(self, name: str) -> Agent:
        return self._agents[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._agents)

    def __len__(self) -> int:
        return len(self._agents)

    def check_settings(self) -> None:
        """Check the sections that the agents declare.

        Raises:
            ConfigurationError: A section has mistakes; all are listed.
        """
        if mistakes := list(section_mistakes(self._agents.values(), self.settings)):
            raise ConfigurationError(mistakes)

    def deploy_new(self, worker: Worker) -> None:
        """Deploy the agents that the board does not know, and the agents whose code has changed.

        Raises:
            AgentInUse: Another living worker serves one of these agents with other code, and `replace` is false.
        """
        deployed = self._board.deployment.agents
        if new := [
            agent
            for name, agent in self._agents.items()
            if name not in deployed or deployed[name].code != agent.spec.code
        ]:
            worker.deploy(new, replace=self._replaces)

    def replace(self, agents: Mapping[str, Agent], settings: Mapping[str, Any]) -> None:
        """Replace the agents and their settings, and publish with the new ones."""
        self._agents, self.settings = dict(agents), settings
        self.publisher.replace(self._agents, settings)

    def note_outdated(self, outdated: set[str]) -> None:
        """Log the agents that this worker does not claim for, whenever this list changes."""
        if new := sorted(outdated - self._outdated):
            log.warning(
                "the active deployment has other code for these agents, or does not have them; this worker does not"
                " claim for them until it is restarted with the active code",
                agents=new,
            )
        if again := sorted(self._outdated - outdated):
            log.info("this worker claims for these agents again", agents=again)
        self._outdated = outdated


def code_of(agents: Mapping[str, Agent]) -> dict[str, str | None]:
    """Return the digests of the code of agents, by name."""
    return {name: agent.spec.code for name, agent in agents.items()}
