"""A preview of a deployment: the deployment itself, carried out in a transaction that is rolled back."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from blackboard.board.board_session import BoardSession
from blackboard.board.deployments import unreadable_marks
from blackboard.board.deployments.deployer import Deployer
from blackboard.board.deployments.unreadable_marks import Misfits
from blackboard.board.mark_sets.scope_marks import stored_marks
from blackboard.board.rollout import backfill, deployment_changes, gone_agents
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.crossing_detection import episode_crossings
from blackboard.board.watches.measurements import watch_states
from blackboard.board.watches.measurements.watch_states import StateKey
from blackboard.board.watches.waiting_crossings import scheduled_crossings, watch_guards
from blackboard.board.worker_registry import served_agents
from blackboard.clock import LAST_INSTANT, Instant, to_datetime
from blackboard.core.built_in_marks import BUILT_IN_KINDS
from blackboard.core.deployment import DEFAULT_BATCH, Deployment, Per
from blackboard.core.marks.measure_scopes import WHOLE_BOARD, GroupValue, group_of, subject_of
from blackboard.core.records.states import CrossingState, HeldBy
from blackboard.store.rows import CrossingRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MARKS

UPCOMING_PER_SCHEDULE = 3
"""The number of instants of a schedule that a preview lists."""
MARKS_PER_BATCH = 1000
"""Marks that one batch of the backfill reads."""


@dataclass(frozen=True)
class PredictedEvaporation:
    """A mark that would evaporate at once."""

    mark_id: int
    kind: str
    subject: str
    remaining: float
    """The part of its intensity that is left."""
    floor: float


@dataclass(frozen=True)
class PredictedCrossing:
    """A crossing as it would be under the deployment."""

    agent: str
    watch: str
    subject: str | None
    """None for the board or a group."""
    group_tag: str | None
    """The tag whose values make the groups of the watch; None if the watch measures no groups."""
    group: GroupValue | None
    """The value of that tag."""
    mark_id: int | None
    value: float
    """The value of the watch at the crossing; for a crossing that ends, the value of the former watch."""
    threshold: float


@dataclass(frozen=True)
class PredictedWake(PredictedCrossing):
    """A crossing that the deployment would cause."""

    guard_closed: bool
    """Whether its guard would be closed: the crossing is then deferred, or skipped by a watch that drops."""


@dataclass(frozen=True)
class PredictedRetest(PredictedCrossing):
    """A crossing that waits for a watch that the deployment changes."""

    stays: bool
    """Whether it stays under the new watch; otherwise it ends as skipped."""


@dataclass(frozen=True)
class PredictedTimedCrossing:
    """A crossing of a watch over time that time alone would cause, if its marks only fade."""

    agent: str
    watch: str
    subject: str | None
    """None for the board or a group."""
    group_tag: str | None
    """The tag whose values make the groups of the watch; None if the watch measures no groups."""
    group: GroupValue | None
    """The value of that tag."""
    mark_id: int | None
    crosses_at: datetime


@dataclass(frozen=True)
class PredictedSchedule:
    """A schedule as it would be under the deployment."""

    agent: str
    watch: str
    schedule: str
    is_new: bool
    """Whether it is new or changed, so that it begins with the deployment."""
    upcoming: tuple[datetime, ...]
    """Its next instants."""


@dataclass(frozen=True)
class PredictedActivations:
    """The activations that the waiting crossings of a watch over subjects would become: each makes at most one call."""

    agent: str
    watch: str
    per: Per
    subjects: int
    marks: int
    per_subject: int
    """The number of activations per subject."""
    per_batch: int
    """The least number of activations that take batches."""


@dataclass(frozen=True)
class Preview:
    """The effects that a deployment would have at one instant."""

    as_of: datetime
    changes: tuple[str, ...]
    """One text for each change; empty if the deployment is active already."""
    evaporates: tuple[PredictedEvaporation, ...]
    sooner: dict[str, int]
    """How many marks of each kind would evaporate earlier than they do now, though not at once."""
    wakes: tuple[PredictedWake, ...]
    """The crossings that follow, including those that are due and not yet recorded."""
    retests: tuple[PredictedRetest, ...]
    """The crossings that wait already, and whose watch changes."""
    refusal: str | None
    """Why `init` would refuse the deployment; None if `init` would accept it."""
    idle_workers: dict[str, str]
    """The workers that would then not claim for some of their agents, with the reasons."""
    gone_agents: dict[str, int]
    """How many crossings and activations would be held because their agent would be gone, by its name."""
    own_laws: dict[str, int]
    """How many live marks of each kind have a law of their own, which no change of the kind's law replaces."""
    schedules: tuple[PredictedSchedule, ...] = ()
    """The schedules of all agents."""
    activations: tuple[PredictedActivations, ...] = ()
    """The activations that waiting crossings would become, for each watch over subjects that has such crossings."""
    timed_crossings: tuple[PredictedTimedCrossing, ...] = ()
    """The crossings that watches over time would wait for, earliest first."""
    unreadable: dict[str, Misfits] = field(default_factory=dict)
    """For each kind, the live marks that do not fit its class."""


