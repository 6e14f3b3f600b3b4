"""Statements of a connection to PostgreSQL that cross the wire together, in the pipeline mode of its client library.

A statement that is added waits in this process. The next `receive` sends all that wait in one message, and takes all
their results. So a statement whose result nobody needs costs no round trip. The database server runs the statements in
their order, and skips those after a failed one.

The pipeline uses the library `libpq` through `psycopg.pq`, which takes a third of the processor time of a cursor.
Psycopg does not document all that is used, see `psycopg_internals`. Between two messages, the connection is in its
usual mode, and its cursors can be used.
"""

from __future__ import annotations

import select
from collections.abc import Sequence
from typing import Any

from blackboard.store.postgresql.pipelined_transactions.psycopg_internals import require_internals

MAX_WAITING_STATEMENTS = 1000
"""The largest number of statements that wait, so that a large transaction does not fill the memory."""
MAX_PREPARED = 300
"""The number of statements that the database server keeps prepared for a connection. The oldest gives way."""

_ATTRIBUTE = "blackboard_pipeline"


class StatementResult:
    """The result of a statement: empty until `StatementPipeline.receive` has returned."""

    __slots__ = ("changed", "rows")

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        """The rows, as tuples of Python values."""
        self.changed: int | None = None
        """The number of rows that the statement returned or changed; None until the result is there."""


# Plain tuples, since each deposit makes two dozen: a named tuple takes ten times as long to make.
_Waiting = tuple[
    str,  # the text
    Sequence[Any],  # the values, as the database server takes them
    tuple[int, ...],  # the types of the values
    Sequence[Any],  # their formats
    StatementResult | None,  # the place for the result; None if nobody needs it
]
"""A statement that waits."""
_Expected = tuple[
    str,  # the text of the statement
    tuple[int, ...] | None,  # the types of its parameters, if it was only prepared; None if it was run
    StatementResult | None,  # the place for the result; None if nobody needs it
]
"""A result of the database server that has not arrived."""


