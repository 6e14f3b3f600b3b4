"""A preview of a deployment: the deployment itself, carried out in a transaction that is rolled back."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypedDict

from blackboard.board import worker_registry
from blackboard.board.board_session import BoardSession
from blackboard.board.deployment_effects import backfill, deployment_activation, gone_agents
from blackboard.board.deployments.deployer import Deployer, activate_and_retry
from blackboard.board.deployments.unreadable_marks import find_unreadable_marks
from blackboard.board.mark_tables.mark_states import fading_state, live_rows
from blackboard.board.mark_tables.marks_in_scopes import stored_marks
from blackboard.board.result_types.preview_results import (
    PredictedActivations,
    PredictedEvaporation,
    PredictedRetest,
    PredictedSchedule,
    PredictedTimedCrossing,
    PredictedWake,
    Preview,
)
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.crossing_detection import episode_crossings
from blackboard.board.watches.measurements import watch_states
from blackboard.board.watches.waiting_crossings import scheduled_crossings, watch_guards
from blackboard.clock import LAST_INSTANT, Instant, to_datetime
from blackboard.core.built_in_marks import BUILT_IN_KINDS
from blackboard.core.marks.scopes import WHOLE_BOARD, GroupValue, group_of, subject_of
from blackboard.core.records.states import CrossingState, HeldBy
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.watch_spec import DEFAULT_BATCH
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MARKS


def preview_of(session: BoardSession, deployment: Deployment) -> Preview:
    """Return the effects that deploying would have now; see `Blackboard.preview`."""
    dead, classes = session.dead_workers(), session.classes
    new = deployment.with_kinds(BUILT_IN_KINDS)
    classes.load(new.kinds)
    unreadable = session.read(lambda txn: find_unreadable_marks(txn, new, classes))
    return replace(session.run_and_roll_back(lambda txn: preview(txn, new, dead)), unreadable=unreadable)


def preview(txn: BoardTransaction, new: Deployment, dead: Collection[str] = frozenset()) -> Preview:
    """Deploy, run the whole backfill, and return the effects.

    The caller rolls back, as `BoardSession.run_and_roll_back` does. `dead` are registered workers that are known to
    be dead.
    """
    refusal = Deployer().objection(txn, new, dead)
    last_crossing_id = txn.sql.value(CROSSINGS.last_crossing_id)
    if deployment_activation.is_change(txn, deployment_activation.with_known_kinds(txn, new)):
        deployment_activation.apply_due_changes(txn)  # as the change will do; marks that end here do not count
    as_of, schedules = txn.now, _schedules(txn)
    kinds = [name for name, kind in txn.deployment.kinds.items() if new.kinds.get(name, kind) != kind]
    ends = {row.id: row.evaporates_at for row in live_rows(txn, stored_marks(txn, kinds, WHOLE_BOARD))}
    change = activate_and_retry(txn, new)
    txn.begin_again()
    retested_ids = _retested_ids(txn)
    while backfill.run_batch(txn):
        txn.begin_again()
    evaporates, sooner = _evaporations(txn, kinds, ends)
    return Preview(
        as_of=to_datetime(as_of),
        changes=change.changed,
        evaporates=evaporates,
        sooner=sooner,
        wakes=tuple(_wakes(txn, last_crossing_id, retested_ids)),
        retests=tuple(_retest(txn, crossing_id) for crossing_id in retested_ids),
        refusal=refusal,
        idle_workers=_idle_workers(txn, dead),
        gone_agents=gone_agents.count(txn),
        own_laws=dict(txn.sql.all(MARKS.count_own_laws, now=txn.now)),
        schedules=tuple(_predicted_schedules(txn, schedules)),
        activations=tuple(_activations(txn)),
        timed_crossings=tuple(sorted(_timed_crossings(txn), key=lambda item: item.crosses_at)),
    )


def _retested_ids(txn: BoardTransaction) -> list[int]:
    return [
        row.id
        for watch_id in txn.active.retests.keys() & txn.active.watches.keys()
        for row in txn.sql.all(CROSSINGS.waiting_of_watch, watch_id=watch_id)
        if row.held_by == HeldBy.RETEST
    ]


def _wakes(txn: BoardTransaction, last_crossing_id: int, retested_ids: Collection[int]) -> Iterator[PredictedWake]:
    """Yield the wakes of the crossings after `last_crossing_id`, except crossings that only wait for a retest."""
    for row in txn.sql.all(CROSSINGS.crossings_since, since=last_crossing_id):
        is_withdrawn = row.state == CrossingState.WITHDRAWN
        if row.id not in retested_ids and row.watch_id in txn.active.watches and not is_withdrawn:
            yield _wake(txn, row)


def _idle_workers(txn: BoardTransaction, dead: Collection[str]) -> dict[str, str]:
    """Return the living workers that do not claim for some of their agents, with the reasons."""
    living = [row for row in txn.sql.all(ACTIVATIONS.workers) if row.id not in dead]
    problems = {row.id: worker_registry.worker_problem(txn, row) for row in living}
    return {worker: problem for worker, problem in problems.items() if problem is not None}


def _evaporations(
    txn: BoardTransaction, kinds: Sequence[str], ends: Mapping[int, Instant | None]
) -> tuple[tuple[PredictedEvaporation, ...], dict[str, int]]:
    """Return the marks that evaporated under the change, and how many marks of each kind will evaporate sooner.

    `ends` has the ends of the marks that were live before the change, by their ids.
    """
    evaporates, sooner = [], dict.fromkeys(sorted(kinds), 0)
    for row in stored_marks(txn, kinds, WHOLE_BOARD):
        if row.id not in ends:
            continue
        if not row.is_live(txn.now):
            remaining = fading_state(txn, row).remaining(txn.now)
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
            marks[row.scope] += row.marks
        yield PredictedActivations(
            agent=watch.agent_spec.name,
            watch=watch.spec.name,
            per=watch.agent_spec.per_of(watch.spec),
            subjects=len(marks),
            marks=marks.total(),
            per_subject=sum(math.ceil(count / batch) for count in marks.values()),
            per_batch=math.ceil(marks.total() / batch),
        )


def _timed_crossings(txn: BoardTransaction) -> Iterator[PredictedTimedCrossing]:
    """Yield the crossings of watches over time that time alone would cause."""
    for watch in txn.active.watches.values():
        if watch.timing is None:
            continue
        for row in txn.sql.all(CROSSINGS.due_predicted_of_watch, watch_id=watch.id, now=LAST_INSTANT):
            state = watch_states.get(txn, row.key)
            at = None if state is None else episode_crossings.forecast(txn, watch, state)
            if at is not None:
                yield PredictedTimedCrossing(
                    **_place(watch, row.scope), mark_id=row.mark_id or None, crosses_at=to_datetime(at)
                )


def _schedules(txn: BoardTransaction) -> dict[tuple[str, str], str]:
    """Return the text of each schedule by its agent and watch."""
    watches = [watch for watch in txn.active.watches.values() if watch.condition.is_schedule]
    return {(watch.agent_spec.name, watch.spec.name): str(watch.condition) for watch in watches}


def _predicted_schedules(txn: BoardTransaction, former: Mapping[tuple[str, str], str]) -> Iterator[PredictedSchedule]:
    """Yield the schedules of all agents, in the order of their names. `former` has the schedules before the change."""
    watches = {(watch.agent_spec.name, watch.spec.name): watch for watch in txn.active.watches.values()}
    for key, text in sorted(_schedules(txn).items()):
        upcoming = scheduled_crossings.upcoming_instants(txn, watches[key])
        yield PredictedSchedule(*key, text, former.get(key) != text, tuple(map(to_datetime, upcoming)))


def _retest(txn: BoardTransaction, crossing_id: int) -> PredictedRetest:
    crossing = txn.sql.existing(CROSSINGS.get_crossing, id=crossing_id)
    return PredictedRetest(**_fields(txn, crossing), stays=crossing.state == CrossingState.WAITING)


def _wake(txn: BoardTransaction, crossing: CrossingRow) -> PredictedWake:
    watch = txn.active.watches[crossing.watch_id]
    if watch.guard_drops:  # this guard was tested at the crossing; a guard that defers is tested by a claim
        guard_closed = crossing.state == CrossingState.SKIPPED
    else:
        guard_closed = watch_guards.find_opening(txn, watch, crossing.scope) != txn.now
    return PredictedWake(**_fields(txn, crossing), guard_closed=guard_closed)


class _PlaceFields(TypedDict):
    agent: str
    watch: str
    subject: str | None
    group_tag: str | None
    group: GroupValue | None


class _CrossingFields(_PlaceFields):
    mark_id: int | None
    value: float
    threshold: float


def _fields(txn: BoardTransaction, crossing: CrossingRow) -> _CrossingFields:
    """Return the fields of a `PredictedCrossing`."""
    return {
        **_place(txn.active.watches[crossing.watch_id], crossing.scope),
        "mark_id": crossing.mark_id if crossing.is_per_mark else None,
        "value": crossing.value,
        "threshold": crossing.threshold,
    }


def _place(watch: RegisteredWatch, scope: str) -> _PlaceFields:
    """Return the names of an agent and its watch, and the subject or the group in which the watch measures."""
    group = group_of(scope)
    return {
        "agent": watch.agent_spec.name,
        "watch": watch.spec.name,
        "subject": subject_of(scope),
        "group_tag": None if group is None else group.tag,
        "group": None if group is None else group.value,
    }
