"""The recorder of the answers of models, and of their errors. An answer is committed with its cost before it is parsed.

No answer is lost: an answer that the database does not accept goes to the spool, and is committed before the next call
is sent.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

from blackboard.board.daemon_work import CallCost, CallWait, ModelCall, ModelCallTransactions, Refusal, SpooledAnswer
from blackboard.board.facade import Blackboard
from blackboard.clock import iso
from blackboard.core.records.states import CallState
from blackboard.errors import ModelError, NotFound, StoreError, UnknownName
from blackboard.llm.answer_parser import Reply
from blackboard.llm.call_failures import CallFailure, ModelUnavailable, RequestRejected, Unusable
from blackboard.llm.model_request import highest_cost
from blackboard.llm.prices import Prices
from blackboard.system.log_queue import Log

log = Log("blackboard")

MAX_COST_FACTOR = 10
"""The largest cost of a call that is recorded, as a multiple of its highest cost.

A gateway may add tokens to a prompt. A broken gateway could use up every budget with one answer.
"""


class AnswerRecorder:
    """The recorder of the answers to one board. A call to a model without a price is not sent."""

    def __init__(self, board: Blackboard, prices: Prices, rng: random.Random) -> None:
        self.prices, self._calls, self._rng = prices, ModelCallTransactions(board), rng

    def highest_cost(self, row: ModelCall) -> int:
        """Return the highest possible cost of a planned call, in micro-dollars.

        Raises:
            UnknownName: The model has no price.
        """
        return highest_cost(row.body, self.prices, row.api)

    def record(self, row: ModelCall, reply: Reply) -> None:
        """Commit an answer.

        Raises:
            StoreError: The database did not accept the answer; it is in the spool.
        """
        try:
            self._record(row, reply)
        except StoreError:
            self._calls.spool.put(SpooledAnswer(row.id, reply.raw, reply.request_id))
            raise

    def record_spooled(self) -> int:
        """Commit the answers in the spool and return their number.

        Raises:
            StoreError: The database still does not accept them.
        """
        count = 0
        for answer in self._calls.spool.waiting_answers():
            try:
                new = self._record(self._calls.get(answer.call_id), Reply.of(answer.raw, answer.request_id))
            except NotFound as error:
                log.error("the spool holds an answer to an unknown call; it is kept there", error=error)
                continue
            self._calls.spool.delete(answer.call_id)
            log.info("an answer from the spool was committed", call=answer.call_id, new=new)
            count += 1
        return count

    def try_models(self, used: Collection[str]) -> None:
        """Let paused models, and agents without an offline rule, be tried now, because the cause may be fixed.

        The daemon calls this at its start and at a reload. The pauses of models that are no longer `used` also end.
        """
        self._calls.try_models(used)

    def pause_model(self, row: ModelCall, failure: CallFailure) -> CallWait:
        """End a failed call whose marks may not be the cause of the failure, and pause its model.

        Returns:
            The wait of its activation.
        """
        refused = _refused_by(failure)
        state = CallState.REJECTED if refused is Refusal.REQUEST else CallState.FAILED
        paused = self._calls.pause_model(row, state, refused, str(failure), self._rng, request_id=failure.request_id)
        if paused.is_new:
            _log_pause(row, failure, paused.wait)
        return paused.wait

    def pause_models(self, rows: Sequence[ModelCall], failure: CallFailure) -> None:
        """Pause the models of a batch that was refused as a whole. Its calls are planned again."""
        for paused in self._calls.pause_models(rows, str(failure), self._rng):
            if paused.is_new:
                _log_pause(paused.call, failure, paused.wait)

    def end_pauses(self, rows: Sequence[ModelCall]) -> None:
        """End the pauses of models after their batch was accepted."""
        for model in self._calls.end_pauses(rows):
            log.info("the API accepts batches of a paused model again", model=model)

    def pause_after_page(self, row: ModelCall, error: Unusable) -> CallWait:
        """Pause a model after a gateway sent a page instead of an answer. The recorded call may have been paid for."""
        paused = self._calls.pause_model(row, CallState.UNUSABLE, Refusal.ACCESS, str(error), self._rng)
        if paused.is_new:
            _log_pause(row, error, paused.wait)
        return paused.wait

    def _record(self, row: ModelCall, reply: Reply) -> bool:
        """Commit an answer, and return whether the call had none before."""
        cost = self._cost(row, reply)
        recorded = self._calls.record_answer(row.id, reply.raw, reply.request_id, cost, is_message=reply.is_message)
        if recorded.has_resumed_model:
            log.info("a paused model answers again", model=row.model)
        return recorded.is_new

    def _cost(self, row: ModelCall, reply: Reply) -> CallCost:
        """Return the tokens and the cost of a call, as far as its answer states them."""
        usage = reply.usage
        if usage is None:
            return CallCost()  # the cost is unknown, so the reserve stays
        tokens = (usage.input, usage.cache_read, usage.cache_creation, usage.output)
        try:
            price = self.prices.of(row.model)
        except UnknownName:  # the price was removed after the call was sent
            return CallCost(*tokens)
        cost = price.cost(usage, row.api)
        if row.body and cost > MAX_COST_FACTOR * self.highest_cost(row):
            log.warning(
                "the usage of an answer cannot be true; its reserve stays until its cost is recorded", call=row.id
            )
            return CallCost()
        return CallCost(*tokens, cost, price.cost(usage, "messages"))


def _log_pause(row: ModelCall, failure: ModelError, wait: CallWait) -> None:
    log.error(
        "a model is paused; it is tried again by itself, and immediately by 'blackboard resume'",
        model=row.model,
        again_at=iso(wait.until),
        reason=failure,
    )


def _refused_by(failure: CallFailure) -> Refusal:
    if isinstance(failure, RequestRejected):
        return Refusal.REQUEST
    return Refusal.MODEL if isinstance(failure, ModelUnavailable) and failure.from_api else Refusal.ACCESS
