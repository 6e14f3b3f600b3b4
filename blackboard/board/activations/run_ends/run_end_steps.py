"""The steps that ends of runs have in common: states, crossings, cooldowns, and the question about a quarantine."""

from __future__ import annotations

import random

from blackboard.board.mark_changes import deposits
from blackboard.board.outbox import announcements
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.crossing_detection import rising_crossings
from blackboard.board.watches.waiting_crossings import crossing_deferrals
from blackboard.board.work_tables import agent_states
from blackboard.board.work_tables.activation_rows import get_activation, scopes_of_activation, set_state
from blackboard.clock import Instant
from blackboard.core.authors import BOARD
from blackboard.core.backoff import backoff
from blackboard.core.built_in_marks import Need
from blackboard.core.marks.deposit_requests import DepositRequest
from blackboard.core.marks.scopes import is_group
from blackboard.core.records.states import UNFINISHED, WITH_FINISHED_AT, ActivationState, CrossingState
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.store.row_types.activation_row_types import ActivationRow, RunToEnd
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MARKS
from blackboard.store.transaction import Transaction

INTERRUPTED = "its worker died during the call"


def current_run(txn: BoardTransaction, row: ActivationRow) -> ActivationRow | None:
    """Return the stored row if its worker still has the activation.

    A process that resumes too late finds a newer fence.
    """
    current = get_activation(txn, row.id)
    return None if current is None or not _is_same_run(current, row) else current


def read_ahead(transaction: Transaction, row: ActivationRow) -> None:
    """Send ahead the reads of `run_to_end`, on PostgreSQL."""
    transaction.prefetch(ACTIVATIONS.run_to_end, id=row.id)
    transaction.prefetch(ACTIVATIONS.get_agent_state, agent=row.agent)


def run_to_end(txn: BoardTransaction, row: ActivationRow) -> RunToEnd | None:
    """Return the data that the end of a run needs; None if its worker has lost the activation.

    The state of the agent, which the end also needs, is read at the same time.
    """
    found, *states = txn.sql.results((ACTIVATIONS.run_to_end, {"id": row.id}), *agent_states.reads(txn, row.agent))
    for state in states:
        agent_states.keep(txn, row.agent, state)
    return found[0] if found and _is_same_run(found[0].activation, row) else None


def _is_same_run(current: ActivationRow, row: ActivationRow) -> bool:
    """Return whether an activation still runs in the worker that claimed it, in the same run."""
    return current.state == ActivationState.RUNNING and (current.worker, current.fence) == (row.worker, row.fence)


def end_run(
    txn: BoardTransaction,
    row: ActivationRow,
    state: ActivationState,
    *,
    error: str | None = None,
    retry_at: Instant | None = None,
    attempt: int | None = None,
    marks_deposited: int = 0,
) -> None:
    """Record how an attempt ended."""
    is_finished = state in WITH_FINISHED_AT
    set_state(
        txn,
        row,
        state,
        finished_at=txn.now if is_finished else None,
        retry_at=retry_at,
        error=error,
        attempt=row.attempt if attempt is None else attempt,
        worker=row.worker if is_finished else None,
        lease_until=None,
        marks_deposited=marks_deposited,
        interruptions=row.interruptions,
        deaths=row.deaths,
    )


def was_split(txn: BoardTransaction, row: ActivationRow) -> bool:
    """Return whether other activations were split off from an activation."""
    return txn.sql.one(ACTIVATIONS.split_from, id=row.id) is not None


def close_crossings(txn: BoardTransaction, row: ActivationRow, state: CrossingState, *, has_parts: bool) -> None:
    """Close the crossings of an activation.

    If the marks of a crossing were split over several activations, the crossing ends with the last of them. `has_parts`
    is true if other activations were split off from this activation.
    """
    if row.split_from is not None or has_parts:
        for crossing in txn.sql.all(CROSSINGS.crossings_of_activation, activation_id=row.id):
            if not crossing.is_per_mark and (heir := _last_part(txn, row, crossing)) is not None:
                txn.sql.run(CROSSINGS.give_crossing, id=crossing.id, activation_id=heir)
    txn.sql.run(CROSSINGS.finish_crossings, activation_id=row.id, state=state, at=txn.now)


