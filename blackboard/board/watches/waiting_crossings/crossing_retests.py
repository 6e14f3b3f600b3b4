"""Retests of waiting crossings whose watch has changed: under the new watch, with the strengths at their crossing.

A crossing belongs to the text of its watch, so it cannot be claimed after a change. Each waiting crossing is tested
again. If the new watch would also have crossed at that instant, the crossing stays. Otherwise it ends as skipped, and
its marks stay stimuli. The tests run in bounded batches. A crossing is also tested before one of its marks changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from blackboard.board.mark_tables.watch_scopes import scope_of
from blackboard.board.mark_tables.window_deposits import scopes_in_windows
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.waiting_crossings import measured_crossings, scheduled_crossings
from blackboard.board.watches.waiting_crossings.marks_at_crossing import MarksAtCrossing, PastMark
from blackboard.board.watches.waiting_crossings.measured_crossings import Measurement
from blackboard.board.work_tables.backfill_rows import plan_backfill
from blackboard.board.work_tables.crossing_rows import skip_crossing
from blackboard.clock import Instant
from blackboard.core.conditions.condition_types import Condition
from blackboard.core.conditions.fading_forecasts import fallen_side, first_true, met_side, value_at
from blackboard.core.marks.scopes import WHOLE_BOARD, group_of
from blackboard.core.records.backfill_targets import BackfillTarget, BackfillTask
from blackboard.core.records.states import HeldBy
from blackboard.core.specs.deployment import Deployment
from blackboard.store.row_types.watch_row_types import CrossingKey, CrossingRow
from blackboard.store.statements import CROSSINGS, DEPLOYMENTS

CHANGED_WATCH_REASON = "watch changed"
"""The reason of a crossing that ended because the condition of the changed watch does not hold."""


class _ScopeMarks(NamedTuple):
    """The key of a crossing that a new watch can have, with the marks behind it."""

    key: CrossingKey
    marks: list[PastMark]


class _MetScope(NamedTuple):
    """The key of a crossing that a new watch would have had, with the measured value."""

    key: CrossingKey
    measured: Measurement


def plan(txn: BoardTransaction, watch_id: int, old_condition: Condition) -> None:
    """Defer the waiting crossings of a watch that changed, and plan their tests."""
    if txn.sql.run_and_count(CROSSINGS.defer_for_retest, watch_id=watch_id):
        plan_backfill(txn, BackfillTarget(BackfillTask.CROSSINGS, watch_id, former_kinds=tuple(old_condition.kinds)))


def run_batch(txn: BoardTransaction, watch: RegisteredWatch, limit: int) -> int:
    """Test up to `limit` crossings of a watch again, and return their number."""
    rows = txn.sql.all(CROSSINGS.deferred_for_retest, watch_id=watch.id, limit=limit)
    deployments: dict[int, Deployment] = {}
    for row in rows:
        _retest(txn, watch, row, deployments)
    return len(rows)


def retest_before_change(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> None:
    """Retest the crossings of a scope now, if the backfill has not reached them."""
    if watch.id in txn.active.retests:
        for row in txn.sql.all(CROSSINGS.waiting_of_scope, watch_id=watch.id, scope=scope):
            if row.held_by == HeldBy.RETEST:
                _retest(txn, watch, row, {})


def _retest(
    txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow, deployments: dict[int, Deployment]
) -> None:
    """Keep a crossing, under the key that the new watch gives it, or end it as skipped.

    Args:
        txn: The transaction.
        watch: The watch as it is now.
        crossing: The crossing, recorded under the former watch.
        deployments: Deployments that were already read, by version.
    """
    if scheduled_crossings.keeps(watch, crossing):
        txn.sql.run(CROSSINGS.defer_crossing, id=crossing.id, held_by=None, ready_at=crossing.noticed_at)
        return
    deployment = _deployment_at(txn, crossing.crossed_at, deployments)
    if _has_longer_delay(watch, deployment):
        skip_crossing(txn, watch, crossing, CHANGED_WATCH_REASON)
        return
    found = _met_scopes(MarksAtCrossing(txn, watch, crossing, deployment))
    is_kept = False
    for met in sorted(found, key=lambda met: met.key != crossing.key):
        other = txn.sql.one(CROSSINGS.waiting_crossing, **met.key._asdict())
        if other is not None and other.id != crossing.id:
            txn.sql.run(CROSSINGS.antedate_crossing, id=other.id, at=crossing.crossed_at)
        elif is_kept:
            cause = measured_crossings.CrossingCause(crossing.cause, crossing.began_at)
            measured_crossings.cross(txn, watch, met.key, met.measured, crossing.crossed_at, cause)
        else:
            _restate(txn, watch, crossing, met)
            is_kept = True
    if not is_kept:
        skip_crossing(txn, watch, crossing, CHANGED_WATCH_REASON)


def _has_longer_delay(watch: RegisteredWatch, before: Deployment) -> bool:
    """Return whether the change made `held_for` longer. The longer time counts from the change on."""
    timing, agent = watch.timing, before.agents.get(watch.agent_spec.name)
    if timing is None or not timing.held_for:
        return False
    specs = () if agent is None else agent.watches
    former = [agent.timing_of(spec) for spec in specs if agent is not None and spec.name == watch.spec.name]
    return not any(earlier is not None and earlier.held_for >= timing.held_for for earlier in former)


def _restate(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow, met: _MetScope) -> None:
    """Write the scope and the value that the new watch gives a crossing."""
    columns = measured_crossings.columns(txn, watch, met.measured, crossing.crossed_at, noticed_at=crossing.noticed_at)
    txn.sql.run(
        CROSSINGS.restate_crossing,
        id=crossing.id,
        scope=met.key.scope,
        mark_id=met.key.mark_id,
        **measured_crossings.side_columns(watch, met.measured),
        **columns,
    )


def _deployment_at(txn: BoardTransaction, at: Instant, known: dict[int, Deployment]) -> Deployment:
    """Return the deployment that was active at an instant, whose weights counted then."""
    row = txn.sql.one(DEPLOYMENTS.deployment_at, at=at)
    if row is None:
        return txn.deployment
    if row.version not in known:
        known[row.version] = Deployment.model_validate_json(row.content)
    return known[row.version]


def _met_scopes(past: MarksAtCrossing) -> Iterator[_MetScope]:
    """Yield each scope or mark of the old crossing where the new watch would also have crossed."""
    watch = past.watch
    if watch.condition.is_falling and watch.condition.spans_subjects and not _has_same_scope(past):
        return  # the strength of one subject does not determine the strength of the board or of a group
    before = past.txn.active.retests.get(watch.id, frozenset())
    counted = not before.isdisjoint(watch.condition.kinds_in_windows)
    for key, marks in _marks_by_scope(past):
        is_concerned = counted or any(mark.row.kind in before for mark in marks)
        measured = _measured_value(past, key.scope, marks) if is_concerned else None
        if measured is not None and (not watch.guard_drops or _guard_was_open(past, key.scope)):
            yield _MetScope(key, measured)


def _marks_by_scope(past: MarksAtCrossing) -> Iterator[_ScopeMarks]:
    """Yield each scope that the new watch measures, or each mark that it measures alone."""
    watch, crossing = past.watch, past.crossing
    if watch.condition.is_per_mark:
        for mark in past.measured_marks():
            if not crossing.is_per_mark or mark.row.id == crossing.mark_id:
                yield _ScopeMarks(watch.key_of(mark.row.subject, mark.row), [mark])
        return
    by_scope: dict[str | None, list[PastMark]] = {WHOLE_BOARD: []} if watch.condition.is_over_board else {}
    for mark in past.measured_marks():
        by_scope.setdefault(scope_of(past.txn, watch, mark.row), []).append(mark)
    for scope in _scopes_in_windows(past):
        by_scope.setdefault(scope, [])
    found = ((scope, marks) for scope, marks in by_scope.items() if scope is not None)
    yield from (_ScopeMarks(CrossingKey(watch.id, scope), marks) for scope, marks in found)


def _has_same_scope(past: MarksAtCrossing) -> bool:
    """Return whether the crossing is about the board or a group as the new watch measures it."""
    group = group_of(past.crossing.scope)
    if past.watch.condition.by is None:
        return past.crossing.is_over_board
    return group is not None and group.tag == past.watch.condition.by


def _guard_was_open(past: MarksAtCrossing, scope: str) -> bool:
    """Return whether the guard of the new watch was met at the crossing.

    If not, a watch whose guard drops would not have crossed.
    """
    if (guard := past.watch.spec.guard) is None:
        return True
    marks = past.of_guard(guard, scope)
    return guard.is_met(lambda measure: value_at(measure, marks, past.at, scope))


def _measured_value(past: MarksAtCrossing, scope: str, marks: list[PastMark]) -> Measurement | None:
    """Return the value of the new watch at the crossing; None if it would not have crossed."""
    condition, fading = past.watch.condition, [mark.fading for mark in marks]
    fading += past.deposits(condition, scope, ignored=past.watch.ignored_in_windows)
    if past.watch.condition.is_falling:
        is_below = first_true(condition, fading, past.at) == past.at
        side = fallen_side(condition, fading, past.at, past.at) if is_below else None
    else:
        side = met_side(condition, fading, past.at)
    if side is None:
        return None
    strongest = max((mark.strength(past.at) for mark in fading), default=0.0)
    return Measurement(side.value, len(fading), [mark.row for mark in marks], strongest, comparison=side.comparison)


def _scopes_in_windows(past: MarksAtCrossing) -> Iterator[str]:
    """Yield the scopes without marks that the new watch may measure."""
    if not past.watch.condition.has_window or past.watch.condition.is_over_board:
        return
    group = group_of(past.crossing.scope)
    if (
        _has_same_scope(past)
        if past.watch.condition.by is not None
        else group is None and not past.crossing.is_over_board
    ):
        yield past.crossing.scope
    else:
        yield from scopes_in_windows(past.txn.sql, past.watch.condition)
