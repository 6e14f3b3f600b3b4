"""Keeps what the provider said: an answer with its cost, before anybody reads it, or why there is none.

It never loses an answer: what the database does not take goes to the spool, and is taken in before anything is sent.
"""

from __future__ import annotations

import structlog

from blackboard.board import model_calls
from blackboard.board.blackboard import Blackboard
from blackboard.board.board_transaction import BoardTransaction
from blackboard.daemon.answer_spool import Spool, Spooled
from blackboard.errors import NotFound, StoreError, UnknownName
from blackboard.llm import Api, CallFailure, Prices, Reply, highest_cost
from blackboard.states import CallState
from blackboard.store.rows import CallRow
from blackboard.store.statements import ACTIVATIONS

__all__ = ["CallRecorder"]

log = structlog.get_logger("blackboard")


class CallRecorder:
    """The journal of one board, for whoever sends calls.

    Args:
        board: where the journal is.
        prices: what a call costs; nothing is sent to a model without a price.
    """

    def __init__(self, board: Blackboard, prices: Prices) -> None:
        self.board, self.prices = board, prices
        self.spool = Spool(board)

    def reserve(self, row: CallRow) -> int:
        """What a planned call can cost at most, in micro-dollars.

        Raises:
            UnknownName: its model has no price.
        """
        return highest_cost(row.body, self.prices, _api(row))

    def keep(self, row: CallRow, reply: Reply) -> None:
        """Commit an answer.

        Raises:
            StoreError: the database did not take it; it is in the spool.
        """
        try:
            self.board.write(
                lambda txn: model_calls.record_answer(
                    txn, row.id, reply.raw, reply.request_id, self._spent(row, reply)
                ),
                record=True,
            )
        except StoreError:
            self.spool.put(Spooled(row.id, reply.raw, reply.request_id))
            raise

    def take_in(self) -> int:
        """Commit what is in the spool; returns how many answers that were.

        Raises:
            StoreError: the database still does not take them.
        """
        count = 0
        for answer in self.spool.waiting():

            def work(txn: BoardTransaction, answer: Spooled = answer) -> bool:
                row = model_calls.get(txn, answer.call)
                reply = Reply.of(answer.raw, answer.request_id)
                return model_calls.record_answer(txn, row.id, reply.raw, reply.request_id, self._spent(row, reply))

            try:
                kept = self.board.write(work, record=True)
            except NotFound as error:
                log.error("the spool holds an answer to no call; it is left there", error=str(error))
                continue
            self.spool.drop(answer)
            log.info("an answer was taken in from the spool", call=answer.call, new=kept)
            count += 1
        return count

    def stop_everything(self, rows: list[CallRow], failure: CallFailure) -> str:
        """The key or the account is refused: nothing was paid, and nothing more is sent until a person resumes.

        Returns:
            The reason, as `status` shows it.
        """
        reason = f"the provider of the model refuses: {failure}"

        def work(txn: BoardTransaction) -> bool:
            for row in rows:
                if row.api == "batch":
                    model_calls.mark_unsent(txn, row.id)
                else:
                    model_calls.mark_ended(txn, row.id, CallState.FAILED, str(failure), failure.request_id)
            if txn.tx.one(ACTIVATIONS.board)[5]:
                return False
            txn.tx.run(ACTIVATIONS.pause_board, paused=1, paused_because=reason)
            return True

        if self.board.write(work):
            log.error("all agents are paused; 'blackboard resume' lets them go on", reason=str(failure))
        return reason

    def _spent(self, row: CallRow, reply: Reply) -> model_calls.CallCost:
        usage = reply.usage
        if usage is None:
            return model_calls.CallCost()  # what it cost is not known: the reserve stands
        tokens = (usage.input, usage.cache_read, usage.cache_creation, usage.output)
        try:
            price = self.prices.of(row.model)
        except UnknownName:  # it had one when it was sent
            return model_calls.CallCost(*tokens)
        return model_calls.CallCost(*tokens, price.cost(usage, _api(row)), price.cost(usage, "messages"))


def _api(row: CallRow) -> Api:
    return "batch" if row.api == "batch" else "messages"
