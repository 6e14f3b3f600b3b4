"""The page of the inbox: the questions that wait for people, each answered in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from blackboard import NeedRecord
from blackboard.server.pages.page_definition import LivePage, PageCall, PageContent, PageFields

MAX_NEEDS = 100
MAX_CONTEXT_MARKS = 5
"""How many other marks of its subject are shown with a need."""


class InboxFields(PageFields):
    """The needs that the page shows."""

    assignee: str = ""
    all: bool = False


@dataclass(frozen=True)
class ShownNeed:
    """A need with the marks of its subject."""

    id: int
    subject: str
    author: str
    question: str
    detail: str
    options: Sequence[str]
    asked_at: datetime
    due_at: datetime | None
    overdue: bool
    assignee: str
    waits_for: Sequence[str]
    activation_id: int | None
    context: Sequence[ContextMark]
    """Other live marks of the subject, at most `MAX_CONTEXT_MARKS`."""


@dataclass(frozen=True)
class ContextMark:
    """A live mark of the subject of a need."""

    id: int
    kind: str
    author: str
    payload: Mapping[str, object]
    recorded_at: datetime


def show_inbox(call: PageCall[InboxFields]) -> PageContent:
    """Return the needs that wait, overdue needs first, with the marks of their subjects."""
    parameters = call.parameters
    needs = call.board.inbox(parameters.assignee or None, all_needs=parameters.all)
    return PageContent(
        {"needs": [_shown_need(call, need) for need in needs[:MAX_NEEDS]]}, {"more": len(needs) > MAX_NEEDS}
    )


def _shown_need(call: PageCall[PageFields], need: NeedRecord) -> ShownNeed:
    """Return a need as the page shows it, with the other marks of its subject."""
    marks = call.board.marks(subject=need.subject, limit=MAX_CONTEXT_MARKS + 1)
    return ShownNeed(
        id=need.id,
        subject=need.subject,
        author=need.author,
        question=need.question,
        detail=need.detail,
        options=need.options,
        asked_at=need.deposited_at,
        due_at=need.due_at,
        overdue=need.overdue,
        assignee=need.assignee,
        waits_for=need.waits_for,
        activation_id=need.activation_id,
        context=[
            ContextMark(mark.id, mark.kind, mark.author, mark.payload, mark.recorded_at)
            for mark in marks
            if mark.id != need.id
        ][:MAX_CONTEXT_MARKS],
    )


PAGE = LivePage(
    "inbox",
    "/inbox",
    "Inbox",
    read=show_inbox,
    about="Questions that agents do not decide. An answer is a mark, which wakes the agents that watch for it.",
    parameters_withheld=("assignee",),
)
