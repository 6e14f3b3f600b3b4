"""The transactions of model calls: a call is planned, reserved and sent, and its answer or its error is recorded."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import NamedTuple

from blackboard.board.activations import model_pauses
from blackboard.board.activations.agent_claims.claims import Claim
from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.call_records.answer_spool import AnswerSpool
from blackboard.board.activations.call_records.budgets import BudgetExceeded
from blackboard.board.activations.call_records.model_calls import CallCost, ModelCall
from blackboard.board.activations.model_pauses import CallWait, PausedCall, Refusal
from blackboard.board.activations.run_ends import activation_results
from blackboard.board.facade import Blackboard
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.core.records.states import CallApi, CallState


class RecordedAnswer(NamedTuple):
    """The record of an answer."""

    is_new: bool
    """Whether the call had no answer before."""
    has_resumed_model: bool
    """Whether the answer ended a pause of its model."""


class ModelCallTransactions:
    """The transactions of model calls. Each method is one transaction.

    Args:
        board: The board of the calls.
    """

    def __init__(self, board: Blackboard) -> None:
        self._session = board.session
        self.spool = AnswerSpool(board.session)
        """The answers that the database did not accept."""

    def now(self) -> Instant:
        """Return the board's time."""
        return self._session.now()

    def calls_of_claim(self, claim: Claim) -> list[ModelCall]:
        """Return the calls of an activation, newest first."""
        return self._session.read(lambda txn: model_calls.calls_of_activation(txn, claim.row.id))

    def plan(self, claim: Claim, model: str, body: str, api: CallApi) -> ModelCall:
        """Record a call that is about to be sent, with its request."""
        return self._session.write(
            lambda txn: model_calls.plan(
                txn, claim.row.id, agent=claim.agent_spec.name, model=model, body=body, marks=len(claim.inputs), api=api
            ),
            record_instant=True,
        )

    def reserve(self, claim: Claim, row: ModelCall, cost: int) -> BudgetExceeded | None:
        """Reserve the highest cost of a call that is about to be sent, and return the budget that it exceeds, if any.

        If the mode of that budget is `hold`, the call is not sent and the activation is held.
        """

        def work(txn: BoardTransaction) -> BudgetExceeded | None:
            exceeded = model_calls.reserve(txn, row, cost)
            if exceeded is not None and exceeded.defers:
                # In one transaction, so that room in the budget that is freed afterwards releases the held activation.
                activation_results.defer(txn, claim.row, until=exceeded.until, reason=exceeded.reason, is_held=True)
            return exceeded

        return self._session.write(work, record_instant=True)

    def end(self, row: ModelCall, state: CallState, reason: str, request_id: str | None = None) -> None:
        """End a call without a usable answer, as `failed`, `rejected` or `unusable`."""
        self._session.write(lambda txn: model_calls.end(txn, row.id, state, reason, request_id))

    def end_as_unknown(self, row: ModelCall, reason: str) -> ModelCall:
        """End a call that may have been answered and paid for, and return it. Its reserve stays."""
        self._session.write(lambda txn: model_calls.end(txn, row.id, CallState.UNKNOWN, reason), record_instant=True)
        return row._replace(state=CallState.UNKNOWN, error=reason)

    def decide_refused(self, row: ModelCall, model: str) -> bool:
        """Return whether a model may try a refused request again. End its call, unless the same call is sent again.

        The same model may try the request again while it is paused. After the pause, a later call to the model has
        succeeded, so the marks of the request are the cause. Another model may always try the request, with a new call.
        """

        def work(txn: BoardTransaction) -> bool:
            if row.model == model and model_pauses.get(txn, model) is not None:
                return True
            model_calls.end(txn, row.id, CallState.FAILED, row.error or "")
            return row.model != model

        return self._session.write(work)

    def admit(self, claim: Claim, model: str, rng: random.Random) -> CallWait | None:
        """Admit a call and return None, or return how long it must wait, because its model is paused."""
        if not self._session.read(lambda txn: model_pauses.of_call(txn, model, claim.row.agent)):
            return None

        def work(txn: BoardTransaction) -> CallWait | None:
            suspect = (CallState.REJECTED, CallState.UNUSABLE)
            is_refused = any(
                row.state in suspect and row.marks == len(claim.inputs) and row.model == model
                for row in model_calls.calls_of_activation(txn, claim.row.id)
            )
            return model_pauses.admit(txn, claim.row, model, rng, is_refused=is_refused)

        return self._session.write(work)

    def get(self, call_id: int) -> ModelCall:
        """Return a call.

        Raises:
            NotFound: There is no such call.
        """
        return self._session.read(lambda txn: model_calls.get(txn, call_id))

    def record_answer(
        self, call_id: int, raw: str, request_id: str | None, cost: CallCost, *, is_message: bool
    ) -> RecordedAnswer:
        """Record an answer with its cost. `is_message` is true if the model has answered, which ends its pause.

        Raises:
            StoreError: The database did not accept the answer.
        """

        def work(txn: BoardTransaction) -> RecordedAnswer:
            has_resumed = is_message and model_pauses.lift(txn, model_calls.get(txn, call_id))
            return RecordedAnswer(model_calls.record_answer(txn, call_id, raw, request_id, cost), has_resumed)

        return self._session.write(work, record_instant=True)

    def try_models(self, used: Collection[str]) -> None:
        """Let paused models, and agents without an offline rule, be tried now.

        Also end the pauses of models that are no longer `used`.
        """

        def work(txn: BoardTransaction) -> None:
            model_pauses.end_unused(txn, used)
            model_pauses.try_now(txn)

        if self._session.read(model_pauses.holds_any):
            self._session.write(work)

    def pause_model(
        self,
        row: ModelCall,
        state: CallState,
        refused: Refusal,
        reason: str,
        rng: random.Random,
        *,
        request_id: str | None = None,
    ) -> PausedCall:
        """End a call whose marks may not be the cause of its failure, and pause its model."""

        def work(txn: BoardTransaction) -> PausedCall:
            model_calls.end(txn, row.id, state, reason, request_id)
            return model_pauses.begin(txn, row, refused, reason, rng)

        return self._session.write(work)

    def pause_models(self, rows: Sequence[ModelCall], reason: str, rng: random.Random) -> list[PausedCall]:
        """Pause the models of a batch that was refused as a whole. Its calls are planned again.

        Returns:
            One call of each model.
        """

        def work(txn: BoardTransaction) -> list[PausedCall]:
            first = {row.model: row for row in reversed(rows)}
            paused = [model_pauses.begin(txn, row, Refusal.ACCESS, reason, rng) for row in first.values()]
            for row in rows:
                model_calls.record_unsent(txn, row.id)
            return paused

        return self._session.write(work)

    def end_pauses(self, rows: Sequence[ModelCall]) -> Collection[str]:
        """End the pauses of models after their batch was accepted, and return these models."""
        return self._session.write(lambda txn: model_pauses.lift_access(txn, rows))
