"""The order of waiting crossings: strongest now first, found with few reads.

The strength of a crossing now follows from its marks, and reading them for each crossing is slow. So a crossing stores
an upper bound of its strength as an order key, and an index sorts by it. Crossings are read in the order of their
bounds. The reading ends when no remaining bound exceeds the largest strength found. Usually bounds and strengths are
equal, so no crossing is read unnecessarily.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.transactions.stored_laws import law_key
from blackboard.board.watches.waiting_crossings.crossing_inputs import MarksBehind, marks_behind
from blackboard.board.work_tables.crossing_rows import OrderColumns
from blackboard.clock import Instant
from blackboard.core.conditions.condition_types import Comparison
from blackboard.core.marks.decay import Decay, Never
from blackboard.durations import DAY
from blackboard.store.row_types.watch_row_types import CrossingKey, CrossingRow
from blackboard.store.statement_file import Statement
from blackboard.store.statements import CROSSINGS
from blackboard.store.transaction import SqlRead

MAX_READ_CROSSINGS = 200
"""The largest number of crossings that a claim reads beyond its batch.

If more crossings have higher bounds, the claim may miss the strongest.
"""
MORE_THAN_BATCH = 3
"""The number of crossings of a law that a claim reads first, beyond its batch."""
MAX_EXPONENT = 1000.0
"""The largest exponent of a strength, so that 2 to its power is still a float. Above it, crossings count as equal."""
LOWEST_KEY = -1e300
"""The order key of a crossing without strength."""
ROUNDING_FACTOR = 1 - 1e-9
"""A strength that is at least this share of a bound equals the bound, but for rounding."""
LOWERING_FACTOR = 0.9
"""A crossing whose strength is below this share of its bound gets a lower bound."""

STATIC_LAW = law_key(Never())


class FirstCrossings(NamedTuple):
    """The first claimable crossings of a watch under each law, highest bounds first."""

    rows: list[CrossingRow]
    """The crossings, grouped by their laws."""
    partial_laws: frozenset[str | None]
    """The laws under which there may be further claimable crossings."""

    @classmethod
    def of(cls, rows: list[CrossingRow], limit: int) -> FirstCrossings:
        """Return the crossings that were read, at most `limit` of each law."""
        numbers = Counter(row.law for row in rows)
        return cls(rows, frozenset(law for law, number in numbers.items() if number >= limit))

    def without(self, claimed: Collection[CrossingRow]) -> FirstCrossings | None:
        """Return the crossings that are left after a claim; None if unread crossings may come before them."""
        ids = {crossing.id for crossing in claimed}
        rows = [row for row in self.rows if row.id not in ids]
        return FirstCrossings(rows, self.partial_laws) if self.partial_laws <= {row.law for row in rows} else None


def order_columns(
    txn: BoardTransaction, watch: RegisteredWatch, strength: float, laws: Iterable[str], at: Instant
) -> OrderColumns:
    """Return the columns that bound the strength of a crossing, from its strength at an instant and its marks' laws.

    If the strength fades with the marks, the bound fades by the slowest of their laws. Some laws, such as a linear law,
    keep no order of strengths. Under such a law, and for a window, the bound does not change until a claim lowers it.
    """
    if strength <= 0:
        return {"law": STATIC_LAW, "order_key": LOWEST_KEY}
    if watch.condition.has_window:
        return {"law": STATIC_LAW, "order_key": Never().order_key(strength, at)}
    if not isinstance(watch.condition, Comparison) or watch.comparison.measure.is_proportional:
        paces = [(_pace(txn.laws.get(txn.sql, key)), key) for key in set(laws)]
        if paces and all(pace is not None for pace, _ in paces):
            _, slowest = min(paces)
            return {"law": slowest, "order_key": txn.laws.get(txn.sql, slowest).order_key(strength, at)}
    return {"law": STATIC_LAW, "order_key": Never().order_key(strength, at)}


def set_bound(
    txn: BoardTransaction, watch: RegisteredWatch, key: CrossingKey, strength: float, laws: Iterable[str]
) -> None:
    """Set the bound of a waiting crossing, if there is one, after its marks changed without another crossing.

    Without laws, the bound does not fade.
    """
    columns = order_columns(txn, watch, strength, laws, txn.now)
    txn.sql.run(CROSSINGS.set_order_of_waiting, **key._asdict(), **columns)


def bound_of(watch: RegisteredWatch, strengths: Sequence[float]) -> float:
    """Return the strength that gives a crossing with marks of these strengths its place in the order."""
    is_single = isinstance(watch.condition, Comparison)
    return watch.comparison.measure.value(strengths) if is_single else max(strengths, default=0.0)


def first_read(txn: BoardTransaction, watch: RegisteredWatch, batch: int, *, only_ready: bool) -> SqlRead:
    """Return the read of the crossings that `strongest_first` reads first."""
    statement = CROSSINGS.first_claimable.using("ready") if only_ready else CROSSINGS.first_claimable
    return statement, {"watch_id": watch.id, "now": txn.now, "limit": batch + MORE_THAN_BATCH}


def strongest_first(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    admit: Callable[[CrossingRow], CrossingRow | None],
    batch: int,
    *,
    only_ready: bool = False,
    first_crossings: FirstCrossings | None = None,
) -> Iterator[tuple[CrossingRow, MarksBehind]]:
    """Yield the waiting crossings of a watch with their marks, strongest first, and the older first if equally strong.

    `admit` returns a crossing as it is now, or None to leave it out. Crossings that weakened since the last claim get a
    lower bound. With `only_ready`, those that wait in their batch window are not read. `first_crossings` has the
    result of `first_read`, if the caller has it.
    """
    by_strength: list[tuple[float, int, CrossingRow, MarksBehind]] = []
    crossings = _crossings_by_bound(txn, watch, batch, first_crossings, only_ready=only_ready)
    for number_read, (bound, row) in enumerate(crossings):
        while by_strength and _comes_before(-by_strength[0][0], by_strength[0][1], bound, row.id):
            yield heapq.heappop(by_strength)[2:]
        if number_read >= batch + MAX_READ_CROSSINGS:
            break
        if (crossing := admit(row)) is None:
            continue
        behind = marks_behind(txn, watch, crossing)
        if behind.strength < bound * LOWERING_FACTOR and row.order_key != LOWEST_KEY:
            laws = {event.law for event, _ in behind.inputs}
            txn.sql.run(CROSSINGS.set_order, id=row.id, **order_columns(txn, watch, behind.strength, laws, txn.now))
        heapq.heappush(by_strength, (-behind.strength, crossing.id, crossing, behind))
    while by_strength:
        yield heapq.heappop(by_strength)[2:]


def waiting_with_strengths(
    txn: BoardTransaction, watch: RegisteredWatch, limit: int | None = None
) -> Iterator[tuple[CrossingRow, float]]:
    """Yield the waiting crossings of a watch, unordered, each with its present strength.

    If more than `MAX_READ_CROSSINGS` wait, each comes with its bound instead.
    With a limit, only that many crossings of each law are read: those with the highest bounds.
    """
    rows = _waiting_crossings(txn, watch, limit)
    exact = len(rows) <= MAX_READ_CROSSINGS
    for row in rows:
        yield row, marks_behind(txn, watch, row).strength if exact else _bound(txn, row)


def _waiting_crossings(txn: BoardTransaction, watch: RegisteredWatch, limit: int | None) -> list[CrossingRow]:
    if limit is None:
        return txn.sql.all(CROSSINGS.waiting_of_watch, watch_id=watch.id)
    rows: list[CrossingRow] = []
    for key in txn.sql.each(CROSSINGS.next_law_waiting, after="", watch_id=watch.id):
        # If fewer crossings than this wait, the caller reads them all, and their strengths are exact.
        rows += txn.sql.all(
            CROSSINGS.strongest_of_law, watch_id=watch.id, law=key, limit=max(limit, MAX_READ_CROSSINGS + 1)
        )
    return rows


def _comes_before(strength: float, crossing_id: int, bound: float, other_id: int) -> bool:
    """Return whether a crossing precedes every crossing that is at most as strong as a bound."""
    return strength * ROUNDING_FACTOR > bound or (strength >= bound * ROUNDING_FACTOR and crossing_id < other_id)


def _crossings_by_bound(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    batch: int,
    first_crossings: FirstCrossings | None,
    *,
    only_ready: bool,
) -> Iterator[tuple[float, CrossingRow]]:
    """Yield the claimable crossings of a watch with the bounds of their strengths, highest bound first."""
    if first_crossings is None:
        statement, values = first_read(txn, watch, batch, only_ready=only_ready)
        first_crossings = FirstCrossings.of(txn.sql.all(statement, **values), values["limit"])
    more = CROSSINGS.claimable_of_law.using("ready") if only_ready else CROSSINGS.claimable_of_law
    groups = [
        _bounded_crossings_of_law(txn, watch, more, [*of_law], is_partial=law in first_crossings.partial_laws)
        for law, of_law in groupby(first_crossings.rows, key=attrgetter("law"))
    ]
    return heapq.merge(*groups, key=lambda pair: (-pair[0], pair[1].id))


def _bounded_crossings_of_law(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    more: Statement[CrossingRow],
    rows: list[CrossingRow],
    *,
    is_partial: bool,
) -> Iterator[tuple[float, CrossingRow]]:
    """Yield the first claimable crossings of one law with their bounds, and then `more` if these are not all."""
    seen: set[int] = set()
    while True:
        for row in rows:
            if row.id not in seen:
                seen.add(row.id)
                yield _bound(txn, row), row
        if not is_partial:
            return
        limit = 2 * len(rows) + 20
        rows = txn.sql.all(more, watch_id=watch.id, law=rows[0].law, now=txn.now, limit=limit)
        is_partial = len(rows) == limit


def _bound(txn: BoardTransaction, crossing: CrossingRow) -> float:
    """Return the upper bound of a crossing's strength now; infinity if an earlier version recorded it without one."""
    if crossing.order_key is None:
        return math.inf
    law = Never() if crossing.law == STATIC_LAW else txn.laws.get(txn.sql, crossing.law)
    exponent = crossing.order_key - (law.order_key(1.0, txn.now) or 0.0)
    return float(2.0 ** max(-MAX_EXPONENT, min(MAX_EXPONENT, exponent)))


@lru_cache(maxsize=1024)
def _pace(law: Decay) -> float | None:
    """Return the rate of fading of a law that keeps the order of its marks.

    It is None if the law keeps no order, or does not fade.
    """
    pace = law.order_key(1.0, DAY)
    return None if pace == law.order_key(1.0, 0) else pace
