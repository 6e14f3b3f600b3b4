"""The declarations of a program: agents and kinds that it adds to the active deployment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from blackboard.core.marks.mark_model import Mark
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.errors import ConfigurationError, Mistake, nearest


class AgentDeclaration(Protocol):
    """The part of an agent that a deployment needs."""

    @property
    def spec(self) -> AgentSpec:
        """The agent as a deployment registers it."""

    @property
    def kinds(self) -> Mapping[str, type[Mark]]:
        """The mark classes that the agent names, by kind."""


def with_declared(active: Deployment, agents: Iterable[AgentDeclaration], kinds: Iterable[type[Mark]]) -> Deployment:
    """Return the active deployment with more agents, and with the kinds that they name.

    A registered kind stays as it is, because a deployment file may have set it; the mark classes in `kinds` are
    registered as they declare themselves.

    Raises:
        ConfigurationError: Neither the board nor a declaration knows a kind that an agent names.
    """
    specs = {**active.kinds, **{kind.kind: KindSpec.of(kind.defaults) for kind in kinds}}
    registered = dict(active.agents)
    mistakes = []
    for agent in agents:
        if agent.spec.renamed_from:
            registered.pop(agent.spec.renamed_from, None)
        registered[agent.spec.name] = agent.spec
        for name in sorted(agent.spec.kinds - specs.keys()):
            if name in agent.kinds:
                specs[name] = KindSpec.of(agent.kinds[name].defaults)
            else:
                mistakes.append(
                    Mistake(
                        f"agent {agent.spec.name!r}",
                        f"it names the kind {name!r}, which is not known{nearest(name, specs)}; "
                        "name its class in kinds=[...] of the agent",
                    )
                )
    if mistakes:
        raise ConfigurationError(mistakes)
    return active.model_copy(update={"kinds": specs, "agents": registered})