def preview_of(session: BoardSession, deployment: Deployment) -> Preview:
    """Return the effects that deploying would have now; see `Blackboard.preview`."""
    dead, classes = session.dead_workers(), session.classes
    new = deployment.with_kinds(BUILT_IN_KINDS)
    classes.load(new.kinds)
    unreadable = session.read(lambda txn: unreadable_marks.find(txn, new, classes))
    return replace(session.run_and_roll_back(lambda txn: preview(txn, new, dead)), unreadable=unreadable)


def preview(txn: BoardTransaction, new: Deployment, dead: Collection[str] = frozenset()) -> Preview:
    """Deploy, run the whole backfill, and return the effects.

    The caller rolls back, as `BoardSession.run_and_roll_back` does. `dead` are registered workers that are known to
    be dead.
    """
    refusal = Deployer().objection(txn, new, dead)
    last_crossing = txn.sql.value(CROSSINGS.last_crossing_id)
    if deployment_changes.is_change(txn, deployment_changes.with_known_kinds(txn, new)):
        deployment_changes.apply_due_changes(txn)  # as the change will do: marks that earlier changes end do not count
    as_of, schedules = txn.now, _schedules(txn)
    kinds = [name for name, kind in txn.deployment.kinds.items() if new.kinds.get(name, kind) != kind]
    ends = {row.id: row.evaporates_at for row in txn.live(stored_marks(txn, kinds, WHOLE_BOARD))}
    change = unreadable_marks.register(txn, new)
    txn.begin_again()
    retested = _crossings_to_retest(txn)
    while backfill.run_batch(txn, MARKS_PER_BATCH):
        txn.begin_again()
    evaporates, sooner = _evaporations(txn, kinds, ends)
    return Preview(
        as_of=to_datetime(as_of),
        changes=change.changed,
        evaporates=evaporates,
        sooner=sooner,
        wakes=tuple(_wakes(txn, last_crossing, retested)),
        retests=tuple(_retest(txn, crossing_id) for crossing_id in retested),
        refusal=refusal,
        idle_workers=_idle_workers(txn, dead),
        gone_agents=gone_agents.count(txn),
        own_laws=dict(txn.sql.all(MARKS.count_own_laws, now=txn.now)),
        schedules=tuple(_predicted_schedules(txn, schedules)),
        activations=tuple(_activations(txn)),
        timed_crossings=tuple(sorted(_timed_crossings(txn), key=lambda item: item.crosses_at)),
    )


def _crossings_to_retest(txn: BoardTransaction) -> list[int]:
    return [
        row.id
        for watch_id in txn.active.retests.keys() & txn.active.watches.keys()
        for row in txn.sql.all(CROSSINGS.waiting_of_watch, watch_id=watch_id)
        if row.held_by == HeldBy.RETEST
    ]


def _wakes(txn: BoardTransaction, last_crossing: int, retested: Collection[int]) -> Iterator[PredictedWake]:
    """Yield the wakes of the crossings after `last_crossing`, except crossings that only wait for a retest."""
    for row in txn.sql.all(CROSSINGS.crossings_since, since=last_crossing):
        is_withdrawn = row.state == CrossingState.WITHDRAWN
        if row.id not in retested and row.watch_id in txn.active.watches and not is_withdrawn:
            yield _wake(txn, row)


def _idle_workers(txn: BoardTransaction, dead: Collection[str]) -> dict[str, str]:
    """Return the living workers that do not claim for some of their agents, with the reasons."""
    living = [row for row in txn.sql.all(ACTIVATIONS.workers) if row.id not in dead]
    problems = {row.id: served_agents.problem(txn, row) for row in living}
    return {worker: problem for worker, problem in problems.items() if problem is not None}


