"""The active deployment as transactions use it: watches by kind and agent, and changes in progress."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from blackboard.board.transactions.planned_backfills import BackfillTarget, BackfillTask
from blackboard.clock import Instant
from blackboard.core.authors import skeleton
from blackboard.core.built_in_marks import Need
from blackboard.core.conditions.condition_types import Comparison, Condition
from blackboard.core.conditions.schedules import Schedule
from blackboard.core.marks.kinds import Kind
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.sink_spec import SinkSpec
from blackboard.core.specs.watch_spec import Timing, WatchSpec
from blackboard.durations import Duration
from blackboard.store.rows import BackfillRow, LawChangeRow
from blackboard.store.statements import CROSSINGS, DEPLOYMENTS, SEARCH
from blackboard.store.transaction import Transaction


def live_sums_id(watch_id: int) -> int:
    """Return the id that the board uses for the sums of a watch over all live marks, absorbed or not.

    It is negative, which no id of a watch is. So both kinds of sums of a watch have a key in one table.
    """
    return -watch_id


@dataclass(frozen=True, eq=False)
class RegisteredWatch:
    """A watch of the active deployment, with its agent."""

    id: int
    agent: AgentSpec
    spec: WatchSpec
    scheduled_from: Instant = 0
    """The instant from which the interval of a schedule counts."""

    @cached_property
    def condition(self) -> Condition:
        """The condition that makes the watch cross."""
        return self.spec.condition

    @property
    def schedule(self) -> Schedule:
        """The schedule of a scheduled watch."""
        assert isinstance(self.condition, Schedule)
        return self.condition

    @property
    def absorbs(self) -> bool:
        """Whether the watch absorbs the marks of its activations: only if it rises and counts no deposits."""
        return not (self.condition.is_falling or self.condition.is_schedule or self.condition.has_window)

    @property
    def catch_up(self) -> str:
        """How missed instants of the schedule are treated."""
        return self.spec.catch_up or self.agent.settings.catch_up

    @cached_property
    def measures_sums(self) -> bool:
        """Whether it has one measure over the board or over groups, which sums may answer without reading marks."""
        return self.condition.spans_subjects and isinstance(self.condition, Comparison)

    @cached_property
    def ignored_author(self) -> str:
        """The author whose marks do not count: the agent itself, or "" if the watch has `include_own`."""
        return "" if self.spec.include_own else self.agent.name

    @property
    def ignored_in_windows(self) -> str:
        """The agent whose deposits in windows do not count: the agent itself, unless the watch falls."""
        return "" if self.condition.is_falling else self.ignored_author

    @cached_property
    def counts_all_marks(self) -> bool:
        """Whether it counts every mark of its kinds, whatever the subject and the tags are.

        A need counts only for the agents that it may wake.
        """
        condition = self.condition
        return not condition.depends_on_tags and condition.covers_all_subjects and Need.kind not in condition.kinds

    @cached_property
    def comparison(self) -> Comparison:
        """The first comparison; a condition over the board has no other."""
        return next(self.condition.comparisons())

    @cached_property
    def over_live_marks(self) -> RegisteredWatch:
        """The watch as if it had absorbed nothing: it measures all live marks.

        The agent's own marks count too, except for a watch over time.
        """
        spec = self.spec if self.timing is not None else self.spec.model_copy(update={"include_own": True})
        return RegisteredWatch(live_sums_id(self.id), self.agent, spec)

    @cached_property
    def keeps_sums(self) -> bool:
        """Whether the board keeps sums for the watch: it measures one total or count, over the board or groups.

        It keeps no sums over needs, because there are few, and some may not wake the agent (see `need_access`).
        """
        if (
            not self.condition.spans_subjects
            or self.condition.is_schedule
            or self.condition.has_window
            or Need.kind in self.condition.kinds
        ):
            return False
        return isinstance(self.condition, Comparison) and self.comparison.measure.keeps_sums

    @cached_property
    def may_use_window_sums(self) -> bool:
        """Whether sums can show that the watch is below its threshold: it rises, and measures only a window."""
        is_single = (
            self.condition.has_window and not self.condition.is_falling and isinstance(self.condition, Comparison)
        )
        return is_single and not (self.condition.spans_subjects and self.comparison.measure.subject)

    @cached_property
    def keeps_window_sums(self) -> bool:
        """Whether the board keeps sums over the window, because it is a window over the board or over groups."""
        return self.may_use_window_sums and self.condition.spans_subjects

    @cached_property
    def timing(self) -> Timing | None:
        """The settings over time of the watch; None if it crosses only when its condition begins to hold.

        A watch with a timing is a watch over time: the board keeps its `WatchStateRow`s.
        """
        return self.agent.timing_of(self.spec)

    @property
    def batch_window(self) -> Duration:
        """How long a crossing waits for more marks; a schedule waits for none."""
        return 0 if self.condition.is_schedule else self.agent.settings.batch_window

    @cached_property
    def drops(self) -> bool:
        """Whether the guard decides at the crossing and drops it if closed, instead of deferring it to a claim."""
        return self.agent.on_guard_of(self.spec) == "drop"

    @cached_property
    def is_per_subject(self) -> bool:
        """Whether each activation is about exactly one subject or group."""
        return self.agent.per_of(self.spec) == "subject"

    @cached_property
    def batch(self) -> int | None:
        """The largest number of marks in one activation; None if a watch over the board or groups takes all."""
        return self.agent.batch_of(self.spec)

    def batch_window_end(self, noticed_at: Instant, marks: int, *, urgent: bool) -> Instant:
        """Return when the batch window of a crossing ends: at once if it is urgent or its marks fill a batch.

        The fragment `release` of `crossings.sql` states the same rule for many crossings.
        """
        is_full = self.batch is not None and marks >= self.batch
        return noticed_at if urgent or is_full else noticed_at + self.batch_window


@dataclass(frozen=True, eq=False)
class ActiveDeployment:
    """The active deployment, with its watches indexed by kind."""

    deployment: Deployment
    watches: dict[int, RegisteredWatch] = field(default_factory=dict)
    law_changes: dict[tuple[str, str], LawChangeRow] = field(default_factory=dict)
    """Pending changes of law: (kind, old law) -> (new law, instant). Not all marks of the kind have followed.

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
        tests = [target for target in targets if target.task == BackfillTask.RETEST]
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
            watches[watch.agent.name].append(watch)
        return dict(watches)

    @cached_property
    def rising(self) -> dict[str, list[RegisteredWatch]]:
        """The watches that rise with the marks of a kind. A watch with a window rises with its deposits instead."""
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
        """The watches whose predicted crossings a change of a mark of a kind may invalidate.

        A guard that defers decides at the claim.
        """
        dropping = {kind: [watch for watch in group if watch.drops] for kind, group in self.guarded.items()}
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
    def migrating(self) -> set[str]:
        """The kinds with marks that the backfill has not reached."""
        return {kind for kind, _ in self.law_changes}


