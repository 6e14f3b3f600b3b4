"""Batched deposits of rows. A row that cannot become a mark is reported and never lost.

The key of a deposit is computed from its kind, subject and payload. So loading a file twice adds nothing. The same is
true of a later export that differs only in columns that are left out. Two equal rows in the same file still become two
marks.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from blackboard.board import Blackboard, Deposit
from blackboard.board.deposited_files.loaded_files import SourceWithdrawal
from blackboard.cli.row_files.column_matching import Columns
from blackboard.cli.row_files.row_mapping import RowMapping
from blackboard.cli.row_files.row_reader import BadRow, GoodRow, Rows
from blackboard.errors import InvalidMark, UsageError

if TYPE_CHECKING:
    from blackboard.client import Client
    from blackboard.local_or_remote_calls.call_interface import LoadedFile

MAX_TAG_VALUES = 1000
"""How many values of a tag a report counts one by one."""
OTHERS = "..."
"""The key under which all further values are counted."""
ROWS_PER_TRANSACTION = 500
"""The number of rows in a transaction, small enough that a daemon waits only briefly."""


@dataclass
class LoadResult:
    """The results of loading."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """The number of rows per outcome: deposited, reinforced, unchanged, duplicate, stale."""
    rejected: int = 0
    skipped: int = 0
    """The number of rows without the requested tags."""
    tags: dict[str, Counter[str]] = field(default_factory=dict)
    """For each tag of the kind, how many loaded rows have each value. Rare values beyond a limit count as `OTHERS`."""
    crossed: Counter[str] = field(default_factory=Counter)
    """The number of rows that made a watch cross, by agent."""
    before: SourceWithdrawal | None = None
    """The withdrawal of the marks of an earlier load, if it was requested."""
    unseen: tuple[str, ...] = ()
    """Requested columns that no row has."""
    columns: frozenset[str] = frozenset()
    """The columns that exist."""


def load_rows(
    board: Blackboard | Client,
    rows: Rows,
    columns: Columns,
    reject: Callable[[BadRow], None],
    progress: Callable[[], None],
    file: LoadedFile | None = None,
) -> LoadResult:
    """Deposit a mark for each row.

    Args:
        board: The board that gets the marks.
        rows: The rows.
        columns: The mapping of their columns.
        reject: Called for each row that cannot become a mark.
        progress: Called after each batch.
        file: The file, as the board remembers it; None if the board does not. Marks of earlier loads are withdrawn only
            once a row fits.

    Raises:
        UsageError: A named column does not exist, or the kind has no field for a column.
        UnknownName: The kind is not registered.
    """
    mapper, loaded = RowMapping(board, rows, columns), LoadResult()
    deposits = RowDeposits(board, mapper, reject, loaded, file)
    unseen = set(mapper.named)
    seen: set[str] = set()
    for batch in _batches(rows):
        good = [row for row in batch if isinstance(row, GoodRow)]
        if not seen:
            mapper.check.check_first(good)
        seen.update(*(row.values for row in good))
        unseen = {name for name in unseen if not any(mapper.has(row, name) for row in good)}
        deposits.deposit(batch)
        progress()
    loaded.unseen = tuple(name for name in mapper.named if seen and name in unseen)
    loaded.columns = frozenset(seen)
    return loaded


class RowDeposits:
    """The deposits of rows on a board, with the counts of their outcomes.

    Args:
        board: The board that gets the marks.
        mapper: Makes a deposit of each row.
        reject: Called for each row that cannot become a mark.
        loaded: Gets the results.
        file: The file, as the board remembers it; None if the board does not.
    """

    def __init__(
        self,
        board: Blackboard | Client,
        mapper: RowMapping,
        reject: Callable[[BadRow], None],
        loaded: LoadResult,
        file: LoadedFile | None = None,
    ) -> None:
        self._board, self._mapper, self._reject, self._loaded = board, mapper, reject, loaded
        self._source = None if file is None else file.source
        self._withdraw = None if file is None else file.withdraw

    def deposit(self, batch: Iterable[GoodRow | BadRow]) -> None:
        """Deposit a mark for each row of a batch, and reject the rows that cannot be read or that the board refuses.

        Raises:
            StoreError: The database cannot be used. Nothing was deposited, rejected or counted.
        """
        deposits: list[tuple[GoodRow, Deposit]] = []
        bad: list[BadRow] = []
        skipped = 0
        for row in batch:
            if isinstance(row, BadRow):
                bad.append(row)
                continue
            try:
                deposit = replace(self._mapper.deposit(row), source=self._source)
            except InvalidMark as error:
                bad.append(BadRow(row.number, str(error), row.raw))
                continue
            if self._mapper.has_tags(deposit):
                deposits.append((row, deposit))
            else:
                skipped += 1
        if deposits and self._withdraw is not None and self._loaded.before is None:
            self._loaded.before = self._withdraw()
        bad += self._store(deposits)
        for row in sorted(bad, key=lambda row: row.number):
            self._reject(row)
        self._loaded.rejected += len(bad)
        self._loaded.skipped += skipped

    def _store(self, deposits: Sequence[tuple[GoodRow, Deposit]]) -> list[BadRow]:
        """Deposit the marks of rows, count the outcomes, and return the rows that the board refuses."""
        bad: list[BadRow] = []
        results = self._board.deposit_many([item for _, item in deposits], on_error="return")
        for (row, deposit), result in zip(deposits, results, strict=True):
            if isinstance(result, UsageError):
                bad.append(BadRow(row.number, str(result), row.raw))
            else:
                self._loaded.outcomes[result.outcome] += 1
                self._loaded.crossed.update(result.crossed)
                _count_tags(self._mapper.tags, deposit, self._loaded)
        return bad


def _count_tags(tags: Sequence[str], deposit: Deposit, loaded: LoadResult) -> None:
    """Count the tags of a loaded row, as the row has them."""
    for tag in tags:
        counter = loaded.tags.setdefault(tag, Counter())
        value = (deposit.payload or {}).get(tag)
        items = value if isinstance(value, list) else [value]
        for item in (item for item in items if item is not None):
            text = item if isinstance(item, str) else json.dumps(item, default=str)
            counter[text if text in counter or len(counter) < MAX_TAG_VALUES else OTHERS] += 1


def _batches(rows: Iterable[GoodRow | BadRow]) -> Iterator[list[GoodRow | BadRow]]:
    batch: list[GoodRow | BadRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) == ROWS_PER_TRANSACTION:
            yield batch
            batch = []
    if batch:
        yield batch
