"""The inbox of a person: needs and answers."""

from __future__ import annotations

import difflib
import json
import unicodedata
from collections.abc import Sequence

from blackboard.board import board_clock
from blackboard.board.mark_storage import departures, deposits, open_needs
from blackboard.board.mark_storage.deposit_limits import check_size
from blackboard.board.mark_storage.deposit_requests import DepositRequest
from blackboard.board.mark_storage.deposits import check_signature
from blackboard.board.people import overdue_needs
from blackboard.board.reading import queries
from blackboard.board.registration.declarations import ensure_kind
from blackboard.board.registration.mark_class_registry import MarkClasses
from blackboard.board.result_types import MarkRecord, NeedRecord, Receipt, optional_datetime
from blackboard.board.transactions.activation_inputs import ABSORBED
from blackboard.board.transactions.board_transaction import BoardTransaction, EventDetails
from blackboard.clock import iso
from blackboard.errors import InvalidMark, NotFound
from blackboard.marks import Decision, answers, check_assignee, normalize_subject, payload_text
from blackboard.store.rows import EventRow, MarkRow, OpenNeedRow
from blackboard.store.statements import ACTIVATIONS, MARKS

NEAR = 0.7
"""The least similarity at which an answer may be a misspelt option."""


def inbox(txn: BoardTransaction, assignee: str | None = None) -> list[NeedRecord]:
    """Return the needs that wait for a person, or for one person: the overdue needs first, then the oldest."""
    if "need" not in txn.deployment.kinds:
        return []
    if assignee is not None:
        assignee = normalize_subject(assignee)
    marks = queries.marks(txn, kind="need")
    found = zip(marks, open_needs.get_each(txn, [mark.id for mark in marks]), strict=True)
    waiting = [_record(txn, mark, kept) for mark, kept in found if assignee is None or kept.assignee == assignee]
    return sorted(waiting, key=lambda need: (not need.overdue, need.due_at if need.overdue else need.as_of, need.id))


def assign(txn: BoardTransaction, need_id: int, assignee: str, author: str) -> None:
    """Say who should answer a need, and record it as an event that changes no mark.

    Raises:
        InvalidAuthor: The author is an agent.
        InvalidMark: The name cannot be stored.
        NotFound: There is no such need, or it was answered or withdrawn before.
    """
    check_signature(txn, author)
    assignee = check_assignee(assignee)
    need = _open(txn, need_id)
    open_needs.put(txn, open_needs.get(txn, need_id)._replace(assignee=assignee))
    details = EventDetails(txn.next_event(), author, json.dumps({"assignee": assignee}, ensure_ascii=False))
    txn.record(need, "assigned", details=details)


def answer(
    txn: BoardTransaction, need_id: int, text: str, author: str, classes: MarkClasses, *, free: bool = False
) -> Receipt:
    """Answer a need: deposit a decision on its subject and withdraw the need.

    Raises:
        InvalidAuthor: The author is an agent.
        InvalidMark: The answer is empty, is not one of the need's options, or does not answer the question about the
            clock. `free` allows an answer beside the options.
        NotFound: There is no such need, or it was answered or withdrawn before.
    """
    check_signature(txn, author)
    need = _open(txn, need_id)
    overdue_needs.fire_due_of(txn, need_id, classes)
    is_about_clock = board_clock.answer_question(txn, need_id, text)
    ensure_kind(txn, "decision", classes)
    if not text.strip():
        raise InvalidMark('the answer is empty; say what was decided, such as "Tuesday 15:00 is fine"')
    payload = json.loads(need.payload)
    options = answers(payload.get("options"))
    if options and not is_about_clock:
        text = _option(text, options, free=free)
    decision = Decision(subject=need.subject, answer=text, need=need_id, question=payload.get("question", ""))
    own = decision.model_copy(update={"question": ""})  # the board has accepted the question with the need
    check_size(txn.deployment, decision.kind, author, payload_text(own))
    receipt = deposits.deposit(txn, DepositRequest.of(decision, author))
    departures.withdraw(txn, need_id, author)
    return receipt


def _open(txn: BoardTransaction, need_id: int) -> MarkRow:
    """Return a need that waits for an answer.

    Raises:
        NotFound: There is none with this id.
    """
    need = txn.sql.one(MARKS.get_mark, id=need_id)
    if need is None or not open_needs.is_need(need) or not need.is_live(txn.now):
        raise NotFound(_why_closed(txn, need_id))
    return need


def _option(text: str, options: Sequence[str], *, free: bool) -> str:
    """Return the option that an answer names, as the need writes it. Case, width and spaces do not matter.

    An answer that names none is returned as it is if it is `free`.

    Raises:
        InvalidMark: It names none.
    """
    by_form = {_form(option): option for option in reversed(options)}
    if text in options:
        return text
    if (option := by_form.get(_form(text))) is not None:
        return option
    if free:
        return text
    near = difflib.get_close_matches(text.strip(), options, 1, NEAR)
    meant = f"; did you mean {near[0]!r}?" if near else "."
    raise InvalidMark(
        f"{text!r} is not one of the options: {' | '.join(options)}{meant} To answer in other words, use --free"
        " (free=True)"
    )


def _form(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _why_closed(txn: BoardTransaction, need_id: int) -> str:
    """Return why a need cannot be answered: who answered it first and when, or who withdrew it."""
    unknown = f"the inbox has no open need with the id {need_id}; 'blackboard inbox' lists them"
    first = txn.sql.one(MARKS.get_event, id=need_id)
    if first is None or first.mark_id != need_id or first.kind != "need":
        return unknown
    for event in txn.sql.all(MARKS.events_of_subject, subject=first.subject):
        if event.id > need_id and event.kind == "decision" and _answers(event, need_id):
            text = json.loads(event.payload or "{}").get("answer")
            return f"need {need_id} was answered by {event.author} at {iso(event.recorded_at)}: {text!r}"
    last = txn.sql.existing(MARKS.last_event_of_mark, subject=first.subject, mark_id=need_id)
    if last.event == "withdrawn":
        return f"need {need_id} was withdrawn by {last.author} at {iso(last.recorded_at)}, without an answer"
    return unknown


def _answers(event: EventRow, need_id: int) -> bool:
    return event.payload is not None and json.loads(event.payload).get("need") == need_id


def _record(txn: BoardTransaction, mark: MarkRecord, kept: OpenNeedRow) -> NeedRecord:
    return NeedRecord(
        **vars(mark),
        withdrawn_causes=_withdrawn_causes(txn, mark),
        due_at=optional_datetime(kept.due_at),
        assignee=kept.assignee,
    )


def _withdrawn_causes(txn: BoardTransaction, need: MarkRecord) -> tuple[int, ...]:
    """Return the marks that woke the agent which asked, as far as somebody has withdrawn them since."""
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
    """Return whether somebody other than the asking activation withdrew a mark."""
    last = txn.sql.one(MARKS.last_event_of_mark, subject=event.subject, mark_id=event.mark_id)
    return last is not None and last.event == "withdrawn" and last.activation_id != by_another_than
