"""The deployment of a board in one version."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pydantic import Field, PrivateAttr

from blackboard.core.conditions.measures import Measure
from blackboard.core.marks.kinds import Kind
from blackboard.core.specs.agent_spec import AgentSpec, Budget, DepositLimits
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.core.specs.sink_spec import SinkSpec
from blackboard.core.specs.spec_base_class import DeploymentPart
from blackboard.durations import SECOND, Duration, Microseconds
from blackboard.errors import UnknownName

MAX_SKEW = Microseconds(5 * SECOND)
"""How far ahead of the board's time the occurrence of a deposit may be, by default."""


class Deployment(DeploymentPart):
    """The kinds, agents, trust and limits that are registered as one version."""

    version: int = 0
    """The number of changes so far; 0 on a new board."""
    kinds: dict[str, KindSpec] = Field(default_factory=dict)
    """The kinds by name."""
    agents: dict[str, AgentSpec] = Field(default_factory=dict)
    """The agents by name."""
    trust: dict[str, float] = Field(default_factory=dict)
    """The trust in authors by name, a factor of their intensities."""
    limits: dict[str, DepositLimits] = Field(default_factory=dict)
    """The limits of authors by name."""
    budget: Budget = Budget()
    """The limits for all agents together."""
    max_skew: Duration = MAX_SKEW
    """How far ahead of the board's time the occurrence of a deposit may be. Such an occurrence counts as now."""
    activity: bool = True
    """Whether the board records what agents and people do, besides the history of its marks."""
    sinks: dict[str, SinkSpec] = Field(default_factory=dict)
    """The sinks of messages to people outside, by name."""

    # Copies of a deployment share this cache, so an entry is valid only for the spec that it was made from.
    _kinds: dict[str, tuple[KindSpec, Kind]] = PrivateAttr(default_factory=dict)

    def kind(self, name: str) -> Kind:
        """Return the kind of a name.

        Raises:
            UnknownName: There is no such kind.
        """
        if (spec := self.kinds.get(name)) is None:
            raise UnknownName("kind", name, self.kinds)
        cached = self._kinds.get(name)
        if cached is None or cached[0] is not spec:
            cached = self._kinds[name] = (spec, spec.kind(name))
        return cached[1]

    def agent(self, name: str) -> AgentSpec:
        """Return the agent of a name.

        Raises:
            UnknownName: There is no such agent.
        """
        if name not in self.agents:
            raise UnknownName("agent", name, self.agents)
        return self.agents[name]

    def longest_windows(self) -> dict[str, int]:
        """Return the length of the longest window that counts each kind, in a condition or a guard."""
        longest: dict[str, int] = {}
        for measure in self._windows():
            for kind in measure.kinds:
                longest[kind] = max(longest.get(kind, 0), measure.within or 0)
        return longest

    def tags_in_windows(self) -> dict[str, frozenset[str]]:
        """Return the tags by which windows find the deposits of each kind, in a condition or a guard."""
        tags: dict[str, frozenset[str]] = {}
        for measure in self._windows():
            for kind in measure.kinds if measure.tags else ():
                tags[kind] = tags.get(kind, frozenset()) | measure.tags
        return tags

    def _windows(self) -> Iterator[Measure]:
        """Yield the measures with a window, in all conditions and guards."""
        for watch in (watch for agent in self.agents.values() for watch in agent.watches):
            yield from watch.condition.windows
            if watch.guard is not None:
                yield from watch.guard.windows

    def content(self) -> str:
        """Return the deployment without its version as canonical JSON. Equal deployments have equal texts."""
        return json.dumps(self.model_dump(mode="json", exclude={"version"}), sort_keys=True, ensure_ascii=False)

    def with_kinds(self, kinds: Mapping[str, Kind]) -> Deployment:
        """Return a copy with more kinds. The kinds that the deployment already has do not change."""
        added = {name: KindSpec.of(kind) for name, kind in kinds.items() if name not in self.kinds}
        return self.model_copy(update={"kinds": {**self.kinds, **added}})
