"""Work that processes on a server hand to each other, so that one transaction does the work of all waiting processes.

Each writer has one row in the table `submission`. A writer that finds the board busy writes its request there and
commits the row, without waiting for the disk. Then it waits for its turn. The writer that has the turn does its own
work and the waiting requests of all others, and writes their results into their rows, in one transaction. If a writer's
request was done meanwhile, it gives its turn up at once. If the writer that has the turn dies, the requests still wait,
and the next one does them.

A request is never lost, and never done twice: it is done together with its result. If a writer gives up, or loses its
connection, it withdraws its request, and so learns whether it was done.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from blackboard.clock import SystemClock, microseconds_in, pause
from blackboard.durations import SECOND, Duration
from blackboard.store.commit_record import ANSWER_SECONDS, PAUSE_MICROSECONDS
from blackboard.store.database_server.statement_pipeline import Answer, StatementPipeline
from blackboard.store.transaction import Transaction, WorkEffects

FORMAT = 1
"""The format of requests and results. A request of another format is left to its own writer."""
TURN_LOCK = 1112296259
"""The advisory lock of the writer that has the turn: any number, the same in every version."""
MAX_CHARACTERS = 100_000
"""The largest submission, as JSON text. Larger work is done by its own process."""
MAX_SUBMISSIONS = 64
"""The number of submissions that a writer does in its turn."""
BUSY: Duration = SECOND
"""How long the board counts as busy after a writer waited."""
STALE_SECONDS = 30
"""After this time, nobody does a waiting request: its process is gone, because no wait lasts so long."""
KEPT_SECONDS = 3600
"""How long the row of a writer stays, if the writer did not remove it itself."""

ALONE = "alone"
"""The result of a request that its own writer has to do."""
_WITHDRAWN = "withdrawn"

_NOW = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
_BEFORE = "CAST(extract(epoch FROM clock_timestamp() - interval '{} seconds') * 1000000 AS BIGINT)"
# It is a transaction of its own, which does not wait for the disk. A message on a lost connection may still be under
# way: it must not bring back a request that was withdrawn.
_SUBMIT = (
    "INSERT INTO submission (writer, number, format, request, at)"
    f" SELECT $1, $2, {FORMAT}, $3, {_NOW} WHERE set_config('synchronous_commit', 'off', true) IS NOT NULL"
    " ON CONFLICT (writer) DO UPDATE SET number = excluded.number, format = excluded.format,"
    " request = excluded.request, result = NULL, at = excluded.at WHERE submission.number < excluded.number"
)
# The first row belongs to this writer.
_TAKE_TURN = (
    "SELECT writer, format, request, result, waited FROM"
    f" take_turn($1, $2, {TURN_LOCK}, {_BEFORE.format(STALE_SECONDS)}, {MAX_SUBMISSIONS})"
)
_FINISH = (
    "UPDATE submission SET request = NULL, result = done.result"
    " FROM unnest(CAST($1 AS text[]), CAST($2 AS text[])) AS done (writer, result)"
    " WHERE submission.writer = done.writer"
)
_WITHDRAW = (
    "INSERT INTO submission (writer, number, format, result, at)"
    f" VALUES ('{{writer}}', {{next}}, {FORMAT}, '{_WITHDRAWN}', {_NOW})"
    " ON CONFLICT (writer) DO UPDATE SET number = excluded.number, request = NULL, at = excluded.at,"
    " result = CASE WHEN submission.number >= {number} AND submission.result IS NOT NULL"
    f" THEN submission.result ELSE '{_WITHDRAWN}' END RETURNING result"
)
_TIDY = (
    "DELETE FROM submission WHERE writer IN (SELECT writer FROM submission"
    f" WHERE at < {_BEFORE.format(KEPT_SECONDS)} OR (result IS NULL AND at < {_BEFORE.format(STALE_SECONDS)})"
    " FOR UPDATE SKIP LOCKED)"
)
_REMOVE = "DELETE FROM submission WHERE writer = '{writer}'"


class Submission(NamedTuple):
    """Work in a form that another process can do.

    Attributes:
        request: The request, as a JSON value.
        read: Returns the result of the work for its JSON value, and for the effects of which this process must notify
            others.
    """

    request: Any
    read: Callable[[Any, WorkEffects], Any]


class SubmittedWork(NamedTuple):
    """How submitted requests are done in the open transaction of a turn.

    Attributes:
        begin: Begins, and is given all requests.
        perform: Does the requests of one process, and returns their results; None if the process has to do them alone.
    """

    begin: Callable[[Transaction, list[Any]], None]
    perform: Callable[[Transaction, list[Any]], list[Any] | None]


@dataclass
class OtherSubmission:
    """A submission of another writer that waits.

    Attributes:
        writer: The id of the writer.
        requests: Its requests, as JSON values; None if their format is unknown.
        results: Their results, as JSON values; None if its writer has to do them alone.
    """

    writer: str
    requests: list[Any] | None
    results: list[Any] | None = None


@dataclass(frozen=True)
class SubmissionEnd:
    """The end of a submission without a turn.

    Attributes:
        results: The results, as JSON values; None if the writer has to do its work alone.
    """

    results: list[Any] | None


@dataclass(frozen=True)
class Turn:
    """The turn of a writer. Its transaction is open, and no other writes until it ends.

    Attributes:
        others: The submissions of other writers that wait.
    """

    others: list[OtherSubmission]


class SubmissionQueue:
    """The submissions of one writer, and its turns.

    Args:
        begin: The statements that begin a writing transaction.
    """

    def __init__(self, begin: Sequence[str]) -> None:
        self._begin = begin
        self._writer = secrets.token_hex(16)
        self._number = 0
        """The number of the last submission, or of its withdrawal."""
        self._clock = SystemClock()
        self._busy_until = 0
        self._inserted = Answer()
        """The answer to the last submission."""
        self._has_late_message = False
        """Whether a connection was lost on which a message may still be under way."""

    @property
    def is_busy(self) -> bool:
        """Whether other processes write on the board, so that a submission is faster than a transaction alone."""
        return self._clock.monotonic() < self._busy_until

    def note_wait(self) -> None:
        """Note that a transaction had to wait for another writer."""
        self._busy_until = self._clock.monotonic() + BUSY

    def submit(self, pipeline: StatementPipeline, requests: str) -> SubmissionEnd | Turn:
        """Submit requests, and wait until they are done, or until this writer has the turn.

        A turn leaves a transaction open. Otherwise the transaction is ended without a further wait.

        Args:
            pipeline: The pipeline of the writing connection.
            requests: The requests, as JSON text.

        Raises:
            psycopg.Error: The wait took too long, or the connection is lost. The submission is then to be withdrawn.
        """
        self._number += 1
        self._inserted = Answer()
        if self._number == 1:
            pipeline.add(_TIDY)
            pipeline.send()
        pipeline.add(_SUBMIT, (self._writer, self._number, requests), self._inserted)
        pipeline.send()
        return self.take_turn(pipeline)

    def take_turn(self, pipeline: StatementPipeline) -> SubmissionEnd | Turn:
        """Wait for the turn with the last submission; see `submit`."""
        for statement in self._begin:
            pipeline.add(statement)
        answer = Answer()
        pipeline.add(_TAKE_TURN, (self._writer, self._number), answer)
        pipeline.receive()
        (_, _, _, result, waited), *others = answer.rows
        if waited or others or result is not None:
            self.note_wait()
        if result is not None:
            pipeline.add("COMMIT")
            pipeline.send()
            return SubmissionEnd(_read(result))
        return Turn(
            [
                OtherSubmission(writer, json.loads(request) if known == FORMAT else None)
                for writer, known, request, _, _ in others
            ]
        )

    def finish(self, transaction: Transaction, turn: Turn) -> None:
        """Write the results of the others, and that this writer's own work is done."""
        writers, results = [self._writer], ["[]"]
        for other in turn.others:
            writers.append(other.writer)
            results.append(ALONE if other.results is None else json.dumps(other.results))
        transaction.send(_FINISH, writers, results)

    def withdraw(
        self, connect: Callable[[], Any], discard: Callable[[], None], *, is_lost: bool
    ) -> SubmissionEnd | None:
        """Withdraw the last submission after an error, so that no other writer does it from now on.

        Args:
            connect: Returns a writing connection.
            discard: Closes the connection after an error.
            is_lost: Whether the connection was lost. Otherwise a submission without an answer was refused.

        Returns:
            The results if the submission was done; None if the server did not answer in time.
        """
        if self._inserted.changed is None and not is_lost:
            with contextlib.suppress(Exception):  # the next transaction opens another connection
                connect()  # ends the transaction of a turn that was taken behind the refused submission
            return SubmissionEnd(None)
        # A second attempt finds the row as a first one left it, whose answer was lost.
        statement = _WITHDRAW.format(writer=self._writer, number=self._number, next=self._number + 1)
        self._number += 1
        end = self._clock.monotonic() + microseconds_in(ANSWER_SECONDS)
        while True:
            with contextlib.suppress(Exception):
                cursor = connect().cursor()
                cursor.execute("; ".join(self._begin), prepare=False)
                cursor.execute(statement, prepare=False)
                result = str(cursor.fetchone()[0])
                cursor.execute("COMMIT", prepare=False)
                return SubmissionEnd(_read(result))
            discard()
            self._has_late_message = True
            if self._clock.monotonic() >= end:
                return None
            pause(PAUSE_MICROSECONDS)

    def remove(self, cursor: Any) -> None:
        """Remove the row, because its writer ends. It stays if a late message could bring a request back."""
        if self._number and not self._has_late_message:
            statements = (
                *self._begin,
                "SET LOCAL synchronous_commit = off",
                _REMOVE.format(writer=self._writer),
                "COMMIT",
            )
            cursor.execute("; ".join(statements), prepare=False)


def _read(result: str) -> list[Any] | None:
    return None if result in (ALONE, _WITHDRAWN) else json.loads(result)
