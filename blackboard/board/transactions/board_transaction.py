"""One transaction of a board: its instant, the active deployment, and the laws and totals that it has read."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from blackboard.authors import skeleton
from blackboard.conditions import Comparison, Condition
from blackboard.decay import Decay, law_from
from blackboard.deployment import AgentSpec, Deployment, WatchSpec
from blackboard.marks import Kind
from blackboard.reinforcement import FadingMark, FadingState
from blackboard.store.rows import EventRow, LawChangeRow, MarkRow, row_of
from blackboard.store.statements import CROSSINGS, DEPLOYMENTS, MARKS, Statement
from blackboard.store.transaction import Transaction

MARKS_PER_QUERY = 1000
"""Marks that a walk over all live marks of a kind reads at once."""
DEFAULT_BATCH = 100
"""Largest number of marks in an activation of a watch over subjects if the agent sets no batch."""


@dataclass(frozen=True, eq=False)
class RegisteredWatch:
    """A watch of the active deployment, with its agent."""

    id: int
    agent: AgentSpec
    spec: WatchSpec

    @cached_property
    def condition(self) -> Condition:
        """The condition that makes the watch cross."""
        return self.spec.condition

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds in the condition."""
        return self.condition.kinds

    @cached_property
    def falling(self) -> bool:
        """Whether the watch crosses when strengths fall below a threshold."""
        return self.condition.falling

    @cached_property
    def is_over_board(self) -> bool:
        """Whether the condition measures the whole board, not one subject."""
        return self.spec.condition.over == "board"

    @cached_property
    def ignored_author(self) -> str:
        """The author whose marks do not count: the agent itself, or "" if the watch includes them."""
        return "" if self.spec.include_own else self.agent.name

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
        """The same watch as if it had absorbed nothing and ignored no author: its marks are all live marks.

        The board keeps its sums under the negative id.
        """
        return RegisteredWatch(-self.id, self.agent, self.spec.model_copy(update={"include_own": True}))

    @cached_property
    def keeps_totals(self) -> bool:
        """Whether the board keeps sums for the watch: it measures a total or a count over the board."""
        return self.is_over_board and self.comparison.measure.keeps_sums

    @cached_property
    def batch(self) -> int | None:
        """The largest number of marks in one activation; None if a watch over the board takes all its marks."""
        return self.agent.settings.batch or (None if self.is_over_board else DEFAULT_BATCH)

    def batch_window_end(self, noticed_at: int, marks: int, *, urgent: bool) -> int:
        """Return when the batch window of a crossing ends: at once if it is urgent or its marks fill a batch.

        The fragment `release` of `crossings.sql` states the same rule for many crossings.
        """
        settings = self.agent.settings
        is_full = self.batch is not None and marks >= self.batch
        return noticed_at if urgent or is_full else noticed_at + settings.batch_window

    def covers(self, subject: str) -> bool:
        """Return whether any comparison counts marks of a subject."""
        return self._covers_all or any(
            comparison.measure.covers(subject) for comparison in self.condition.comparisons()
        )

    @cached_property
    def _covers_all(self) -> bool:
        return any(comparison.measure.subject is None for comparison in self.condition.comparisons())


@dataclass
class BoardSums:
    """Sums over the stimuli of one kind under one law, for a watch over the board."""

    marks: int = 0
    sum0: float = 0.0
    """The first of the two sums of `Decay.sums`, for the anchor."""
    sum1: float = 0.0
    """The second one."""
    anchor: int = 0
    evaporated_through: int = 0
    error0: float = 0.0
    """By how much the first sum may be wrong because of rounding."""
    error1: float = 0.0
    """The same for the second one."""
    changed: bool = False

    def clear(self) -> None:
        """Set the sums to those of no marks."""
        self.marks, self.sum0, self.sum1, self.error0, self.error1 = 0, 0.0, 0.0, 0.0, 0.0
        self.changed = True


