"""Commits of the work of several processes on a server in one transaction; see `submission_queue`.

The process that has the turn commits its own work and the work of all waiting processes. So many processes share one
flush to the disk and one wait for the lock, as the threads of one process do in `group_commit`.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from blackboard.errors import StoreUnknown
from blackboard.store.batch_commits import unknown_outcome
from blackboard.store.database_server.server_writer import ServerWriter
from blackboard.store.database_server.submission_queue import (
    MAX_CHARACTERS,
    SubmissionEnd,
    SubmissionQueue,
    SubmittedWork,
    Turn,
)
from blackboard.store.dialect import ErrorCause
from blackboard.store.group_commit import Entry
from blackboard.store.transaction import Transaction, WorkEffects
from blackboard.system.failpoints import failpoint

MAX_FAILED = 3
"""The number of failures after which a turn does no more work of other processes."""


class SubmissionFailed(Exception):  # no caller sees it
    """The work of another writer failed; `__cause__` is its error."""

    def __init__(self, writer: str) -> None:
        super().__init__(writer)
        self.writer = writer


class _LeftAlone(Exception):  # no caller sees it
    """This process has to do its own work alone."""


class CombinedCommits:
    """The combined commits of one process.

    Args:
        writer: The writing connection of the process.
        on_commit: Called after each commit.

    Attributes:
        queue: The submissions of this process.
        work: How requests are done; None if this process does not take part.
    """

    def __init__(self, writer: ServerWriter, on_commit: Callable[[], object]) -> None:
        self._writer, self._on_commit = writer, on_commit
        self.work: SubmittedWork | None = None
        self.begin_anew()

    def begin_anew(self) -> None:
        """Begin as another writer, in a forked child."""
        self.queue = SubmissionQueue(self._writer.dialect.begin_write)

    @property
    def is_useful(self) -> bool:
        """Whether other processes write on the board at present, and this one takes part."""
        return self.work is not None and self.queue.is_busy

    def takes(self, batch: list[Entry]) -> bool:
        """Return whether a batch should be committed here: the board is busy, and other processes can do its work."""
        return self.is_useful and all(entry.submission is not None for entry in batch)

    def commit(self, batch: list[Entry]) -> bool:
        """Commit a batch together with the work of other processes, or let one of them do it.

        Returns:
            Whether each entry has its result or error. Otherwise nothing is stored, and the batch is to be committed
            alone.
        """
        writer = self._writer
        requests = json.dumps([entry.submission.request for entry in batch])
        if len(requests) > MAX_CHARACTERS:
            return False
        try:
            pipeline = writer.pipeline()
        except Exception:
            # Nothing is submitted. A withdrawal would find the submission before, and take its results for the results
            # of this batch. Alone, the batch tries again to connect.
            return False
        transaction: Transaction | None = None
        failed: set[str] = set()
        try:
            try:
                outcome = self.queue.submit(pipeline, requests)
                failpoint("submission.answered")
                while isinstance(outcome, Turn) and (transaction is None or not transaction.committed):
                    transaction = writer.continue_transaction()
                    try:
                        self._work(transaction, outcome, batch, failed)
                        writer.commit(transaction)
                    except SubmissionFailed as error:
                        failed.add(error.writer)
                        writer.end()
                        outcome = self.queue.take_turn(writer.pipeline())
            finally:
                writer.end()
        except BaseException as error:
            return self._settle(batch, transaction, error)
        self._on_commit()
        return _take_results(batch, outcome) if isinstance(outcome, SubmissionEnd) else True

    def _work(self, transaction: Transaction, turn: Turn, batch: list[Entry], failed: set[str]) -> None:
        """Do the work of a batch, and of the other processes that wait.

        Raises:
            SubmissionFailed: The work of another process failed.
        """
        assert self.work is not None
        own = [entry.submission.request for entry in batch]
        others = [
            other
            for other in turn.others
            if other.requests is not None and other.writer not in failed and len(failed) <= MAX_FAILED
        ]
        self.work.begin(transaction, [*own, *(request for other in others for request in other.requests or ())])
        results = self.work.perform(transaction, own)
        if results is None:
            raise _LeftAlone
        for other in others:
            try:
                other.results = self.work.perform(transaction, other.requests or [])
            except Exception as error:
                raise SubmissionFailed(other.writer) from error
        effects = transaction.effects
        for entry, result in zip(batch, results, strict=True):
            entry.transaction, entry.result = transaction, entry.submission.read(result, effects)
            effects = WorkEffects()  # one process, and one thread of it, tells of all the work
        self.queue.finish(transaction, turn)
        failpoint("submission.done")

    def _settle(self, batch: list[Entry], transaction: Transaction | None, error: BaseException) -> bool:
        """Handle an error, and return what `commit` returns."""
        writer = self._writer
        if transaction is not None and transaction.committed:
            raise error  # the work is committed: an error after that must not repeat it
        is_unknown = isinstance(error, StoreUnknown) or (transaction is not None and transaction.in_doubt)
        outcome = None if is_unknown else self._withdraw(error)
        if outcome is None:
            for entry in batch:  # not repeated, because the work may be stored
                entry.error = unknown_outcome(writer.where)
        is_done = outcome is None or _take_results(batch, outcome)
        if not isinstance(error, Exception):
            raise error  # a signal's handler raised it; entries without a result wait again
        if not is_done and writer.dialect.cause_of(error) is ErrorCause.BUSY:
            for entry in batch:
                entry.error = writer.dialect.translated(error, writer.where)
            return True
        return is_done

    def _withdraw(self, error: BaseException) -> SubmissionEnd | None:
        writer = self._writer
        is_lost = not isinstance(error, Exception) or writer.dialect.cause_of(error) is ErrorCause.LOST
        return self.queue.withdraw(writer.idle_connection, writer.close, is_lost=is_lost)


def _take_results(batch: list[Entry], outcome: SubmissionEnd) -> bool:
    """Set the results that another process gave; return whether it gave any."""
    if outcome.results is None:
        return False
    for entry, result in zip(batch, outcome.results, strict=True):
        entry.result, entry.is_done_elsewhere = entry.submission.read(result, WorkEffects()), True
    return True
