"""The actions of a person who operates a board: pauses, early wakes, retries, discards and recorded costs.

Each action writes its entry of the activity.
"""

from __future__ import annotations

from blackboard.board import activity_log
from blackboard.board.activations import model_pauses
from blackboard.board.activations.agent_claims.agent_readiness import agent_deferral, budget_deferral
from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.run_ends.run_end_steps import INTERRUPTED, close_crossings, end_run, was_split
from blackboard.board.board_clock import clock_confirmation
from blackboard.board.outbox import announcements
from blackboard.board.result_types.row_conversion import optional_datetime, result_of
from blackboard.board.result_types.work_results import EarlyWake
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.waiting_crossings.crossing_deferrals import CrossingDeferral, deferral_of
from blackboard.board.work_tables import agent_states
from blackboard.board.work_tables.activation_rows import existing_activation, is_stuck
from blackboard.core.marks.scopes import nullable_scope
from blackboard.core.micro_dollars import check_cost, from_usd
from blackboard.core.records.event_kinds import ActivityEvent
from blackboard.core.records.states import ActivationState, CrossingState, HeldBy
from blackboard.core.request_limits import is_record_id
from blackboard.errors import NotFound, WorkError
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS


def pause(txn: BoardTransaction, agent: str | None, reason: str | None, author: str) -> None:
    """Pause an agent, or the whole board (None). Running activations finish, and crossings are still recorded.

    Raises:
        UnknownName: There is no such agent.
    """
    if agent is None:
        if txn.pause is None:
            announcements.announce_pause(txn, reason)
        agent_states.set_board_pause(txn, is_paused=True, reason=reason)
    else:
        agent_states.set_pause(txn, agent, is_paused=True, reason=reason)
    activity_log.record(txn, ActivityEvent.PAUSE, agent=agent, author=author)


def resume(txn: BoardTransaction, agent: str | None, author: str) -> None:
    """Resume an agent, or the whole board (None).

    Resuming an agent also ends its cooldown after failures. Resuming the board also accepts a clock that leapt ahead,
    and tries paused models.

    Raises:
        UnknownName: There is no such agent.
    """
    if agent is None:
        clock_confirmation.accept_clock(txn)
        agent_states.set_board_pause(txn, is_paused=False)
        model_pauses.try_now(txn)
    else:
        agent_states.set_pause(txn, agent, is_paused=False)
        agent_states.end_failures(txn, agent)
    activity_log.record(txn, ActivityEvent.RESUME, agent=agent, author=author)


def wake(txn: BoardTransaction, crossing_id: int, author: str) -> EarlyWake:
    """End the batch window of a crossing and the cooldown that holds it; return what still holds the crossing.

    Guards, rates, budgets and pauses still hold it. If the crossing waits for a retest, nothing ends.

    Raises:
        NotFound: There is no such crossing.
        WorkError: The crossing does not wait, or its agent is not in the deployment.
    """
    crossing = _get_waiting_crossing(txn, crossing_id)
    watch = txn.active.watches.get(crossing.watch_id)
    if watch is None:
        raise WorkError(f"the agent of crossing {crossing_id} is not in the active deployment; deploy it first")
    if crossing.held_by != HeldBy.RETEST:
        txn.sql.run(CROSSINGS.wake_crossing, id=crossing_id, now=txn.now)
        txn.sql.run(ACTIVATIONS.end_subject_cooldown, agent=watch.agent_spec.name, scope=crossing.scope)
        state = agent_states.get(txn, watch.agent_spec.name)
        agent_states.set_cooldown(txn, watch.agent_spec.name, None, state.failures)
        crossing = crossing._replace(held_by=None, ready_at=txn.now, urgent=1)
    activity_log.record(
        txn,
        ActivityEvent.WAKE,
        agent=watch.agent_spec.name,
        watch_id=watch.id,
        scope=nullable_scope(crossing.scope),
        crossing_id=crossing_id,
        author=author,
    )
    deferral = _deferral(txn, watch, crossing)
    return result_of(
        EarlyWake,
        crossing,
        crossing_id=crossing_id,
        agent=watch.agent_spec.name,
        watch=watch.spec.name,
        held_by=deferral.held_by,
        until=optional_datetime(deferral.ready_at if deferral.held_by else None),
    )


