"""The transactions of the model calls of the provider's Batch API, from their submission to their results."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.call_records.model_calls import MAX_CALL_ERROR_CHARACTERS, ModelCall
from blackboard.board.activations.model_pauses import CallWait
from blackboard.board.facade import Blackboard
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables.activation_rows import get_activation, set_state
from blackboard.clock import Instant
from blackboard.core.failure_texts import with_quotation
from blackboard.core.records.states import ActivationState, CallState
from blackboard.durations import Duration
from blackboard.errors import UnknownName
from blackboard.store.row_types.model_call_row_types import CallRow
from blackboard.store.statements import ACTIVATIONS, MODEL_CALLS


class BatchApiTransactions:
    """The transactions of the model calls that go through the Batch API.

    Args:
        board: The board of the calls.
    """

    def __init__(self, board: Blackboard) -> None:
        self._session = board.session

    def now(self) -> Instant:
        """Return the board's time."""
        return self._session.now()

    def has_open_calls(self) -> bool:
        """Return whether calls wait for the API or for a claim; False while the board does not believe the clock."""

        def work(txn: BoardTransaction) -> bool:
            return txn.doubted_clock is None and any(
                txn.sql.one(statement, **values) is not None
                for statement, values in (
                    (MODEL_CALLS.submitted_calls, {}),
                    (MODEL_CALLS.answered_in_batch_api, {}),
                    (MODEL_CALLS.calls_to_submit, {"limit": 1}),
                    (MODEL_CALLS.call_to_try, {"now": txn.now}),
                )
            )

        return self._session.read(work)

    def release_for_try(self) -> None:
        """Release one held activation, so that its call tries a paused model again."""

        def work(txn: BoardTransaction) -> None:
            if (row := txn.sql.one(MODEL_CALLS.call_to_try, now=txn.now)) is not None:
                _release(txn, row.activation_id, txn.now, None)

        self._session.write(work)

    def reserve(self, limit: int, highest_cost: Callable[[ModelCall], int]) -> list[ModelCall]:
        """Reserve the costs of up to `limit` planned calls, as far as the budgets allow, and return these calls.

        The calls are sent in one batch. Their custom ids identify a batch whose id was lost. `highest_cost` returns the
        highest possible cost of a call in micro-dollars; it raises UnknownName for a model without a price.
        """

        def work(txn: BoardTransaction) -> list[CallRow]:
            board = txn.sql.existing(ACTIVATIONS.board)
            if board.paused:
                return []
            rows: list[CallRow] = []
            for row in txn.sql.all(MODEL_CALLS.calls_to_submit, limit=limit):
                custom_id = f"{board.uid[:24]}-{row.activation_id}-{row.id}"
                submission = rows[0].id if rows else row.id
                try:
                    cost = highest_cost(row)
                except UnknownName as error:
                    _hold(txn, row, f"{error}; a call without a price is not sent", None)
                    continue
                exceeded = model_calls.reserve(txn, row, cost, submission=submission, custom_id=custom_id)
                if exceeded is not None and exceeded.defers:
                    _hold(txn, row, exceeded.reason, exceeded.until)
                    continue
                rows.append(row._replace(custom_id=custom_id, submission=submission))
            return rows

        return self._session.write(work, record_instant=True)

    def name_batch(self, rows: Sequence[ModelCall], name: str) -> None:
        """Record the provider's id of a batch."""
        submission = rows[0].submission
        self._session.write(lambda txn: txn.sql.run(MODEL_CALLS.name_batch, submission=submission, batch_id=name))

    def record_unsent(self, rows: Sequence[ModelCall]) -> None:
        """Record that the requests of sent calls certainly did not arrive. These calls are planned again."""

        def work(txn: BoardTransaction) -> None:
            for row in rows:
                model_calls.record_unsent(txn, row.id)

        self._session.write(work)

    def submitted_calls(self) -> list[ModelCall]:
        """Return the submitted calls without a result, batch by batch."""
        rows = self._session.read(lambda txn: txn.sql.all(MODEL_CALLS.submitted_calls))
        return sorted(rows, key=lambda row: (row.submission or 0, row.id))

    def defer(self, row: ModelCall, wait: CallWait) -> None:
        """Make the activation of a call wait for its model."""

        def work(txn: BoardTransaction) -> None:
            if wait.is_held:
                txn.sql.run(ACTIVATIONS.explain_held, id=row.activation_id, error=wait.reason, until=wait.until)
            else:
                _release(txn, row.activation_id, wait.until, wait.reason)

        self._session.write(work)

    def end(
        self, rows: Sequence[ModelCall], state: CallState, error: str, request_id: str | None, delay: Duration
    ) -> None:
        """End calls that cost nothing, as `failed` or `rejected`, and release their activations after a delay.

        The next run plans the same request again, or fails if the request was rejected.
        """

        def work(txn: BoardTransaction) -> None:
            for row in rows:
                model_calls.end(txn, row.id, state, error, request_id)
                _release(txn, row.activation_id, txn.now + delay, error)

        self._session.write(work)

    def end_as_unknown(self, rows: Sequence[ModelCall], error: str) -> None:
        """End calls as `unknown`, because their outcome cannot be known.

        Each activation is held under `on_unknown = "hold"`, otherwise released.
        """

        def work(txn: BoardTransaction) -> None:
            for row in rows:
                model_calls.end(txn, row.id, CallState.UNKNOWN, error)
                model_calls.record_discarded_cost(txn, row)
                agent_spec = txn.deployment.agents.get(row.agent)
                if agent_spec is not None and agent_spec.settings.on_unknown == "hold":
                    reason = with_quotation(f"the outcome of call {row.id} is unknown", f"{error}; retry or discard it")
                    txn.sql.run(ACTIVATIONS.explain_held, id=row.activation_id, error=reason, until=None)
                else:
                    _release(txn, row.activation_id, txn.now, error)

        self._session.write(work)

    def release_answered(self) -> None:
        """Release the activations whose answers have arrived."""

        def work(txn: BoardTransaction) -> None:
            for activation_id in txn.sql.all(MODEL_CALLS.answered_in_batch_api):
                _release(txn, activation_id, txn.now, None)

        self._session.write(work)


def _release(txn: BoardTransaction, activation_id: int, at: Instant, error: str | None) -> None:
    row = get_activation(txn, activation_id)
    if row is not None and row.state == ActivationState.HELD:
        set_state(txn, row, ActivationState.READY, retry_at=at, error=error)


def _hold(txn: BoardTransaction, row: CallRow, reason: str, until: Instant | None) -> None:
    """Hold a planned call until the window of its budget ends, or, without an end, until a person acts."""
    txn.sql.run(ACTIVATIONS.explain_held, id=row.activation_id, error=reason, until=until)
    if until is None:
        txn.sql.run(MODEL_CALLS.record_error, id=row.id, error=reason[:MAX_CALL_ERROR_CHARACTERS])