def _last_part(txn: BoardTransaction, row: ActivationRow, crossing: CrossingRow) -> int | None:
    """Return the newest other part of the same original that is unfinished and has marks of a crossing, if any.

    The newest part usually ends last. So a batch that splits into thousands of parts is searched only a few times.
    """
    root = _original(txn, row)
    if crossing.is_over_board or is_group(crossing.scope):
        parts = [root]
        for part in parts:  # the loop adds to this list
            parts += txn.sql.all(ACTIVATIONS.split_from, id=part.id)
        return max((part.id for part in parts if part.id != row.id and part.state in UNFINISHED), default=None)
    for part in txn.sql.all(ACTIVATIONS.unfinished_of_subject, watch_id=row.watch_id, subject=crossing.scope):
        if part.id != row.id and _original(txn, part).id == root.id:
            return int(part.id)
    return None


def _original(txn: BoardTransaction, row: ActivationRow) -> ActivationRow:
    """Return the original that an activation was split from, directly or indirectly, or the activation itself."""
    while row.split_from is not None and (parent := get_activation(txn, row.split_from)) is not None:
        row = parent
    return row


def start_cooldown(txn: BoardTransaction, row: ActivationRow, agent_spec: AgentSpec) -> None:
    """Start the cooldowns that follow a success: of the agent, and of the subjects or the group."""
    cooldown, watch = agent_spec.settings.cooldown, txn.active.watches.get(row.watch_id)
    per = agent_spec.cooldown_per_of(None if watch is None else watch.spec)
    state = agent_states.get(txn, agent_spec.name)
    until = None if state.failures else state.cooldown_until  # another activation may have set a cooldown
    if per == "agent":
        until = txn.now + cooldown if cooldown else None
    agent_states.set_cooldown(txn, agent_spec.name, until, 0)
    if cooldown and per == "subject":
        crossing_deferrals.start_cooldowns(txn, agent_spec, scopes_of_activation(txn, row))


def count_failure(txn: BoardTransaction, row: ActivationRow, agent_spec: AgentSpec) -> None:
    """Count a failure in a row, and start a cooldown that grows with each further failure (a circuit breaker)."""
    state = agent_states.get(txn, agent_spec.name)
    failures = state.failures + 1
    excess = failures - agent_spec.settings.cooldown_after_failures
    until = state.cooldown_until  # another activation may have set a cooldown
    if excess >= 0:
        until = max(until or 0, txn.now + backoff(agent_spec.settings.retry_after, excess + 1, random.Random(row.id)))
    agent_states.set_cooldown(txn, agent_spec.name, until, failures)
    if excess == 0 and until is not None:
        announcements.announce_cooldown(txn, agent_spec.name, failures, until)


def evaluate_unclaimed(txn: BoardTransaction, row: ActivationRow) -> None:
    """Test the watch again on the marks of its scopes that the claim did not absorb."""
    watch = txn.active.watches.get(row.watch_id)
    if watch is None or not watch.absorbs or watch.condition.is_per_mark:
        return
    for scope in scopes_of_activation(txn, row):
        if (watch.condition.by is not None) == is_group(scope):  # otherwise the watch has changed
            rising_crossings.evaluate_scope(txn, watch, scope)


def ask_about_quarantine(txn: BoardTransaction, subject: str, reason: str) -> None:
    """Ask a person what to do, unless a question about this subject is already waiting for an answer."""
    if "need" not in txn.deployment.kinds:
        return
    if any(row.author == BOARD for row in txn.sql.all(MARKS.marks_of_subject, kind="need", subject=subject)):
        return
    need = Need(
        subject=subject,
        question=f"{reason}. Should it continue?",
        options=["retry", "discard"],
        detail="Activations of the agent are quarantined: 'blackboard activations --state quarantined' lists them,"
        " and 'blackboard retry ID' or 'blackboard discard ID' decides on each.",
    )
    deposits.deposit(txn, DepositRequest.of(need, BOARD))
