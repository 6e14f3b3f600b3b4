"""The steps of a model call that come before its answer: plan, reserve, wait, give up. A daemon commits each in turn.

`call_outcomes` has the answers. Both write the records of `model_calls`.
"""

from __future__ import annotations

import random

from blackboard.board.activations import model_pauses
from blackboard.board.activations.agent_claims.claims import Claim
from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.call_records.budgets import BudgetExceeded
from blackboard.board.activations.call_records.model_calls import ModelCall
from blackboard.board.activations.run_ends import activation_results
from blackboard.board.board_session import BoardSession
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.core.records.states import CallApi, CallState


class CallSteps:
    """The steps of the model calls of activations. Each method is one transaction."""

    def __init__(self, session: BoardSession) -> None:
        self._session = session

    def now(self) -> Instant:
        """Return the board's time."""
        return self._session.now()

    def calls_of(self, claim: Claim) -> list[ModelCall]:
        """Return the calls of an activation, newest first."""
        return self._session.read(lambda txn: model_calls.calls_of(txn, claim.row.id))

    def plan(self, claim: Claim, model: str, body: str, api: CallApi) -> ModelCall:
        """Record a call that is about to be sent, with its request."""
        return self._session.write(
            lambda txn: model_calls.plan(
                txn, claim.row.id, agent=claim.agent.name, model=model, body=body, marks=len(claim.inputs), api=api
            ),
            record_instant=True,
        )

    def reserve(self, claim: Claim, row: ModelCall, cost: int) -> BudgetExceeded | None:
        """Mark a call as sent, with its highest cost reserved, and return the budget that it exceeds, if any.

        If the mode of that budget is `hold`, the call is not sent and the activation is held.
        """

        def work(txn: BoardTransaction) -> BudgetExceeded | None:
            exceeded = model_calls.send(txn, row, cost)
            if exceeded is not None and exceeded.defers:
                # In one transaction, so that room in the budget that is freed afterwards releases the held activation.
                activation_results.defer(txn, claim.row, until=exceeded.until, reason=exceeded.reason, is_held=True)
            return exceeded

        return self._session.write(work, record_instant=True)

    def end(self, row: ModelCall, state: CallState, reason: str, request_id: str | None = None) -> None:
        """End a call without a usable answer, as `failed`, `rejected` or `unusable`."""
        self._session.write(lambda txn: model_calls.mark_ended(txn, row.id, state, reason, request_id))

    def end_as_unknown(self, row: ModelCall, reason: str) -> ModelCall:
        """End a call that may have been answered and paid, and return it. Its reserve stays."""
        self._session.write(
            lambda txn: model_calls.mark_ended(txn, row.id, CallState.UNKNOWN, reason), record_instant=True
        )
        return row._replace(state=CallState.UNKNOWN, error=reason)

    def decide_refused(self, row: ModelCall, model: str) -> bool:
        """Decide whether a refused request may be tried again with a model, and return that; if not, fail its call.

        While the model is paused, it may try again. If it is no longer paused, a later call to it has succeeded. So the
        marks of the request are the cause. Another model may accept the request.
        """

        def work(txn: BoardTransaction) -> bool:
            if row.model == model and model_pauses.get(txn, model) is not None:
                return True
            model_calls.mark_ended(txn, row.id, CallState.FAILED, row.error or "")
            return row.model != model

        return self._session.write(work)

    def admit(self, claim: Claim, model: str, rng: random.Random) -> model_pauses.Wait | None:
        """Return the wait of a call whose model is paused; None if the call may be sent."""
        if not self._session.read(lambda txn: model_pauses.of_call(txn, model, claim.row.agent)):
            return None

        def work(txn: BoardTransaction) -> model_pauses.Wait | None:
            suspect = (CallState.REJECTED, CallState.UNUSABLE)
            is_refused = any(
                row.state in suspect and row.marks == len(claim.inputs) and row.model == model
                for row in model_calls.calls_of(txn, claim.row.id)
            )
            return model_pauses.admit(txn, claim.row, model, rng, is_refused=is_refused)

        return self._session.write(work)
