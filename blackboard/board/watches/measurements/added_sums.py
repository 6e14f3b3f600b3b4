"""The additions of a transaction without a lock to running sums, which other processes may change meanwhile.

A transaction brings the sums that it has read to its instant, and adds the terms of its marks. This module subtracts
the sums as they were read from the sums after the transaction, which gives the terms. The server adds the terms to the
sums that it has under the lock. So the additions of several processes may be made in any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from blackboard.board.transactions.stored_laws import LawOfKind
from blackboard.board.watches.measurements.running_sums import TERM_ROUNDING, RunningSums, rebase_sums, rounding_of
from blackboard.core.conditions.measures import Count
from blackboard.core.marks.decay import Decay
from blackboard.durations import FOREVER, Duration
from blackboard.store.rows import WatchTotalRow
from blackboard.store.transaction import LockRequired
from blackboard.store.watch_total_additions import FLOAT_ROUNDING, AddedSums, TotalAdditions

if TYPE_CHECKING:
    from blackboard.board.transactions.board_transaction import BoardTransaction

MAX_GAP_LENGTHS = 64
"""How many lengths of its law an anchor may be old. Then the sums are brought to the present, under the lock."""
ANY_GAP: Duration = FOREVER
"""The longest gap under a law whose sums do not depend on their anchor."""


def write(
    txn: BoardTransaction,
    additions: TotalAdditions,
    collected: Mapping[tuple[int, str], Mapping[LawOfKind, RunningSums]],
) -> None:
    """Let a transaction without a lock write what it added to sums as an addition, not as new values.

    `collected` has these sums by watch and scope.

    Raises:
        LockRequired: The sums themselves have to be written, under the lock.
    """
    for (watch_id, scope), by_law in collected.items():
        if not any(sums.changed for sums in by_law.values()):
            continue  # unchanged sums are checked like every other result
        if txn.active.law_changes:
            raise LockRequired("laws of marks change")
        watch = txn.active.watches[abs(watch_id)]
        rows = additions.rows_as_read(watch_id, scope)
        if len(rows) != len(by_law):
            raise LockRequired("new sums")
        additions.add(
            watch_id,
            scope,
            [_added(txn, row, by_law[LawOfKind(row.kind, row.law)]) for row in rows],
            counts=isinstance(watch.comparison.measure, Count),
            threshold=watch.comparison.threshold,
            now=txn.now,
        )


def _added(txn: BoardTransaction, row: WatchTotalRow, sums: RunningSums) -> AddedSums:
    """Return what was added to the sums of a row, for the instant of the transaction."""
    law = txn.laws.get(txn.sql, row.law)
    longest = round(MAX_GAP_LENGTHS * law.parameters[0]) if type(law).rebase is not Decay.rebase else ANY_GAP
    is_in_sql = type(law).rebased_sql is not Decay.rebased_sql or longest == ANY_GAP
    if sums.was_cleared or not is_in_sql or not 0 <= txn.now - row.anchor <= longest:
        raise LockRequired("the sums begin anew")
    added = AddedSums(
        row.kind,
        row.law,
        type(law).rebased_sql,
        law.parameters[0],
        longest,
        txn.kind(row.kind).weight,
        rounding_of(law, longest if longest != ANY_GAP else 0) + TERM_ROUNDING,
    )
    if (sums.anchor, sums.sum0, sums.sum1, sums.marks) == (row.anchor, row.sum0, row.sum1, row.marks):
        return added
    before = RunningSums(
        row.marks, row.sum0, row.sum1, row.anchor, row.evaporated_through, row.error0 or 0.0, row.error1 or 0.0
    )
    rebase_sums(law, before, sums.anchor)
    sum0, sum1 = sums.sum0 - before.sum0, sums.sum1 - before.sum1
    return added._replace(
        marks=sums.marks - row.marks,
        sum0=sum0,
        sum1=sum1,
        error0=max(0.0, sums.error0 - before.error0) + FLOAT_ROUNDING * (sums.error0 + abs(sum0)),
        error1=max(0.0, sums.error1 - before.error1) + FLOAT_ROUNDING * (sums.error1 + abs(sum1)),
    )
