"""The calls that change marks on the board: withdrawal, reinforcement and erasure."""

from __future__ import annotations

from blackboard.board.mark_changes.reinforcements import check_increase
from blackboard.board.result_types import ErasureReport, Receipt
from blackboard.client.call_protocol import ClientCall, ask_for, send_only
from blackboard.client.http_messages import HttpRequest, path_of, post_request, query_of
from blackboard.core.marks.mark_model import check_if_event


def withdraw(mark_id: int, *, if_event: int | None = None) -> ClientCall[None]:
    """Take a live mark off the board, as `Blackboard.withdraw` does."""
    if if_event is not None:
        check_if_event(if_event, lowest=1)
    query = query_of({"if_event": if_event})
    yield from send_only(HttpRequest("DELETE", path_of("/v1/marks/{}", mark_id), query, is_repeatable=False))


def reinforce(mark_id: int, *, by: float, if_event: int | None = None) -> ClientCall[Receipt]:
    """Add to the strength that a live mark has now, as `Blackboard.reinforce` does.

    A request that may have reached the server is not repeated, because it could add twice.
    """
    check_increase(by)
    if if_event is not None:
        check_if_event(if_event, lowest=1)
    request = post_request(path_of("/v1/marks/{}/reinforce", mark_id), {"by": by, "if_event": if_event})
    return (yield from ask_for(Receipt, request))


def forget(subject: str) -> ClientCall[ErasureReport]:
    """Erase everything about a subject, as `Blackboard.forget` does. Needs a token with the scope `admin`."""
    return (yield from ask_for(ErasureReport, post_request("/v1/forget", {"subject": subject})))
