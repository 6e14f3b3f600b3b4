"""Additions to the board's sums at the commit of a transaction that has read the sums without a lock.

Every deposit of a kind changes the same rows. So at the commit, they may differ from what the transaction has
read. The commit does not check that the sums are unchanged, only that the total, with this transaction's additions, is
still below the threshold. It adds to the sums that the rows have under the lock, at their present anchor.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from blackboard.clock import Instant
from blackboard.store.row_types.watch_row_types import WatchTotalRow
from blackboard.store.statements import CROSSINGS
from blackboard.store.watch_total_additions import FLOAT_ROUNDING, AddedSums, RebasedSql, TotalAdditions

if TYPE_CHECKING:
    from blackboard.store.postgresql.optimistic_transactions.optimistic_transaction import OptimisticTransaction

MARGIN = 1.000000001
"""By how much a bound is raised, because the database server rounds when it adds."""

_BELOW = """(
  SELECT count(*) = {rows} AND coalesce(sum(part.value), 0) * {margin} < $1
    AND (SELECT count(*) FROM watch_total WHERE watch_id = $2 AND scope = $3) = {rows}
    AND coalesce((SELECT min(mark.evaporates_at) FROM mark) > $4, true)
  FROM ({parts}) AS part
)"""
_PART = """SELECT {value} AS value
  FROM watch_total
  WHERE watch_id = $2 AND scope = $3 AND kind = ${kind} AND law = ${law} AND marks + ${marks} > 0
    AND abs($4 - anchor) <= ${longest} AND evaporated_through < $5"""
_ADD = """UPDATE watch_total
SET marks = marks + $5, sum0 = sum0 + {sum0}, sum1 = sum1 + {sum1},
  error0 = error0 + {error0}, error1 = error1 + {error1}
FROM held
WHERE watch_id = $1 AND scope = $2 AND kind = $3 AND law = $6"""


class OptimisticTotalAdditions(TotalAdditions):
    """The additions of a transaction without the lock; see `TotalAdditions`.

    Args:
        transaction: The transaction.
    """

    def __init__(self, transaction: OptimisticTransaction) -> None:
        self._transaction = transaction

    def rows_as_read(self, watch_id: int, scope: str) -> list[WatchTotalRow]:
        return self._transaction.rows_as_read(CROSSINGS.watch_totals, watch_id=watch_id, scope=scope)

    def add(
        self, watch_id: int, scope: str, added: Sequence[AddedSums], *, counts: bool, threshold: float, now: Instant
    ) -> None:
        values: list[object] = [threshold, watch_id, scope, now, self._transaction.earliest_end]
        for each in added:
            values += [each.kind, each.law, each.marks, each.longest]
            values += (
                []
                if counts
                else [each.length, each.weight, each.rounding, each.sum0 + each.sum1, each.error0 + each.error1]
            )
        self._transaction.require(_condition(tuple(each.rebased for each in added), counts=counts), *values)
        for each in added:
            if each.marks or each.sum0 or each.sum1:
                terms = (each.sum0, each.sum1, each.error0, each.error1)
                key = (watch_id, scope, each.kind, now, each.marks, each.law)
                self._transaction.write(_addition(each.rebased), *key, *terms, each.length, each.rounding)


@cache
def _condition(laws: tuple[RebasedSql, ...], *, counts: bool) -> str:
    """Return the condition that the value of a watch is still below its threshold after the additions."""
    parts, width = [], 4 if counts else 9
    for number, rebased in enumerate(laws):
        kind, law, marks, longest, length, weight, rounding, total, error = range(
            6 + width * number, 15 + width * number
        )
        if counts:
            value = f"marks + ${marks}"
        else:
            value = f"${weight} * ({_bound(rebased, f'${length}', f'${rounding}')} + ${total} + ${error})"
        parts.append(_PART.format(value=value, kind=kind, law=law, marks=marks, longest=longest))
    return _BELOW.format(rows=len(laws), margin=MARGIN, parts=" UNION ALL ".join(parts))


def _bound(rebased: RebasedSql, length: str, rounding: str) -> str:
    """Return an upper bound of the total of stored sums at the instant of the transaction, without the weight."""
    age = "CAST($4 - anchor AS float8)"
    total = " + ".join(rebased("sum0", "sum1", age, length))
    terms = [
        *rebased("coalesce(error0, 1e100)", "0.0", age, length),
        *rebased("0.0", "coalesce(error1, 1e100)", age, length),
    ]
    error = " + ".join(f"abs({each})" for each in terms)
    sizes = " + ".join(f"abs({each})" for each in ("sum0", "sum1", *rebased("sum0", "sum1", age, length)))
    return f"{total} + {error} + {rounding} * ({sizes})"


@cache
def _addition(rebased: RebasedSql) -> str:
    """Return the statement that adds to the sums of one kind and law."""
    age, length, rounding = "CAST(anchor - $4 AS float8)", "$11", "$12"
    sums = rebased("$7", "$8", age, length)
    first, second = rebased("$9", "0.0", age, length), rebased("0.0", "$10", age, length)
    sizes = f"{rounding} * (abs($7) + abs($8) + abs({sums[0]}) + abs({sums[1]}))"
    errors = [
        f"abs({first[n]}) + abs({second[n]}) + {sizes} + {FLOAT_ROUNDING!r} * abs(sum{n} + {sums[n]})" for n in (0, 1)
    ]
    return _ADD.format(sum0=sums[0], sum1=sums[1], error0=errors[0], error1=errors[1])
