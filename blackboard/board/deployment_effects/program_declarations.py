"""Registration of agents and kinds as a program declares them, beside those that are registered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from blackboard.board.deployment_effects import deployment_activation
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.authors import BOARD
from blackboard.core.marks.mark_model import Mark
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.errors import ConfigurationError, Mistake, nearest
from blackboard.store.statements import DEPLOYMENTS


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


def ensure_kind(txn: BoardTransaction, kind: str, classes: MarkClasses, author: str = BOARD) -> None:
    """Register a kind that is new to the board as its class declares it, if this process knows the class.

    The author is who needs the kind, as the activity names it.
    """
    if kind not in txn.deployment.kinds and (mark_class := classes.get(kind)) is not None:
        deployment_activation.activate(txn, txn.deployment.with_kinds({kind: mark_class.defaults}), author)
        txn.reread_deployment()


def schemas_of(txn: BoardTransaction, kind: str) -> list[dict[str, Any] | None]:
    """Return the schemas that the board has ever registered for a kind."""
    contents = [json.loads(row.content) for row in txn.sql.all(DEPLOYMENTS.deployments)]
    return [content["kinds"][kind]["payload_schema"] for content in contents if kind in content["kinds"]]
