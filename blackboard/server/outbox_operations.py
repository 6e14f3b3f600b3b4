"""The operations on messages to people outside."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from blackboard import OutboxMessage
from blackboard.core.states import MessageState
from blackboard.server.operations import Call, Encoded, Fields, Id, Limit, Name, Operation, Page


class ListedMessages(Fields):
    """Which messages to list."""

    sink: Name | None = Field(default=None, description="Only messages of this sink.")
    state: MessageState | None = Field(default=None, description="Only messages in this state.")
    limit: Limit = 20
    page: Annotated[Id | None, *Encoded] = Field(default=None, alias="cursor")


class OneMessage(Fields):
    """One message by its id."""

    id: Id


class NoFields(Fields):
    """A body without fields."""


def outbox(call: Call) -> Page:
    """List the messages to people outside, newest first."""
    asked: ListedMessages = call.parameters
    found = call.board.outbox(sink=asked.sink, state=asked.state, before=asked.page, limit=asked.limit + 1)
    return Page(found, asked.limit, lambda item, number: item.id)


def outbox_message(call: Call) -> OutboxMessage:
    """Show one message to people outside."""
    return call.board.outbox_message(call.parameters.id)


def retry_message(call: Call) -> OutboxMessage:
    """Send a message again under the same id, whatever its state. Its attempts count from 0 again."""
    return call.board.retry_message(call.parameters.id)


def discard_message(call: Call) -> OutboxMessage:
    """Give up a message that waits or was not delivered."""
    return call.board.discard_message(call.parameters.id)


OPERATIONS = (
    Operation("GET", "/v1/outbox", "read", outbox, list[OutboxMessage], ListedMessages),
    Operation("GET", "/v1/outbox/{id}", "read", outbox_message, OutboxMessage, OneMessage, problems=("not-found",)),
    Operation(
        "POST", "/v1/outbox/{id}/retry", "operate", retry_message, OutboxMessage, OneMessage, NoFields,
        problems=("not-found", "unknown-name"),
    ),
    Operation(
        "POST", "/v1/outbox/{id}/discard", "operate", discard_message, OutboxMessage, OneMessage, NoFields,
        problems=("not-found", "not-possible"),
    ),
)  # fmt: skip