def _by_kind(watches: Iterable[tuple[RegisteredWatch, Iterable[str]]]) -> dict[str, list[RegisteredWatch]]:
    """Return the watches of each kind. The argument has each watch with its kinds."""
    found: defaultdict[str, dict[RegisteredWatch, None]] = defaultdict(dict)
    for watch, kinds in watches:
        for kind in kinds:
            found[kind][watch] = None
    return {kind: list(group) for kind, group in found.items()}


def read_active(sql: Transaction) -> ActiveDeployment:
    """Read the active deployment."""
    row = sql.one(DEPLOYMENTS.active_deployment)
    deployment = Deployment()
    if row is not None:
        deployment = Deployment.model_validate_json(row.content).model_copy(update={"version": row.version})
    declared = {
        (agent.name, spec.name): (agent, spec) for agent in deployment.agents.values() for spec in agent.watches
    }
    watches = {
        stored.id: RegisteredWatch(stored.id, *declared[stored.agent, stored.name], stored.scheduled_from or 0)
        for stored in sql.all(CROSSINGS.all_watches)
        if stored.active and (stored.agent, stored.name) in declared
    }
    return ActiveDeployment(
        deployment,
        watches,
        read_law_changes(sql),
        read_backfills(sql),
        {row.kind: row.number for row in sql.all(SEARCH.kinds) if row.phase != "removed"},
    )


def read_law_changes(sql: Transaction) -> dict[tuple[str, str], LawChangeRow]:
    """Read the changes of laws and floors that some marks have not followed yet."""
    return {(row.kind, row.law): row for row in sql.all(DEPLOYMENTS.law_changes)}


def read_backfills(sql: Transaction) -> tuple[BackfillRow, ...]:
    """Read the backfills that are not finished."""
    return tuple(sql.all(CROSSINGS.backfills))
