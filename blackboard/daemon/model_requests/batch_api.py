"""The Batch API: planned calls are submitted together, and each answer is recorded once.

Calls are never submitted again while their outcome is unknown. If a crash or a lost connection kept the name of a
batch from being stored, the batch is found by the custom ids of its requests.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from itertools import groupby

from blackboard.board.daemon_work import BatchApiTransactions, ModelCall
from blackboard.board.facade import Blackboard
from blackboard.clock import Instant, iso, microseconds_in
from blackboard.core.backoff import backoff
from blackboard.core.records.states import CallState
from blackboard.daemon import run_traces
from blackboard.daemon.model_requests.answer_recorder import AnswerRecorder
from blackboard.durations import MINUTE, Duration
from blackboard.errors import ModelError
from blackboard.llm.answer_parser import Reply
from blackboard.llm.call_failures import (
    CallFailure,
    KeyRefused,
    ModelUnavailable,
    NotSent,
    OutcomeUnknown,
    Overloaded,
    RequestRejected,
    SpendLimit,
)
from blackboard.llm.model_client import BatchItem, ModelClient
from blackboard.system.failpoints import failpoint
from blackboard.system.log_queue import Log

log = Log("blackboard")

MAX_CALLS_PER_BATCH = 1000
"""The largest number of calls in a batch. With prompts of some kilobytes, this is far below the limits of the API."""
LOST_AFTER: Duration = 10 * MINUTE
"""How long an unknown batch may still appear in the API. After this time, its calls count as never submitted."""
FIRST_API_PAUSE: Duration = MINUTE
MAX_DOUBLINGS = 4
"""The number of failures in a row after which the wait stops growing. Asking about a batch costs nothing."""
UNREADABLE = "null"
"""The raw answer of a call whose result cannot be read. It may have been paid for."""


class BatchCaller:
    """The Batch API of one board. It runs in its own thread, because the API may be slow.

    Args:
        board: The board whose calls are sent.
        client: The client of the API.
        recorder: Records the answers.
        rng: The source of the jitter of delays.
        on_done: Called by the thread at its end.
    """

    def __init__(
        self,
        board: Blackboard,
        client: ModelClient,
        recorder: AnswerRecorder,
        rng: random.Random,
        on_done: Callable[[], None] = lambda: None,
    ) -> None:
        self.client, self.recorder, self.on_done = client, recorder, on_done
        self._calls = BatchApiTransactions(board)
        self._rng = rng
        self._max_calls = MAX_CALLS_PER_BATCH
        self._failures = 0
        self._not_before: Instant = 0
        self._thread: threading.Thread | None = None

    @property
    def is_busy(self) -> bool:
        """Whether the thread runs."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def start(self) -> None:
        """Start the thread, unless it runs or there is nothing to do."""
        if self.is_busy or not self._calls.has_open_calls():
            return
        thread = threading.Thread(target=self._run, name="blackboard-batch-api", daemon=True)
        self._thread = thread  # the thread may end immediately
        try:
            thread.start()
        except RuntimeError:  # the system has no thread left: the next interval tries again
            self._thread = None
            raise

    def close(self, seconds: float) -> None:
        """Wait at most `seconds` for the thread. Submitted batches are found again at the next start."""
        if (thread := self._thread) is not None:
            thread.join(seconds)

    def _run(self) -> None:
        try:
            self.run_once()
        except Exception as error:
            log.error("the Batch API failed and is retried", error=error)
        finally:
            self._thread = None
            self.on_done()

    def run_once(self) -> int:
        """Fetch results, submit planned calls, and release the activations that were answered.

        Returns:
            The number of calls that were fetched or submitted.

        Raises:
            StoreError: The board cannot be used.
        """
        if self._calls.now() < self._not_before:
            return 0
        self._calls.release_for_try()
        try:
            count = self._fetch() + self._submit()
        except CallFailure as failure:
            self._back_off(failure)
            return 0
        if self._failures:
            log.info("the Batch API answers again")
        self._failures = 0
        self._calls.release_answered()
        return count

    # -- submission --------------------------------------------------------------------------------------------------

    def _submit(self) -> int:
        """Submit the calls that wait as one batch, and return their number.

        The calls are reserved first, so that a batch whose outcome is unknown can be looked up by its calls.
        """
        rows = self._calls.reserve(self._max_calls, self.recorder.highest_cost)
        if not rows:
            return 0
        failpoint("batch_api.reserved")
        items = [BatchItem(str(row.custom_id), row.body) for row in rows]
        try:
            name = self.client.submit_batch(items)
        except OutcomeUnknown as failure:
            log.warning(
                "it is unknown whether a batch was accepted; the batch will be looked up",
                calls=len(rows),
                reason=failure,
            )
            raise
        except (RequestRejected, KeyRefused, SpendLimit, ModelUnavailable) as failure:
            if isinstance(failure, RequestRejected) and failure.certain:
                return self._submit_less(rows, failure)
            # The API reads the single requests later. So a refusal now is about the account or a gateway.
            self.recorder.pause_models(rows, failure)
            return 0
        except CallFailure:
            self._calls.record_unsent(rows)
            raise
        failpoint("batch_api.submitted")
        self._calls.name_batch(rows, name)
        failpoint("batch_api.named")
        log.info("a batch was submitted", batch=name, calls=len(rows))
        self.recorder.end_pauses(rows)
        self._max_calls = min(MAX_CALLS_PER_BATCH, 2 * self._max_calls)
        return len(rows)

    def _submit_less(self, rows: list[ModelCall], failure: RequestRejected) -> int:
        """After a batch was too large, submit half as many calls. A single call that is too large is rejected."""
        if len(rows) == 1:
            self._end(rows, failure, 0)
            return 0
        self._max_calls = len(rows) // 2
        self._calls.record_unsent(rows)
        log.info("a batch was too large; its calls are submitted in parts", calls=len(rows), reason=failure)
        return self._submit()

    # -- results -----------------------------------------------------------------------------------------------------

    def _fetch(self) -> int:
        """Fetch the results of every submitted batch."""
        count = 0
        for _, group in groupby(self._calls.submitted_calls(), lambda row: row.submission):
            batch = list(group)
            if (name := batch[0].batch_id or self._find(batch)) is None:
                continue
            try:
                results = self.client.batch_results(name)
            except (RequestRejected, ModelUnavailable) as failure:
                if isinstance(failure, ModelUnavailable) and not failure.from_api:
                    raise  # a gateway answers, or the address is wrong
                # The API deleted the batch, or another account owns it: it was paid for, and its answers are lost.
                self._calls.end_as_unknown(batch, str(failure))
                for row in batch:
                    run_traces.record_batch_call(row, None, self._calls.now())
                continue
            if results is not None:
                # Failures first: an answer in the same batch shows that the model can be used.
                answers = [(row, results.get(str(row.custom_id))) for row in batch]
                for row, result in sorted(answers, key=lambda pair: isinstance(pair[1], Reply)):
                    self._record(row, result)
                count += len(batch)
        return count

    def _find(self, batch: list[ModelCall]) -> str | None:
        """Return the name of a batch; None if it is not found yet.

        A crash or a lost connection kept the name from being stored.
        """
        since = batch[0].sent_at or 0
        try:
            name = self.client.find_batch([str(row.custom_id) for row in batch], since)
        except OutcomeUnknown as failure:
            log.info(
                "a lost batch may be one of the unfinished batches; the lost batch is looked up again later",
                reason=failure,
            )
            return None
        if name is not None:
            self._calls.name_batch(batch, name)
            log.info("a lost batch was found again", batch=name, calls=len(batch))
        elif self._calls.now() >= since + LOST_AFTER:
            self._calls.record_unsent(batch)
            log.info("a batch never arrived; its calls are submitted again", sent=iso(since), calls=len(batch))
        return name

    def _record(self, row: ModelCall, result: Reply | ModelError | None) -> None:
        match result:
            case Reply():
                self.recorder.record(row, result)
                failpoint("batch_api.kept")
            case None | OutcomeUnknown():
                self._calls.end_as_unknown([row], "its batch ended without a result for this call")
            case KeyRefused() | SpendLimit() | ModelUnavailable() | RequestRejected(certain=False):
                wait = self.recorder.pause_model(row, result)
                self._calls.defer(row, wait)
            case CallFailure():
                self._end([row], result, backoff(FIRST_API_PAUSE, 1, self._rng))
            case _:
                self.recorder.record(row, Reply(UNREADABLE))
        run_traces.record_batch_call(row, result, self._calls.now())

    def _end(self, rows: Sequence[ModelCall], failure: CallFailure, delay: Duration) -> None:
        state = CallState.REJECTED if isinstance(failure, RequestRejected) else CallState.FAILED
        self._calls.end(rows, state, str(failure), failure.request_id, delay)

    def _back_off(self, failure: CallFailure) -> None:
        self._failures += 1
        requested = failure.retry_after if isinstance(failure, Overloaded) else None
        wait = max(
            backoff(FIRST_API_PAUSE, min(self._failures, MAX_DOUBLINGS), self._rng),
            microseconds_in(requested or 0.0),
        )
        self._not_before = self._calls.now() + wait
        if self._failures == 1:
            problem = "cannot be reached" if isinstance(failure, NotSent) else "does not answer"
            log.warning(f"the Batch API {problem}; it is tried again", at=iso(self._not_before), reason=failure)
