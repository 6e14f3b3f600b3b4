"""Puts agents and kinds in force as a program declares them, beside what is in force already. It reads no files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from blackboard.deployment import AgentSpec, Deployment, KindSpec
from blackboard.errors import ConfigurationError, Mistake, nearest
from blackboard.marks import Mark

__all__ = ["Declared", "beside"]


class Declared(Protocol):
    """An agent as far as a deployment goes."""

    @property
    def spec(self) -> AgentSpec: ...

    @property
    def kinds(self) -> Mapping[str, type[Mark]]: ...


def beside(old: Deployment, agents: Iterable[Declared], kinds: Iterable[type[Mark]]) -> Deployment:
    """The deployment `old` with agents as they declare themselves, and with the kinds that they speak of.

    A kind that is registered stays as it is, since a deployment file may have set it, unless it is among `kinds`.

    Raises:
        ConfigurationError: kinds that neither the board nor a declaration knows.
    """
    specs = {**old.kinds, **{kind.kind: KindSpec.of(kind.defaults) for kind in kinds}}
    registered = dict(old.agents)
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
                        f"it speaks of kind {name!r}, which is not known{nearest(name, specs)}; "
                        "name its class in kinds=[...] of the agent",
                    )
                )
    if mistakes:
        raise ConfigurationError(mistakes)
    return old.model_copy(update={"kinds": specs, "agents": registered})
