"""The sums of a watch over marks of one kind and law, as the board keeps them: read, begun and brought up to date.

`watch_totals` decides with them whether a watch crosses.
"""

from __future__ import annotations

from typing import NamedTuple

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.transactions.stored_laws import LawOfKind
from blackboard.board.watches.measurements import watched_marks
from blackboard.board.watches.measurements.collected_sums import CollectedSums, SumsByLaw
from blackboard.board.watches.measurements.running_sums import RunningSums, add_terms, rebase_sums
from blackboard.clock import Instant
from blackboard.core.marks.scopes import WHOLE_BOARD, group_of
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.row_types.watch_row_types import StimulusSums
from blackboard.store.statement_file import Statement
from blackboard.store.statements import MARKS


def sums_of(txn: BoardTransaction, watch: RegisteredWatch, scope: str = WHOLE_BOARD) -> SumsByLaw:
    """Return the sums of a watch in a scope. The transaction writes changed sums at its end."""
    return txn.changes_of(CollectedSums).read(txn, watch.id, scope)


def sums_of_law(txn: BoardTransaction, watch: RegisteredWatch, scope: str, row: MarkRow) -> RunningSums:
    """Return the sums that contain a mark, or begin them without marks."""
    by_law, key = sums_of(txn, watch, scope), LawOfKind(row.kind, row.law)
    if (sums := by_law.get(key)) is None:
        sums = by_law[key] = RunningSums(anchor=txn.now, evaporated_through=_ends_known_until(txn, key))
    return sums


def _ends_known_until(txn: BoardTransaction, key: LawOfKind) -> Instant:
    """Return the last instant at which the column `evaporates_at` says which marks have evaporated.

    This is the present, or the last change of their law or floor. After such a change, marks live longer or shorter,
    and the backfill may not have updated their rows yet.
    """
    change = txn.active.law_changes.get(key)
    return txn.now if change is None else min(txn.now, change.changed_at)


def add_row(txn: BoardTransaction, row: MarkRow, sums: RunningSums, sign: int) -> None:
    """Add a mark to sums (sign +1), or subtract it (sign -1)."""
    law = txn.laws.get(txn.sql, row.law)
    rebase_sums(law, sums, txn.now)
    add_terms(sums, 1, *law.sums(row.intensity, row.anchored_at, sums.anchor), sign=sign)


class LawSums(NamedTuple):
    """The sums of a watch in a scope over the marks of one kind that fade by one law."""

    txn: BoardTransaction
    watch: RegisteredWatch
    scope: str
    key: LawOfKind
    sums: RunningSums

    def add_stimuli(self) -> None:
        """Add all stimuli on the board. The database computes the sums."""
        self._add(MARKS.sum_stimuli, +1, up_to=self.txn.now)

    def subtract_evaporated(self) -> None:
        """Subtract the marks that evaporated since the last time and are not yet history."""
        up_to = _ends_known_until(self.txn, self.key)
        if up_to <= self.sums.evaporated_through:
            return
        if self.txn.has_evaporated_marks:  # without such marks, there is nothing to subtract
            self._subtract_until(up_to)
        # Recorded even if no mark was found, so that the same range is not searched again.
        self.sums.evaporated_through, self.sums.changed = up_to, True

    def _subtract_until(self, up_to: Instant) -> None:
        """Subtract the marks that evaporated up to an instant and are not yet subtracted."""
        if self.watch.condition.is_over_board and not self.watch.condition.selects_marks:
            rebase_sums(self.txn.laws.get(self.txn.sql, self.key.law), self.sums, self.txn.now)
            self._add(MARKS.sum_expired_stimuli, -1, after=self.sums.evaporated_through, up_to=up_to)
            return
        for row in self._expired_stimuli(self.sums.evaporated_through, up_to):
            if watched_marks.is_counted(self.txn, self.watch, row):
                add_row(self.txn, row, self.sums, -1)

    def _expired_stimuli(self, after: Instant, up_to: Instant) -> list[MarkRow]:
        """Return the stimuli that evaporated after an instant, up to another."""
        values = {"after": after, "up_to": up_to, "watch_id": self.watch.id, **self.key._asdict()}
        values["ignored_author"] = self.watch.ignored_author
        if (group := group_of(self.scope)) is None:
            return self.txn.sql.all(MARKS.expired_stimuli, **values)
        return self.txn.sql.all(MARKS.expired_stimuli.using("group"), tag=group.tag, key=group.key, **values)

    def _add(self, statement: Statement[StimulusSums], sign: int, **interval: Instant) -> None:
        """Add the sums that a statement computes over an interval (sign +1), or subtract them (sign -1)."""
        law = self.txn.laws.get(self.txn.sql, self.key.law)
        sum0, sum1 = law.sums_sql
        terms = self.txn.sql.existing(
            statement.using(sum0=sum0, sum1=sum1),
            watch_id=self.watch.id,
            **self.key._asdict(),
            ignored_author=self.watch.ignored_author,
            anchor=self.sums.anchor,
            length=law.parameters[0],
            **interval,
        )
        add_terms(self.sums, *terms, sign=sign)