class StatementPipeline:
    """The statements that wait on a connection.

    Args:
        connection: A connection of psycopg, in autocommit mode.
        prepares: Whether the database server may keep statements prepared for the connection.

    Raises:
        StoreError: The installed version of psycopg cannot be used.
    """

    def __init__(self, connection: Any, *, prepares: bool) -> None:
        require_internals()
        import psycopg  # psycopg is installed by an extra
        from psycopg import adapt, pq
        from psycopg.types.numeric import Int8Dumper

        psycopg.capabilities.has_pipeline(check=True)
        # All integers have one type, so that their sizes do not make different prepared statements of one text.
        connection.adapters.register_dumper(int, Int8Dumper)
        self._connection = connection
        self._pgconn = connection.pgconn
        """The connection of libpq, to which the statements are sent."""
        self._prepares = prepares
        self._converter = adapt.Transformer(connection)
        """Converts values to parameters, and results to rows."""
        self._automatic = adapt.PyFormat.AUTO
        """Lets psycopg choose between text and binary for a parameter."""
        self._lost = psycopg.OperationalError
        """The error of a connection that ended."""
        self._failed = psycopg.errors.InFailedSqlTransaction
        """The error of a commit that the database server turned into a rollback."""
        self._error_from = psycopg.errors.error_from_result
        """Returns the error that a result reports."""
        # Plain numbers, since an attribute of an enumeration takes as long as a part of a result.
        self._sync = int(pq.ExecStatus.PIPELINE_SYNC)
        """The status of the result that ends a message."""
        self._with_rows = int(pq.ExecStatus.TUPLES_OK)
        self._failures = (int(pq.ExecStatus.FATAL_ERROR), int(pq.ExecStatus.PIPELINE_ABORTED))
        self._idle = int(pq.TransactionStatus.IDLE)
        self._waiting: list[_Waiting] = []
        self._names: dict[tuple[str, tuple[int, ...]], bytes] = {}
        """The names of the prepared statements, by their text and the types of their parameters."""
        self._outdated: list[bytes] = []
        """The names of the prepared statements that the next message drops."""
        self._prepared = 0
        """The number of statements that were ever prepared."""
        self._poll = select.poll()
        self._poll.register(self._pgconn.socket, select.POLLIN)

    @property
    def waiting(self) -> int:
        """The number of statements that wait for the next message."""
        return len(self._waiting)

    def add(self, text: str, values: Sequence[Any] = (), result: StatementResult | None = None) -> None:
        """Let a statement wait for the next message.

        Args:
            text: One statement, with the parameters `$1`, `$2` and so on.
            values: The values of the parameters, which are converted now.
            result: Gets the rows and their number; None if they are not needed.

        Raises:
            psycopg.Error: A value cannot be converted, or too many statements waited and were sent, and one failed.
        """
        types: tuple[int, ...] = ()
        formats: Sequence[Any] = ()
        if values:
            values = self._converter.dump_sequence(values, [self._automatic] * len(values))
            types, formats = self._converter.types or (), self._converter.formats or ()
        self._waiting.append((text, values, types, formats, result))
        if len(self._waiting) >= MAX_WAITING_STATEMENTS:
            self.receive()

    @property
    def is_idle(self) -> bool:
        """Whether no transaction is open on the connection, according to the messages sent so far."""
        return bool(self._pgconn.transaction_status == self._idle)

    def clear(self) -> None:
        """Drop the statements that wait."""
        self._waiting.clear()

    def receive(self) -> None:
        """Send the statements that wait in one message, and take all their results.

        The connection is closed if this does not end regularly, because its state is then unknown.

        Raises:
            psycopg.Error: The error of the first statement that failed, or the connection is lost.
        """
        if not self._waiting:
            return
        try:
            self._pgconn.enter_pipeline_mode()
            error = self._take_results(self._send())
            self._pgconn.exit_pipeline_mode()
        except BaseException:
            self._connection.close()
            raise
        if error is not None:
            raise error

    def _send(self) -> list[_Expected]:
        """Put the statements that wait into a message, and return the results that it will have.

        A statement that is new to the database server is prepared in the message first.
        """
        waiting, self._waiting = self._waiting, []
        pgconn, expected = self._pgconn, list[_Expected]()
        for outdated in self._outdated:
            pgconn.send_query_params(b"DEALLOCATE " + outdated, (), (), ())
            expected.append(("DEALLOCATE", None, None))
        self._outdated.clear()
        for text, values, types, formats, result in waiting:
            if not self._prepares:
                pgconn.send_query_params(text.encode(), values, types, formats)
            else:
                if (name := self._names.get((text, types))) is None:
                    self._prepared += 1
                    name = self._names[text, types] = b"blackboard_%d" % self._prepared
                    pgconn.send_prepare(name, text.encode(), types)
                    expected.append((text, types, None))
                pgconn.send_query_prepared(name, values, formats)
            expected.append((text, None, result))
        pgconn.pipeline_sync()
        return expected

    def _take_results(self, expected: Sequence[_Expected]) -> Exception | None:
        """Take the results of a message, and return the error of the first statement that failed."""
        error: Exception | None = None
        for text, prepared, result in expected:
            if (failed := self._take(text, result)) is not None:
                error = error or failed
                if prepared is not None:
                    del self._names[text, prepared]
        if (end := self._result()) is None or end.status != self._sync:
            raise error or self._lost("the connection ended within a message")
        while len(self._names) > MAX_PREPARED:
            self._outdated.append(self._names.pop(next(iter(self._names))))
        return error

    def _take(self, text: str, result: StatementResult | None) -> Exception | None:
        """Take the result of one statement, and return its error.

        PostgreSQL reports no error for COMMIT even if it rolls back because an earlier message failed.
        """
        error: Exception | None = None
        pg_result = self._result()
        while pg_result is not None:
            status = pg_result.status
            if status in self._failures:
                error = error or self._error_from(pg_result, self._connection.info.encoding)
            elif result is not None:
                result.changed = pg_result.command_tuples or 0
                if status == self._with_rows and pg_result.ntuples:
                    self._converter.set_pgresult(pg_result)
                    result.rows = self._converter.load_rows(0, pg_result.ntuples, tuple)
            elif text == "COMMIT" and pg_result.command_status == b"ROLLBACK":
                error = error or self._failed("COMMIT rolled the transaction back, because a statement had failed")
            pg_result = self._pgconn.get_result()  # returns None after the last, without a wait
        return error

    def _result(self) -> Any:
        """Wait for the next part of the results, and return it. While waiting, send the rest of the message."""
        pgconn = self._pgconn
        while pgconn.is_busy():
            if unsent := pgconn.flush():
                self._poll.modify(pgconn.socket, select.POLLIN | select.POLLOUT)
            [(_, events)] = self._poll.poll()
            if unsent:
                self._poll.modify(pgconn.socket, select.POLLIN)
            if events & ~select.POLLOUT:
                pgconn.consume_input()
        return pgconn.get_result()


def pipeline_of(connection: Any, *, prepares: bool) -> StatementPipeline:
    """Return the pipeline of a connection, which lasts as long as the connection."""
    found: StatementPipeline | None = getattr(connection, _ATTRIBUTE, None)
    if found is None:
        found = StatementPipeline(connection, prepares=prepares)
        setattr(connection, _ATTRIBUTE, found)
    return found
