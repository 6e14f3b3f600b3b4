"""Results of runs: success, failure, conflict and deferral, each applied in one transaction or not at all."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from blackboard.board import open_needs
from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.run_ends import agent_actions, run_end_steps
from blackboard.board.activations.run_ends.activation_splits import divisible_parts, halve_batch
from blackboard.board.activations.run_ends.agent_actions import AgentAction
from blackboard.board.activations.run_ends.run_end_steps import (
    close_crossings,
    count_failure,
    current_run,
    end_run,
    evaluate_unclaimed,
    run_to_end,
    start_cooldown,
    was_split,
)
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.result_types.mark_results import Receipt
from blackboard.board.transactions.active_deployment import ActiveDeployment
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables.activation_inputs import absorbed_events
from blackboard.board.work_tables.activation_rows import get_activation, recount_marks
from blackboard.clock import Instant
from blackboard.core.backoff import backoff
from blackboard.core.records.states import ActivationState, CrossingState
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.statements import ACTIVATIONS
from blackboard.store.transaction import Transaction
from blackboard.system.failpoints import failpoint

MAX_CONFLICTS = 5
"""The number of conflicts in a row after which an activation fails."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The failure of a run."""

    error: str
    """The whole error, for a person to read."""
    is_hopeless: bool = False
    """Whether the failure would certainly happen again with the same marks, so the marks are split immediately."""
    divides: bool = False
    """Whether the marks are split immediately, even if a repetition with all of them might succeed. The parts keep
    their attempts."""
    counts: bool = True
    """Whether the failure counts towards a cooldown, because the agent itself failed."""
    has_bad_answer: bool = False
    """Whether the model's answer is the cause of the failure, so the answer is not used again."""


@dataclass(frozen=True, slots=True)
class Success:
    """The success of a run."""

    receipts: list[Receipt]
    """The receipts of the deposits of the run."""
    used_answer: bool
    """Whether the run has used an answer of a model."""


def read_ahead(
    transaction: Transaction, active: ActiveDeployment | None, row: ActivationRow, actions: Sequence[AgentAction]
) -> None:
    """Send ahead the reads of a run's end with success, as far as the last known deployment shows them."""
    run_end_steps.read_ahead(transaction, row)
    if active is not None:
        agent_actions.read_ahead(transaction, active, actions)


def finish(
    txn: BoardTransaction,
    row: ActivationRow,
    agent_spec: AgentSpec,
    actions: Sequence[AgentAction],
    classes: MarkClasses,
    places: Sequence[str] = (),
) -> Success | None:
    """End an activation with success.

    `places` has the names of the items in errors. Without it, the items are numbered.

    Returns:
        The success; None, without a change, if the worker has lost the activation.

    Raises:
        BlackboardError: One of the actions is refused. The transaction must be rolled back.
    """
    if (run := run_to_end(txn, row)) is None:
        return None
    current = run.activation
    receipts = agent_actions.apply(txn, current, agent_spec, actions, classes, places)
    if run.has_answer:
        model_calls.record_applied(txn, row.id)
    failpoint("apply.within")
    end_run(txn, current, ActivationState.DONE, marks_deposited=len(receipts))
    start_cooldown(txn, current, agent_spec)
    evaluate_unclaimed(txn, current)
    close_crossings(txn, current, CrossingState.DONE, has_parts=run.has_parts)
    return Success(receipts, run.has_answer)


def fail(
    txn: BoardTransaction, row: ActivationRow, agent_spec: AgentSpec, failure: Failure, rng: random.Random
) -> ActivationState | None:
    """End an attempt with a failure: retry it later, split its marks in halves, or give it up as dead.

    Returns:
        The new state; None, without a change, if the worker has lost the activation.
    """
    current = current_run(txn, row)
    return None if current is None else _fail(txn, current, agent_spec, failure, rng)


