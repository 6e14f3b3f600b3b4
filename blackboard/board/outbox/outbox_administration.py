"""The messages in the outbox for people, who can send one again or give it up."""

from __future__ import annotations

import json
from collections.abc import Sequence

from blackboard.board import activity_log
from blackboard.board.result_types.message_results import OutboxMessage, SinkStatus
from blackboard.board.result_types.row_conversion import optional_datetime, result_of
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.marks.scopes import group_of, scope_in
from blackboard.core.records.event_kinds import ActivityEvent
from blackboard.core.records.states import UNDELIVERED, MessageState
from blackboard.errors import NotFound, UnknownName, WorkError
from blackboard.store.row_types.board_row_types import MessageRow
from blackboard.store.statements import OUTBOX

MESSAGES_PER_TRANSACTION = 1000
"""The most messages that one transaction sends again or gives up."""


def list_messages(
    txn: BoardTransaction, *, sink: str | None, state: str | None, before: int | None, limit: int
) -> list[OutboxMessage]:
    """Return messages, newest first.

    Raises:
        UnknownName: There is no such state.
    """
    if state is not None and state not in set(MessageState):
        raise UnknownName("state", state, map(str, MessageState), f"{state!r} is not a state of messages")
    values = {"sink": sink, "state": state, "before": before}
    given = {name: value for name, value in values.items() if value is not None}
    return [convert_row(row) for row in txn.sql.all(OUTBOX.messages.using(*given), **given, limit=limit)]


def get(txn: BoardTransaction, message_id: int) -> OutboxMessage:
    """Return one message.

    Raises:
        NotFound: There is no such message.
    """
    return convert_row(_row(txn, message_id))


def retry(txn: BoardTransaction, message_id: int, author: str) -> OutboxMessage:
    """Send a message again under the same id, whatever its state, as if it were new.

    Raises:
        NotFound: There is no such message.
        UnknownName: The deployment no longer has its sink.
    """
    row = _row(txn, message_id)
    if row.sink not in txn.deployment.sinks:
        raise UnknownName("sink", row.sink, txn.deployment.sinks)
    txn.sql.run(OUTBOX.retry_message, id=message_id, now=txn.now)
    _note(txn, ActivityEvent.RETRY_MESSAGE, row, author)
    return convert_row(_row(txn, message_id))


def discard(txn: BoardTransaction, message_id: int, author: str) -> OutboxMessage:
    """Give up a message that waits or was not delivered.

    Raises:
        NotFound: There is no such message.
        WorkError: The message was delivered, or given up by a person before.
    """
    row = _row(txn, message_id)
    if row.state not in UNDELIVERED:
        raise WorkError(
            f"message {row.id} is {row.state}; only a message that waits or was not delivered can be given up"
        )
    txn.sql.run(OUTBOX.discard_message, id=message_id, now=txn.now)
    _note(txn, ActivityEvent.DISCARD_MESSAGE, row, author)
    return convert_row(_row(txn, message_id))


def retry_many(txn: BoardTransaction, author: str, *, sink: str | None, state: str | None) -> list[int]:
    """Send undelivered messages again, as `retry` does, and return their ids: at most MESSAGES_PER_TRANSACTION.

    Messages of a sink that the deployment does not have stay, and so do those that wait for their first attempt. A
    repetition takes the next messages.

    Raises:
        UnknownName: There is no such sink, or no such state of an undelivered message.
    """
    if sink is not None and sink not in txn.deployment.sinks:
        raise UnknownName("sink", sink, txn.deployment.sinks)
    rows = _undelivered_messages(txn, sink=sink, state=state, sinks=txn.sql.list_of(list(txn.deployment.sinks)))
    return [retry(txn, row.id, author).id for row in rows]


def discard_many(txn: BoardTransaction, author: str, *, sink: str | None, state: str | None) -> list[int]:
    """Give up undelivered messages, as `discard` does, and return their ids: at most MESSAGES_PER_TRANSACTION.

    Raises:
        UnknownName: There is no such state of an undelivered message.
    """
    return [discard(txn, row.id, author).id for row in _undelivered_messages(txn, sink=sink, state=state)]


def _undelivered_messages(
    txn: BoardTransaction, *, sink: str | None, state: str | None, sinks: object = None
) -> Sequence[MessageRow]:
    """Return the newest undelivered messages; with `sinks`, only messages of these sinks that were tried before."""
    if state is not None and state not in UNDELIVERED:
        raise UnknownName("state", state, map(str, UNDELIVERED), f"{state!r} is not a state of undelivered messages")
    given = {name: value for name, value in (("sink", sink), ("sinks", sinks), ("state", state)) if value is not None}
    return txn.sql.all(OUTBOX.undelivered_messages.using(*given), **given, limit=MESSAGES_PER_TRANSACTION)


def overview(txn: BoardTransaction) -> tuple[SinkStatus, ...]:
    """Return the undelivered messages of each sink that has any."""
    rows = txn.sql.all(OUTBOX.unfinished_messages)
    return tuple(result_of(SinkStatus, row, waiting_since=optional_datetime(row.waiting_since)) for row in rows)


def _note(txn: BoardTransaction, event: ActivityEvent, row: MessageRow, author: str) -> None:
    activity_log.record(
        txn,
        event,
        author=author,
        agent=row.agent,
        scope=row.scope,
        mark_id=row.mark_id,
        activation_id=row.activation_id,
        crossing_id=row.crossing_id,
    )


def _row(txn: BoardTransaction, message_id: int) -> MessageRow:
    row = txn.sql.one(OUTBOX.get_message, id=message_id)
    if row is None:
        raise NotFound(f"there is no message {message_id}; 'blackboard outbox list' lists them")
    return row


def convert_row(row: MessageRow) -> OutboxMessage:
    """Return the message of a row."""
    content, group = json.loads(row.content), group_of(scope_in(row.scope))
    return result_of(
        OutboxMessage,
        row,
        title=content["title"],
        text=content["text"],
        remedy=content["remedy"],
        data=content["data"],
        group=None if group is None else str(group),
        due_at=row.due_at if row.state == MessageState.WAITING else None,
    )
