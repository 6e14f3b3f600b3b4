"""What a changed deployment would do to the marks that lie there, at this instant. It reads one snapshot, and changes
nothing.

It follows the rules of `redeploying` and `following`: only watches that the change concerns are looked at, and of a
falling watch only what was above its threshold before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from blackboard.board.board_transaction import Moment, Watch, law_key
from blackboard.clock import iso
from blackboard.deployment import AgentSpec, Deployment, WatchSpec
from blackboard.forecast import Faded, first_true, value_at
from blackboard.marks import Kind
from blackboard.reinforcement import State
from blackboard.store import marks as M
from blackboard.store import watching as W
from blackboard.store.rows import MarkRow

__all__ = ["Evaporates", "Preview", "Wakes", "preview"]


@dataclass(frozen=True)
class Evaporates:
    """A mark that would be gone at once."""

    mark_id: int
    kind: str
    subject: str
    left: float
    """Intensity x share."""
    floor: float


@dataclass(frozen=True)
class Wakes:
    """A crossing that the change would cause."""

    agent: str
    watch: str
    subject: str | None
    """None for the board."""
    mark_id: int | None
    value: float
    threshold: float
    held: bool
    """Whether a guard would hold it back."""


@dataclass(frozen=True)
class Preview:
    """What a deployment would do, as of one instant."""

    as_of: str | None
    changes: tuple[str, ...]
    """In words; empty where it says what is in force already."""
    evaporates: tuple[Evaporates, ...]
    sooner: dict[str, int]
    """For each kind, how many marks would end sooner than they do now, though not at once."""
    wakes: tuple[Wakes, ...]


def preview(m: Moment, new: Deployment) -> Preview:
    """What would happen if `new` were put in force now."""
    return _Change(m, new).preview()


class _Change:
    def __init__(self, m: Moment, new: Deployment) -> None:
        self.m, self.old = m, m.deployment
        self.new = new.model_copy(update={"kinds": {**self.old.kinds, **new.kinds}})
        self.touched = {name for name, kind in self._kinds() if self._touched(name, kind)}
        self.rows: dict[str, list[tuple[MarkRow, Faded]]] = {}
        for name, kind in self._kinds():
            self.rows[name] = [(row, self._faded(row, kind)) for row in self._live(name)]

    def _kinds(self) -> Iterator[tuple[str, Kind]]:
        return ((name, self.new.kind(name)) for name in self.new.kinds if name in self.old.kinds)

    def _touched(self, name: str, kind: Kind) -> bool:
        before = self.old.kind(name)
        return (before.weight, before.decay, before.floor) != (kind.weight, kind.decay, kind.floor)

    def _live(self, kind: str) -> Iterator[MarkRow]:
        for values in self.m.tx.all(M.MARKS_OF_KIND, kind=kind):
            row = MarkRow(*values)
            if row.evaporates_at is None or row.evaporates_at > self.m.now:
                yield row

    def _faded(self, row: MarkRow, kind: Kind) -> Faded:
        """The mark after the change: one under a law of its own keeps it."""
        before, state, ends = self.old.kind(row.kind), self.m.state(row), row.evaporates_at
        changed = (before.decay, before.floor) != (kind.decay, kind.floor)
        if changed and row.law == law_key(before.decay):
            state = State(state.left(self.m.now), self.m.now, kind.decay)
            ends = state.evaporates_at(kind)
        return Faded(row.kind, row.subject, kind.weight, state, ends)

    def preview(self) -> Preview:
        gone, sooner = [], dict.fromkeys(self.touched, 0)
        for name, rows in self.rows.items():
            for row, faded in rows:
                if not faded.live(self.m.now):
                    left = faded.state.left(self.m.now)
                    gone.append(Evaporates(row.id, name, row.subject, left, self.new.kind(name).floor))
                elif faded.evaporates_at is not None and faded.evaporates_at < (row.evaporates_at or float("inf")):
                    sooner[name] = sooner.get(name, 0) + 1
        return Preview(
            iso(self.m.now),
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
            known = old.agents.get(name) or old.agents.get(agent.formerly or "")
            if known is None:
                yield f"agent {name}: new"
            elif parts := agent.differs(known):
                yield f"agent {name}: {parts}"
        inherited = {agent.formerly for agent in new.agents.values()}
        for name in old.agents.keys() - new.agents.keys() - inherited:
            yield f"agent {name}: gone"
        if old.trust != new.trust:
            yield "trust"
        if old.budget != new.budget:
            yield "budget"

    # -- who would wake -----------------------------------------------------------------------------------------------

    def _wakes(self) -> Iterator[Wakes]:
        registered = {(watch.agent.name, watch.spec.name): watch for watch in self.m.in_force.watches.values()}
        for agent in self.new.agents.values():
            for spec in agent.watches:
                was = registered.get((agent.name, spec.name)) or registered.get((agent.formerly or "", spec.name))
                if was is not None and not self._concerns(was, spec):
                    continue
                watch = Watch(0 if was is None else was.id, agent, spec)
                yield from self._falls(watch) if watch.falling else self._rises(watch)

    def _concerns(self, was: Watch, spec: WatchSpec) -> bool:
        return (was.spec.when, was.spec.own) != (spec.when, spec.own) or bool(self.touched & set(spec.condition.kinds))

    def _rises(self, watch: Watch) -> Iterator[Wakes]:
        stimuli = [(row, faded) for row, faded in self._marks(watch) if self._is_stimulus(watch, row)]
        if watch.condition.per_mark:
            for row, faded in stimuli:
                if (value := faded.strength(self.m.now)) >= watch.threshold:
                    yield from self._wake(watch, row.subject, row.id, value)
            return
        groups: dict[str, list[Faded]] = {}
        for row, faded in stimuli:
            groups.setdefault("" if watch.over_board else row.subject, []).append(faded)
        for subject, marks in groups.items():
            if watch.condition.holds(lambda measure, marks=marks: value_at(measure, marks, self.m.now)):  # type: ignore[misc]
                first = next(watch.condition.leaves()).measure
                yield from self._wake(watch, subject, 0, value_at(first, marks, self.m.now))

    def _falls(self, watch: Watch) -> Iterator[Wakes]:
        """What was above, and by the change is below; what never was above does not fall."""
        groups: dict[tuple[str, int], list[Faded]] = {}
        for row, faded in self._marks(watch):
            subject = "" if watch.over_board else row.subject
            groups.setdefault((subject, row.id if watch.condition.per_mark else 0), []).append(faded)
        for (subject, mark_id), marks in groups.items():
            armed = self.m.tx.one(W.FALL, watch_id=watch.id, subject=subject, mark_id=mark_id)
            if armed is not None and first_true(watch.condition, marks, self.m.now) == self.m.now:
                first = next(watch.condition.leaves()).measure
                yield from self._wake(watch, subject, mark_id, value_at(first, marks, self.m.now))

    def _wake(self, watch: Watch, subject: str, mark_id: int, value: float) -> Iterator[Wakes]:
        if self.m.tx.one(W.WAITING, watch_id=watch.id, subject=subject, mark_id=mark_id) is not None:
            return  # it waits already
        guard, held = watch.spec.guard, False
        if guard is not None:
            marks = [faded for kind in guard.kinds for _, faded in self.rows.get(kind, ())]
            held = not guard.holds(lambda measure: value_at(measure, marks, self.m.now, subject))
        agent: AgentSpec = watch.agent
        yield Wakes(agent.name, watch.spec.name, subject or None, mark_id or None, value, watch.threshold, held)

    def _marks(self, watch: Watch) -> Iterator[tuple[MarkRow, Faded]]:
        for kind in watch.condition.kinds:
            for row, faded in self.rows.get(kind, ()):
                if watch.covers(row.subject) and (watch.falling or faded.live(self.m.now)):
                    yield row, faded

    def _is_stimulus(self, watch: Watch, row: MarkRow) -> bool:
        if row.author == watch.not_author:
            return False
        if watch.over_board and watch.id and row.event_id <= self.m.tx.one(W.WATERMARK, id=watch.id)[0]:
            return False
        taken = self.m.tx.one(W.ABSORBED, watch_id=watch.id, mark_id=row.id)
        return taken is None or row.event_id > taken[0]
