"""Retests of waiting crossings whose watch has changed: under the new watch, with the strengths at their crossing.

A crossing belongs to the text of its watch. From the change on it cannot be claimed. Each is then tested again. If the
new watch would also have crossed at that instant, the crossing stays. Otherwise it ends as skipped, and its marks stay
stimuli. The tests run in bounded batches. A test also runs before one of its marks changes.
"""

from __future__ import annotations

from blackboard.board.activation_tables.crossing_rows import skip_crossing
from blackboard.board.transactions.backfill_rows import BackfillTarget, BackfillTask, plan_backfill
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.measurements.watch_states import StateKey
from blackboard.board.watches.waiting_crossings import measured_crossings, scheduled_crossings
from blackboard.board.watches.waiting_crossings.marks_at_crossing import MarksAtCrossing
from blackboard.board.watches.waiting_crossings.met_scopes import MetScope, met_scopes
from blackboard.clock import Instant
from blackboard.core.conditions.condition_types import Condition
from blackboard.core.records.states import HeldBy
from blackboard.core.specs.deployment import Deployment
from blackboard.store.rows import CrossingRow
from blackboard.store.statements import CROSSINGS, DEPLOYMENTS

CHANGED_WATCH_REASON = "watch changed"
"""The reason of a crossing that ended because it does not hold under its new watch."""


def plan(txn: BoardTransaction, watch_id: int, old: Condition) -> None:
    """Defer the waiting crossings of a watch that changed, and plan their tests."""
    if txn.sql.changed(CROSSINGS.defer_for_retest, watch_id=watch_id):
        plan_backfill(txn, BackfillTarget(BackfillTask.RETEST, watch_id, former_kinds=tuple(old.kinds)))


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
    own_key = crossing.scope, crossing.mark_id
    found = met_scopes(MarksAtCrossing(txn, watch, crossing, deployment))
    is_kept = False
    for met in sorted(found, key=lambda met: (met.scope, met.mark_id) != own_key):
        key = StateKey(watch.id, met.scope, met.mark_id)
        other = txn.sql.one(CROSSINGS.waiting_crossing, **key._asdict())
        if other is not None and other.id != crossing.id:
            txn.sql.run(CROSSINGS.antedate_crossing, id=other.id, at=crossing.crossed_at)
        elif is_kept:
            cause = measured_crossings.CrossingCause(crossing.cause, crossing.began_at)
            measured_crossings.cross(txn, watch, key, met.measured, crossing.crossed_at, cause)
        else:
            _restate(txn, watch, crossing, met)
            is_kept = True
    if not is_kept:
        skip_crossing(txn, watch, crossing, CHANGED_WATCH_REASON)


def _has_longer_delay(watch: RegisteredWatch, before: Deployment) -> bool:
    """Return whether the change made `held_for` longer. The longer time counts from the change on."""
    timing, agent = watch.timing, before.agents.get(watch.agent.name)
    if timing is None or not timing.held_for:
        return False
    specs = () if agent is None else agent.watches
    former = [agent.timing_of(spec) for spec in specs if agent is not None and spec.name == watch.spec.name]
    return not any(earlier is not None and earlier.held_for >= timing.held_for for earlier in former)


def _restate(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow, met: MetScope) -> None:
    """Write the scope and the value that the new watch gives a crossing."""
    columns = measured_crossings.columns(txn, watch, met.measured, crossing.crossed_at, noticed_at=crossing.noticed_at)
    txn.sql.run(
        CROSSINGS.restate_crossing,
        id=crossing.id,
        scope=met.scope,
        mark_id=met.mark_id,
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
