"""One open transaction at one instant under one deployment: what everything on this floor works in."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from blackboard.conditions import Comparison, Condition
from blackboard.decay import Decay, law_from
from blackboard.deployment import AgentSpec, Deployment, WatchSpec
from blackboard.marks import Kind
from blackboard.reinforcement import FadingMark, State
from blackboard.store.rows import EventRow, MarkRow
from blackboard.store.statements import CROSSINGS, DEPLOYMENTS, MARKS
from blackboard.store.transaction import Transaction

__all__ = ["ActiveDeployment", "BoardTransaction", "Total", "Watch", "read_active", "read_law_changes"]


@dataclass(frozen=True, eq=False)
class Watch:
    """A registered watch with what its agent sets for it."""

    id: int
    agent: AgentSpec
    spec: WatchSpec

    @cached_property
    def condition(self) -> Condition:
        return self.spec.condition

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        return self.condition.kinds

    @cached_property
    def falling(self) -> bool:
        return self.condition.falling

    @cached_property
    def over_board(self) -> bool:
        return self.spec.condition.scope == "board"

    @cached_property
    def not_author(self) -> str:
        """The author whose marks are no stimuli: the agent itself, unless the watch says so."""
        return "" if self.spec.include_own else self.agent.name

    @cached_property
    def threshold(self) -> float:
        """The (first) threshold of its condition."""
        return self.leaf.threshold

    @cached_property
    def leaf(self) -> Comparison:
        """The (first) comparison of its condition; the only one where it is taken over the board."""
        return next(self.condition.leaves())

    @cached_property
    def keeps_totals(self) -> bool:
        """Whether the board keeps sums for it: a total or a count over the whole board."""
        return self.over_board and self.leaf.measure.keeps_sums

    def covers(self, subject: str) -> bool:
        """Whether any part of its condition counts marks of the subject."""
        return self._covers_all or any(leaf.measure.covers(subject) for leaf in self.condition.leaves())

    @cached_property
    def _covers_all(self) -> bool:
        return any(leaf.measure.subject is None for leaf in self.condition.leaves())


@dataclass
class Total:
    """What a watch over the whole board knows of the marks of one kind under one law, without looking at them."""

    marks: int = 0
    sum0: float = 0.0
    sum1: float = 0.0
    anchor: int = 0
    evaporated_through: int = 0
    new: bool = False
    changed: bool = False


@dataclass(frozen=True, eq=False)
class ActiveDeployment:
    """The registered deployment, with its watches found by the kinds that they speak of."""

    deployment: Deployment
    watches: dict[int, Watch] = field(default_factory=dict)
    rising: dict[str, list[Watch]] = field(default_factory=dict)
    falling: dict[str, list[Watch]] = field(default_factory=dict)
    guarded: dict[str, list[Watch]] = field(default_factory=dict)
    law_changes: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    """(kind, law) of marks that still follow a change, with the law to follow and the instant of the change.

    The law is the same where only the kind's floor has changed.
    """

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """The kinds, each made once."""
        return {name: self.deployment.kind(name) for name in self.deployment.kinds}

    @cached_property
    def of_agent(self) -> dict[str, list[Watch]]:
        """The watches of each agent that has any."""
        result: defaultdict[str, list[Watch]] = defaultdict(list)
        for watch in self.watches.values():
            result[watch.agent.name].append(watch)
        return dict(result)

    @cached_property
    def migrating(self) -> set[str]:
        """The kinds of which some marks still follow a change."""
        return {kind for kind, _ in self.law_changes}


def read_active(tx: Transaction) -> ActiveDeployment:
    """Read the deployment that is registered."""
    row = tx.one(DEPLOYMENTS.active_deployment)
    deployment = Deployment() if row is None else Deployment.model_validate_json(row[1])
    if row is not None:
        deployment = deployment.model_copy(update={"version": row[0]})
    watches = {}
    for id_, agent, name, active in tx.all(CROSSINGS.all_watches):
        if not active or agent not in deployment.agents:
            continue
        spec = next((spec for spec in deployment.agents[agent].watches if spec.name == name), None)
        if spec is not None:
            watches[id_] = Watch(id_, deployment.agents[agent], spec)
    rising: defaultdict[str, list[Watch]] = defaultdict(list)
    falling: defaultdict[str, list[Watch]] = defaultdict(list)
    guarded: defaultdict[str, list[Watch]] = defaultdict(list)
    for watch in watches.values():
        for kind in watch.condition.kinds:
            (falling if watch.falling else rising)[kind].append(watch)
        if watch.spec.guard is not None:
            for kind in watch.spec.guard.kinds:
                guarded[kind].append(watch)
    return ActiveDeployment(deployment, watches, dict(rising), dict(falling), dict(guarded), read_law_changes(tx))


def read_law_changes(tx: Transaction) -> dict[tuple[str, str], tuple[str, int]]:
    """Read which marks still follow a change."""
    return {(kind, law): (new_law, at) for kind, law, new_law, at in tx.all(DEPLOYMENTS.law_changes)}


LAWS_KNOWN = 10_000
"""Most laws that a process keeps parsed."""


class Laws:
    """Laws by the text that marks carry; parsed once in a process, for a text always means the same law."""

    def __init__(self) -> None:
        self._known: dict[str, Decay] = {}

    def get(self, tx: Transaction, key: str) -> Decay:
        """The law that a mark's `law` names."""
        if (law := self._known.get(key)) is None:
            law = law_from(tx.one(MARKS.get_law_spec, law=key)[0])
            self._remember(key, law)
        return law

    def _remember(self, key: str, law: Decay) -> None:
        # Deposits may bring a law each, such as the step to an instant: what is remembered stays bounded.
        if len(self._known) >= LAWS_KNOWN:
            self._known.clear()
        self._known[key] = law

    def key(self, tx: Transaction, law: Decay) -> str:
        """The text that names a law, registered if it is new."""
        key = law_key(law)
        if tx.one(MARKS.find_law, law=key) is None:
            a, b = law.parameters
            tx.run(MARKS.insert_law, law=key, name=law.name, a=a, b=b, spec=json.dumps(law.spec()))
            if law.segments:
                rows = [{"law": key, "age": age, "share": share, "slope": slope} for age, share, slope in law.segments]
                tx.run_many(MARKS.insert_law_segment, rows)
        return key


