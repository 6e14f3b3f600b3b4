"""The inbox of a person: the needs that are open, and the answers to them."""

from __future__ import annotations

import json

from blackboard.board import board_clock
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.mark_storage import deposits, open_needs
from blackboard.board.mark_storage.deposit_requests import DepositRequest
from blackboard.board.mark_storage.payload_checks import check_size
from blackboard.board.mark_storage.signatures import check_signature
from blackboard.board.needs import need_agents, need_answers, overdue_needs
from blackboard.board.reading import mark_queries
from blackboard.board.result_types import MarkRecord, NeedRecord, Receipt
from blackboard.board.result_types.result_rows import optional_datetime
from blackboard.board.rollout.declarations import ensure_kind
from blackboard.board.transactions import activity_log
from blackboard.board.transactions.activation_inputs import ABSORBED
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.mark_rows import EventDetails, record_event
from blackboard.core.built_in_marks import Decision, check_assignee
from blackboard.core.marks.mark_model import normalize_subject
from blackboard.core.marks.payload_text import payload_text
from blackboard.core.records.activity_events import ActivityEvent
from blackboard.store.rows import EventRow, MarkRow, OpenNeedRow
from blackboard.store.statements import ACTIVATIONS, MARKS


def needs_of(txn: BoardTransaction, assignee: str | None = None, *, all_needs: bool = False) -> list[NeedRecord]:
    """Return the needs that wait for people, or for one person: the overdue needs first, then the oldest.

    With `all_needs`, include the needs that agents are working on.
    """
    if "need" not in txn.deployment.kinds:
        return []
    if assignee is not None:
        assignee = normalize_subject(assignee)
    marks = mark_queries.marks(txn, "need", mark_queries.MarkQuery())
    found = zip(marks, open_needs.get_each(txn, [mark.id for mark in marks]), strict=True)
    needs = [_record(txn, mark, kept) for mark, kept in found if assignee is None or kept.assignee == assignee]
    waiting = [need for need in needs if all_needs or need.for_people]
    return sorted(waiting, key=lambda need: (not need.overdue, need.due_at if need.overdue else need.as_of, need.id))


def assign(txn: BoardTransaction, need_id: int, assignee: str, author: str) -> None:
    """Set who should answer a need, and record this as an event that changes no mark.

    Raises:
        InvalidAuthor: The author is an agent.
        InvalidMark: The name cannot be stored.
        NotFound: There is no such need, or it was answered or withdrawn before.
    """
    check_signature(txn, author)
    assignee = check_assignee(assignee)
    need = need_answers.find_open(txn, need_id)
    open_needs.put(txn, open_needs.get(txn, need_id)._replace(assignee=assignee))
    details = EventDetails(txn.next_event(), author, json.dumps({"assignee": assignee}, ensure_ascii=False))
    record_event(txn, need, "assigned", details=details)
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
    need = need_answers.find_open(txn, need_id)
    overdue_needs.fire_due_of(txn, need_id, classes)
    is_about_clock = board_clock.answer_question(txn, need_id, text)
    ensure_kind(txn, "decision", classes, author)
    text = text if is_about_clock and text.strip() else need_answers.checked_answer(need, text, any_answer=any_answer)
    question = need_answers.question_of(need)
    decision = Decision(subject=need.subject, answer=text, need=need_id, question=question)
    own = decision.model_copy(update={"question": ""})  # the board has accepted the question with the need
    check_size(txn.deployment, decision.kind, author, payload_text(own))
    receipt = deposits.deposit(txn, DepositRequest.of(decision, author))
    need_answers.close(txn, need, author)
    return receipt


def _record(txn: BoardTransaction, mark: MarkRecord, kept: OpenNeedRow) -> NeedRecord:
    return NeedRecord(
        **vars(mark),
        withdrawn_causes=_withdrawn_causes(txn, mark),
        due_at=optional_datetime(kept.due_at),
        assignee=kept.assignee,
        **need_agents.find(txn, mark.id, kept.answerable_by)._asdict(),
    )


def _withdrawn_causes(txn: BoardTransaction, need: MarkRecord) -> tuple[int, ...]:
    """Return the marks that woke the asking agent and that another author has withdrawn since."""
    if need.activation_id is None:
        return ()
    causes = [
        row.event for row in txn.sql.all(ACTIVATIONS.inputs, activation_id=need.activation_id) if row.role == ABSORBED
    ]
    return tuple(
        event.mark_id
        for event in causes
        if event is not None and _live(txn, event.mark_id) is None and _was_withdrawn(txn, event, need.activation_id)
    )


def _live(txn: BoardTransaction, mark_id: int) -> MarkRow | None:
    return txn.sql.one(MARKS.get_mark, id=mark_id)


def _was_withdrawn(txn: BoardTransaction, event: EventRow, by_another_than: int) -> bool:
    """Return whether a mark was withdrawn, and not by the asking activation."""
    last = txn.sql.one(MARKS.last_event_of_mark, subject=event.subject, mark_id=event.mark_id)
    return last is not None and last.event == "withdrawn" and last.activation_id != by_another_than
