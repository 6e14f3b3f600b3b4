"""What a changed deployment would do to the marks that lie there, at this instant. It reads one snapshot, and changes
nothing.

It follows the rules of `redeploying` and `following`: only watches that the change concerns are looked at, and of a
falling watch only what was above its threshold before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from blackboard.board.board_transaction import BoardTransaction, Watch, law_key
from blackboard.board.stimuli import absorbed_through, is_stimulus
from blackboard.clock import iso
from blackboard.deployment import AgentSpec, Deployment, WatchSpec
from blackboard.forecast import first_true, value_at
from blackboard.marks import Kind
from blackboard.reinforcement import FadingMark, State
from blackboard.store.rows import MarkRow
from blackboard.store.statements import CROSSINGS, MARKS

__all__ = ["PredictedEvaporation", "PredictedWake", "Preview", "preview"]


@dataclass(frozen=True)
class PredictedEvaporation:
    """A mark that would be gone at once."""

    mark_id: int
    kind: str
    subject: str
    remaining: float
    """Intensity x share."""
    floor: float


@dataclass(frozen=True)
class PredictedWake:
    """A crossing that the change would cause."""

    agent: str
    watch: str
    subject: str | None
    """None for the board."""
    mark_id: int | None
    value: float
    threshold: float
    held_back: bool
    """Whether a guard would hold it back."""


@dataclass(frozen=True)
class Preview:
    """What a deployment would do, as of one instant."""

    as_of: str | None
    changes: tuple[str, ...]
    """In words; empty where it says what is in force already."""
    evaporates: tuple[PredictedEvaporation, ...]
    sooner: dict[str, int]
    """For each kind, how many marks would end sooner than they do now, though not at once."""
    wakes: tuple[PredictedWake, ...]


def preview(txn: BoardTransaction, new: Deployment) -> Preview:
    """What would happen if `new` were put in force now."""
    return _Change(txn, new).preview()


class _Change:
    def __init__(self, txn: BoardTransaction, new: Deployment) -> None:
        self.txn, self.old = txn, txn.deployment
        self.new = new.model_copy(update={"kinds": {**self.old.kinds, **new.kinds}})
        self.touched = {name for name, kind in self._kinds() if self._touched(name, kind)}
        self.rows: dict[str, list[tuple[MarkRow, FadingMark]]] = {}
        for name, kind in self._kinds():
            self.rows[name] = [(row, self._fading(row, kind)) for row in self._live(name)]

    def _kinds(self) -> Iterator[tuple[str, Kind]]:
        return ((name, self.new.kind(name)) for name in self.new.kinds if name in self.old.kinds)

    def _touched(self, name: str, kind: Kind) -> bool:
        before = self.old.kind(name)
        return (before.weight, before.decay, before.floor) != (kind.weight, kind.decay, kind.floor)

    def _live(self, kind: str) -> Iterator[MarkRow]:
        for values in self.txn.tx.all(MARKS.marks_of_kind, kind=kind):
            row = MarkRow(*values)
            if row.evaporates_at is None or row.evaporates_at > self.txn.now:
                yield row

    def _fading(self, row: MarkRow, kind: Kind) -> FadingMark:
        """The mark after the change: one under a law of its own keeps it."""
        before, state, ends = self.old.kind(row.kind), self.txn.state(row), row.evaporates_at
        changed = (before.decay, before.floor) != (kind.decay, kind.floor)
        if changed and row.law == law_key(before.decay):
            state = State(state.remaining(self.txn.now), self.txn.now, kind.decay)
            ends = state.evaporates_at(kind)
        return FadingMark(row.kind, row.subject, kind.weight, state, ends)

    def preview(self) -> Preview:
        gone, sooner = [], dict.fromkeys(self.touched, 0)
        for name, rows in self.rows.items():
            for row, fading in rows:
                if not fading.is_live(self.txn.now):
                    remaining = fading.state.remaining(self.txn.now)
                    gone.append(PredictedEvaporation(row.id, name, row.subject, remaining, self.new.kind(name).floor))
                elif fading.evaporates_at is not None and fading.evaporates_at < (row.evaporates_at or float("inf")):
                    sooner[name] = sooner.get(name, 0) + 1
        return Preview(
            iso(self.txn.now),
            tuple(self._changes()),
            tuple(gone),
            {name: count for name, count in sorted(sooner.items()) if count},
            tuple(self._wakes()),
        )

    def _changes(self) -> Iterator[str]:
        old, new = self.old, self.new
        for name, kind in new.kinds.items():
            before = old.kinds.get(name)
            if before is None:
                yield f"kind {name}: new"
            elif fields := kind.differs(before):
                yield f"kind {name}: {fields}"
        for name, agent in new.agents.items():
            known = old.agents.get(name) or old.agents.get(agent.renamed_from or "")
            if known is None:
                yield f"agent {name}: new"
            elif parts := agent.differs(known):
                yield f"agent {name}: {parts}"
        inherited = {agent.renamed_from for agent in new.agents.values()}
        for name in old.agents.keys() - new.agents.keys() - inherited:
            yield f"agent {name}: gone"
        if old.trust != new.trust:
            yield "trust"
        if old.budget != new.budget:
            yield "budget"

    # -- who would wake -----------------------------------------------------------------------------------------------

    def _wakes(self) -> Iterator[PredictedWake]:
        registered = {(watch.agent.name, watch.spec.name): watch for watch in self.txn.active.watches.values()}
        for agent in self.new.agents.values():
            for spec in agent.watches:
                was = registered.get((agent.name, spec.name)) or registered.get((agent.renamed_from or "", spec.name))
                if was is not None and not self._concerns(was, spec):
                    continue
                watch = Watch(0 if was is None else was.id, agent, spec)
                yield from self._fall(watch) if watch.falling else self._rise(watch)

    def _concerns(self, was: Watch, spec: WatchSpec) -> bool:
        return (was.spec.condition, was.spec.include_own) != (spec.condition, spec.include_own) or bool(
            self.touched & set(spec.condition.kinds)
        )

    def _rise(self, watch: Watch) -> Iterator[PredictedWake]:
        stimuli = [
            (row, fading)
            for row, fading in self._marks(watch)
            if is_stimulus(watch, row, absorbed_through(self.txn, watch, row.id))
        ]
        if watch.condition.per_mark:
            for row, fading in stimuli:
                if (value := fading.strength(self.txn.now)) >= watch.threshold:
                    yield from self._wake(watch, row.subject, row.id, value)
            return
        groups: dict[str, list[FadingMark]] = {}
        for row, fading in stimuli:
            groups.setdefault("" if watch.over_board else row.subject, []).append(fading)
        for subject, marks in groups.items():
            if watch.condition.holds(lambda measure, marks=marks: value_at(measure, marks, self.txn.now)):  # type: ignore[misc]
                first = next(watch.condition.leaves()).measure
                yield from self._wake(watch, subject, 0, value_at(first, marks, self.txn.now))

    def _fall(self, watch: Watch) -> Iterator[PredictedWake]:
        """What was above, and by the change is below; what never was above does not fall."""
        groups: dict[tuple[str, int], list[FadingMark]] = {}
        for row, fading in self._marks(watch):
            subject = "" if watch.over_board else row.subject
            groups.setdefault((subject, row.id if watch.condition.per_mark else 0), []).append(fading)
        for (subject, mark_id), marks in groups.items():
            predicted = self.txn.tx.one(
                CROSSINGS.get_predicted_crossing, watch_id=watch.id, subject=subject, mark_id=mark_id
            )
            if predicted is not None and first_true(watch.condition, marks, self.txn.now) == self.txn.now:
                first = next(watch.condition.leaves()).measure
                yield from self._wake(watch, subject, mark_id, value_at(first, marks, self.txn.now))

    def _wake(self, watch: Watch, subject: str, mark_id: int, value: float) -> Iterator[PredictedWake]:
        if self.txn.tx.one(CROSSINGS.waiting_crossing, watch_id=watch.id, subject=subject, mark_id=mark_id) is not None:
            return  # it waits already
        guard, held_back = watch.spec.guard, False
        if guard is not None:
            marks = [fading for kind in guard.kinds for _, fading in self.rows.get(kind, ())]
            held_back = not guard.holds(lambda measure: value_at(measure, marks, self.txn.now, subject))
        agent: AgentSpec = watch.agent
        yield PredictedWake(
            agent.name, watch.spec.name, subject or None, mark_id or None, value, watch.threshold, held_back
        )

    def _marks(self, watch: Watch) -> Iterator[tuple[MarkRow, FadingMark]]:
        for kind in watch.condition.kinds:
            for row, fading in self.rows.get(kind, ()):
                if watch.covers(row.subject) and (watch.falling or fading.is_live(self.txn.now)):
                    yield row, fading
