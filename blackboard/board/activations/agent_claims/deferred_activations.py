"""Activations that wait for another attempt: the next that is due, without the marks of subjects in cooldown."""

from __future__ import annotations

from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.run_ends import activation_splits
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.waiting_crossings import crossing_deferrals
from blackboard.board.work_tables.activation_inputs import absorbed_events
from blackboard.board.work_tables.activation_rows import get_activation, recount_marks
from blackboard.core.marks.scopes import WHOLE_BOARD
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.statement_file import Statement
from blackboard.store.statements import ACTIVATIONS


def next_deferred(txn: BoardTransaction, agent_spec: AgentSpec, due: Statement[ActivationRow]) -> ActivationRow | None:
    """Return the first due activation with a subject that is not in cooldown. Marks of other subjects are split off."""
    while (due_row := txn.sql.one(due, agent=agent_spec.name, now=txn.now)) is not None:
        ready_row = _split_off_cooldowns(txn, agent_spec, _keep_strongest_subject(txn, due_row))
        if ready_row is not None:
            return ready_row
    return None


def _keep_strongest_subject(txn: BoardTransaction, row: ActivationRow) -> ActivationRow:
    """Split off all marks except the marks of the strongest subject, and return the activation.

    An activation is split only if its watch wakes the agent per subject. It has several subjects if the watch took
    batches earlier. The activation stays whole while an answer about all its marks is awaited or unused.
    """
    watch = txn.active.watches.get(row.watch_id)
    if watch is None or not watch.is_per_subject:
        return row
    others = list(_marks_by_subject(txn, row).values())[1:]
    if not others or model_calls.awaits_or_has_answer(txn, row.id):
        return row
    for marks in others:
        activation_splits.split(txn, row, marks, attempt=row.attempt, error=row.error)
    recount_marks(txn, row)
    return _reread(txn, row)


def _reread(txn: BoardTransaction, row: ActivationRow) -> ActivationRow:
    """Return the row of an activation as it is after changes."""
    return get_activation(txn, row.id) or row


def _marks_by_subject(txn: BoardTransaction, row: ActivationRow) -> dict[str, list[int]]:
    """Return the ids of an activation's marks by subject, or under one key if it is about a group or the board."""
    scope = _shared_scope(txn, row)
    marks: dict[str, list[int]] = {}
    for event in absorbed_events(txn, row.id):
        marks.setdefault(event.subject if scope is None else scope, []).append(event.mark_id)
    return marks


def _shared_scope(txn: BoardTransaction, row: ActivationRow) -> str | None:
    """Return the group or the board that an activation is about; None if it is about subjects."""
    watch = txn.active.watches.get(row.watch_id)
    if watch is not None and watch.condition.is_over_board:
        return WHOLE_BOARD
    return row.group_scope


def _split_off_cooldowns(txn: BoardTransaction, agent_spec: AgentSpec, row: ActivationRow) -> ActivationRow | None:
    """Split off the marks of subjects that are in cooldown, and return the activation with the other marks.

    Defer the activation instead, and return None, if all its subjects are in cooldown. Also defer it if an answer about
    all its marks is awaited or unused, because a paid answer is not given up.
    """
    marks = _marks_by_subject(txn, row) if crossing_deferrals.has_cooldowns(agent_spec) else {}
    ends = {subject: crossing_deferrals.end_of_cooldown(txn, agent_spec, subject) for subject in marks}
    cooling = {subject: end for subject, end in ends.items() if end is not None}
    if not cooling:
        return row
    has_answer = model_calls.awaits_or_has_answer(txn, row.id)
    if has_answer or len(cooling) == len(marks):
        at = max(cooling.values()) if has_answer else min(cooling.values())
        txn.sql.run(ACTIVATIONS.defer_until, id=row.id, at=at, reason="its subject is in cooldown")
        return None
    for subject, end in cooling.items():
        activation_splits.split(
            txn, row, marks[subject], attempt=row.attempt, error=row.error or "its subject is in cooldown", retry_at=end
        )
    recount_marks(txn, row)
    return _reread(txn, row)