def _get_waiting_crossing(txn: BoardTransaction, crossing_id: int) -> CrossingRow:
    """Return a crossing that waits.

    Raises:
        NotFound: There is no such crossing.
        WorkError: The crossing does not wait.
    """
    crossing = txn.sql.one(CROSSINGS.get_crossing, id=crossing_id) if is_record_id(crossing_id) else None
    if crossing is None:
        raise NotFound(f"there is no crossing {crossing_id}; 'blackboard agenda' lists those that wait")
    if crossing.state != CrossingState.WAITING:
        raise WorkError(_why_not(crossing))
    return crossing


def _deferral(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> CrossingDeferral:
    """Return what still holds a crossing."""
    if (deferral := agent_deferral(txn, watch.agent_spec.name) or budget_deferral(txn, watch)) is not None:
        return CrossingDeferral(deferral.reason, deferral.until)
    return deferral_of(txn, watch, crossing)


def _why_not(crossing: CrossingRow) -> str:
    if crossing.activation_id is not None:
        number = crossing.activation_id
        return (
            f"crossing {crossing.id} does not wait: activation {number} took it; see 'blackboard activation {number}'"
        )
    return f"crossing {crossing.id} no longer waits: it is {crossing.state}"


def retry(txn: BoardTransaction, activation_id: int, author: str) -> None:
    """Make a dead, held or quarantined activation ready again, and try paused models.

    Raises:
        NotFound: There is no such activation.
        WorkError: The activation has not failed and is neither held nor quarantined.
    """
    row = _get_stuck(txn, activation_id)
    start_over(txn, row)
    model_pauses.try_now(txn)
    activity_log.record(txn, ActivityEvent.RETRY, **activity_log.about(row), author=author)


def start_over(txn: BoardTransaction, row: ActivationRow) -> None:
    """Make an activation that has stopped ready again, and count its attempts from 0."""
    model_calls.allow_retry(txn, row.id)
    model_calls.record_reserved_costs(txn, row.id)
    row = row._replace(deaths=None)
    end_run(txn, row, ActivationState.READY, retry_at=txn.now, attempt=0, error=row.error)


def discard(txn: BoardTransaction, activation_id: int, author: str) -> None:
    """Give up a dead, held or quarantined activation for good. Its marks do not wake the agent again.

    Raises:
        NotFound: There is no such activation.
        WorkError: The activation has not failed and is neither held nor quarantined.
    """
    row = _get_stuck(txn, activation_id)
    model_calls.end_as_unknown(txn, row.id, INTERRUPTED)
    model_calls.record_reserved_costs(txn, row.id)
    model_calls.discard_calls(txn, row.id)
    end_run(txn, row, ActivationState.DISCARDED, error=row.error)
    close_crossings(txn, row, CrossingState.DISCARDED, has_parts=was_split(txn, row))
    activity_log.record(txn, ActivityEvent.DISCARD, **activity_log.about(row), author=author)


def record_cost(txn: BoardTransaction, call_id: int, usd: float, author: str) -> None:
    """Record the cost, entered by a person, of a model call whose outcome or usage is unknown.

    Raises:
        NotFound: There is no such call, or its cost is known.
        UsageError: The cost is out of range.
    """
    check_cost(usd)
    call = model_calls.record_cost(txn, call_id, from_usd(usd))
    activity_log.record(
        txn, ActivityEvent.RECORD_COST, agent=call.agent, activation_id=call.activation_id, author=author
    )


def _get_stuck(txn: BoardTransaction, activation_id: int) -> ActivationRow:
    """Return an activation that a person may retry or discard.

    Raises:
        NotFound: There is no such activation.
        WorkError: The activation has not failed and is neither held nor quarantined.
    """
    row = existing_activation(txn, activation_id)
    if not is_stuck(row):
        raise WorkError(
            f"activation {activation_id} is {row.state};"
            " only an activation that failed, is held or is quarantined can be retried or discarded"
        )
    return row
