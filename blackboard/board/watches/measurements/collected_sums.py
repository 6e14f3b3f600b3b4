"""The running sums that a transaction has read. It reads them once, and writes those that changed once, at its end."""

from __future__ import annotations

from collections.abc import Callable

from blackboard.board.transactions.board_transaction import BoardTransaction, CollectedChanges
from blackboard.board.transactions.stored_laws import LawOfKind
from blackboard.board.watches.measurements import added_sums
from blackboard.board.watches.measurements.running_sums import RunningSums
from blackboard.clock import LAST_INSTANT, Instant
from blackboard.core.marks.scopes import WHOLE_BOARD
from blackboard.store.rows import WatchTotalRow
from blackboard.store.statements import CROSSINGS

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
            added_sums.write(txn, additions, self._sums)
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
