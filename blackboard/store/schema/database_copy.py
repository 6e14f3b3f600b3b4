"""The copy of all tables of a board to an empty board, which may be on another kind of database.

Rows are read in one transaction and written in another. A table's digest does not depend on the order of its rows,
because databases sort texts differently. The digest of the source is computed from the rows as they are read; the
digest of the target, from the rows as they are read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Float, Table

from blackboard.errors import StoreError
from blackboard.store.schema.tables import board, metadata
from blackboard.store.transaction import Transaction

ROWS_PER_STEP = 5_000
"""Rows that are read and written in one step."""

PROCESS_TABLES = frozenset({"worker", "writer"})
"""Tables of the processes on a board, which do not move with it."""

CopyProgress = Callable[[str, int, int], None]
"""Called with the name of a table, the number of its copied rows, and the number of all its rows."""

CopiedRow = tuple[Any, ...]


@dataclass(frozen=True)
class TableCopy:
    """A table that was copied, its number of rows, and their digest (SHA-256 in hexadecimal)."""

    name: str
    rows: int
    digest: str


def filled_table(target: Transaction) -> str | None:
    """Return the name of a table that contains anything of a board; None if the board is empty."""
    for table in _tables():
        where = " WHERE version <> 0" if table is board else ""
        if target.cursor.execute(f"SELECT 1 FROM {table.name}{where} LIMIT 1").fetchone() is not None:
            return table.name
    return None


def copy_tables(source: Transaction, target: Transaction, progress: CopyProgress) -> list[TableCopy]:
    """Copy all tables, and compare the digests of the rows on both sides.

    The full-text index and the views are not copied, because they differ between databases.

    Raises:
        StoreError: The target cannot store a row, or its rows differ from the rows of the source.
    """
    for transaction in (source, target):
        transaction.dialect.take_time(transaction.cursor)
    return [_copy(table, source, target, progress) for table in _tables()]


def _tables() -> list[Table]:
    """Return the tables that are copied, each after those that it refers to."""
    return [table for table in metadata.sorted_tables if table.name not in PROCESS_TABLES]


def _copy(table: Table, source: Transaction, target: Transaction, progress: CopyProgress) -> TableCopy:
    """Copy a table, and read the copy again.

    Raises:
        StoreError: A row cannot be copied, or the copy differs.
    """
    total = int(source.cursor.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0])
    progress(table.name, 0, total)
    read = _Digest()
    write = _replace_board if table is board else _append
    try:
        for rows in _batches(table, source):
            read.add(rows)
            write(table, target, rows)
            progress(table.name, read.count, total)
    except target.dialect.errors.base as error:
        if target.dialect.errors.blames_database(error):
            raise
        raise StoreError(f"a row of the table {table.name} cannot be copied: {error}") from None
    written = _Digest()
    for rows in _batches(table, target):
        written.add(rows)
    if (read.count, read.text()) != (written.count, written.text()):
        raise StoreError(
            f"the copy of the table {table.name} differs: {read.count} rows were read, and {written.count} are stored;"
            " copy to another empty database"
        )
    if (column := table.autoincrement_column) is not None:
        target.dialect.number_after_rows(target.cursor, table.name, column.name)
    return TableCopy(table.name, read.count, read.text())


class _Digest:
    """The number of some rows, and a digest that does not depend on their order: the sum of the digests of each."""

    def __init__(self) -> None:
        self.count = self._sum = 0

    def add(self, rows: Sequence[CopiedRow]) -> None:
        self.count += len(rows)
        for row in rows:
            self._sum += int.from_bytes(hashlib.sha256(repr(row).encode()).digest(), "big")

    def text(self) -> str:
        return f"{self._sum % 2**256:064x}"


def _names(table: Table) -> list[str]:
    """Return the columns that are copied. The hash of the views is left out, because the views are not copied."""
    return [column.name for column in table.columns if not (table is board and column.name == "views_hash")]


def _batches(table: Table, transaction: Transaction) -> Iterator[list[CopiedRow]]:
    """Yield the rows of a table in steps, with floats in the columns of floats."""
    names = _names(table)
    floats = [index for index, name in enumerate(names) if isinstance(table.columns[name].type, Float)]
    cursor = transaction.dialect.streaming_cursor(transaction.cursor.connection)
    try:
        cursor.execute(f"SELECT {', '.join(names)} FROM {table.name}")
        while rows := cursor.fetchmany(ROWS_PER_STEP):
            yield [_with_floats(row, floats) for row in rows] if floats else rows
    finally:
        cursor.close()


def _with_floats(row: CopiedRow, floats: Iterable[int]) -> CopiedRow:
    values = list(row)
    for index in floats:
        values[index] = None if values[index] is None else float(values[index])
    return tuple(values)


def _append(table: Table, target: Transaction, rows: Sequence[CopiedRow]) -> None:
    target.dialect.insert_rows(target.cursor, table.name, _names(table), rows)


def _replace_board(table: Table, target: Transaction, rows: Sequence[CopiedRow]) -> None:
    """Change the only row, which other writers wait for."""
    [row] = rows
    values = ", ".join(f"{name} = {target.dialect.placeholder}" for name in _names(table))
    target.cursor.execute(f"UPDATE {table.name} SET {values}, views_hash = NULL", row)
