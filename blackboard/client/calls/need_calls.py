"""The calls on needs."""

from __future__ import annotations

from blackboard.board.result_types.mark_results import MarkEvent, NeedRecord, Receipt
from blackboard.client.requests_and_responses import (
    ClientCall,
    ask_for,
    ask_for_pages,
    get_request,
    path_of,
    post_request,
    send_only,
)


def inbox(assignee: str | None = None, *, all_needs: bool = False) -> ClientCall[list[NeedRecord]]:
    """Return the needs that wait for a person, as `Blackboard.inbox` does."""
    return (yield from ask_for_pages(NeedRecord, "/v1/inbox", assignee=assignee, all=all_needs, limit=None))


def answer(need_id: int, text: str, *, any_answer: bool = False) -> ClientCall[Receipt]:
    """Answer a need, as `Blackboard.answer` does. Needs a token with the scope `answer`."""
    request = post_request(path_of("/v1/inbox/{}/answer", need_id), {"text": text, "any_answer": any_answer})
    return (yield from ask_for(Receipt, request))


def decision(need_id: int) -> ClientCall[MarkEvent]:
    """Return the decision that answered a need, as `Blackboard.decision` does."""
    return (yield from ask_for(MarkEvent, get_request(path_of("/v1/inbox/{}/decision", need_id))))


def assign(need_id: int, assignee: str) -> ClientCall[None]:
    """Set who should answer a need, as `Blackboard.assign` does. Needs the scope `operate`."""
    yield from send_only(
        post_request(path_of("/v1/inbox/{}/assign", need_id), {"assignee": assignee}, is_repeatable=True)
    )
