"""The answers of people to needs, and who should answer."""

from __future__ import annotations

import json

from blackboard.board import board_clock
from blackboard.board.declaration_changes.declarations import ensure_kind
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.mark_deposits import deposits
from blackboard.board.mark_deposits.author_checks import check_signature
from blackboard.board.mark_deposits.deposit_requests import DepositRequest
from blackboard.board.mark_deposits.payload_checks import check_size
from blackboard.board.mark_tables.mark_rows import EventDetails, record_event
from blackboard.board.need_answers import answer_rules, asked_needs, overdue_needs
from blackboard.board.open_needs import need_rows
from blackboard.board.result_types import Receipt
from blackboard.board.transactions import activity_log
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.built_in_marks import Decision, check_assignee
from blackboard.core.marks.payload_json import payload_text
from blackboard.core.records.event_kinds import ActivityEvent, HistoryEvent


def assign(txn: BoardTransaction, need_id: int, assignee: str, author: str) -> None:
    """Set who should answer a need, and record this as an event that changes no mark.

    Raises:
        InvalidAuthor: The author is an agent.
        InvalidMark: The name cannot be stored.
        NotFound: There is no such need, or it was answered or withdrawn before.
    """
    check_signature(txn, author)
    assignee = check_assignee(assignee)
    need = asked_needs.find_open(txn, need_id)
    need_rows.put(txn, need_rows.get(txn, need_id)._replace(assignee=assignee))
    details = EventDetails(txn.allocate_event_id(), author, json.dumps({"assignee": assignee}, ensure_ascii=False))
    record_event(txn, need, HistoryEvent.ASSIGNED, details=details)
    activity_log.note(txn, ActivityEvent.ASSIGN, subject=need.subject, mark_id=need_id, author=author)


def answer(
    txn: BoardTransaction, need_id: int, text: str, author: str, classes: MarkClasses, *, any_answer: bool = False
) -> Receipt:
    """Answer a need: deposit a decision on its subject and withdraw the need.

    Raises:
        InvalidAuthor: The author is an agent.
        InvalidMark: The answer is empty, is not one of the need's options, or does not answer the question about the
            clock. `any_answer` allows an answer that is not an option.
        NotFound: There is no such need, or it was answered or withdrawn before.
    """
    check_signature(txn, author)
    need = asked_needs.find_open(txn, need_id)
    overdue_needs.deposit_if_due(txn, need_id, classes)
    is_about_clock = board_clock.answer_question(txn, need_id, text)
    ensure_kind(txn, "decision", classes, author)
    text = text if is_about_clock and text.strip() else answer_rules.checked_answer(need, text, any_answer=any_answer)
    question = asked_needs.question_of(need)
    decision = Decision(subject=need.subject, answer=text, need=need_id, question=question)
    own = decision.model_copy(update={"question": ""})  # the board has accepted the question with the need
    check_size(txn.deployment, decision.kind, author, payload_text(own))
    receipt = deposits.deposit(txn, DepositRequest.of(decision, author))
    asked_needs.close(txn, need, author)
    return receipt
