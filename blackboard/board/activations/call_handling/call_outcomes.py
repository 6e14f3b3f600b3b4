"""The outcomes of model calls: their answers, and the pauses of models that refuse them.

`call_steps` has the steps before an answer. Both write the records of `model_calls`.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import NamedTuple

from blackboard.board.activations import model_pauses
from blackboard.board.activations.call_handling import batch_api_calls
from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.call_records.answer_spool import AnswerSpool
from blackboard.board.activations.call_records.model_calls import CallCost, ModelCall
from blackboard.board.activations.model_pauses import Refusal, Wait
from blackboard.board.board_session import BoardSession
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.records.states import CallState


class RecordedAnswer(NamedTuple):
    """The record of an answer."""

    is_new: bool
    """Whether the call had no answer before."""
    has_resumed_model: bool
    """Whether the answer ended a pause of its model."""


class CallOutcomes:
    """The outcomes of the model calls of a board. Each method is one transaction."""

    def __init__(self, session: BoardSession) -> None:
        self._session = session
        self.spool = AnswerSpool(session)

    def get(self, call_id: int) -> ModelCall:
        """Return a call.

        Raises:
            NotFound: There is no such call.
        """
        return self._session.read(lambda txn: model_calls.get(txn, call_id))

    def record_answer(
        self, call_id: int, raw: str, request_id: str | None, cost: CallCost, *, is_message: bool
    ) -> RecordedAnswer:
        """Record an answer with its cost. `is_message` says whether the model has answered, so that its pause ends.

        Raises:
            StoreError: The database did not accept the answer.
        """

        def work(txn: BoardTransaction) -> RecordedAnswer:
            has_resumed = is_message and model_pauses.lift(txn, model_calls.get(txn, call_id))
            return RecordedAnswer(model_calls.record_answer(txn, call_id, raw, request_id, cost), has_resumed)

        return self._session.write(work, record_instant=True)

    def try_models(self, used: Collection[str]) -> None:
        """Let paused models, and agents without an offline rule, be tried at once.

        It also ends the pauses of models that are no longer `used`.
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
        request_id: str | None = None,
    ) -> tuple[Wait, bool]:
        """End a call whose marks may not be the cause of its failure, and pause its model.

        Returns:
            The wait of its activation, and whether the pause is new.
        """

        def work(txn: BoardTransaction) -> tuple[Wait, bool]:
            model_calls.mark_ended(txn, row.id, state, reason, request_id)
            return model_pauses.begin(txn, row, refused, reason, rng)

        return self._session.write(work)

    def pause_models(
        self, rows: Sequence[ModelCall], reason: str, rng: random.Random
    ) -> list[tuple[ModelCall, Wait, bool]]:
        """Pause the models of a batch that was refused as a whole. Its calls are planned again.

        Returns:
            One call of each model, with the wait of its activation, and whether the pause is new.
        """

        def work(txn: BoardTransaction) -> list[tuple[ModelCall, Wait, bool]]:
            first = {row.model: row for row in reversed(rows)}
            begun = [(row, *model_pauses.begin(txn, row, Refusal.ACCESS, reason, rng)) for row in first.values()]
            batch_api_calls.mark_unsent(txn, rows)
            return begun

        return self._session.write(work)

    def end_pauses(self, rows: Sequence[ModelCall]) -> Collection[str]:
        """End the pauses of models after their batch was accepted, and return these models."""
        return self._session.write(lambda txn: model_pauses.lift_access(txn, rows))
