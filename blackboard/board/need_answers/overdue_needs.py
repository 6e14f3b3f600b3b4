"""Needs that are due: at the stored instant, the board deposits one mark `overdue`, which agents can watch."""

from __future__ import annotations

from blackboard.board import open_needs
from blackboard.board.deployment_effects.registered_kinds import ensure_kind
from blackboard.board.mark_changes import deposits
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.need_answers import need_lifecycle
from blackboard.board.outbox import announcements
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.authors import BOARD
from blackboard.core.built_in_marks import Overdue
from blackboard.core.marks.deposit_requests import DepositRequest
from blackboard.core.marks.mark_model import DepositOptions
from blackboard.store.row_types.mark_row_types import OpenNeedRow
from blackboard.store.statements import MARKS


def fire_due(txn: BoardTransaction, limit: int, classes: MarkClasses) -> int:
    """Deposit the `overdue` marks of up to `limit` needs that are due, earliest first, and return their number."""
    rows = txn.sql.all(MARKS.due_needs, now=txn.now, limit=limit)
    for row in rows:
        _fire(txn, row, classes)
    return len(rows)


def deposit_if_due(txn: BoardTransaction, need_id: int, classes: MarkClasses) -> None:
    """Deposit the `overdue` mark of a need that is due and that no daemon has noticed."""
    row = open_needs.get(txn, need_id)
    if row.remind_at is not None and row.remind_at <= txn.now:
        _fire(txn, row, classes)


def _fire(txn: BoardTransaction, row: OpenNeedRow, classes: MarkClasses) -> None:
    """Deposit the `overdue` mark of a need. It occurs at the due time of the need, however late this is noticed."""
    txn.sql.run(MARKS.end_reminder, mark_id=row.mark_id)
    need = txn.sql.one(MARKS.get_mark, id=row.mark_id)
    if need is None or not need.is_live(txn.now):
        return
    announcements.announce_overdue_need(txn, need, row.remind_at or txn.now, row.assignee)
    ensure_kind(txn, Overdue.kind, classes)
    if txn.deployment.kinds[Overdue.kind].class_path != Overdue.defaults.class_path:
        return  # the application has a kind of its own by this name; the inbox shows the need as overdue all the same
    question = need_lifecycle.question_of(need)
    mark = Overdue(subject=need.subject, need=need.id, question=question, assignee=row.assignee)
    options = DepositOptions(occurred_at=txn.now if row.remind_at is None else row.remind_at)
    deposits.deposit(txn, DepositRequest.of(mark, BOARD, options))
