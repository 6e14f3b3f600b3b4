"""The operations on messages to people outside."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from blackboard import OutboxMessage
from blackboard.core.records.states import MessageState
from blackboard.presentation.json_shapes import MessageChanges
from blackboard.server.api_framework.operation_definition import (
    CURSOR_METADATA,
    Empty,
    Fields,
    Limit,
    Name,
    NoParameters,
    OneRecord,
    Operation,
    OperationCall,
    Page,
    RecordId,
)


class MessageListParameters(Fields):
    """The messages to list."""

    sink: Name | None = Field(default=None, description="Only messages of this sink.")
    state: MessageState | None = Field(default=None, description="Only messages in this state.")
    limit: Limit = 20
    cursor: Annotated[RecordId | None, *CURSOR_METADATA] = Field(default=None)


class UndeliveredMessagesFields(Fields):
    """The undelivered messages to change. At most 1,000 of them are changed, the newest first."""

    sink: Name | None = Field(default=None, description="Only messages of this sink.")
    state: Literal["waiting", "failed", "gone"] | None = Field(default=None, description="Only in this state.")


def outbox(call: OperationCall[MessageListParameters, None]) -> Page[OutboxMessage]:
    """List the messages to people outside, newest first."""
    parameters = call.parameters
    found = call.board.outbox(
        sink=parameters.sink, state=parameters.state, before=parameters.cursor, limit=parameters.limit + 1
    )
    return Page(found, parameters.limit, lambda item, number: item.id)


def outbox_message(call: OperationCall[OneRecord, None]) -> OutboxMessage:
    """Show one message to people outside."""
    return call.board.outbox_message(call.parameters.id)


def retry_message(call: OperationCall[OneRecord, Empty]) -> OutboxMessage:
    """Send a message again under the same id, whatever its state. Its attempts count from 0 again."""
    return call.board.retry_message(call.parameters.id)


def discard_message(call: OperationCall[OneRecord, Empty]) -> OutboxMessage:
    """Give up a message that waits or was not delivered."""
    return call.board.discard_message(call.parameters.id)


def retry_messages(call: OperationCall[NoParameters, UndeliveredMessagesFields]) -> MessageChanges:
    """Send the undelivered messages of a sink, or in a state, again under the same ids."""
    parameters = call.body
    return MessageChanges(call.board.retry_messages(sink=parameters.sink, state=parameters.state), MessageState.WAITING)


def discard_messages(call: OperationCall[NoParameters, UndeliveredMessagesFields]) -> MessageChanges:
    """Give up the undelivered messages of a sink, or in a state."""
    parameters = call.body
    return MessageChanges(
        call.board.discard_messages(sink=parameters.sink, state=parameters.state), MessageState.DISCARDED
    )


OPERATIONS = (
    Operation("GET", "/v1/outbox", scope="read", run=outbox),
    Operation("POST", "/v1/outbox/retry", scope="operate", run=retry_messages, problems=("unknown-name",)),
    Operation("POST", "/v1/outbox/discard", scope="operate", run=discard_messages),
    Operation("GET", "/v1/outbox/{id}", scope="read", run=outbox_message, problems=("not-found",)),
    Operation(
        "POST", "/v1/outbox/{id}/retry", scope="operate", run=retry_message, problems=("not-found", "unknown-name"),
    ),
    Operation(
        "POST", "/v1/outbox/{id}/discard", scope="operate", run=discard_message, problems=("not-found", "not-possible"),
    ),
)  # fmt: skip
