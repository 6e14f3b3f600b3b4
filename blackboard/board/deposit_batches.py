"""The batches of `deposit_many`: items with their keys and times, as many as one transaction deposits."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sized
from typing import Any, NamedTuple

from blackboard.board.mark_storage.deposits import Deposit
from blackboard.clock import When
from blackboard.errors import UsageError
from blackboard.marks import Mark

MARKS_PER_TRANSACTION = 1000

_END: Any = object()


class DepositEntry(NamedTuple):
    """An item, with its entries in the lists beside it."""

    item: Mark | Deposit
    key: str | None
    occurred_at: When | None


class UnequalLengths(ValueError):
    """A list of keys or times that is not as long as the items."""

    def __init__(self, name: str, is_shorter: bool) -> None:
        super().__init__(f"{name} is {'shorter' if is_shorter else 'longer'} than items")


def check_lengths(
    items: Iterable[Mark | Deposit], keys: Iterable[str] | None, occurred_at: Iterable[When | None] | None
) -> None:
    """Check the lists beside the items as far as that reads none of them.

    Raises:
        UsageError: One of them is a text.
        UnequalLengths: One of them has another length than the items.
    """
    for name, column, entry in (("keys", keys, "key"), ("occurred_at", occurred_at, "time")):
        if isinstance(column, str):
            raise UsageError(f"{name} is a text; give a list with one {entry} for each item")
        if isinstance(items, Sized) and isinstance(column, Sized) and len(items) != len(column):
            raise UnequalLengths(name, len(column) < len(items))


def batches(
    items: Iterable[Mark | Deposit], keys: Iterable[str] | None, occurred_at: Iterable[When | None] | None
) -> Iterator[list[DepositEntry]]:
    """Yield the items with their keys and times, in batches.

    Raises:
        UnequalLengths: A list ended before the others.
    """
    pairs = _column(_column(items, "keys", keys), "occurred_at", occurred_at)
    entries = (DepositEntry(item, key, time) for (item, key), time in pairs)
    while batch := list(itertools.islice(entries, MARKS_PER_TRANSACTION)):
        yield batch


def _column(items: Iterable[Any], name: str, column: Iterable[Any] | None) -> Iterator[tuple[Any, Any]]:
    """Yield each item with its entry of a column, or with None if there is no column."""
    if column is None:
        yield from ((item, None) for item in items)
        return
    remaining = iter(column)
    for item in items:
        if (entry := next(remaining, _END)) is _END:
            raise UnequalLengths(name, True)
        yield item, entry
    if next(remaining, _END) is not _END:
        raise UnequalLengths(name, False)
