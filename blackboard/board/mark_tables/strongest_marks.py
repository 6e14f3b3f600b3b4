"""The strongest live marks of a kind, by the indexes of their laws."""

from __future__ import annotations

from itertools import chain
from typing import Any

from blackboard.board.mark_tables import filtered_marks
from blackboard.board.mark_tables.mark_states import marks_with_strength
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.core.marks.tags import TagFilter
from blackboard.store.live_mark_statements import live_marks, live_marks_in_order, oldest_of_equal_marks
from blackboard.store.row_types.mark_row_types import LiveMark, MarkRow
from blackboard.store.statements import MARKS


def strongest(
    txn: BoardTransaction,
    kind: str,
    limit: int,
    subject: str | None = None,
    tags: TagFilter | None = None,
    *,
    oldest_first: bool = False,
    as_of: Instant | None = None,
) -> list[tuple[MarkRow, float]]:
    """Return the strongest live marks of a kind, of one subject or of the board, with their strengths now or `as_of`.

    With `tags`, only marks that have these tags are returned. If many marks are equally strong, the limit leaves out
    some of them: usually the oldest. With `oldest_first`, the limit leaves out the newest, so that the next page of a
    list has them.
    """
    txn.kind(kind)  # the kind must exist
    are_few = False
    if tags is not None and subject is None:
        tags, are_few = filtered_marks.rarest_first(txn, tags)
    number, filters = (0, {}) if tags is None else (len(tags.keys), filtered_marks.parameters(txn, tags))
    values = {"as_of": txn.now if as_of is None else as_of, "kind": kind, **filters}
    if subject is not None:
        statement = live_marks("kind", "subject", "limit", tags=number)
        rows = marks_with_strength(txn, statement, subject=subject, limit=limit, **values)
    elif are_few:
        rows = marks_with_strength(txn, live_marks("kind", "limit", tags=number), limit=limit, **values)
    else:
        by_law = (
            _strongest_under_law(txn, law, limit, number, values, oldest_first=oldest_first)
            for law in txn.sql.each(MARKS.next_law_in_use, after="", kind=kind)
        )
        rows = sorted(chain.from_iterable(by_law), key=lambda row: (-row.strength, row.mark.id))[:limit]
    return [(row.mark, row.strength) for row in rows]


def _strongest_under_law(
    txn: BoardTransaction, law: str, limit: int, tag_count: int, values: dict[str, Any], *, oldest_first: bool
) -> list[LiveMark]:
    """Return the strongest marks of a kind under a law. If the law has an order key, an index has them in their order.

    With `oldest_first`, the last of many equally strong marks in this index are read again, the oldest first.
    """
    values = {**values, "law": law}
    has_order = txn.laws.get(txn.sql, law).order_key(1.0, 0) is not None
    if not has_order or (values["kind"], law) in txn.active.law_changes:
        return marks_with_strength(txn, live_marks("kind", "law", "limit", tags=tag_count), limit=limit, **values)
    rows = marks_with_strength(txn, live_marks_in_order(tag_count), limit=limit, **values)
    if oldest_first and len(rows) == limit:
        last = rows[-1].mark.order_key
        rows = [row for row in rows if row.mark.order_key != last]
        equal = oldest_of_equal_marks(tag_count)
        rows += marks_with_strength(txn, equal, limit=limit - len(rows), order_key=last, **values)
    return rows