def _evaporations(
    txn: BoardTransaction, kinds: Sequence[str], ends: Mapping[int, Instant | None]
) -> tuple[tuple[PredictedEvaporation, ...], dict[str, int]]:
    """Return the marks that evaporated under the change, and how many of each kind will do so sooner than before.

    `ends` has the ends of the marks that were live before the change, by their ids.
    """
    evaporates, sooner = [], dict.fromkeys(sorted(kinds), 0)
    for row in stored_marks(txn, kinds, WHOLE_BOARD):
        if row.id not in ends:
            continue
        if not row.is_live(txn.now):
            remaining = txn.state(row).remaining(txn.now)
            evaporates.append(PredictedEvaporation(row.id, row.kind, row.subject, remaining, txn.kind(row.kind).floor))
        elif row.evaporates_at is not None and row.evaporates_at < (ends[row.id] or float("inf")):
            sooner[row.kind] += 1
    return tuple(evaporates), {kind: count for kind, count in sooner.items() if count}


def _activations(txn: BoardTransaction) -> Iterator[PredictedActivations]:
    """Yield how many activations would take what waits, per subject and in batches."""
    for watch in txn.active.watches.values():
        if watch.condition.spans_subjects or not (rows := txn.sql.all(CROSSINGS.waiting_of_watch, watch_id=watch.id)):
            continue
        batch, marks = watch.batch or DEFAULT_BATCH, Counter[str]()
        for row in rows:
            marks[row.subject] += row.marks
        yield PredictedActivations(
            watch.agent.name,
            watch.spec.name,
            watch.agent.per_of(watch.spec),
            len(marks),
            marks.total(),
            sum(math.ceil(count / batch) for count in marks.values()),
            math.ceil(marks.total() / batch),
        )


def _timed_crossings(txn: BoardTransaction) -> Iterator[PredictedTimedCrossing]:
    for watch in txn.active.watches.values():
        if watch.timing is None:
            continue
        for row in txn.sql.all(CROSSINGS.due_predicted_of_watch, watch_id=watch.id, now=LAST_INSTANT):
            state = watch_states.get(txn, StateKey(watch.id, row.subject, row.mark_id))
            at = None if state is None else episode_crossings.forecast(txn, watch, state)
            if at is not None:
                subject, tag, group = _place(row.subject)
                names = watch.agent.name, watch.spec.name
                yield PredictedTimedCrossing(*names, subject, tag, group, row.mark_id or None, to_datetime(at))


def _schedules(txn: BoardTransaction) -> dict[tuple[str, str], str]:
    """Return the text of each schedule by its agent and watch."""
    watches = [watch for watch in txn.active.watches.values() if watch.condition.is_schedule]
    return {(watch.agent.name, watch.spec.name): str(watch.condition) for watch in watches}


def _predicted_schedules(txn: BoardTransaction, former: Mapping[tuple[str, str], str]) -> Iterator[PredictedSchedule]:
    """Yield the schedules of all agents, in the order of their names. `former` has those before the change."""
    watches = {(watch.agent.name, watch.spec.name): watch for watch in txn.active.watches.values()}
    for key, text in sorted(_schedules(txn).items()):
        upcoming = scheduled_crossings.upcoming(txn, watches[key], UPCOMING_PER_SCHEDULE)
        yield PredictedSchedule(*key, text, former.get(key) != text, tuple(map(to_datetime, upcoming)))


def _retest(txn: BoardTransaction, crossing_id: int) -> PredictedRetest:
    crossing = txn.sql.existing(CROSSINGS.get_crossing, id=crossing_id)
    return PredictedRetest(*_crossing(txn, crossing), crossing.state == CrossingState.WAITING)


def _wake(txn: BoardTransaction, crossing: CrossingRow) -> PredictedWake:
    watch = txn.active.watches[crossing.watch_id]
    if watch.drops:  # its guard was tested at the crossing; one that defers is tested by a claim
        guard_closed = crossing.state == CrossingState.SKIPPED
    else:
        guard_closed = not watch_guards.find_opening(txn, watch, crossing.scope)[0]
    return PredictedWake(*_crossing(txn, crossing), guard_closed)


Place = tuple[str | None, str | None, GroupValue | None]
"""The subject of a scope, and the tag and the value of a group."""


def _crossing(
    txn: BoardTransaction, crossing: CrossingRow
) -> tuple[str, str, str | None, str | None, GroupValue | None, int | None, float, float]:
    """Return the fields of a `PredictedCrossing`."""
    watch = txn.active.watches[crossing.watch_id]
    mark_id = crossing.mark_id if crossing.is_per_mark else None
    names = watch.agent.name, watch.spec.name
    subject, tag, group = _place(crossing.scope)
    return *names, subject, tag, group, mark_id, crossing.value, crossing.threshold


def _place(scope: str) -> Place:
    group = group_of(scope)
    return subject_of(scope), None if group is None else group.tag, None if group is None else group.value