@lru_cache(maxsize=1024)
def law_key(law: Decay) -> str:
    """The text that marks carry for a law: readable, and short even for a curve of many points."""
    text = str(law)
    return text if len(text) <= 80 else f"{law.name}(#{hashlib.sha256(text.encode()).hexdigest()[:16]})"


class BoardTransaction:
    """An open transaction, its instant, and what is in force.

    The instant is the board's time: the larger of the clock and the last time that was recorded.
    """

    __slots__ = ("_last_event", "active", "doubted", "laws", "next_end", "now", "recorded", "totals", "tx")

    def __init__(
        self,
        tx: Transaction,
        active: ActiveDeployment,
        laws: Laws,
        now: int,
        last_event: int,
        recorded: int,
        next_end: int | None,
    ) -> None:
        self.tx, self.active, self.laws, self.now = tx, active, laws, now
        self.recorded = recorded
        self._last_event = last_event
        self.next_end = next_end
        """When the first of the marks that lie on the live board evaporates, or has; None if none ever does."""
        self.doubted: int | None = None
        """What the clock says, where it has leapt too far ahead to be believed."""
        self.totals: dict[int, dict[tuple[str, str], Total]] = {}
        """The sums that this transaction has read, by watch, kind and law; written once, at its end."""

    @property
    def deployment(self) -> Deployment:
        return self.active.deployment

    @property
    def last_event(self) -> int:
        """The id of the last event on the board; 0 on an empty one."""
        return self._last_event

    @property
    def stale(self) -> bool:
        """Whether marks that have evaporated lie on the live board."""
        return self.next_end is not None and self.next_end <= self.now

    def next_event(self) -> int:
        """The id for a new event."""
        self._last_event += 1
        return self._last_event

    def kind(self, name: str) -> Kind:
        """The registered kind of that name."""
        return self.active.kinds.get(name) or self.deployment.kind(name)

    def migrated(self, row: MarkRow) -> MarkRow:
        """The mark as a change of its kind has it, where it lies there as before. Nothing is written.

        The old law to the instant of the change and the new one after it, no jump; a new floor moves its end alone.
        """
        if not self.active.law_changes:
            return row
        new_law, at = self.active.law_changes.get((row.kind, row.law), (row.law, 0))
        if row.anchored_at >= at or (row.evaporates_at is not None and row.evaporates_at <= at):
            return row  # left since, or had evaporated before the change and was only not yet moved
        state = State(row.intensity, row.anchored_at, self.laws.get(self.tx, row.law))
        if new_law != row.law:
            state = State(state.remaining(at), at, self.laws.get(self.tx, new_law))
        ends = state.evaporates_at(self.kind(row.kind))
        return row._replace(
            intensity=state.intensity,
            law=new_law,
            anchored_at=state.at,
            evaporates_at=None if ends is None else max(at, ends),
            order_key=state.law.order_key(state.intensity, state.at),
        )

    def live(self, found: Iterable[Sequence[Any]], at: int | None = None) -> list[MarkRow]:
        """Those of some rows of `mark` that are live at an instant, by default this one."""
        at = self.now if at is None else at
        rows = (self.migrated(MarkRow(*values[: len(MarkRow._fields)])) for values in found)
        return [row for row in rows if row.evaporates_at is None or row.evaporates_at > at]

    def horizon(self, kind: str) -> int:
        """Up to when the stored ends of a kind's marks can be taken at their word: not while they follow a change."""
        return 0 if kind in self.active.migrating else self.now

    def state(self, row: MarkRow) -> State:
        """The fading part of a mark."""
        row = self.migrated(row)
        return State(row.intensity, row.anchored_at, self.laws.get(self.tx, row.law))

    def strength(self, row: MarkRow, at: int | None = None) -> float:
        """A mark's strength at an instant, by default this one; it need not be live."""
        if (at is None or at == self.now) and row.anchored_at == self.now:
            return self.kind(row.kind).weight * row.intensity  # just left: nothing has faded, and nothing is to follow
        at = self.now if at is None else at
        return self.kind(row.kind).weight * self.state(row).remaining(at)

    def fading(self, row: MarkRow) -> FadingMark:
        """The mark as far as fading goes."""
        row = self.migrated(row)
        state = State(row.intensity, row.anchored_at, self.laws.get(self.tx, row.law))
        return FadingMark(row.kind, row.subject, self.kind(row.kind).weight, state, row.evaporates_at)

    def rebase(self, row: MarkRow) -> None:
        """Write the fading part of a mark that goes on from another instant, or under another law."""
        self.tx.run(
            MARKS.rebase_mark,
            id=row.id,
            intensity=row.intensity,
            law=row.law,
            anchored_at=row.anchored_at,
            evaporates_at=row.evaporates_at,
            order_key=row.order_key,
        )

    def record(
        self,
        row: MarkRow,
        event: str,
        *,
        author: str,
        intensity: float | None = None,
        at: int | None = None,
    ) -> EventRow:
        """Write an event of a mark with the state that it produced, at this instant or an earlier one."""
        if at is not None and self.recorded < self.now:
            self.tx.run(MARKS.record_time, at=self.now)
            self.recorded = self.now
        written = EventRow(
            self.next_event(),
            self.now if at is None else at,
            row.id,
            row.kind,
            row.subject,
            event,
            row.intensity if intensity is None else intensity,
            row.law,
            row.evaporates_at,
            author,
            None,
            None,
        )
        self.tx.put(MARKS.insert_event, written)
        return written
