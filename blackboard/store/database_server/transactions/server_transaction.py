"""A transaction on a server, whose statements cross the wire together.

A statement that changes something waits. It is sent with the next question, or with COMMIT. So an error of such a
statement is raised by a later call of the same transaction: the next question, or the commit. The driver's error has
the cause of the statement that failed first. Rows that are put wait until a question is about them, see `row_sets`.

A question that is asked ahead waits likewise. When it is asked again with the same values, its answer is there, unless
a statement of the transaction may have changed it since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from blackboard.store.database_server.transactions.kept_answers import KeptAnswers
from blackboard.store.database_server.transactions.remembered_answers import REMEMBERED_QUESTIONS, RememberedAnswers
from blackboard.store.database_server.transactions.row_sets import RowSets
from blackboard.store.database_server.transactions.statement_pipeline import Answer, pipeline_of
from blackboard.store.dialects.dialect import Dialect
from blackboard.store.statement_texts.statement_file import Statement
from blackboard.store.statements import MARKS
from blackboard.store.transaction import Question, Transaction, WorkEffects
from blackboard.store.transaction_parts.event_partitions import EventPartitions

Result = TypeVar("Result")
Value = TypeVar("Value", bound=int | float | str | None)


class ServerTransaction(Transaction):
    """An open transaction on a connection to a server; see `Transaction`.

    Args:
        connection: The connection.
        dialect: The kind of database.
        remembered: Notes the answers of the server, for later transactions of this process; None for one that reads.
    """

    __slots__ = (
        "_begun",
        "_connection",
        "_counted",
        "_has_dropped",
        "_kept",
        "_last_ids",
        "_pipeline",
        "_remembered",
        "_sets",
    )

    asks_ahead = True

    def __init__(self, connection: Any, dialect: Dialect, remembered: RememberedAnswers | None = None) -> None:
        super().__init__(None, dialect)
        self._connection = connection
        self._pipeline = pipeline_of(connection, prepares=dialect.keeps_statements)
        self._counted: list[tuple[Answer, WorkEffects, str]] = []
        """The statements that wait and have an effect on workers if they change a row, with this effect."""
        self._sets = RowSets()
        self._kept = KeptAnswers()
        self._has_dropped = False
        """Whether a write may have changed an answer that was kept."""
        self._last_ids: dict[str, int] = {}
        """The largest ids of tables, by the statements that asked for them."""
        self._begun: Answer | None = None
        """The answer to the last statement of `begin`."""
        self._remembered = remembered

    @property
    def cursor(self) -> Any:
        """The cursor of the driver, for a statement that is in no file. The statements that wait are sent first."""
        self.flush()
        self._kept.clear()
        if self._cursor is None:
            self._cursor = self._connection.cursor()
        return self._cursor

    @property
    def has_begun(self) -> bool:
        return self._begun is not None and self._begun.changed is not None

    @property
    def asks_again(self) -> bool:
        return self._has_dropped or not self._kept

    @property
    def partitions(self) -> EventPartitions | None:
        from blackboard.store.database_server.partitions import partition_ranges  # few boards have partitions

        return partition_ranges.ServerPartitions(self) if partition_ranges.has_partitions(self) else None

    def send(self, sql: str, *values: Any) -> Answer:
        self._begun = Answer()
        self._pipeline.add(sql, values, self._begun)
        return self._begun

    def flush(self) -> None:
        self._send_sets()
        self._receive()

    def _receive(self) -> None:
        """Send the statements that wait, and take their answers. Rows that were put continue to wait."""
        self._pipeline.receive()
        if self._counted:
            for answer, effects, effect in self._counted:
                if answer.changed:
                    effects.add(effect)
            self._counted.clear()

    def commit(self) -> None:
        """Send the statements that wait, and COMMIT behind them. A statement that fails prevents the commit."""
        self._send_sets()
        self._pipeline.add("COMMIT")
        self._receive()

    def ask_ahead(self, statement: Statement[object], **values: Any) -> None:
        sql, names = statement.compiled(self.dialect)
        given = [values[name] for name in names]
        if self._kept.find(statement, given) is None:
            answer = Answer()
            try:
                self._add(sql, given, answer)
            except (ValueError, self.dialect.error):
                return  # the rules will ask again, and see the error
            self._kept.keep(statement, given, answer)

    def roll_back(self) -> None:
        """Roll the transaction back. The statements that wait are never sent."""
        self._pipeline.discard()
        self._sets.discard()
        if not self._pipeline.is_idle:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        if self._cursor is not None:
            super().close()

    def run(self, statement: Statement[object], **values: Any) -> None:
        self._note_write(statement, values)
        sql, names = statement.compiled(self.dialect)
        answer = self._counter(statement)
        if answer is not None or len(names) != 1 or not self._waits(sql, names, (values[names[0]],)):
            self._add(sql, [values[name] for name in names], answer)

    def changed(self, statement: Statement[object], **values: Any) -> int:
        self._note_write(statement, values)
        return self._answer(statement, values).changed or 0

    def put(self, statement: Statement[object], row: tuple[Any, ...]) -> None:
        self._note_write(statement, row)
        if statement is MARKS.insert_mark and self._remembered is not None:
            self._remembered.note_subject(row.kind, row.subject)  # type: ignore[attr-defined]
        sql, names = statement.compiled(self.dialect)
        if names != row._fields or not self._waits(sql, names, row):  # type: ignore[attr-defined]
            self._add(sql, _in_order(names, row))

    def put_many(self, statement: Statement[object], rows: Iterable[tuple[Any, ...]]) -> None:
        for row in rows:
            self.put(statement, row)

    def insert(self, statement: Statement[object], last_id: Statement[int], **values: Any) -> int:
        last = self._last_ids.get(last_id.name)
        values["id"] = self._last_ids[last_id.name] = 1 + ((self.value(last_id) or 0) if last is None else last)
        self.run(statement, **values)
        return int(values["id"])

    def run_many(self, statement: Statement[object], rows: Iterable[Mapping[str, Any]]) -> None:
        sql, names = statement.compiled(self.dialect)
        for row in rows:
            self._note_write(statement, row)
            self._add(sql, [row[name] for name in names])

    def rows(self, statement: Statement[object], **values: Any) -> list[tuple[Any, ...]]:
        return self._answer(statement, values).rows

    def answers(self, *questions: Question) -> list[list[Any]]:
        waiting = []
        for statement, values in questions:
            sql, names = statement.compiled(self.dialect)
            given = [values[name] for name in names]
            answer = self._kept.find(statement, given)
            if answer is None:
                answer = Answer()
                self._add(sql, given, answer)
            waiting.append((statement.make, answer))
        if any(answer.changed is None for _, answer in waiting):
            self._receive()
        return [[*map(make, answer.rows)] for make, answer in waiting]

    def one(self, statement: Statement[Result], **values: Any) -> Result | None:
        rows = self._answer(statement, values).rows
        return statement.make(rows[0]) if rows else None

    def existing(self, statement: Statement[Result], **values: Any) -> Result:
        rows = self._answer(statement, values).rows
        if not rows:
            raise LookupError(f"{statement.name} found nothing")
        return statement.make(rows[0])

    def value(self, statement: Statement[Value], **values: Any) -> Value:
        return statement.make(self._answer(statement, values).rows[0])

    def all(self, statement: Statement[Result], **values: Any) -> list[Result]:
        return [*map(statement.make, self._answer(statement, values).rows)]

    def _answer(self, statement: Statement[object], values: Mapping[str, Any]) -> Answer:
        """Send a statement behind those that wait, and return its answer."""
        sql, names = statement.compiled(self.dialect)
        given = [values[name] for name in names]
        answer = self._kept.find(statement, given)
        if answer is None:
            answer = self._counter(statement) or Answer()
            self._add(sql, given, answer)
        if answer.changed is None:
            self._receive()
        if self._remembered is not None and statement.name in REMEMBERED_QUESTIONS:
            self._remembered.note(statement, tuple(given), answer.rows)
        return answer

    def _note_write(self, statement: Statement[object], values: Any) -> None:
        """Drop the kept answers that a write may change. Its values are a mapping or a named tuple."""
        if self._kept:
            self._has_dropped = True
            self._kept.drop_changed(statement, values if isinstance(values, Mapping) else values._asdict())

    def _add(self, sql: str, values: Sequence[Any], answer: Answer | None = None) -> None:
        """Let a statement wait, behind the rows that it may see or change."""
        if self._sets.named_in(sql):
            self._send_sets()
        self._pipeline.add(sql, values, answer)

    def _waits(self, sql: str, names: tuple[str, ...], row: tuple[Any, ...]) -> bool:
        """Let a row wait for others that the same statement inserts or deletes; return False if it cannot wait."""
        if (found := self._sets.set_of(sql, names)) is None:
            return False
        found.rows.append(row)
        if found.is_full:
            self._send_sets()
        return True

    def _send_sets(self) -> None:
        """Send the rows that wait, behind the statements that wait: a large set of new rows by COPY."""
        for each in self._sets.take():
            if each.is_copied:
                self._receive()
                with self._connection.cursor() as cursor:
                    self.dialect.insert_rows(cursor, each.table, each.columns, each.rows)
            else:
                for sql, values in each.statements():
                    self._pipeline.add(sql, values)

    def _counter(self, statement: Statement[object]) -> Answer | None:
        """Return the answer that counts the rows of a statement with an effect on workers; None without an effect."""
        if (effect := statement.word or statement.effect) == "quiet":
            return None
        answer = Answer()
        self._counted.append((answer, self.effects, effect))
        return answer


def _in_order(names: tuple[str, ...], row: Any) -> Sequence[Any]:
    """Return the values of a row that a statement takes. Some statements compute an id themselves."""
    return row if names == row._fields else [getattr(row, name) for name in names]
