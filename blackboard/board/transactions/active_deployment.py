"""The active deployment as transactions use it: watches by kind and agent, and changes in progress."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from blackboard.board.transactions.planned_backfills import BackfillTarget, BackfillTask
from blackboard.clock import Instant
from blackboard.core.access.authors import skeleton
from blackboard.core.built_in_marks import Need
from blackboard.core.conditions.condition_types import Comparison, Condition
from blackboard.core.conditions.schedules import Schedule
from blackboard.core.deployment import AgentSpec, Deployment, Timing, WatchSpec
from blackboard.core.marks.kinds import Kind
from blackboard.core.sinks import SinkSpec
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

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds in the condition."""
        return self.condition.kinds

    @cached_property
    def kinds_of_marks(self) -> tuple[str, ...]:
        """The kinds whose live marks the condition measures; a window counts deposits instead."""
        return self.condition.kinds_of_marks

    @cached_property
    def is_falling(self) -> bool:
        """Whether the watch crosses when strengths fall below a threshold."""
        return self.condition.is_falling

    @property
    def is_scheduled(self) -> bool:
        """Whether the watch has a schedule instead of a condition on marks."""
        return self.condition.is_schedule

    @property
    def schedule(self) -> Schedule:
        """The schedule of a scheduled watch."""
        assert isinstance(self.condition, Schedule)
        return self.condition

    @cached_property
    def has_window(self) -> bool:
        """Whether the condition counts the deposits of a window."""
        return self.condition.has_window

    @cached_property
    def has_where(self) -> bool:
        """Whether the condition counts only marks with some tags, so that a mark with new tags may stop counting."""
        return self.condition.has_where

    @cached_property
    def depends_on_tags(self) -> bool:
        """Whether the tags of a mark decide if it counts, or in which group."""
        return self.has_where or self.by is not None

    @cached_property
    def selects_marks(self) -> bool:
        """Whether it counts only some marks of its kinds: of a pattern of subjects, or with some tags."""
        measures = [comparison.measure for comparison in self.condition.comparisons()]
        return any(measure.subject is not None or measure.where is not None for measure in measures)

    @property
    def absorbs(self) -> bool:
        """Whether the watch absorbs the marks of its activations: only if it rises and counts no deposits."""
        return not (self.is_falling or self.is_scheduled or self.has_window)

    @property
    def catch_up(self) -> str:
        """How missed instants of the schedule are treated."""
        return self.spec.catch_up or self.agent.settings.catch_up

    @cached_property
    def is_over_board(self) -> bool:
        """Whether the condition measures the whole board, not one subject or group."""
        return self.spec.condition.over == "board"

    @cached_property
    def by(self) -> str | None:
        """The tag whose values make the groups of the condition; None if it measures subjects or the board."""
        return self.spec.condition.by

    @cached_property
    def spans_subjects(self) -> bool:
        """Whether it measures the marks of many subjects together: of a group, or of the board."""
        return self.is_over_board or self.by is not None

    @cached_property
    def measures_sums(self) -> bool:
        """Whether it has one measure over the board or over groups, which sums may answer without reading marks."""
        return self.spans_subjects and isinstance(self.condition, Comparison)

    @cached_property
    def ignored_author(self) -> str:
        """The author whose marks do not count: the agent itself, or "" if the watch has `include_own`."""
        return "" if self.spec.include_own else self.agent.name

    @property
    def ignored_in_windows(self) -> str:
        """The agent whose deposits in windows do not count: the agent itself, unless the watch falls."""
        return "" if self.is_falling else self.ignored_author

    @cached_property
    def threshold(self) -> float:
        """The threshold of the first comparison."""
        return self.comparison.threshold

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
        if not self.spans_subjects or self.is_scheduled or self.has_window or Need.kind in self.kinds:
            return False
        return isinstance(self.condition, Comparison) and self.comparison.measure.keeps_sums

    @cached_property
    def may_use_window_sums(self) -> bool:
        """Whether sums are enough to tell that the watch, which rises and has only a window, is below its threshold."""
        is_single = self.has_window and not self.is_falling and isinstance(self.condition, Comparison)
        return is_single and not (self.spans_subjects and self.comparison.measure.subject)

    @cached_property
    def keeps_window_sums(self) -> bool:
        """Whether the board keeps sums over the window, because it is a window over the board or over groups."""
        return self.may_use_window_sums and self.spans_subjects

    @cached_property
    def timing(self) -> Timing | None:
        """The settings over time of the watch; None if it crosses only when its condition begins to hold.

        A watch with a timing is a watch over time: the board keeps its `WatchStateRow`s.
        """
        return self.agent.timing_of(self.spec)

    @property
    def batch_window(self) -> Duration:
        """How long a crossing waits for more marks; a schedule waits for none."""
        return 0 if self.is_scheduled else self.agent.settings.batch_window

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

    def covers(self, subject: str) -> bool:
        """Return whether any comparison counts marks of a subject."""
        return self._covers_all or any(
            comparison.measure.covers(subject) for comparison in self.condition.comparisons()
        )

    @cached_property
    def _covers_all(self) -> bool:
        return any(comparison.measure.subject is None for comparison in self.condition.comparisons())


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
        return _by_kind((watch, watch.kinds) for watch in self._watches if not (watch.is_falling or watch.has_window))

    @cached_property
    def falling(self) -> dict[str, list[RegisteredWatch]]:
        """The falling watches that measure a kind."""
        return _by_kind((watch, watch.kinds) for watch in self._watches if watch.is_falling)

    @cached_property
    def guarded(self) -> dict[str, list[RegisteredWatch]]:
        """The watches whose guard measures a kind."""
        return _by_kind((watch, guard.kinds) for watch in self._watches if (guard := watch.spec.guard) is not None)

    @cached_property
    def over_time(self) -> dict[str, list[RegisteredWatch]]:
        """The watches with a timing that measure a kind."""
        return _by_kind((watch, watch.kinds) for watch in self._watches if watch.timing is not None)

    @cached_property
    def measuring(self) -> dict[str, list[RegisteredWatch]]:
        """The watches whose condition measures a kind: its marks, or its deposits in a window."""
        return _by_kind((watch, watch.kinds) for watch in self._watches)

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
