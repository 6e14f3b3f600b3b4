"""The cheap lane: hands planned calls to the Message Batches API together, and takes each answer in once.

It never hands a call in again while nobody can say what became of it: a batch whose name was lost with a crash or a
connection is looked for by the names that its requests were given.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby

import structlog

from blackboard.board import model_calls
from blackboard.board.blackboard import Blackboard
from blackboard.board.board_transaction import BoardTransaction
from blackboard.clock import Instant, iso
from blackboard.daemon import telemetry
from blackboard.daemon.call_recorder import CallRecorder
from blackboard.durations import parse_duration
from blackboard.errors import ModelError, UnknownName
from blackboard.failpoints import reach
from blackboard.llm import (
    BatchItem,
    CallFailure,
    Client,
    KeyRefused,
    NotSent,
    OutcomeUnknown,
    Overloaded,
    Rejected,
    Reply,
    SpendLimit,
)
from blackboard.priorities import backoff
from blackboard.states import CallState
from blackboard.store.rows import CallRow
from blackboard.store.statements import ACTIVATIONS, MODEL_CALLS

__all__ = ["BatchApi"]

log = structlog.get_logger("blackboard")

MAX_CALLS = 1000
"""Calls in one batch; with prompts of some kilobytes, far under what the API takes."""
LOST_FOR = parse_duration("10m")
"""How long a batch that the API does not know may yet turn up, before its calls are held never to have arrived."""
FIRST_WAIT = parse_duration("1m")
JUNK = "null"
"""The raw answer of a call whose batch holds nothing readable for it: paid, for all that anyone can tell."""


class BatchApi:
    """The cheap lane of one board. A look at it runs in a thread of its own, since the API may be slow.

    Args:
        interval: microseconds between two looks.
        done: called when a look has ended.
    """

    def __init__(
        self,
        board: Blackboard,
        client: Client,
        recorder: CallRecorder,
        interval: int,
        rng: random.Random,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        self.board, self.client, self.recorder, self.interval, self.done = board, client, recorder, interval, done
        self._rng = rng
        self._failures = 0
        self._not_before: Instant = 0
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether a look is under way."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def look(self) -> None:
        """Begin a look, unless one is under way or nothing is in the lane."""
        if self.busy or not self.board.read(_has_work):
            return
        self._thread = threading.Thread(target=self._run, name="blackboard-batch-api", daemon=True)
        self._thread.start()

    def close(self, seconds: float) -> None:
        """Wait for a look that is under way, at most so long; what it has begun is found again."""
        if (thread := self._thread) is not None:
            thread.join(seconds)

    def _run(self) -> None:
        try:
            self.run_once()
        except Exception as error:
            log.error("the cheap lane is stuck; it is looked at again", error=f"{type(error).__name__}: {error}")
        finally:
            self._thread = None
            self.done()

    def run_once(self) -> int:
        """Hand in what is planned, ask for what was handed in, and wake what was answered; returns how many calls.

        Raises:
            StoreError: the board cannot be used.
        """
        if self.board.session.now() < self._not_before:
            return 0
        try:
            count = self._fetch() + self._submit()
        except (KeyRefused, SpendLimit) as failure:
            self.recorder.stop_everything([], failure)
            return 0
        except CallFailure as failure:
            self._wait(failure)
            return 0
        self._failures = 0
        self.board.write(_wake_answered)
        return count

    # -- handing in ---------------------------------------------------------------------------------------------------

    def _submit(self) -> int:
        rows = self.board.write(self._reserve, record=True)
        if not rows:
            return 0
        reach("batch_api.reserved")
        items = [BatchItem(str(row.custom_id), row.body) for row in rows]
        try:
            name = self.client.submit_batch(items)
        except OutcomeUnknown as failure:
            log.warning("whether a batch was taken is unknown; it is looked for", calls=len(rows), reason=str(failure))
            raise
        except (KeyRefused, SpendLimit) as failure:
            self.recorder.stop_everything(rows, failure)
            return 0
        except Rejected as failure:
            self._each(rows, partial(_failed, failure=failure, wait=0))
            return 0
        except CallFailure:
            self._each(rows, _unsent)
            raise
        reach("batch_api.submitted")
        self.board.write(
            lambda txn: txn.tx.run(MODEL_CALLS.name_batch, submission=rows[0].submission, batch_id=name) and None
        )
        reach("batch_api.named")
        log.info("a batch was handed in", batch=name, calls=len(rows))
        return len(rows)

    def _reserve(self, txn: BoardTransaction) -> list[CallRow]:
        """Mark what is planned as sent, as far as the budgets go."""
        if txn.tx.one(ACTIVATIONS.board)[5]:
            return []
        rows: list[CallRow] = []
        uid = str(txn.tx.one(ACTIVATIONS.board)[1])[:24]
        for values in txn.tx.all(MODEL_CALLS.calls_to_submit, limit=MAX_CALLS):
            row = CallRow(*values)
            custom_id = f"{uid}-{row.activation_id}-{row.id}"
            submission = rows[0].id if rows else row.id
            try:
                reserve = self.recorder.reserve(row)
            except UnknownName as error:
                _hold(txn, row, f"{error}; a call without a price is not made", None)
                continue
            over = model_calls.send(txn, row, reserve, submission=submission, custom_id=custom_id)
            if over is not None and over.holds:
                _hold(txn, row, over.reason, over.until)
                continue
            rows.append(row._replace(custom_id=custom_id, submission=submission))
        return rows

    # -- taking in ----------------------------------------------------------------------------------------------------

    def _fetch(self) -> int:
        """Ask for the results of every batch that is out."""
        rows = [CallRow(*values) for values in self.board.read(lambda txn: txn.tx.all(MODEL_CALLS.submitted_calls))]
        count = 0
        rows.sort(key=lambda row: (row.submission or 0, row.id))
        for _, found in groupby(rows, lambda row: row.submission):
            batch = list(found)
            if (name := batch[0].batch_id or self._find(batch)) is None:
                continue
            try:
                results = self.client.batch_results(name)
            except Rejected as failure:
                # Kept no longer, or not ours: whatever it cost is paid, and its answers are gone.
                self._each(batch, partial(_lost, why=str(failure)))
                for row in batch:
                    telemetry.batched(row, None, self.board.session.now())
                continue
            if results is not None:
                count += sum(self._take_in(row, results.get(str(row.custom_id))) for row in batch)
        return count

    def _find(self, batch: list[CallRow]) -> str | None:
        """The name of a batch that was lost with a crash or a connection; None if it is not there, or not yet."""
        since = batch[0].sent_at or 0
        try:
            name = self.client.find_batch([str(row.custom_id) for row in batch], since)
        except OutcomeUnknown as undecided:
            log.info("a batch may be the lost one; it is asked again when that has ended", reason=str(undecided))
            return None
        if name is not None:
            self.board.write(
                lambda txn: txn.tx.run(MODEL_CALLS.name_batch, submission=batch[0].submission, batch_id=name) and None
            )
            log.info("a lost batch was found again", batch=name, calls=len(batch))
        elif self.board.session.now() >= since + LOST_FOR:
            self._each(batch, _unsent)
            log.info("a batch never arrived; its calls are handed in again", sent=iso(since), calls=len(batch))
        return name

    def _take_in(self, row: CallRow, result: Reply | ModelError | None) -> bool:
        if isinstance(result, Reply):
            self.recorder.keep(row, result)
            reach("batch_api.kept")
        elif isinstance(result, KeyRefused | SpendLimit):
            self.recorder.stop_everything([row], result)
        elif isinstance(result, CallFailure) and not isinstance(result, OutcomeUnknown):
            wait = backoff(FIRST_WAIT, 1, self._rng)
            self._each([row], partial(_failed, failure=result, wait=wait))
        elif result is None or isinstance(result, OutcomeUnknown):
            self._each([row], partial(_lost, why="its batch ended without a result for it"))
        else:
            self.recorder.keep(row, Reply(JUNK))
        telemetry.batched(row, result, self.board.session.now())
        return True

    def _each(self, rows: Sequence[CallRow], work: Callable[[BoardTransaction, CallRow], None]) -> None:
        """Do the same to each call, in one transaction."""

        def for_all(txn: BoardTransaction) -> None:
            for row in rows:
                work(txn, row)

        self.board.write(for_all)

    def _wait(self, failure: CallFailure) -> None:
        self._failures += 1
        asked = failure.retry_after if isinstance(failure, Overloaded) else None
        wait = backoff(FIRST_WAIT, self._failures, self._rng) if asked is None else int(asked * 1e6)
        self._not_before = self.board.session.now() + wait
        problem = "cannot be reached" if isinstance(failure, NotSent) else "does not answer"
        log.warning(f"the cheap lane {problem}", until=iso(self._not_before), reason=str(failure))


def _has_work(txn: BoardTransaction) -> bool:
    return bool(
        txn.tx.all(MODEL_CALLS.submitted_calls)
        or txn.tx.all(MODEL_CALLS.answered_in_batch_api)
        or txn.tx.all(MODEL_CALLS.calls_to_submit, limit=1)
    )


def _hold(txn: BoardTransaction, row: CallRow, reason: str, until: Instant | None) -> None:
    """A planned call has to wait: until a window turns, or, if that makes no room, until a person does."""
    txn.tx.run(ACTIVATIONS.explain_held, id=row.activation_id, error=reason, until=until)
    if until is None:
        txn.tx.run(MODEL_CALLS.note_error, id=row.id, error=reason[:2000])


def _unsent(txn: BoardTransaction, row: CallRow) -> None:
    model_calls.mark_unsent(txn, row.id)


def _failed(txn: BoardTransaction, row: CallRow, failure: CallFailure, wait: int) -> None:
    """Nothing was paid: the activation is run again, which plans the same request anew, or fails if it was rejected."""
    rejected = isinstance(failure, Rejected)
    model_calls.mark_ended(
        txn, row.id, CallState.REJECTED if rejected else CallState.FAILED, str(failure), failure.request_id
    )
    txn.tx.run(ACTIVATIONS.release_held, id=row.activation_id, at=txn.now + wait, error=str(failure))


def _lost(txn: BoardTransaction, row: CallRow, why: str) -> None:
    model_calls.mark_ended(txn, row.id, CallState.UNKNOWN, why)
    model_calls.record_discarded_cost(txn, row)
    agent = txn.deployment.agents.get(row.agent)
    if agent is not None and agent.settings.on_unknown == "hold":
        reason = f"the outcome of call {row.id} is unknown: {why}; retry or discard it"
        txn.tx.run(ACTIVATIONS.explain_held, id=row.activation_id, error=reason, until=None)
    else:
        txn.tx.run(ACTIVATIONS.release_held, id=row.activation_id, at=txn.now, error=why)


def _wake_answered(txn: BoardTransaction) -> None:
    """Let the activations go on whose answers are there."""
    for (activation_id,) in txn.tx.all(MODEL_CALLS.answered_in_batch_api):
        txn.tx.run(ACTIVATIONS.release_held, id=activation_id, at=txn.now, error=None)
