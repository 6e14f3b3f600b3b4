"""The cause of unusable answers: two in a row show that the model or the agent's schema is wrong, not the marks.

At first, an unusable answer counts as a failed attempt with its marks. If an answer about other marks of the same agent
is unusable too, with no usable answer in between, the marks are not the cause. Then the agent's marks get their
attempts back, and its calls to the model are paused. Other agents continue, because the schema of only one agent may be
wrong. The paused agent tries the model with a single mark at a time. When an answer is usable, the batches that wait
because of an unusable answer are split.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from blackboard.board.activations import model_pauses
from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.call_records.model_calls import MAX_CALL_ERROR_CHARACTERS
from blackboard.board.activations.model_pauses import FIRST_MODEL_PAUSE, REFUSED_WAIT, CallWait
from blackboard.board.activations.run_ends import activation_results, activation_splits
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables.activation_rows import get_activation, make_ready
from blackboard.core.backoff import backoff
from blackboard.core.records.states import ActivationState, CallState
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.row_types.model_call_row_types import CallRow, ModelPauseRow
from blackboard.store.statements import ACTIVATIONS, MODEL_CALLS


@dataclass(frozen=True)
class HeldAnswer:
    """An unusable answer that does not count against its marks."""

    model: str
    """The model that gave the answer."""
    wait: CallWait
    """The wait of the activation with the answer."""
    is_new: bool
    """Whether the pause of the model has just begun."""


def judge(txn: BoardTransaction, row: ActivationRow, error: str, rng: random.Random) -> HeldAnswer | None:
    """Hold an activation whose answer is unusable, unless the failure counts against its marks.

    Returns:
        The held answer; None, without a change of the activation, if the failure counts or the worker has lost the
        activation.
    """
    if not activation_results.still_runs(txn, row):
        return None
    call = next(iter(model_calls.calls_of_activation(txn, row.id)), None)
    if call is None or call.state not in (CallState.ANSWERED, CallState.UNUSABLE):
        return None  # no model gave the answer
    before = model_pauses.get(txn, call.model, call.agent)
    if before is None or (before.suspect is not None and not _is_about_others(txn, row, before.suspect)):
        _record_suspicion(txn, row, call, error, before)
        return None
    pause = _pause(txn, call, error, before, rng)
    wait = model_pauses.wait_of(pause, pause.probe_at + REFUSED_WAIT, is_held=True)
    activation_results.defer(txn, row, until=wait.until, reason=wait.reason, is_held=True)
    model_calls.end_as_unusable(txn, row.id, error)
    if before.suspect is not None:
        activation_results.give_back_attempts(txn, call.agent, before.suspect)
    return HeldAnswer(call.model, wait, is_new=before.suspect is not None)


def end_pause(txn: BoardTransaction, row: ActivationRow) -> list[str]:
    """End the pause of the model whose answer an activation has used, and return the models that were paused.

    The activations that wait because of an unusable answer are split: now their marks may be the cause. Then every
    activation that a budget or a paused model holds becomes ready. One that must still wait is held again.
    """
    pauses = txn.sql.all(MODEL_CALLS.pauses_of_agent, agent=row.agent)
    if not pauses:
        return []
    used = {
        call.model: call for call in model_calls.calls_of_activation(txn, row.id) if call.state == CallState.APPLIED
    }
    ended = [pause for pause in pauses if pause.model in used and (used[pause.model].sent_at or 0) >= pause.since]
    for pause in ended:
        txn.sql.run(MODEL_CALLS.delete_model_pause, agent=pause.agent, model=pause.model)
        _divide_waiting(txn, pause)
    if ended:
        make_ready(txn, txn.sql.all(ACTIVATIONS.held_for_a_while))
    return [pause.model for pause in ended if not pause.suspect]


def _record_suspicion(
    txn: BoardTransaction, row: ActivationRow, call: CallRow, error: str, before: ModelPauseRow | None
) -> None:
    """Record that an answer about the marks of an activation was unusable. Such a record delays no call."""
    sent_at = call.sent_at or txn.now
    pause = ModelPauseRow(
        agent=call.agent,
        model=call.model,
        reason=error[:MAX_CALL_ERROR_CHARACTERS],
        since=sent_at if before is None else before.since,
        failed_at=txn.now,
        probe_at=txn.now,
        failures=1,
        refusals=1,
        is_access=0,
        suspect=row.id,
    )
    txn.sql.run(MODEL_CALLS.set_model_pause, **pause._asdict())


def _pause(
    txn: BoardTransaction, call: CallRow, error: str, before: ModelPauseRow, rng: random.Random
) -> ModelPauseRow:
    """Pause a model for an agent, or prolong the pause. Calls that ran at the same time count as one failure."""
    is_next = (call.sent_at or txn.now) >= before.failed_at
    failures = 1 if before.suspect is not None else before.failures + is_next
    pause = before._replace(
        reason=error[:MAX_CALL_ERROR_CHARACTERS],
        failed_at=txn.now,
        probe_at=txn.now + backoff(FIRST_MODEL_PAUSE, failures, rng),
        failures=failures,
        refusals=before.refusals + 1,
        suspect=None,
    )
    txn.sql.run(MODEL_CALLS.set_model_pause, **pause._asdict())
    return pause


def _is_about_others(txn: BoardTransaction, row: ActivationRow, suspect_id: int) -> bool:
    """Return whether an activation has other marks than the last unusable answer of the suspected activation.

    A part that was split off after the question was asked has marks of that answer.
    """
    if row.id == suspect_id:
        return False
    calls = model_calls.calls_of_activation(txn, suspect_id)
    last = next((call.id for call in calls if call.state in (CallState.ANSWERED, CallState.UNUSABLE)), 0)
    part: ActivationRow | None = row
    while part is not None and part.split_from is not None:
        if part.split_from == suspect_id:
            return (part.split_after_call or 0) < last
        part = get_activation(txn, part.split_from)
    return True


def _divide_waiting(txn: BoardTransaction, pause: ModelPauseRow) -> None:
    for row in txn.sql.all(ACTIVATIONS.unfinished_in_state, state=ActivationState.HELD):
        if row.agent == pause.agent:
            call = next(iter(model_calls.calls_of_activation(txn, row.id)), None)
            if call is not None and (call.state, call.model) == (CallState.UNUSABLE, pause.model):
                activation_splits.divide_waiting(txn, row, call.marks)
