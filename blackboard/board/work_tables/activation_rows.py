"""Rows of activations, and the functions that insert them and change their state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict, Unpack

from blackboard.board import activity_log
from blackboard.board.outbox import announcements
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.clock import Instant
from blackboard.core.marks.scopes import WHOLE_BOARD, nullable_scope
from blackboard.core.records.event_kinds import ActivityEvent
from blackboard.core.records.states import RETRIABLE, ActivationState, check_initial, check_transition
from blackboard.errors import NotFound
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.statements import ACTIVATIONS

ANNOUNCED_STATES = (ActivationState.DEAD, ActivationState.QUARANTINED)
"""The states of an activation that are announced to people outside."""


class AttemptColumns(TypedDict, total=False):
    """The columns of `activation` that describe its present attempt. They may change with its state."""

    started_at: Instant | None
    finished_at: Instant | None
    retry_at: Instant | None
    attempt: int
    interruptions: int
    error: str | None
    worker: str | None
    lease_until: Instant | None
    fence: int
    marks_deposited: int
    deaths: int | None
    reads_again: int
    read_at: Instant | None


def get_activation(txn: BoardTransaction, activation_id: int) -> ActivationRow | None:
    """Return an activation, or None if there is none with this id."""
    return txn.sql.one(ACTIVATIONS.get_activation, id=activation_id)


def existing_activation(txn: BoardTransaction, activation_id: int) -> ActivationRow:
    """Return an activation that a person names by its id.

    Raises:
        NotFound: There is no such activation.
    """
    row = get_activation(txn, activation_id)
    if row is None:
        raise NotFound(f"there is no activation {activation_id}; 'blackboard activations' lists them")
    return row


def is_stuck(row: ActivationRow) -> bool:
    """Return whether a person may retry or discard an activation."""
    return row.state in RETRIABLE or (row.state == ActivationState.READY and bool(row.error))


def insert_activation(txn: BoardTransaction, row: ActivationRow, state: ActivationState) -> ActivationRow:
    """Insert an activation in its first state, and return it with its id.

    Raises:
        IllegalTransition: No activation may begin in this state.
    """
    check_initial(state)
    row = row._replace(state=state)
    running = state == ActivationState.RUNNING
    insert = ACTIVATIONS.insert_running_activation if running else ACTIVATIONS.insert_activation
    row = row._replace(id=txn.sql.insert(insert, ACTIVATIONS.last_activation_id, **row._asdict()))
    _record_activity(txn, row, None)
    return row


def scopes_of_activation(txn: BoardTransaction, row: ActivationRow) -> list[str]:
    """Return the scopes of the marks that an activation absorbs: their subjects, its group, or the board."""
    if row.group_scope is not None:
        return [row.group_scope]
    watch = txn.active.watches.get(row.watch_id)
    if watch is not None and watch.condition.is_over_board:
        return [WHOLE_BOARD]
    return txn.sql.all(ACTIVATIONS.subjects_of_inputs, activation_id=row.id)


def recount_marks(txn: BoardTransaction, row: ActivationRow) -> str | None:
    """Record how many marks an activation has, and their subject if all have the same one; return its scope.

    The scope of an activation about a group stays the group, whatever its marks are.
    """
    marks = txn.sql.all(ACTIVATIONS.absorbed_marks, activation_id=row.id)
    scope = row.group_scope
    if scope is None:
        subjects = txn.sql.all(ACTIVATIONS.subjects_of_inputs, activation_id=row.id)
        scope = subjects[0] if len(subjects) == 1 else None
    txn.sql.run(ACTIVATIONS.set_marks, id=row.id, marks_absorbed=len(marks), scope=scope)
    return scope


def insert_closed_activation(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    scope: str,
    state: ActivationState,
    reason: str,
    crossed_at: Instant,
) -> ActivationRow:
    """Insert an activation that ended before it began: its crossing faded or was skipped."""
    row = ActivationRow(
        id=0,
        agent=watch.agent_spec.name,
        watch_id=watch.id,
        scope=nullable_scope(scope),
        state=state,
        reason=reason,
        crossed_at=crossed_at,
        created_at=txn.now,
        finished_at=txn.now,
    )
    return insert_activation(txn, row, state)


def set_state(
    txn: BoardTransaction, row: ActivationRow, state: ActivationState, **columns: Unpack[AttemptColumns]
) -> ActivationRow:
    """Change the state of an activation, and the columns that describe the attempt; return the row as it is now.

    Raises:
        IllegalTransition: The state cannot follow the present one.
    """
    check_transition(row.state, state)
    old_state = row.state
    row = row._replace(state=state, **columns)
    # The statements have the same text, but starting and finishing have their own rules for notifying workers.
    if state == ActivationState.RUNNING:
        statement = ACTIVATIONS.start_activation
    elif state == ActivationState.DONE:
        statement = ACTIVATIONS.finish_activation
    else:
        statement = ACTIVATIONS.set_state
    txn.sql.run(statement, **row._asdict())
    _record_activity(txn, row, old_state)
    return row


def _record_activity(txn: BoardTransaction, row: ActivationRow, old_state: str | None) -> None:
    about = activity_log.about(row)
    activity_log.record(txn, ActivityEvent.ACTIVATION, **about, old_state=old_state, state=row.state)
    if row.state in ANNOUNCED_STATES:
        announcements.announce_stuck_activation(txn, row)


def make_ready(txn: BoardTransaction, rows: Iterable[ActivationRow]) -> None:
    """Make held activations ready, from now on."""
    for row in rows:
        set_state(txn, row, ActivationState.READY, retry_at=txn.now)