@dataclass(frozen=True, eq=False)
class ActiveDeployment:
    """The active deployment, with its watches indexed by kind."""

    deployment: Deployment
    watches: dict[int, RegisteredWatch] = field(default_factory=dict)
    rising: dict[str, list[RegisteredWatch]] = field(default_factory=dict)
    falling: dict[str, list[RegisteredWatch]] = field(default_factory=dict)
    guarded: dict[str, list[RegisteredWatch]] = field(default_factory=dict)
    """The watches whose guard measures a kind."""
    law_changes: dict[tuple[str, str], LawChangeRow] = field(default_factory=dict)
    """Pending changes of law: (kind, old law) -> (new law, instant). Not all marks of the kind have followed.

    Both laws are the same if only the kind's floor has changed.
    """
    retests: dict[int, frozenset[str]] = field(default_factory=dict)
    """The watches with waiting crossings that are to be tested again, and the kinds that each measured before."""

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """The kinds by name; each is built once."""
        return {name: self.deployment.kind(name) for name in self.deployment.kinds}

    @cached_property
    def agents_by_skeleton(self) -> dict[str, str]:
        """The names of the agents, by what a reader sees of them."""
        return {skeleton(name): name for name in self.deployment.agents}

    @cached_property
    def watches_by_agent(self) -> dict[str, list[RegisteredWatch]]:
        """The watches by the name of their agent."""
        watches: defaultdict[str, list[RegisteredWatch]] = defaultdict(list)
        for watch in self.watches.values():
            watches[watch.agent.name].append(watch)
        return dict(watches)

    @cached_property
    def migrating(self) -> set[str]:
        """The kinds with marks that the backfill has not reached."""
        return {kind for kind, _ in self.law_changes}


def read_active(sql: Transaction) -> ActiveDeployment:
    """Read the active deployment."""
    row = sql.one(DEPLOYMENTS.active_deployment)
    deployment = Deployment()
    if row is not None:
        deployment = Deployment.model_validate_json(row.content).model_copy(update={"version": row.version})
    watches = {}
    for row in sql.all(CROSSINGS.all_watches):
        if row.active and (agent := deployment.agents.get(row.agent)) is not None:
            spec = next((spec for spec in agent.watches if spec.name == row.name), None)
            if spec is not None:
                watches[row.id] = RegisteredWatch(row.id, agent, spec)
    rising: defaultdict[str, list[RegisteredWatch]] = defaultdict(list)
    falling: defaultdict[str, list[RegisteredWatch]] = defaultdict(list)
    guarded: defaultdict[str, list[RegisteredWatch]] = defaultdict(list)
    for watch in watches.values():
        for kind in watch.kinds:
            (falling if watch.falling else rising)[kind].append(watch)
        if watch.spec.guard is not None:
            for kind in watch.spec.guard.kinds:
                guarded[kind].append(watch)
    return ActiveDeployment(
        deployment, watches, dict(rising), dict(falling), dict(guarded), read_law_changes(sql), read_retests(sql)
    )


def read_law_changes(sql: Transaction) -> dict[tuple[str, str], LawChangeRow]:
    """Read the changes of laws and floors that some marks have not followed yet."""
    return {(row.kind, row.law): row for row in sql.all(DEPLOYMENTS.law_changes)}


def read_retests(sql: Transaction) -> dict[int, frozenset[str]]:
    """Read the watches that changed and whose waiting crossings are not all tested again."""
    names = [row.name.split(" ") for row in sql.all(CROSSINGS.retests)]
    return {int(watch_id): frozenset(kinds) for watch_id, *kinds in names}


MAX_CACHED_LAWS = 10_000


class Laws:
    """A cache of parsed laws by the key that marks carry. A key means the same law for ever."""

    def __init__(self) -> None:
        self._cached: dict[str, Decay] = {}

    def get(self, sql: Transaction, key: str) -> Decay:
        """Return the law with a key."""
        if (law := self._cached.get(key)) is None:
            law = law_from(sql.value(MARKS.get_law_spec, law=key))
            # Each deposit may bring its own law, such as a step to an instant, so the cache needs a bound.
            if len(self._cached) >= MAX_CACHED_LAWS:
                self._cached.clear()
            self._cached[key] = law
        return law

    def register(self, sql: Transaction, law: Decay) -> str:
        """Register a law if it is new, and return its key."""
        key = law_key(law)
        if sql.one(MARKS.find_law, law=key) is None:
            a, b = law.parameters
            sql.run(MARKS.insert_law, law=key, name=law.name, a=a, b=b, spec=json.dumps(law.spec()))
            if law.segments:
                rows = [{"law": key, "age": age, "share": share, "slope": slope} for age, share, slope in law.segments]
                sql.run_many(MARKS.insert_law_segment, rows)
        return key


