"""The journal of model calls: a paid answer is never paid for twice.

    planned -> sent -> answered -> applied

`planned` freezes the request's bytes; `sent` is committed before the request leaves, with its highest cost reserved;
`answered` keeps the raw answer before anybody parses it; `applied` is set in the transaction that leaves the marks.
A call ends otherwise as `failed` (nothing was paid, and it may be tried again), `rejected` (nothing was paid, and the
same request would be rejected again), `unusable` (paid, and the answer was of no use) or `unknown` (nobody can say:
the reserve stays until a person settles it, which makes it `cost_recorded`). An answer that does not say what it took
keeps its reserve too, until a person settles that.
"""

from __future__ import annotations

from dataclasses import dataclass

from blackboard.board import budgets
from blackboard.board.board_transaction import BoardTransaction
from blackboard.errors import NotFound
from blackboard.states import ActivationState, CallState, check_initial, check_transition
from blackboard.store.rows import ActivationRow, CallRow
from blackboard.store.statements import ACTIVATIONS, MODEL_CALLS

__all__ = [
    "CallCost",
    "calls_of",
    "discard_calls",
    "get",
    "mark_applied",
    "mark_ended",
    "mark_too_large",
    "mark_unknown",
    "mark_unsent",
    "mark_unusable",
    "plan",
    "record_answer",
    "record_cost",
    "record_discarded_cost",
    "record_reserved_costs",
    "reopen",
    "send",
]


TOO_LATE = "a newer call had been answered when it came"
DISCARDED = "its activation was discarded"


@dataclass(frozen=True)
class CallCost:
    """What an answer took: tokens by sort, and money in micro-dollars (None where that is not known)."""

    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    cost: int | None = None
    direct_cost: int | None = None
    """What the same call would have cost in the dear lane."""


def calls_of(txn: BoardTransaction, activation_id: int) -> list[CallRow]:
    """The calls of an activation, newest first."""
    return [CallRow(*values) for values in txn.tx.all(MODEL_CALLS.calls_of_activation, activation_id=activation_id)]


def get(txn: BoardTransaction, call_id: int) -> CallRow:
    """A call.

    Raises:
        NotFound: there is none of that id.
    """
    if (values := txn.tx.one(MODEL_CALLS.get_call, id=call_id)) is None:
        raise NotFound(f"there is no model call {call_id}; the view model_calls has them")
    return CallRow(*values)


def plan(
    txn: BoardTransaction, activation_id: int, agent: str, model: str, body: str, marks: int, api: str = "messages"
) -> CallRow:
    """Freeze a request about so many marks."""
    row = CallRow(0, activation_id, agent, model, api, CallState.PLANNED, body, marks, txn.now)
    check_initial(CallState.PLANNED)
    txn.tx.run(MODEL_CALLS.insert_call, **{name: value for name, value in row._asdict().items() if name != "id"})
    return row._replace(id=txn.tx.one(MODEL_CALLS.last_call_id)[0])


def send(
    txn: BoardTransaction, row: CallRow, reserve: int, *, submission: int | None = None, custom_id: str | None = None
) -> budgets.BudgetExceeded | None:
    """The request is about to leave: reserve its highest cost, in micro-dollars, if every budget has room for it.

    Returns:
        The budget that it would go over, if any. Where that one `holds`, nothing is changed.
    """
    over = budgets.verdict(txn, row, reserve)
    if over is not None and over.holds:
        return over
    check_transition(get(txn, row.id).state, CallState.SENT)
    txn.tx.run(
        MODEL_CALLS.send_call,
        id=row.id,
        state=CallState.SENT,
        sent_at=txn.now,
        reserved=reserve,
        custom_id=custom_id,
        submission=submission,
        would_hold=None if over is None else over.reason,
    )
    return over


def mark_unsent(txn: BoardTransaction, call_id: int) -> None:
    """The request certainly never arrived: it is as if it had not left, and after a discard it does not leave again."""
    row = get(txn, call_id)
    if _discarded(txn, row):
        mark_ended(txn, call_id, CallState.FAILED, DISCARDED)
        return
    check_transition(row.state, CallState.PLANNED)
    txn.tx.run(
        MODEL_CALLS.send_call, id=call_id, state=CallState.PLANNED, sent_at=None, reserved=0, custom_id=None,
        submission=None, would_hold=None,
    )  # fmt: skip


def record_answer(txn: BoardTransaction, call_id: int, raw: str, request_id: str | None, spent: CallCost) -> bool:
    """Keep a raw answer and what it took; the reserve is settled if the cost is known.

    An answer may come late, to a call whose outcome was given up as unknown or whose activation was discarded, and it
    may be taken in twice.

    Returns:
        Whether it was kept: False for one that was known already.
    """
    row = get(txn, call_id)
    if row.state not in (CallState.SENT, CallState.UNKNOWN, CallState.COST_RECORDED):
        return False
    forgotten = not row.body  # what was asked was erased meanwhile: of the answer, only the cost is kept
    late = any(other.state == CallState.APPLIED for other in calls_of(txn, row.activation_id))
    spare = TOO_LATE if late else DISCARDED if _discarded(txn, row) else None
    state = CallState.UNUSABLE if forgotten or spare else CallState.ANSWERED
    check_transition(row.state, state)
    txn.tx.run(
        MODEL_CALLS.answer_call,
        id=call_id,
        state=state,
        answered_at=txn.now,
        reserved=row.reserved if spent.cost is None else 0,
        reply=None if forgotten else raw,
        request_id=request_id,
        error=spare,
        **vars(spent),
    )
    return True


