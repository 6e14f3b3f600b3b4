"""The inbox of a person: needs and answers."""

from __future__ import annotations

import json

from blackboard.board import board_clock
from blackboard.board.mark_storage import evaporation
from blackboard.board.mark_storage.declarations import ensure_kind
from blackboard.board.mark_storage.deposits import DepositRequest, check_signature, deposit
from blackboard.board.mark_storage.mark_class_registry import MarkClasses
from blackboard.board.reading import queries
from blackboard.board.result_types import NeedRecord, Receipt
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.errors import InvalidMark, NotFound
from blackboard.marks import Decision
from blackboard.store.statements import MARKS


def inbox(txn: BoardTransaction) -> list[NeedRecord]:
    """Return the needs that wait for a person, oldest first."""
    if "need" not in txn.deployment.kinds:
        return []
    return [NeedRecord(**vars(mark)) for mark in sorted(queries.marks(txn, kind="need"), key=lambda mark: mark.id)]


def answer(txn: BoardTransaction, need_id: int, text: str, author: str, classes: MarkClasses) -> Receipt:
    """Answer a need: deposit a decision on its subject and withdraw the need.

    Raises:
        InvalidAuthor: The author is an agent.
        InvalidMark: The answer is empty or does not answer the question about the clock.
        NotFound: There is no such need.
    """
    check_signature(txn, author)
    board_clock.answer_question(txn, need_id, text)
    ensure_kind(txn, "decision", classes)
    if not text.strip():
        raise InvalidMark('the answer is empty; say what was decided, such as "Tuesday 15:00 is fine"')
    need = txn.sql.one(MARKS.get_mark, id=need_id)
    if need is None or need.kind != "need":
        raise NotFound(f"the inbox has no open need with the id {need_id}; 'blackboard inbox' lists them")
    question = json.loads(need.payload).get("question", "")
    decision = Decision(subject=need.subject, answer=text, need=need_id, question=question)
    receipt = deposit(txn, DepositRequest.of(decision, author))
    evaporation.withdraw(txn, need_id, author)
    return receipt