def put_back(
    txn: BoardTransaction, row: ActivationRow, agent_spec: AgentSpec, conflict: str, rng: random.Random
) -> ActivationState | None:
    """Put back an activation whose result was in conflict with the board.

    The activation is ready immediately. The next claim reads the marks again, and the agent asks the model again: the
    answer so far is not used. No attempt is counted. `MAX_CONFLICTS` conflicts in a row are a failure. If all its marks
    are needs that were closed in the meantime, it ends as skipped.

    Returns:
        The new state; None, without a change, if the worker has lost the activation.
    """
    if (current := current_run(txn, row)) is None:
        return None
    model_calls.end_as_unusable(txn, row.id, conflict)
    if _has_only_closed_needs(txn, row):
        end_run(txn, current, ActivationState.SKIPPED, error=conflict)
        evaluate_unclaimed(txn, current)
        close_crossings(txn, current, CrossingState.SKIPPED, has_parts=was_split(txn, current))
        return ActivationState.SKIPPED
    current = current._replace(conflicts=current.conflicts + 1, reads_again=1, deaths=None)
    if current.conflicts >= MAX_CONFLICTS:
        error = f"{conflict}; that was conflict {current.conflicts} in a row"
        return _fail(txn, current, agent_spec, Failure(error, counts=False), rng)
    end_run(txn, current, ActivationState.READY, error=conflict, retry_at=txn.now, attempt=current.attempt - 1)
    return ActivationState.READY


def _has_only_closed_needs(txn: BoardTransaction, row: ActivationRow) -> bool:
    """Return whether an activation absorbed only needs that are closed now, and so has no work left."""
    events = absorbed_events(txn, row.id)
    return bool(events) and all(open_needs.is_closed(txn, event) for event in events)


def _fail(
    txn: BoardTransaction, current: ActivationRow, agent_spec: AgentSpec, failure: Failure, rng: random.Random
) -> ActivationState:
    """Retry a failed activation, split it into halves, or end it as dead; return its new state."""
    current = current._replace(deaths=None, conflicts=0)  # a failure that is reported shows that the worker survived
    settings = agent_spec.settings
    if failure.counts:
        count_failure(txn, current, agent_spec)
    parts = divisible_parts(txn, current)
    divides = failure.divides and len(parts) > 1
    if current.attempt < settings.max_attempts and not failure.is_hopeless and not divides:
        delay = backoff(settings.retry_after, current.attempt, rng)
        end_run(txn, current, ActivationState.READY, error=failure.error, retry_at=txn.now + delay)
        return ActivationState.READY
    if len(parts) < 2:
        # So that the subject of the marks is shown, even if the watch is over the board.
        current = current._replace(scope=recount_marks(txn, current))
        end_run(txn, current, ActivationState.DEAD, error=failure.error)
        evaluate_unclaimed(txn, current)
        return ActivationState.DEAD
    # Each half gets one more attempt, so a batch of n with one bad mark costs about log2(n) further failures.
    attempt = min(current.attempt, settings.max_attempts - 1) if divides else settings.max_attempts - 1
    halve_batch(txn, current, parts, attempt=attempt, error=failure.error)
    return ActivationState.READY


def give_back_attempts(txn: BoardTransaction, agent: str, suspect_id: int) -> None:
    """Set the attempts of an agent's activations back to 0, because their marks were not the cause.

    If the suspected activation is dead, it becomes ready again.
    """
    row = get_activation(txn, suspect_id)
    if row is not None and row.state == ActivationState.DEAD:
        end_run(txn, row, ActivationState.READY, error=row.error, retry_at=txn.now)
    txn.sql.run(ACTIVATIONS.give_back_attempts, agent=agent)


def defer(
    txn: BoardTransaction, row: ActivationRow, *, until: Instant | None, reason: str, is_held: bool = False
) -> bool:
    """Defer an activation until an instant, without counting a failed attempt.

    Without an instant, the activation waits for a person or another event, such as room in a budget or an answer of a
    paused model. With `is_held`, such an event may also end the wait before the instant.

    Returns:
        True; or False, without a change, if the worker has lost the activation.
    """
    if (current := current_run(txn, row)) is None:
        return False
    state = ActivationState.HELD if is_held else ActivationState.READY
    end_run(txn, current, state, error=reason or None, retry_at=until, attempt=current.attempt - 1)
    return True


def hand_back(txn: BoardTransaction, row: ActivationRow) -> bool:
    """Hand an activation back because its worker stops. The activation is ready immediately."""
    return defer(txn, row, until=txn.now, reason="")


def still_runs(txn: BoardTransaction, row: ActivationRow) -> bool:
    """Return whether the worker of a run still has its activation."""
    return current_run(txn, row) is not None