def mark_ended(
    txn: BoardTransaction, call_id: int, state: CallState, error: str, request_id: str | None = None
) -> None:
    """End a call without a usable answer: failed, rejected, unusable or unknown."""
    row = get(txn, call_id)
    check_transition(row.state, state)
    keeps = state == CallState.UNKNOWN or (state == CallState.UNUSABLE and row.cost is None)
    txn.tx.run(
        MODEL_CALLS.end_call,
        id=call_id,
        state=state,
        reserved=row.reserved if keeps else 0,
        error=error[:2000],
        request_id=request_id or row.request_id,
    )


def mark_unusable(txn: BoardTransaction, activation_id: int, error: str) -> None:
    """The agent found the answer of no use after all: a retry asks again."""
    for row in calls_of(txn, activation_id):
        if row.state == CallState.ANSWERED:
            mark_ended(txn, row.id, CallState.UNUSABLE, error)


def mark_too_large(txn: BoardTransaction, activation_id: int, why: str) -> None:
    """The marks of an activation are being parted: what was asked about all of them is of no use to any part."""
    mark_unknown(txn, activation_id, why)
    for row in calls_of(txn, activation_id):
        if row.state in (CallState.PLANNED, CallState.ANSWERED):
            mark_ended(txn, row.id, CallState.FAILED if row.state == CallState.PLANNED else CallState.UNUSABLE, why)


def mark_applied(txn: BoardTransaction, activation_id: int) -> None:
    """The marks of an activation are being left: its newest answer is used up, and one that came late is spare."""
    if txn.tx.run(MODEL_CALLS.apply_call, activation_id=activation_id, at=txn.now).rowcount:
        txn.tx.run(MODEL_CALLS.mark_answers_unusable, activation_id=activation_id, error=TOO_LATE)


def mark_unknown(txn: BoardTransaction, activation_id: int, why: str) -> bool:
    """Whoever sent a call of this activation is gone: whether it was answered, and paid, cannot be known.

    A call of the cheap lane is not lost: its batch is found again.
    """
    result = [row for row in calls_of(txn, activation_id) if row.state == CallState.SENT and row.api == "messages"]
    for row in result:
        mark_ended(txn, row.id, CallState.UNKNOWN, why)
    return bool(result)


def reopen(txn: BoardTransaction, activation_id: int) -> None:
    """A person wants a request that was rejected, or had no room in a budget, tried once more."""
    txn.tx.run(MODEL_CALLS.reopen_calls, activation_id=activation_id)
    txn.tx.run(MODEL_CALLS.clear_errors, activation_id=activation_id)


def record_cost(txn: BoardTransaction, call_id: int, cost: int) -> CallRow:
    """A person says what a call cost, in micro-dollars, of which neither its outcome nor its answer tells.

    Raises:
        NotFound: there is no such call, or what it cost is known.
    """
    row = get(txn, call_id)
    untold = row.state in (CallState.ANSWERED, CallState.APPLIED, CallState.UNUSABLE) and (
        row.cost is None or row.input_tokens is None
    )
    if row.state not in (CallState.UNKNOWN, CallState.COST_RECORDED) and not untold:
        why = (
            "and its cost is known"
            if row.state in (CallState.ANSWERED, CallState.APPLIED, CallState.UNUSABLE)
            else "and nothing was paid yet"
        )
        raise NotFound(
            f"call {call_id} is {row.state}, {why}; record the cost of a call whose outcome or usage is unknown"
        )
    if not untold:
        check_transition(row.state, CallState.COST_RECORDED)
    state = row.state if untold else CallState.COST_RECORDED
    txn.tx.run(MODEL_CALLS.record_cost, id=call_id, state=state, cost=cost, direct_cost=cost, reserved=0)
    return row


def discard_calls(txn: BoardTransaction, activation_id: int) -> None:
    """A person gives up on an activation: what it has planned is not sent any more, what was answered not used."""
    for row in calls_of(txn, activation_id):
        if row.state in (CallState.PLANNED, CallState.ANSWERED):
            mark_ended(
                txn, row.id, CallState.FAILED if row.state == CallState.PLANNED else CallState.UNUSABLE, DISCARDED
            )


def record_reserved_costs(txn: BoardTransaction, activation_id: int) -> None:
    """A person decides on an activation: its unknown outcomes count as paid in full, until `record-cost` says
    otherwise.
    """
    for row in calls_of(txn, activation_id):
        if row.state == CallState.UNKNOWN:
            record_cost(txn, row.id, row.reserved)


def record_discarded_cost(txn: BoardTransaction, row: CallRow) -> None:
    """The same for a call of unknown outcome whose activation was discarded before anybody could know it."""
    if _discarded(txn, row):
        record_reserved_costs(txn, row.activation_id)


def _discarded(txn: BoardTransaction, row: CallRow) -> bool:
    values = txn.tx.one(ACTIVATIONS.get_activation, id=row.activation_id)
    return values is not None and ActivationRow(*values).state == ActivationState.DISCARDED
