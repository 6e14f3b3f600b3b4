"""Collected sums: a transaction reads each running sum once, and writes the changed sums once, at its end.

On PostgreSQL, other processes may change the sums while a transaction works without the lock. Such a transaction writes
no sums. At its end, the transaction computes what it has added to the sums that it has read. The database server adds
these amounts to its present sums, under the lock. So several processes may add in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from blackboard.board.transactions.board_transaction import BoardTransaction, CollectedChanges
from blackboard.board.transactions.stored_laws import LawOfKind
from blackboard.board.watches.measurements.running_sums import TERM_ROUNDING, RunningSums, rebase_sums, rounding_of
from blackboard.clock import LAST_INSTANT, Instant
from blackboard.core.conditions.measures import Count
from blackboard.core.marks.decay import Decay
from blackboard.core.marks.scopes import WHOLE_BOARD
from blackboard.durations import FOREVER, Duration
from blackboard.store.row_types.watch_row_types import WatchTotalRow
from blackboard.store.statements import CROSSINGS
from blackboard.store.transaction import LockRequired
from blackboard.store.watch_total_additions import FLOAT_ROUNDING, AddedSums, TotalAdditions

UNKNOWN_ERROR = 1e100
"""The error of sums from before the board stored errors. It is larger than any sum, and cannot overflow."""

SumsByLaw = dict[LawOfKind, RunningSums]
"""The sums of one watch in one scope."""


class CollectedSums(CollectedChanges):
    """The sums of one transaction, by watch and scope, then by kind and law."""

    def __init__(self) -> None:
        self._sums: dict[tuple[int, str], SumsByLaw] = {}

    def read(self, txn: BoardTransaction, watch_id: int, scope: str) -> SumsByLaw:
        """Return the sums of a watch in a scope, to which sums of other laws can be added."""
        if (by_law := self._sums.get((watch_id, scope))) is None:
            rows = txn.sql.all(CROSSINGS.watch_totals, watch_id=watch_id, scope=scope)
            by_law = self._sums[watch_id, scope] = {LawOfKind(row.kind, row.law): _stored_sums(row) for row in rows}
        return by_law

    def reset(self, txn: BoardTransaction, watch_id: int, scope: str) -> None:
        """Delete the sums of a watch in a scope, and begin without any."""
        txn.sql.run(CROSSINGS.delete_totals_of_scope, watch_id=watch_id, scope=scope)
        self._sums[watch_id, scope] = {}

    def delete(self, txn: BoardTransaction, watch_id: int, before: Instant = LAST_INSTANT) -> None:
        """Delete the sums of a watch in all scopes, or only the sums that were last updated before an instant."""
        txn.sql.run(CROSSINGS.delete_watch_totals, watch_id=watch_id, before=before)
        for key, by_law in [*self._sums.items()]:
            if key[0] == watch_id and all(sums.evaporated_through < before for sums in by_law.values()):
                del self._sums[key]

    def drop(self, is_deleted: Callable[[int, str], bool]) -> None:
        """Drop the sums that a statement has deleted; `is_deleted` is called with a watch and a scope."""
        for key in [key for key in self._sums if is_deleted(*key)]:
            del self._sums[key]

    def write(self, txn: BoardTransaction) -> None:
        """Write the changed sums. The sums of groups without marks are deleted."""
        if (additions := txn.sql.total_additions) is not None:
            _write_additions(txn, additions, self._sums)
            return
        for (watch_id, scope), by_law in self._sums.items():
            if scope != WHOLE_BOARD and by_law and not any(sums.marks for sums in by_law.values()):
                txn.sql.run(CROSSINGS.delete_totals_of_scope, watch_id=watch_id, scope=scope)
                by_law.clear()
            for key, sums in by_law.items():
                if sums.changed:
                    txn.sql.run(
                        CROSSINGS.set_watch_total, watch_id=watch_id, scope=scope, **key._asdict(), **vars(sums)
                    )
                    sums.changed = False


def _stored_sums(row: WatchTotalRow) -> RunningSums:
    return RunningSums(
        marks=row.marks,
        sum0=row.sum0,
        sum1=row.sum1,
        anchor=row.anchor,
        evaporated_through=row.evaporated_through,
        error0=UNKNOWN_ERROR if row.error0 is None else row.error0,
        error1=UNKNOWN_ERROR if row.error1 is None else row.error1,
    )


MAX_GAP_LENGTHS = 64
"""The largest age of an anchor, in lengths of its law. Older sums are brought to the present, under the lock."""
ANY_GAP: Duration = FOREVER
"""The longest gap under a law whose sums do not depend on their anchor."""


def _write_additions(
    txn: BoardTransaction,
    additions: TotalAdditions,
    collected: Mapping[tuple[int, str], Mapping[LawOfKind, RunningSums]],
) -> None:
    """Add to the stored sums what a transaction without a lock has added to the sums that it has read.

    `collected` has the sums of the transaction by watch and scope.

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
        raise LockRequired("the sums must be computed again, which needs the lock")
    added = AddedSums(
        kind=row.kind,
        law=row.law,
        rebased=type(law).rebased_sql,
        length=law.parameters[0],
        longest=longest,
        weight=txn.kind(row.kind).weight,
        rounding=rounding_of(law, longest if longest != ANY_GAP else 0) + TERM_ROUNDING,
    )
    if (sums.anchor, sums.sum0, sums.sum1, sums.marks) == (row.anchor, row.sum0, row.sum1, row.marks):
        return added
    before = replace(_stored_sums(row), error0=row.error0 or 0.0, error1=row.error1 or 0.0)
    rebase_sums(law, before, sums.anchor)
    sum0, sum1 = sums.sum0 - before.sum0, sums.sum1 - before.sum1
    return added._replace(
        marks=sums.marks - row.marks,
        sum0=sum0,
        sum1=sum1,
        error0=max(0.0, sums.error0 - before.error0) + FLOAT_ROUNDING * (sums.error0 + abs(sum0)),
        error1=max(0.0, sums.error1 - before.error1) + FLOAT_ROUNDING * (sums.error1 + abs(sum1)),
    )
