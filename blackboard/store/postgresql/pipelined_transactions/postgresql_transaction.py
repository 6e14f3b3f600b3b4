"""The usual transaction on PostgreSQL, which holds the lock of writers, or only reads.

A statement that changes something waits. It is sent with the next read, or with COMMIT. So an error of such a
statement is raised by a later call of the same transaction: the next read, or the commit. The driver's error has
the cause of the statement that failed first. Rows that are put wait until a read is about them, see `bulk_writes`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from blackboard.store.dialects.dialect import Dialect
from blackboard.store.event_partitions import EventPartitions
from blackboard.store.postgresql.pipelined_transactions.bulk_writes import BulkWrites
from blackboard.store.postgresql.pipelined_transactions.pipelined_transaction import PipelinedTransaction
from blackboard.store.postgresql.pipelined_transactions.process_read_cache import CACHED_READS, ProcessReadCache
from blackboard.store.postgresql.pipelined_transactions.statement_pipeline import StatementResult
from blackboard.store.statement_file import QUIET, Statement, StatementEffect
from blackboard.store.statements import MARKS
from blackboard.store.transaction import SqlRead, WorkEffects


class PostgresqlTransaction(PipelinedTransaction):
    """An open transaction that holds the lock of writers, or only reads; see `Transaction`.

    Args:
        connection: The connection.
        dialect: The kind of database.
        process_cache: Notes the results of the database server, for later transactions of this process; None if it only
            reads.
    """

    __slots__ = ("_bulk_writes", "_counted", "_cursor", "_last_ids", "_process_cache")

    def __init__(self, connection: Any, dialect: Dialect, process_cache: ProcessReadCache | None = None) -> None:
        super().__init__(connection, dialect)
        self._cursor: Any = None
        self._counted: list[tuple[StatementResult, WorkEffects, StatementEffect]] = []
        """The waiting statements that affect workers if they change a row, each with its effect."""
        self._bulk_writes = BulkWrites()
        self._last_ids: dict[str, int] = {}
        """The largest ids of tables, by the statements that read them."""
        self._process_cache = process_cache

    @property
    def cursor(self) -> Any:
        """The cursor of the driver, for a statement that is in no file. The statements that wait are sent first."""
        self.flush()
        self._cache.clear()
        self._write_count += 1
        if self._cursor is None:
            self._cursor = self._connection.cursor()
        return self._cursor

    @property
    def partitions(self) -> EventPartitions | None:
        from blackboard.store.postgresql import postgresql_partitions  # few boards have partitions

        return postgresql_partitions.PostgresqlPartitions(self) if postgresql_partitions.has_partitions(self) else None

    def flush(self) -> None:
        self._send_bulk_writes()
        self._receive()

    def _receive(self) -> None:
        """Send the statements that wait, and take their results. Rows that were put continue to wait."""
        super()._receive()
        if self._counted:
            for result, effects, effect in self._counted:
                if result.changed:
                    effects.add(effect)
            self._counted.clear()

    def commit(self) -> None:
        """Send the statements that wait, and COMMIT after them. A statement that fails prevents the commit."""
        self._send_bulk_writes()
        self._pipeline.add("COMMIT")
        self._receive()

    def roll_back(self) -> None:
        self._bulk_writes.clear()
        super().roll_back()

    def close(self) -> None:
        if self._cursor is not None:
            with contextlib.suppress(Exception):
                self._cursor.close()

    def run(self, statement: Statement[object], **values: Any) -> None:
        self._note_write(statement, values)
        text, names = statement.compile(self.dialect)
        result = self._counter(statement)
        if result is not None or len(names) != 1 or not self._waits(text, names, (values[names[0]],)):
            self._add(text, [values[name] for name in names], result)

    def run_and_count(self, statement: Statement[object], **values: Any) -> int:
        self._note_write(statement, values)
        return self._execute(statement, values).changed or 0

    def put(self, statement: Statement[object], row: NamedTuple) -> None:
        self._note_write(statement, row)
        if statement is MARKS.insert_mark and self._process_cache is not None:
            self._process_cache.note_subject(row.kind, row.subject)  # type: ignore[attr-defined]
        text, names = statement.compile(self.dialect)
        if names != row._fields or not self._waits(text, names, row):
            self._add(text, _in_order(names, row))

    def insert(self, statement: Statement[object], last_id: Statement[int], **values: Any) -> int:
        last = self._last_ids.get(last_id.name)
        values["id"] = self._last_ids[last_id.name] = 1 + ((self.value(last_id) or 0) if last is None else last)
        self.run(statement, **values)
        return int(values["id"])

    def run_many(self, statement: Statement[object], rows: Iterable[Mapping[str, Any]]) -> None:
        text, names = statement.compile(self.dialect)
        for row in rows:
            self._note_write(statement, row)
            self._add(text, [row[name] for name in names])

    def results(self, *reads: SqlRead) -> list[list[Any]]:
        waiting = []
        for statement, values in reads:
            text, names = statement.compile(self.dialect)
            arguments = [values[name] for name in names]
            result = self._cache.find(statement, arguments)
            if result is None:
                result = StatementResult()
                self._add(text, arguments, result)
            waiting.append((statement.make, result))
        if any(result.changed is None for _, result in waiting):
            self._receive()
        return [[*map(make, result.rows)] for make, result in waiting]

    def _execute(self, statement: Statement[object], values: Mapping[str, Any]) -> StatementResult:
        """Send a statement after those that wait, and return its result."""
        text, names = statement.compile(self.dialect)
        arguments = [values[name] for name in names]
        result = self._cache.find(statement, arguments)
        if result is None:
            result = self._counter(statement) or StatementResult()
            self._add(text, arguments, result)
        if result.changed is None:
            self._receive()
        if self._process_cache is not None and statement.name in CACHED_READS:
            self._process_cache.note(statement, tuple(arguments), result.rows)
        return result

    def _add(self, text: str, values: Sequence[Any], result: StatementResult | None = None) -> None:
        """Queue a statement. Rows that it may see or change are sent first."""
        if self._bulk_writes.is_seen_by(text):
            self._send_bulk_writes()
        self._pipeline.add(text, values, result)

    def _waits(self, text: str, names: tuple[str, ...], row: tuple[Any, ...]) -> bool:
        """Keep a row, to write it with other rows of the same statement; return False if that is not possible."""
        if (found := self._bulk_writes.find_set(text, names)) is None:
            return False
        found.rows.append(row)
        if found.is_full:
            self._send_bulk_writes()
        return True

    def _send_bulk_writes(self) -> None:
        """Send the rows that wait, after the statements that wait: a large set of new rows by COPY."""
        for each in self._bulk_writes.take():
            if each.is_copied:
                self._receive()
                with self._connection.cursor() as cursor:
                    self.dialect.insert_rows(cursor, each.table, each.columns, each.rows)
            else:
                for text, values in each.statements():
                    self._pipeline.add(text, values)

    def _counter(self, statement: Statement[object]) -> StatementResult | None:
        """Return the result that counts the rows of a statement with an effect on workers; None without an effect."""
        if (effect := statement.known_effect or statement.effect) is QUIET:
            return None
        result = StatementResult()
        self._counted.append((result, self.effects, effect))
        return result


def _in_order(names: tuple[str, ...], row: Any) -> Sequence[Any]:
    """Return the values of a row that a statement takes. Some statements compute an id themselves."""
    return row if names == row._fields else [getattr(row, name) for name in names]
