"""Needs about quarantined activations: a person decides whether their work continues."""

from __future__ import annotations

from blackboard.board.mark_changes import deposits
from blackboard.board.mark_changes.deposit_requests import DepositRequest
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.authors import BOARD
from blackboard.core.built_in_marks import Need
from blackboard.store.statements import MARKS


def ask_about_quarantine(txn: BoardTransaction, subject: str, reason: str) -> None:
    """Ask a person what to do, unless a question about this subject is already waiting for an answer."""
    if "need" not in txn.deployment.kinds:
        return
    if any(row.author == BOARD for row in txn.sql.all(MARKS.marks_of_subject, kind="need", subject=subject)):
        return
    need = Need(
        subject=subject,
        question=f"{reason}. Should it continue?",
        options=["retry", "discard"],
        detail="Its marks are quarantined: 'blackboard activations --state quarantined' lists them,"
        " and 'blackboard retry ID' or 'blackboard discard ID' decides.",
    )
    deposits.deposit(txn, DepositRequest.of(need, BOARD))