@lru_cache(maxsize=1024)
def law_key(law: Decay) -> str:
    """Return the text that marks carry for a law: readable, and short even for a curve of many points."""
    text = str(law)
    return text if len(text) <= 80 else f"{law.name}(#{hashlib.sha256(text.encode()).hexdigest()[:16]})"


class BoardTransaction:
    """An open transaction with its instant and the deployment that is active at that instant.

    Attributes:
        sql: The transaction of the store, which runs statements.
        active: The active deployment.
        laws: The laws that marks refer to.
        now: The board's time: the later of the clock and the last recorded instant.
        recorded: The last instant that the board recorded.
        next_end: The earliest `evaporates_at` in the table; it may be past. None if no mark ever evaporates.
        doubted: What the clock shows, if it is too far ahead to be believed; else None.
        totals: The sums that this transaction has read, by watch, kind and law. They are written once, at its end.
    """

    __slots__ = ("_last_event", "active", "doubted", "laws", "next_end", "now", "recorded", "sql", "totals")

    def __init__(
        self,
        sql: Transaction,
        active: ActiveDeployment,
        laws: Laws,
        now: int,
        last_event: int,
        recorded: int,
        next_end: int | None,
    ) -> None:
        self.sql, self.active, self.laws, self.now = sql, active, laws, now
        self.recorded, self.next_end = recorded, next_end
        self._last_event = last_event
        self.doubted: int | None = None
        self.totals: dict[int, dict[tuple[str, str], BoardSums]] = {}

    @property
    def deployment(self) -> Deployment:
        """The active deployment."""
        return self.active.deployment

    @property
    def last_event(self) -> int:
        """The id of the last event; 0 on an empty board."""
        return self._last_event

    @property
    def has_evaporated_marks(self) -> bool:
        """Whether the table holds marks that have evaporated."""
        return self.next_end is not None and self.next_end <= self.now

    def next_event(self) -> int:
        """Allocate the id of a new event."""
        self._last_event += 1
        return self._last_event

    def kind(self, name: str) -> Kind:
        """Return a registered kind.

        Raises:
            UnknownName: The kind is not registered.
        """
        return self.active.kinds.get(name) or self.deployment.kind(name)

    def migrated(self, row: MarkRow) -> MarkRow:
        """Return a mark as the last change of its kind leaves it, without writing anything.

        The mark fades by the old law up to the instant of the change and by the new law after it, without a jump. A
        mark with a law of its own keeps it. A new floor moves only the evaporation.
        """
        change = self.active.law_changes.get((row.kind, row.law))
        if change is None or row.anchored_at >= change.changed_at or not row.is_live(change.changed_at):
            return row  # deposited after the change, or evaporated before it
        at = change.changed_at
        state = FadingState(row.intensity, row.anchored_at, self.laws.get(self.sql, row.law))
        law = row.law if row.own_law else change.new_law
        if law != row.law:
            state = FadingState(state.remaining(at), at, self.laws.get(self.sql, law))
        evaporates_at = state.evaporates_at(self.kind(row.kind))
        return row._replace(
            intensity=state.intensity,
            law=law,
            anchored_at=state.at,
            evaporates_at=None if evaporates_at is None else max(at, evaporates_at),
            order_key=state.law.order_key(state.intensity, state.at),
        )

    def live(self, rows: Iterable[MarkRow], at: int | None = None) -> list[MarkRow]:
        """Return the rows that are live at an instant, by default at this transaction's, as changes leave them."""
        at = self.now if at is None else at
        return [row for row in map(self.migrated, rows) if row.is_live(at)]

    def stored_marks(self, kinds: Iterable[str], subject: str | None) -> list[MarkRow]:
        """Return the stored marks of some kinds, evaporated or not, of one subject or (None) of the board."""
        rows: list[MarkRow] = []
        for kind in kinds:
            if subject is None:
                rows += self.sql.all(MARKS.marks_of_kind, kind=kind)
            else:
                rows += self.sql.all(MARKS.marks_of_subject, kind=kind, subject=subject)
        return rows

    def live_batches(self, kind: str) -> Iterator[list[MarkRow]]:
        """Yield the live marks of a kind, as changes leave them, with one query for each batch."""
        after = 0
        while rows := self.sql.all(
            MARKS.marks_changed_between, kind=kind, after=after, up_to=self.last_event, limit=MARKS_PER_QUERY
        ):
            yield self.live(rows)
            after = rows[-1].event_id

    def fading_marks(self, condition: Condition, subject: str | None, at: int | None = None) -> list[FadingMark]:
        """Return the marks of a condition's kinds that are live at an instant, by default now.

        A measure over the board sees every subject, and so do all measures if the subject is None.
        """
        measures = [comparison.measure for comparison in condition.comparisons()]
        scopes = dict.fromkeys(
            (kind, None if measure.over == "board" else subject) for measure in measures for kind in measure.kinds
        )
        rows = {row.id: row for kind, scope in scopes for row in self.live(self.stored_marks([kind], scope), at)}
        return [self.fading(row) for row in rows.values()]

    def exact_until(self, kind: str) -> int:
        """Return the instant up to which `evaporates_at` is exact for a kind; 0 while its marks are being migrated."""
        return 0 if kind in self.active.migrating else self.now

    def state(self, row: MarkRow) -> FadingState:
        """Return the part of a mark that fades."""
        row = self.migrated(row)
        return FadingState(row.intensity, row.anchored_at, self.laws.get(self.sql, row.law))

    def strength(self, row: MarkRow, at: int | None = None) -> float:
        """Return a mark's strength at an instant, by default this transaction's. The mark need not be live then."""
        at = self.now if at is None else at
        weight = self.kind(row.kind).weight
        if at == row.anchored_at == self.now:
            return weight * row.intensity  # it was just deposited, so nothing has faded
        return weight * self.state(row).remaining(at)

    def marks_with_strength(self, statement: Statement, **values: Any) -> list[Any]:
        """Return the rows of a statement that computes the strengths of live marks.

        Raises:
            InvalidLaw: A mark has a decay law that this process does not know.
        """
        rows = self.sql.all(statement, **values)
        for row in rows:
            if row.strength is None:
                self.state(row_of(MarkRow, row))  # raises the error that names the law
        return rows

    def fading(self, row: MarkRow) -> FadingMark:
        """Return a mark as the forecast needs it."""
        row = self.migrated(row)
        return FadingMark(row.kind, row.subject, self.kind(row.kind).weight, self.state(row), row.evaporates_at)

    def rebase(self, row: MarkRow) -> None:
        """Write the fading part of a mark that continues from another instant or under another law."""
        self.sql.run(MARKS.rebase_mark, **row._asdict())

    def record_time(self, at: int) -> None:
        """Record an instant that no event of a mark carries."""
        self.sql.run(MARKS.record_time, at=at)
        self.recorded = at

    def record(
        self,
        row: MarkRow,
        event: str,
        *,
        event_id: int | None = None,
        author: str | None = None,
        intensity: float | None = None,
        at: int | None = None,
        activation_id: int | None = None,
        payload: str | None = None,
    ) -> None:
        """Write an event of a mark, with the state that it produced.

        `intensity` is what remains of the mark, if it differs from the row. `at` is the instant of an event that
        happened earlier than this transaction.
        """
        if at is not None and self.recorded < self.now:
            self.record_time(self.now)
        self.sql.put(
            MARKS.insert_event,
            EventRow(
                id=self.next_event() if event_id is None else event_id,
                recorded_at=self.now if at is None else at,
                mark_id=row.id,
                kind=row.kind,
                subject=row.subject,
                event=event,
                intensity=row.intensity if intensity is None else intensity,
                law=row.law,
                evaporates_at=row.evaporates_at,
                author=row.author if author is None else author,
                activation_id=activation_id,
                payload=payload,
                own_law=row.own_law,
            ),
        )

    def save(self) -> None:
        """Write the sums that this transaction has changed."""
        for watch_id, groups in self.totals.items():
            for (kind, law_key), group in groups.items():
                if group.changed:
                    self.sql.run(CROSSINGS.set_board_total, watch_id=watch_id, kind=kind, law=law_key, **vars(group))
                    group.changed = False
