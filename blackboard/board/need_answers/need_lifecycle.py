"""The lifecycle of a need: whether it is open, who should answer it, how it is closed, and the decision on it."""

from __future__ import annotations

import json

from blackboard.board import activity_log, open_needs
from blackboard.board.mark_changes import mark_lookup, mark_removals
from blackboard.board.mark_changes.deposit_checks import check_signature
from blackboard.board.mark_tables.mark_rows import EventDetails, record_event
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import iso
from blackboard.core.built_in_marks import Need, check_assignee
from blackboard.core.records.event_kinds import ActivityEvent, HistoryEvent
from blackboard.core.request_limits import is_record_id
from blackboard.errors import NotFound
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow
from blackboard.store.statements import MARKS


def get_open(txn: BoardTransaction, need_id: int) -> MarkRow:
    """Return a need that waits for an answer.

    Raises:
        NotFound: No open need has this id; the message says who answered or withdrew it.
    """
    need = mark_lookup.stored_mark(txn, need_id)
    if need is None or not open_needs.is_need(need) or not need.is_live(txn.now):
        raise _closed(txn, need_id)
    return need


def assign(txn: BoardTransaction, need_id: int, assignee: str, author: str) -> None:
    """Set who should answer a need, and record this as an event that changes no mark.

    Raises:
        InvalidAuthor: The author has the name of an agent, or a name that looks like one.
        InvalidMark: The name cannot be stored.
        NotFound: There is no such need, or it was answered or withdrawn before.
    """
    check_signature(txn, author)
    assignee = check_assignee(assignee)
    need = get_open(txn, need_id)
    open_needs.put(txn, open_needs.get(txn, need_id)._replace(assignee=assignee))
    details = EventDetails(
        txn.allocate_event_id(), author, payload=json.dumps({"assignee": assignee}, ensure_ascii=False)
    )
    record_event(txn, need, HistoryEvent.ASSIGNED, details=details)
    activity_log.record(txn, ActivityEvent.ASSIGN, scope=need.subject, mark_id=need_id, author=author)


def close(txn: BoardTransaction, need: MarkRow, author: str, activation_id: int | None = None) -> None:
    """Withdraw a need that was answered, and record who answered it."""
    activity_log.record(
        txn,
        ActivityEvent.ANSWER,
        agent=None if activation_id is None else author,
        scope=need.subject,
        activation_id=activation_id,
        mark_id=need.id,
        author=author,
    )
    mark_removals.withdraw(txn, need.id, author, activation_id)


def decision_on(txn: BoardTransaction, need_id: int) -> EventRow | None:
    """Return the event of the decision that answered a need; None if the history has none."""
    decisions = txn.sql.all(MARKS.decisions_after_need, need_id=need_id) if is_record_id(need_id) else ()
    return next((event for event in decisions if _answers(event, need_id)), None)


def was_asked(txn: BoardTransaction, need_id: int) -> bool:
    """Return whether the history has a need with this id."""
    first = mark_lookup.first_event(txn, need_id)
    return first is not None and first.kind == Need.kind


def question_of(need: MarkRow) -> str:
    """Return the question of a need."""
    return str(json.loads(need.payload).get("question", ""))


def _closed(txn: BoardTransaction, need_id: int) -> NotFound:
    """Return the error that says who answered a need first and when, or who withdrew it."""
    unknown = NotFound(f"there is no open need {need_id}; 'blackboard inbox --all' lists the open needs")
    if not was_asked(txn, need_id):
        return unknown
    if (event := decision_on(txn, need_id)) is not None:
        text = json.loads(event.payload or "{}").get("answer")
        answered = f"need {need_id} was answered by {event.author} at {iso(event.recorded_at)}: {text!r}"
        return NotFound(answered, quotes_nothing=False)
    subject = txn.sql.existing(MARKS.get_event, id=need_id).subject
    last = txn.sql.existing(MARKS.last_event_of_mark, subject=subject, mark_id=need_id)
    if last.event == HistoryEvent.WITHDRAWN:
        return NotFound(f"need {need_id} was withdrawn by {last.author} at {iso(last.recorded_at)}, without an answer")
    return unknown


def _answers(event: EventRow, need_id: int) -> bool:
    return event.payload is not None and json.loads(event.payload).get("need") == need_id
