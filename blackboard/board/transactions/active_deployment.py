"""The active deployment as transactions use it: its watches by kind and agent, and changes in progress."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.core.authors import skeleton
from blackboard.core.marks.kinds import Kind
from blackboard.core.records.backfill_targets import BackfillTarget, BackfillTask
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.sink_spec import SinkSpec
from blackboard.store.row_types.deployment_row_types import BackfillRow, LawChangeRow
from blackboard.store.statements import CROSSINGS, DEPLOYMENTS, SEARCH
from blackboard.store.transaction import Transaction


@dataclass(frozen=True, eq=False)
class ActiveDeployment:
    """The active deployment, with its watches indexed by kind."""

    deployment: Deployment
    watches: dict[int, RegisteredWatch] = field(default_factory=dict)
    law_changes: dict[tuple[str, str], LawChangeRow] = field(default_factory=dict)
    """Unfinished changes of law, by kind and old law. Some marks of the kind have not followed yet.

    Both laws are the same if only the kind's floor has changed.
    """
    backfills: tuple[BackfillRow, ...] = ()
    """The backfills that were not finished when the transaction began, oldest first."""

    searched: dict[str, int] = field(default_factory=dict)
    """The number of the full-text index of each kind that is searched."""

    @cached_property
    def retests(self) -> dict[int, frozenset[str]]:
        """The watches whose waiting crossings must be tested again, and the kinds that each watch measured before."""
        targets = [BackfillTarget.parse(job.task, job.name) for job in self.backfills]
        tests = [target for target in targets if target.task == BackfillTask.CROSSINGS]
        return {target.watch_id: frozenset(target.former_kinds) for target in tests}

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """The kinds by name; each is built once."""
        return {name: self.deployment.kind(name) for name in self.deployment.kinds}

    @cached_property
    def agents_by_skeleton(self) -> dict[str, str]:
        """The names of the agents, by their visible form."""
        return {skeleton(name): name for name in self.deployment.agents}

    @cached_property
    def watches_by_agent(self) -> dict[str, list[RegisteredWatch]]:
        """The watches by the name of their agent."""
        watches: defaultdict[str, list[RegisteredWatch]] = defaultdict(list)
        for watch in self.watches.values():
            watches[watch.agent_spec.name].append(watch)
        return dict(watches)

    @cached_property
    def rising(self) -> dict[str, list[RegisteredWatch]]:
        """The rising watches that measure the marks of a kind. A watch with a window measures deposits instead."""
        return _by_kind(
            (watch, watch.condition.kinds)
            for watch in self._watches
            if not (watch.condition.is_falling or watch.condition.has_window)
        )

    @cached_property
    def falling(self) -> dict[str, list[RegisteredWatch]]:
        """The falling watches that measure a kind."""
        return _by_kind((watch, watch.condition.kinds) for watch in self._watches if watch.condition.is_falling)

    @cached_property
    def guarded(self) -> dict[str, list[RegisteredWatch]]:
        """The watches whose guard measures a kind."""
        return _by_kind((watch, guard.kinds) for watch in self._watches if (guard := watch.spec.guard) is not None)

    @cached_property
    def over_time(self) -> dict[str, list[RegisteredWatch]]:
        """The watches with a timing that measure a kind."""
        return _by_kind((watch, watch.condition.kinds) for watch in self._watches if watch.timing is not None)

    @cached_property
    def measuring(self) -> dict[str, list[RegisteredWatch]]:
        """The watches whose condition measures a kind: its marks, or its deposits in a window."""
        return _by_kind((watch, watch.condition.kinds) for watch in self._watches)

    @cached_property
    def predicting(self) -> dict[str, list[RegisteredWatch]]:
        """The watches whose predicted crossings may be wrong after a mark of a kind has changed.

        These are the falling watches, the watches over time, and the watches whose guard drops crossings.
        """
        dropping = {kind: [watch for watch in group if watch.guard_drops] for kind, group in self.guarded.items()}
        groups = [*self.falling.items(), *self.over_time.items(), *dropping.items()]
        return _by_kind((watch, (kind,)) for kind, group in groups for watch in group)

    @property
    def _watches(self) -> Iterable[RegisteredWatch]:
        return self.watches.values()

    @cached_property
    def longest_windows(self) -> dict[str, int]:
        """The length of the longest window that counts each kind. The board keeps the deposits of these kinds."""
        return self.deployment.longest_windows()

    @cached_property
    def tags_in_windows(self) -> dict[str, frozenset[str]]:
        """The tags by which windows find the deposits of each kind."""
        return self.deployment.tags_in_windows()

    @cached_property
    def sinks_by_topic(self) -> dict[str, list[tuple[str, SinkSpec]]]:
        """The sinks of each topic, with their names."""
        sinks: defaultdict[str, list[tuple[str, SinkSpec]]] = defaultdict(list)
        for name, sink in self.deployment.sinks.items():
            for topic in sink.on:
                sinks[topic].append((name, sink))
        return dict(sinks)

    @cached_property
    def kinds_in_backfill(self) -> set[str]:
        """The kinds with marks that the backfill has not reached."""
        return {kind for kind, _ in self.law_changes}


def _by_kind(watches: Iterable[tuple[RegisteredWatch, Iterable[str]]]) -> dict[str, list[RegisteredWatch]]:
    """Return the watches of each kind. The argument has each watch with its kinds."""
    watches_by_kind: defaultdict[str, dict[RegisteredWatch, None]] = defaultdict(dict)
    for watch, kinds in watches:
        for kind in kinds:
            watches_by_kind[kind][watch] = None
    return {kind: list(group) for kind, group in watches_by_kind.items()}


def read_active(transaction: Transaction) -> ActiveDeployment:
    """Read the active deployment."""
    row = transaction.one(DEPLOYMENTS.active_deployment)
    deployment = Deployment()
    if row is not None:
        deployment = Deployment.model_validate_json(row.content).model_copy(update={"version": row.version})
    declared = {
        (agent_spec.name, spec.name): (agent_spec, spec)
        for agent_spec in deployment.agents.values()
        for spec in agent_spec.watches
    }
    watches = {
        stored.id: RegisteredWatch(stored.id, *declared[stored.agent, stored.name], stored.scheduled_from or 0)
        for stored in transaction.all(CROSSINGS.all_watches)
        if stored.active and (stored.agent, stored.name) in declared
    }
    return ActiveDeployment(
        deployment,
        watches,
        read_law_changes(transaction),
        read_backfills(transaction),
        {row.kind: row.number for row in transaction.all(SEARCH.kinds) if row.phase != "removed"},
    )


def read_law_changes(transaction: Transaction) -> dict[tuple[str, str], LawChangeRow]:
    """Read the changes of laws and floors that some marks have not followed yet."""
    return {(row.kind, row.law): row for row in transaction.all(DEPLOYMENTS.law_changes)}


def read_backfills(transaction: Transaction) -> tuple[BackfillRow, ...]:
    """Read the backfills that are not finished."""
    return tuple(transaction.all(CROSSINGS.backfills))
