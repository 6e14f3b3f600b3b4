"""Additions to the sums over the board, of a transaction without the lock of writers.

`optimistic_total_additions` in `postgresql.optimistic_transactions` has the implementation. Under the lock, a
transaction writes the sums themselves.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

from blackboard.clock import Instant
from blackboard.durations import Duration
from blackboard.store.row_types.watch_row_types import WatchTotalRow

FLOAT_ROUNDING = 2.0**-52
"""The distance from 1 to the next larger float: twice the largest relative error of one operation."""

RebasedSql = Callable[[str, str, str, str], tuple[str, str]]
"""A function of SQL texts: the two sums, the age of their anchor, and a length. It returns the sums at that age."""


class AddedSums(NamedTuple):
    """The additions of a transaction to the sums of one kind and law, computed for the instant of the transaction."""

    kind: str
    law: str
    rebased: RebasedSql
    length: float
    """The length of the law in microseconds; 0 if it has none."""
    longest: Duration
    """The largest gap between the anchor of the sums and the instant of the transaction."""
    weight: float
    """The weight of the kind."""
    rounding: float
    """The largest relative error of the law's formulas over the gap `longest`."""
    marks: int = 0
    sum0: float = 0.0
    sum1: float = 0.0
    error0: float = 0.0
    """The largest error of `sum0`."""
    error1: float = 0.0
    """The largest error of `sum1`."""


class TotalAdditions(ABC):
    """The additions of one transaction. Other transactions may change the sums until this one commits."""

    @abstractmethod
    def rows_as_read(self, watch_id: int, scope: str) -> list[WatchTotalRow]:
        """Return the sums of a watch in a scope as the transaction has read them.

        They may be out of date at the commit, which checks only the condition of `add`.
        """

    @abstractmethod
    def add(
        self, watch_id: int, scope: str, added: Sequence[AddedSums], *, counts: bool, threshold: float, now: Instant
    ) -> None:
        """Add to the sums of a watch in a scope, on condition that the watch stays below its threshold.

        Args:
            watch_id: The watch.
            scope: The scope.
            added: The additions: one for each row that the transaction has read.
            counts: Whether the watch measures the number of marks, and not their total.
            threshold: The threshold.
            now: The instant of the transaction, in microseconds since the epoch.
        """
