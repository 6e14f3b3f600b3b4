"""Lists of items to deposit, with the lists of keys and times beside them, and their batches: one for a transaction."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sized
from typing import Any, NamedTuple

from blackboard.clock import When, instant_of
from blackboard.core.marks.deposit_requests import Deposit, DepositRequest
from blackboard.core.marks.mark_model import NO_OPTIONS, DepositOptions, Mark
from blackboard.errors import UsageError

DEPOSITS_PER_TRANSACTION = 1000
"""The largest number of deposits of one transaction."""
BULK_BYTES_PER_TRANSACTION = 4 * 1024 * 1024
"""The size of the lines at which a server ends a transaction of a deposit in bulk.

A client keeps each of its requests below this size, so that each is one transaction.
"""

_END: Any = object()


class DepositEntry(NamedTuple):
    """An item, with its entries in the lists beside it."""

    item: Mark | Deposit
    key: str | None
    occurred_at: When | None


class UnequalLengths(ValueError):
    """A list of keys or times that is not as long as the items."""

    def __init__(self, name: str, *, is_shorter: bool) -> None:
        super().__init__(f"{name} is {'shorter' if is_shorter else 'longer'} than items")


def requests_of(batch: Iterable[DepositEntry], author: str) -> list[DepositRequest | UsageError]:
    """Return the request for each entry of a batch, or the error of an entry that is not a valid request."""
    requests: list[DepositRequest | UsageError] = []
    for item, key, occurred_at in batch:
        try:
            requests.append(DepositRequest.of(item, author, _options(key, occurred_at)))
        except UsageError as error:
            requests.append(error)
    return requests


def _options(key: str | None, occurred_at: When | None) -> DepositOptions:
    if key is None and occurred_at is None:
        return NO_OPTIONS
    return DepositOptions(key=key, occurred_at=None if occurred_at is None else instant_of(occurred_at))


def check_lengths(
    items: Iterable[Mark | Deposit], keys: Iterable[str] | None, occurred_at: Iterable[When | None] | None
) -> None:
    """Check the lists of keys and times, as far as is possible without consuming them.

    Raises:
        UsageError: One of them is a text.
        UnequalLengths: One of them is longer or shorter than the items.
    """
    for name, column, entry in (("keys", keys, "key"), ("occurred_at", occurred_at, "time")):
        if isinstance(column, str):
            raise UsageError(f"{name} is a text; give a list with one {entry} for each item")
        if isinstance(items, Sized) and isinstance(column, Sized) and len(items) != len(column):
            raise UnequalLengths(name, is_shorter=len(column) < len(items))


def items_in_batches(
    items: Iterable[Mark | Deposit], keys: Iterable[str] | None, occurred_at: Iterable[When | None] | None
) -> Iterator[list[DepositEntry]]:
    """Yield the items with their keys and times, in batches.

    Raises:
        UnequalLengths: A list ended before the others.
    """
    entries = deposit_entries(items, keys, occurred_at)
    while batch := list(itertools.islice(entries, DEPOSITS_PER_TRANSACTION)):
        yield batch


def deposit_entries(
    items: Iterable[Mark | Deposit], keys: Iterable[str] | None, occurred_at: Iterable[When | None] | None
) -> Iterator[DepositEntry]:
    """Yield the items with their keys and times.

    Raises:
        UnequalLengths: A list ended before the others.
    """
    if keys is None and occurred_at is None:
        return (DepositEntry(item, None, None) for item in items)
    pairs = _column(_column(items, "keys", keys), "occurred_at", occurred_at)
    return (DepositEntry(item, key, time) for (item, key), time in pairs)


def _column(items: Iterable[Any], name: str, column: Iterable[Any] | None) -> Iterator[tuple[Any, Any]]:
    """Yield each item with its entry of a column, or with None if there is no column."""
    if column is None:
        yield from ((item, None) for item in items)
        return
    remaining = iter(column)
    for item in items:
        if (entry := next(remaining, _END)) is _END:
            raise UnequalLengths(name, is_shorter=True)
        yield item, entry
    if next(remaining, _END) is not _END:
        raise UnequalLengths(name, is_shorter=False)
