"""Records of model calls. They ensure that no answer is paid for twice.

    planned -> sent -> answered -> applied

`planned` freezes the bytes of the request. `sent` is committed before the request leaves, with its highest cost
reserved. `answered` keeps the raw answer before it is parsed. `applied` is set in the transaction that deposits the
marks. A call may also end in one of these states:

- `failed`: nothing was paid, and the call may be tried again.
- `rejected`: nothing was paid, and the same request would be rejected again.
- `unusable`: the answer was paid for and cannot be used.
- `unknown`: the call may have been paid for. The reserve stays until a person records the cost, which makes the call
  `cost_recorded`.

An answer without usage also keeps its reserve until a person records the cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from blackboard.board.activations.call_records import budgets
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables.activation_rows import get_activation
from blackboard.core.records.states import ActivationState, CallApi, CallState, check_initial, check_transition
from blackboard.errors import NotFound
from blackboard.store.row_types.model_call_row_types import CallRow
from blackboard.store.statements import ACTIVATIONS, MODEL_CALLS

ModelCall = CallRow
"""A recorded call to a model."""

MAX_CALL_ERROR_CHARACTERS = 2000
"""The longest part of an error that is stored as the reason of a failed call or of a pause."""

TOO_LATE = "a newer call had already been answered"
DISCARDED = "its activation was discarded"
WITH_ANSWER = (CallState.ANSWERED, CallState.APPLIED, CallState.UNUSABLE)


@dataclass(frozen=True)
class CallCost:
    """The usage of an answer: tokens by category, and money in micro-dollars. None means that a number is unknown."""

    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    cost: int | None = None
    direct_cost: int | None = None
    """The cost of the same call through the Messages API."""


@dataclass(frozen=True)
class ReportedCall:
    """A call that a remote worker has made itself."""

    model: str
    spent: CallCost


def calls_of_activation(txn: BoardTransaction, activation_id: int) -> list[CallRow]:
    """Return the calls of an activation, newest first."""
    return txn.sql.all(MODEL_CALLS.calls_of_activation, activation_id=activation_id)


def get(txn: BoardTransaction, call_id: int) -> CallRow:
    """Return a call.

    Raises:
        NotFound: There is no call with this id.
    """
    row = txn.sql.one(MODEL_CALLS.get_call, id=call_id)
    if row is None:
        raise NotFound(f"there is no model call {call_id}; the view model_calls lists them")
    return row


def plan(
    txn: BoardTransaction,
    activation_id: int,
    *,
    agent: str,
    model: str,
    body: str,
    marks: int,
    api: CallApi = "messages",
) -> CallRow:
    """Record a planned call with its request. `marks` is the number of marks that the request is about."""
    check_initial(CallState.PLANNED)
    row = CallRow(
        id=0,
        activation_id=activation_id,
        agent=agent,
        model=model,
        api=api,
        state=CallState.PLANNED,
        body=body,
        marks=marks,
        planned_at=txn.now,
    )
    txn.sql.run(MODEL_CALLS.insert_call, **row._asdict())
    return row._replace(id=txn.sql.value(MODEL_CALLS.last_call_id))


def record_reported(
    txn: BoardTransaction, activation_id: int, agent: str, marks: int, calls: Sequence[ReportedCall], error: str | None
) -> None:
    """Record the calls that a remote worker has made itself. With an error, their answers were not used."""
    for call in calls:
        state = CallState.APPLIED if error is None else CallState.UNUSABLE
        check_initial(state)
        row = CallRow(
            id=0,
            activation_id=activation_id,
            agent=agent,
            model=call.model,
            api="reported",
            state=state,
            body="",
            marks=marks,
            planned_at=txn.now,
            sent_at=txn.now,
            answered_at=txn.now,
            applied_at=txn.now if error is None else None,
            error=None if error is None else error[:MAX_CALL_ERROR_CHARACTERS],
        )
        priced = _with_cost(row, replace(call.spent, direct_cost=call.spent.cost))
        txn.sql.run(MODEL_CALLS.insert_call, **priced._asdict())


def reserve(
    txn: BoardTransaction, row: CallRow, reserve: int, *, submission: int | None = None, custom_id: str | None = None
) -> budgets.BudgetExceeded | None:
    """Reserve the highest cost of a planned call, in micro-dollars, and record that its request is about to be sent.

    In a batch, `submission` is the first call of the batch, and `custom_id` the name of this call in the batch.

    Returns:
        The budget that the call would exceed, if any. If that budget defers the call, nothing is changed.
    """
    exceeded = budgets.find_exceeded(txn, row, reserve)
    if exceeded is not None and exceeded.defers:
        return exceeded
    planned = get(txn, row.id)
    sent = planned._replace(
        state=CallState.SENT,
        sent_at=txn.now,
        reserved=reserve,
        custom_id=custom_id,
        submission=submission,
        would_hold=None if exceeded is None else exceeded.reason,
    )
    _change_state(txn, planned, sent)
    return exceeded


def record_unsent(txn: BoardTransaction, call_id: int) -> None:
    """Record that the request of a sent call did not arrive: the call is planned again.

    If its activation was discarded, the call ends as `failed`.
    """
    row = get(txn, call_id)
    if _is_discarded(txn, row):
        end(txn, call_id, CallState.FAILED, DISCARDED)
    else:
        planned = row._replace(
            state=CallState.PLANNED, sent_at=None, reserved=0, custom_id=None, submission=None, would_hold=None
        )
        _change_state(txn, row, planned)


def record_answer(txn: BoardTransaction, call_id: int, raw: str, request_id: str | None, spent: CallCost) -> bool:
    """Record a raw answer and its cost, and release the reserve if the cost is known.

    An answer may arrive after its call was given up as unknown or its activation was discarded, and it may arrive
    twice.

    Returns:
        Whether the answer was recorded; False if the call has an answer already.
    """
    row = get(txn, call_id)
    if row.state not in (CallState.SENT, CallState.UNKNOWN, CallState.COST_RECORDED):
        return False
    erased = not row.body  # the subject of the request was forgotten: only the cost of the answer is kept
    late = any(other.state == CallState.APPLIED for other in calls_of_activation(txn, row.activation_id))
    error = TOO_LATE if late else DISCARDED if _is_discarded(txn, row) else None
    state = CallState.UNUSABLE if erased or error else CallState.ANSWERED
    answered = row._replace(
        state=state,
        answered_at=txn.now,
        reserved=row.reserved if spent.cost is None else 0,
        reply=None if erased else raw,
        request_id=request_id,
        error=error,
    )
    _change_state(txn, row, _with_cost(answered, spent))
    if state == CallState.ANSWERED:
        txn.sql.run(ACTIVATIONS.clear_deaths, id=row.activation_id)  # a run that got an answer survived the call
    return True


def end(txn: BoardTransaction, call_id: int, state: CallState, error: str, request_id: str | None = None) -> None:
    """End a call without a usable answer: as `failed`, `rejected`, `unusable` or `unknown`.

    Raises:
        IllegalTransition: The state cannot follow the present one.
    """
    row = get(txn, call_id)
    keeps_reserve = state == CallState.UNKNOWN or (state == CallState.UNUSABLE and row.cost is None)
    ended = row._replace(
        state=state,
        reserved=row.reserved if keeps_reserve else 0,
        # A gateway may repeat a request whose subject was forgotten since.
        error=error[:MAX_CALL_ERROR_CHARACTERS] if row.body else None,
        request_id=request_id or row.request_id,
    )
    _change_state(txn, row, ended)


def end_as_unusable(txn: BoardTransaction, activation_id: int, error: str) -> None:
    """End the answered calls of an activation as `unusable`, so that a retry asks again."""
    for row in calls_of_activation(txn, activation_id):
        if row.state == CallState.ANSWERED:
            end(txn, row.id, CallState.UNUSABLE, error)


def awaits_or_has_answer(txn: BoardTransaction, activation_id: int) -> bool:
    """Return whether a call of an activation has no answer yet, or its answer is stored and not yet used."""
    return any(row.state in (CallState.SENT, CallState.ANSWERED) for row in calls_of_activation(txn, activation_id))


def end_calls_of_split(txn: BoardTransaction, activation_id: int, reason: str) -> None:
    """End the calls of an activation whose marks are split: no part can use a request about all marks."""
    end_as_unknown(txn, activation_id, reason)
    _end_unused(txn, activation_id, reason)


def record_applied(txn: BoardTransaction, activation_id: int) -> None:
    """Record that an activation has used its newest answer. Its other answered calls end as `unusable`."""
    if txn.sql.run_and_count(MODEL_CALLS.apply_call, activation_id=activation_id, at=txn.now):
        txn.sql.run(MODEL_CALLS.end_answers_as_unusable, activation_id=activation_id, error=TOO_LATE)


def end_as_unknown(txn: BoardTransaction, activation_id: int, reason: str) -> bool:
    """End the sent calls of an activation as `unknown`, because their sender is gone; return whether any were.

    Calls of the Batch API do not end: their batch can be found again.
    """
    rows = [
        row for row in calls_of_activation(txn, activation_id) if row.state == CallState.SENT and row.api == "messages"
    ]
    for row in rows:
        end(txn, row.id, CallState.UNKNOWN, reason)
    return bool(rows)


def allow_retry(txn: BoardTransaction, activation_id: int) -> None:
    """Allow one more try of a request that was rejected or had no room in a budget."""
    txn.sql.run(MODEL_CALLS.reopen_calls, activation_id=activation_id)
    txn.sql.run(MODEL_CALLS.clear_errors, activation_id=activation_id)


def record_cost(txn: BoardTransaction, call_id: int, cost: int) -> CallRow:
    """Record the cost, in micro-dollars, of a call whose outcome or usage is unknown; return the call before that.

    Raises:
        NotFound: There is no such call, or its cost is known.
    """
    row = get(txn, call_id)
    without_usage = row.state in WITH_ANSWER and (row.cost is None or row.input_tokens is None)
    if row.state not in (CallState.UNKNOWN, CallState.COST_RECORDED) and not without_usage:
        why = "and its cost is known" if row.state in WITH_ANSWER else "and nothing was paid yet"
        raise NotFound(
            f"call {call_id} is {row.state}, {why}; a cost is recorded only if the outcome or the usage is unknown"
        )
    known = row._replace(cost=cost, direct_cost=cost, reserved=0)
    if without_usage:
        _update(txn, row, known)
    else:
        _change_state(txn, row, known._replace(state=CallState.COST_RECORDED))
    return row


def discard_calls(txn: BoardTransaction, activation_id: int) -> None:
    """End the planned and answered calls of an activation that a person discards."""
    _end_unused(txn, activation_id, DISCARDED)


def record_reserved_costs(txn: BoardTransaction, activation_id: int) -> None:
    """Record the reserved amount as the cost of calls with an unknown outcome, until a person records the true cost."""
    for row in calls_of_activation(txn, activation_id):
        if row.state == CallState.UNKNOWN:
            record_cost(txn, row.id, row.reserved)


def record_discarded_cost(txn: BoardTransaction, row: CallRow) -> None:
    """Record the reserved amount as the cost of a call that became unknown after its activation was discarded."""
    if _is_discarded(txn, row):
        record_reserved_costs(txn, row.activation_id)


def _change_state(txn: BoardTransaction, row: CallRow, changed: CallRow) -> None:
    check_transition(row.state, CallState(changed.state))
    _update(txn, row, changed)


def _update(txn: BoardTransaction, row: CallRow, changed: CallRow) -> None:
    """Change a call. If the call takes less of a budget than before, the calls that wait for room are released."""
    txn.sql.run(MODEL_CALLS.update_call, **changed._asdict())
    if any(after < before for before, after in zip(_demand(row), _demand(changed), strict=True)):
        budgets.release_held(txn)


def _with_cost(row: CallRow, spent: CallCost) -> CallRow:
    return row._replace(
        input_tokens=spent.input_tokens,
        cache_read_tokens=spent.cache_read_tokens,
        cache_write_tokens=spent.cache_write_tokens,
        output_tokens=spent.output_tokens,
        cost=spent.cost,
        direct_cost=spent.direct_cost,
    )


def _demand(row: CallRow) -> tuple[int, bool]:
    """Return what a call takes from the budgets: money, and whether it counts as a call; see the statement `spent`."""
    return row.reserved + (row.cost or 0), row.sent_at is not None and row.state != CallState.FAILED


def _end_unused(txn: BoardTransaction, activation_id: int, reason: str) -> None:
    for row in calls_of_activation(txn, activation_id):
        if row.state == CallState.PLANNED:
            end(txn, row.id, CallState.FAILED, reason)
        elif row.state == CallState.ANSWERED:
            end(txn, row.id, CallState.UNUSABLE, reason)


def _is_discarded(txn: BoardTransaction, row: CallRow) -> bool:
    activation = get_activation(txn, row.activation_id)
    return activation is not None and activation.state == ActivationState.DISCARDED
