"""Pauses of models: a model that refuses everything gets one call at a time, until one succeeds.

The cause of a refusal may be the marks, the account, the model or a gateway. Only other calls can show which. So a
refusal counts against its marks only after a later call to the same model succeeded. Until then the marks wait without
losing an attempt. After the first refusal, a call about one other mark tries the model immediately. If this call is
refused too, the model is paused. Further tries become rarer, down to one an hour.

A refusal of the key, the account or the address does not depend on the request. It pauses the model immediately. Agents
that need no model, or another model, continue. A model may also be paused for one agent (see `unusable_answers`).
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum

from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.call_records.model_calls import MAX_CALL_ERROR_CHARACTERS
from blackboard.board.activations.run_ends import activation_splits
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables.activation_rows import make_ready
from blackboard.clock import Instant
from blackboard.core import failure_texts
from blackboard.core.backoff import backoff
from blackboard.core.records.states import ActivationState
from blackboard.durations import SECOND, Duration
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.row_types.model_call_row_types import CallRow, ModelPauseRow
from blackboard.store.statements import ACTIVATIONS, MODEL_CALLS

REFUSED_WAIT: Duration = SECOND
"""How long a refused activation waits for other activations once the model may be tried."""
FORGOTTEN = "the subject of the call was forgotten"
"""The reason of a pause whose call was erased."""
FIRST_MODEL_PAUSE: Duration = 10 * SECOND


class Refusal(Enum):
    """The kind of refusal by a provider."""

    REQUEST = "request"
    """The provider read the request, so its marks may be the cause."""
    MODEL = "model"
    """The model cannot be used, whatever the marks are."""
    ACCESS = "access"
    """The key, the account or the address was refused. The provider did not read the request."""


@dataclass(frozen=True)
class CallWait:
    """The wait of a call for its model, which is paused."""

    problem: str
    """The problem of the model, for the log: without words of the provider."""
    reason: str
    """The problem, with the words of the provider."""
    until: Instant
    is_held: bool
    """Whether an event may end the wait before `until`, such as an answer to another call."""


@dataclass(frozen=True)
class PausedCall:
    """A call that paused its model, or prolonged the pause."""

    call: CallRow
    wait: CallWait
    """The wait of the activation of the call."""
    is_new: bool
    """Whether the pause of the model has just begun."""


def get(txn: BoardTransaction, model: str, agent: str = "") -> ModelPauseRow | None:
    """Return the pause of a model, for all agents or for one; None if it is not paused."""
    return txn.sql.one(MODEL_CALLS.get_model_pause, agent=agent, model=model)


def of_call(txn: BoardTransaction, model: str, agent: str) -> list[ModelPauseRow]:
    """Return the pauses that concern a call of an agent.

    A pause of one agent that still has a suspect is left out: an unusable answer delays no other batch.
    """
    pauses = get(txn, model), get(txn, model, agent)
    return [pause for pause in pauses if pause is not None and not (pause.agent and pause.suspect)]


def all_pauses(txn: BoardTransaction) -> list[ModelPauseRow]:
    """Return the pauses of all models, for all agents or for one."""
    return txn.sql.all(MODEL_CALLS.model_pauses)


def begin(
    txn: BoardTransaction,
    call: CallRow,
    refused: Refusal,
    reason: str,
    rng: random.Random,
) -> PausedCall:
    """Pause a model because of a refused call, or prolong its pause.

    As long as only one activation has been refused, the cause may be its marks or the model. So other activations may
    try the model immediately.
    """
    before = get(txn, call.model)
    pause, delay = _next_pause(txn, call, refused, reason, before, rng)
    txn.sql.run(MODEL_CALLS.set_model_pause, **pause._asdict())
    is_new = pause.suspect is None and (before is None or before.suspect is not None)
    if pause.suspect and pause.failures == 1:
        return PausedCall(call, wait_of(pause, txn.now + REFUSED_WAIT, is_held=False), is_new)
    others_first = REFUSED_WAIT if refused is Refusal.REQUEST else 0
    return PausedCall(call, wait_of(pause, txn.now + delay + others_first, is_held=True), is_new)


def _next_pause(
    txn: BoardTransaction,
    call: CallRow,
    refused: Refusal,
    reason: str,
    before: ModelPauseRow | None,
    rng: random.Random,
) -> tuple[ModelPauseRow, Duration]:
    """Return the pause of a model after a refused call, and how long the activation of the call waits.

    `before` is the pause of the model before that.
    """
    is_of_request = refused is Refusal.REQUEST
    present = model_calls.get(txn, call.id)
    sent_at = present.sent_at or txn.now
    # Calls that were under way together count as one failure.
    failures = 1 if before is None else before.failures + (sent_at >= before.failed_at)
    is_first = before is None or before.suspect == call.activation_id
    suspect_id = call.activation_id if is_of_request and is_first else None
    delay = backoff(FIRST_MODEL_PAUSE, max(1, failures - is_of_request), rng)
    pause = ModelPauseRow(
        agent="",
        model=call.model,
        # A gateway may repeat the request.
        reason=reason[:MAX_CALL_ERROR_CHARACTERS] if present.body else FORGOTTEN,
        since=sent_at if before is None else before.since,
        failed_at=txn.now,
        probe_at=txn.now if suspect_id else txn.now + delay,
        failures=failures,
        refusals=is_of_request + (0 if before is None else before.refusals),
        is_access=int(refused is Refusal.ACCESS),
        suspect=suspect_id,
    )
    return pause, delay


def admit(
    txn: BoardTransaction, row: ActivationRow, model: str, rng: random.Random, *, is_refused: bool
) -> CallWait | None:
    """Admit the call of an activation, or return how long it must wait. An admitted call may try a paused model.

    If the requests may have caused the pause, the model is tried only with a single mark: the activation is split, and
    waits for a run with its strongest mark. An activation whose call was refused waits longer, so that another
    activation tries the model first.
    """
    pauses = of_call(txn, model, row.agent)
    for pause in pauses:
        at = pause.probe_at + (REFUSED_WAIT if is_refused else 0)
        if at > txn.now:
            return wait_of(pause, at, is_held=pause.probe_at > txn.now)
    for pause in pauses:
        if pause.refusals and activation_splits.keep_strongest_part(
            txn, row, halve_rest=is_refused, retry_at=txn.now + REFUSED_WAIT, error=_reason(pause)
        ):
            return wait_of(pause, txn.now, is_held=False)
    for pause in pauses:
        # Other activations wait for the outcome of this call. If this call takes longer, another call tries the model.
        wait_after = backoff(FIRST_MODEL_PAUSE, max(1, pause.failures), rng)
        txn.sql.run(MODEL_CALLS.set_model_pause, **pause._replace(probe_at=txn.now + wait_after)._asdict())
    txn.sql.run(MODEL_CALLS.plan_again, activation_id=row.id, at=txn.now)  # the Batch API ignores the pause
    return None


def lift(txn: BoardTransaction, call: CallRow) -> bool:
    """End the pause of a model for all agents because a call was answered, and return whether a pause was ended.

    The answer of a call that was sent before the pause began does not end it.
    """
    pause = get(txn, call.model)
    if pause is None or (call.sent_at or 0) < pause.since:
        return False
    txn.sql.run(MODEL_CALLS.delete_model_pause, agent=pause.agent, model=pause.model)
    make_ready(txn, txn.sql.all(ACTIVATIONS.held_for_a_while))
    return True


def lift_access(txn: BoardTransaction, calls: Iterable[CallRow]) -> list[str]:
    """End the pauses for lack of access, which an accepted batch disproves, and return their models.

    Pauses for other reasons end with an answer, because the provider accepts a batch before it reads the requests in
    it.
    """
    first = {call.model: call.id for call in reversed(list(calls))}
    accessed = [model for model in first if (pause := get(txn, model)) is not None and pause.is_access]
    return [model for model in accessed if lift(txn, model_calls.get(txn, first[model]))]


def end_unused(txn: BoardTransaction, used: Collection[str]) -> None:
    """End the pauses of models that no agent uses any longer, and the pauses for agents outside the deployment."""
    agents = {"", *txn.deployment.agents}
    for pause in all_pauses(txn):
        if pause.model not in used or pause.agent not in agents:
            txn.sql.run(MODEL_CALLS.delete_model_pause, agent=pause.agent, model=pause.model)


def holds_any(txn: BoardTransaction) -> bool:
    """Return whether `try_now` would release anything."""
    return bool(all_pauses(txn)) or any(
        row.retry_at is not None for row in txn.sql.all(ACTIVATIONS.unfinished_in_state, state=ActivationState.HELD)
    )


def try_now(txn: BoardTransaction) -> None:
    """Let every paused model be tried now, and release every held activation that waits for an instant."""
    if holds_any(txn):
        txn.sql.run(MODEL_CALLS.probe_models, at=txn.now)
        make_ready(txn, txn.sql.all(ACTIVATIONS.held_for_a_while))


def wait_of(pause: ModelPauseRow, until: Instant, *, is_held: bool) -> CallWait:
    """Return the wait for the end of a pause."""
    return CallWait(problem(pause), _reason(pause), until, is_held)


def problem(pause: ModelPauseRow) -> str:
    """Describe a pause, without quoting the provider."""
    if pause.agent:
        return f"the answers of {pause.model} to {pause.agent} are unusable"
    return f"the provider refuses calls to {pause.model}"


def _reason(pause: ModelPauseRow) -> str:
    return failure_texts.with_quotation(problem(pause), pause.reason)
