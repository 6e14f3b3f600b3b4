"""The steps of the calls that go through the provider's Batch API. A daemon commits each in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from blackboard.board.activations.call_handling import batch_api_calls
from blackboard.board.activations.call_records.model_calls import ModelCall
from blackboard.board.activations.model_pauses import Wait
from blackboard.board.board_session import BoardSession
from blackboard.clock import Instant
from blackboard.core.records.states import CallState
from blackboard.durations import Duration


class BatchApiSteps:
    """The steps of the batches of a board. Each method is one transaction; `batch_api_calls` describes what it does."""

    def __init__(self, session: BoardSession) -> None:
        self._session = session

    def now(self) -> Instant:
        """Return the board's time."""
        return self._session.now()

    def has_open_calls(self) -> bool:
        """Return whether calls wait for the API or for a claim."""
        return self._session.read(batch_api_calls.has_open_calls)

    def release_for_try(self) -> None:
        """Release one activation whose model may be tried."""
        self._session.write(batch_api_calls.release_for_try)

    def reserve(self, limit: int, highest_cost: Callable[[ModelCall], int]) -> list[ModelCall]:
        """Mark up to `limit` planned calls as sent in one batch, and return them."""
        return self._session.write(lambda txn: batch_api_calls.reserve(txn, limit, highest_cost), record_instant=True)

    def name_batch(self, rows: Sequence[ModelCall], name: str) -> None:
        """Record the provider's id of a batch."""
        self._session.write(lambda txn: batch_api_calls.name_batch(txn, rows[0].submission, name))

    def mark_unsent(self, rows: Sequence[ModelCall]) -> None:
        """Set calls back to `planned`, because their requests certainly did not arrive."""
        self._session.write(lambda txn: batch_api_calls.mark_unsent(txn, rows))

    def submitted(self) -> list[ModelCall]:
        """Return the submitted calls without a result, batch by batch."""
        return self._session.read(batch_api_calls.submitted)

    def defer(self, row: ModelCall, wait: Wait) -> None:
        """Make the activation of a call wait for its model."""
        self._session.write(lambda txn: batch_api_calls.defer(txn, row, wait))

    def end(
        self, rows: Sequence[ModelCall], state: CallState, error: str, request_id: str | None, delay: Duration
    ) -> None:
        """End calls that failed, and release their activations after a delay in microseconds."""
        self._session.write(lambda txn: batch_api_calls.end(txn, rows, state, error, request_id, delay))

    def end_unknown(self, rows: Sequence[ModelCall], error: str) -> None:
        """End calls whose outcome cannot be known."""
        self._session.write(lambda txn: batch_api_calls.end_unknown(txn, rows, error))

    def release_answered(self) -> None:
        """Release the activations whose answers have arrived."""
        self._session.write(batch_api_calls.release_answered)
