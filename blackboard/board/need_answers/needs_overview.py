"""An overview of the needs that wait for an answer: their number, and the needs that are due first."""

from __future__ import annotations

from blackboard.board.need_answers import need_agents
from blackboard.board.result_types import NeedsOverview, WaitingNeed
from blackboard.board.result_types.row_conversion import optional_datetime
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.core.built_in_marks import Need
from blackboard.store.query_rows import NeedCount
from blackboard.store.statements import MARKS

MAX_LISTED_NEEDS = 5
"""The number of needs that an overview lists."""


def overview(txn: BoardTransaction) -> NeedsOverview:
    """Return the number of needs that wait, and the needs that are due first."""
    counted = count(txn, txn.now)
    return NeedsOverview(counted.number, counted.overdue, waiting(txn, limit=MAX_LISTED_NEEDS))


def count(txn: BoardTransaction, noticed_up_to: Instant) -> NeedCount:
    """Count the waiting needs, the overdue needs, and the overdue needs that no daemon has noticed."""
    return txn.sql.existing(MARKS.count_open_needs, kind=Need.kind, now=txn.now, noticed_up_to=noticed_up_to)


def waiting(txn: BoardTransaction, *, subject: str | None = None, limit: int) -> tuple[WaitingNeed, ...]:
    """Return up to `limit` needs that wait, on the board or on one subject, in the order of their due times."""
    values = {"kind": Need.kind, "now": txn.now, "limit": limit}
    if subject is None:
        rows = txn.sql.all(MARKS.open_needs, **values)
    else:
        rows = txn.sql.all(MARKS.open_needs.using("subject"), subject=subject, **values)
    return tuple(
        WaitingNeed(
            row.id,
            row.subject,
            optional_datetime(row.due_at),
            row.assignee,
            overdue=row.due_at is not None and row.due_at <= txn.now,
            **need_agents.find(txn, row.id, row.answerable_by)._asdict(),
        )
        for row in rows
    )
