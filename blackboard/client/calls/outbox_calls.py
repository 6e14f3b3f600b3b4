"""The calls on messages to people outside."""

from __future__ import annotations

from blackboard.board.result_types.message_results import OutboxMessage
from blackboard.client.requests_and_responses import (
    ClientCall,
    ask_for,
    ask_for_pages,
    get_request,
    path_of,
    post_request,
)
from blackboard.presentation.json_shapes import MessageChanges


def outbox(
    *, sink: str | None = None, state: str | None = None, before: int | None = None, limit: int = 50
) -> ClientCall[list[OutboxMessage]]:
    """Return the messages to people outside, newest first, as `Blackboard.outbox` does."""
    return (yield from ask_for_pages(OutboxMessage, "/v1/outbox", sink=sink, state=state, limit=limit, after=before))


def outbox_message(message_id: int) -> ClientCall[OutboxMessage]:
    """Return one message to people outside, as `Blackboard.outbox_message` does."""
    return (yield from ask_for(OutboxMessage, get_request(path_of("/v1/outbox/{}", message_id))))


def retry_message(message_id: int) -> ClientCall[OutboxMessage]:
    """Send a message to people outside again, as `Blackboard.retry_message` does. Needs the scope `operate`."""
    return (yield from ask_for(OutboxMessage, post_request(path_of("/v1/outbox/{}/retry", message_id))))


def discard_message(message_id: int) -> ClientCall[OutboxMessage]:
    """Give up a message to people outside, as `Blackboard.discard_message` does. Needs the scope `operate`."""
    return (yield from ask_for(OutboxMessage, post_request(path_of("/v1/outbox/{}/discard", message_id))))


def retry_messages(*, sink: str | None = None, state: str | None = None) -> ClientCall[list[int]]:
    """Send the undelivered messages again, as `Blackboard.retry_messages` does. Needs the scope `operate`."""
    return (yield from _change("/v1/outbox/retry", sink, state))


def discard_messages(*, sink: str | None = None, state: str | None = None) -> ClientCall[list[int]]:
    """Give up the undelivered messages, as `Blackboard.discard_messages` does. Needs the scope `operate`."""
    return (yield from _change("/v1/outbox/discard", sink, state))


def _change(path: str, sink: str | None, state: str | None) -> ClientCall[list[int]]:
    changes = yield from ask_for(MessageChanges, post_request(path, {"sink": sink, "state": state}))
    return list(changes.ids)
