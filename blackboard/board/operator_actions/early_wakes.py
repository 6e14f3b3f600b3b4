"""Early wakes: a person ends the batch window or the cooldown that a crossing waits for."""

from __future__ import annotations

from blackboard.board.activations.agent_claims.agent_readiness import agent_deferral, budget_deferral
from blackboard.board.result_types import EarlyWake
from blackboard.board.result_types.row_conversion import optional_datetime
from blackboard.board.transactions import activity_log, agent_states
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.waiting_crossings.crossing_deferrals import CrossingDeferral, deferral_of
from blackboard.core.marks.scopes import nullable_scope
from blackboard.core.records.event_kinds import ActivityEvent
from blackboard.core.records.request_limits import is_record_id
from blackboard.core.records.states import CrossingState, HeldBy
from blackboard.errors import NotFound, WorkError
from blackboard.store.rows import CrossingRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS


def wake(txn: BoardTransaction, crossing_id: int, author: str) -> EarlyWake:
    """End the batch window of a crossing and the cooldown that holds it; return what defers it still.

    Guards, rates, budgets and pauses still hold it. A crossing that is tested against a changed watch is left alone.

    Raises:
        NotFound: There is no such crossing.
        WorkError: It does not wait, or its agent is not in the deployment.
    """
    crossing = _find_waiting(txn, crossing_id)
    watch = txn.active.watches.get(crossing.watch_id)
    if watch is None:
        raise WorkError(f"the agent of crossing {crossing_id} is not in the active deployment; deploy it first")
    if crossing.held_by != HeldBy.RETEST:
        txn.sql.run(CROSSINGS.wake_crossing, id=crossing_id, now=txn.now)
        txn.sql.run(ACTIVATIONS.end_subject_cooldown, agent=watch.agent.name, scope=crossing.scope)
        state = agent_states.get(txn, watch.agent.name)
        agent_states.set_cooldown(txn, watch.agent.name, None, state.failures)
        crossing = crossing._replace(held_by=None, ready_at=txn.now, urgent=1)
    activity_log.note(
        txn,
        ActivityEvent.WAKE,
        agent=watch.agent.name,
        watch_id=watch.id,
        subject=nullable_scope(crossing.scope),
        crossing_id=crossing_id,
        author=author,
    )
    deferral = _deferral(txn, watch, crossing)
    return EarlyWake(
        crossing_id=crossing_id,
        agent=watch.agent.name,
        watch=watch.spec.name,
        subject=nullable_scope(crossing.scope),
        held_by=deferral.held_by,
        until=optional_datetime(deferral.ready_at if deferral.held_by else None),
    )


def _find_waiting(txn: BoardTransaction, crossing_id: int) -> CrossingRow:
    """Return a crossing that waits.

    Raises:
        NotFound: There is no such crossing.
        WorkError: It does not wait.
    """
    crossing = txn.sql.one(CROSSINGS.get_crossing, id=crossing_id) if is_record_id(crossing_id) else None
    if crossing is None:
        raise NotFound(f"there is no crossing {crossing_id}; 'blackboard agenda' lists those that wait")
    if crossing.state != CrossingState.WAITING:
        raise WorkError(_why_not(crossing))
    return crossing


def _deferral(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> CrossingDeferral:
    """Return what still holds a crossing."""
    if (deferral := agent_deferral(txn, watch.agent.name) or budget_deferral(txn, watch)) is not None:
        return CrossingDeferral(deferral.reason, deferral.until)
    return deferral_of(txn, watch, crossing)


def _why_not(crossing: CrossingRow) -> str:
    if crossing.activation_id is not None:
        number = crossing.activation_id
        return (
            f"crossing {crossing.id} does not wait: activation {number} took it; see 'blackboard activation {number}'"
        )
    return f"crossing {crossing.id} does not wait any more: it is {crossing.state}"
