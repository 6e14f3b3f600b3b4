"""The marks in scopes: the stored and the live marks, and the deposits in windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from blackboard.board.mark_tables import window_deposits
from blackboard.board.mark_tables.mark_states import fading_mark, live_rows
from blackboard.board.mark_tables.watch_scopes import is_in_group
from blackboard.board.mark_tables.window_deposits import WindowReading
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.core.conditions.condition_types import Condition
from blackboard.core.conditions.measures import Measure
from blackboard.core.marks.fading_marks import FadingMark
from blackboard.core.marks.scopes import WHOLE_BOARD, group_of, is_group
from blackboard.core.marks.tags import TagFilter
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.statements import MARKS

MARKS_PER_QUERY = 1000
"""The number of marks that a walk over all live marks of a kind reads in one statement."""


def stored_marks(txn: BoardTransaction, kinds: Iterable[str], scope: str) -> list[MarkRow]:
    """Return the stored marks of some kinds in a scope, evaporated or not."""
    rows: list[MarkRow] = []
    for kind in kinds:
        if scope == WHOLE_BOARD:
            rows += txn.sql.all(MARKS.marks_of_kind, kind=kind)
        elif (group := group_of(scope)) is not None:
            found = txn.sql.all(MARKS.marks_of_group, kind=kind, tag=group.tag, key=group.key)
            rows += [row for row in found if is_in_group(txn, row, group)]
        else:
            rows += txn.marks_of_subject(kind, scope)
    return rows


def live_batches(txn: BoardTransaction, kind: str) -> Iterator[list[MarkRow]]:
    """Yield the live marks of a kind, in their state after changes of the kind, with one query for each batch."""
    after = 0
    while rows := txn.sql.all(
        MARKS.marks_changed_between, kind=kind, after=after, up_to=txn.last_event_id, limit=MARKS_PER_QUERY
    ):
        yield live_rows(txn, rows)
        after = rows[-1].event_id


def fading_marks(
    txn: BoardTransaction, condition: Condition, scope: str, at: Instant | None = None, *, whole: bool = False
) -> list[FadingMark]:
    """Return the marks of a condition's kinds that are live at an instant, by default now.

    A measure over the board sees every subject, whatever the scope is. The deposits in the windows of the condition are
    included. Without `whole`, only the newest are: as many as decide whether the condition holds, and until when.
    """
    measures = [comparison.measure for comparison in condition.comparisons()]
    places = dict.fromkeys(
        (kind, WHOLE_BOARD if measure.over == "board" else scope)
        for measure in measures
        if measure.within is None
        for kind in measure.kinds
    )
    marks_by_id: dict[int, FadingMark] = {}
    for kind, place in places:
        group = place if is_group(place) else None
        for row in live_rows(txn, stored_marks(txn, [kind], place), at):
            if group is not None or row.id not in marks_by_id:
                marks_by_id[row.id] = fading_mark(txn, row, group)
    marks = [*marks_by_id.values()]
    if condition.has_window:
        reading = WindowReading(txn.now if at is None else at, scope, is_whole=whole)
        marks += deposits_in_windows(txn, condition, reading)
    return marks


def deposits_in_windows(txn: BoardTransaction, condition: Condition, reading: WindowReading) -> list[FadingMark]:
    """Return the deposits in the windows of a condition, as `window_deposits.fading_deposits` does."""
    return window_deposits.fading_deposits(
        txn.sql, condition, lambda kind: txn.kind(kind).weight, partial(measure_filter, txn), reading
    )


def measure_filter(txn: BoardTransaction, kind: str, measure: Measure) -> TagFilter | None:
    """Return the filter of a kind's marks or deposits for the tags of a measure; None if it counts all of them."""
    return None if measure.where is None else txn.kind(kind).tag_schema.filter_of(measure.where)
