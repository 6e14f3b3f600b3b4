"""The queue of messages to deliver: which are due, who has leased one, and the results of attempts.

A message is leased to one deliverer at a time. If the deliverer dies, the message is due again at the end of the lease,
and the next deliverer sends it under the same id. So each message is sent at least once.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import NamedTuple

from blackboard.board.facade import Blackboard
from blackboard.board.message_delivery import timed_announcements
from blackboard.board.outbox import outbox_administration
from blackboard.board.result_types.message_results import OutboxMessage
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.core.records.states import MessageState
from blackboard.durations import MINUTE, Duration, parse_duration
from blackboard.store.statements import OUTBOX
from blackboard.system.failpoints import failpoint

MESSAGE_LEASE: Duration = 2 * MINUTE
"""The lease of a message, which is longer than any attempt to deliver it."""
DELAYS: tuple[Duration, ...] = tuple(
    parse_duration(text) for text in ("5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "24h")
)
"""The delays before each further attempt, as Standard Webhooks recommends: 10 attempts in 3 days."""
MAX_DELIVERY_ERROR_CHARACTERS = 500


class FailedAttempt(NamedTuple):
    """The result of an attempt that failed."""

    error: str
    """The reason, shown to people."""
    wait: timedelta | None = None
    """How long the receiver asks to wait; None if the receiver does not say."""
    is_gone: bool = False
    """Whether the receiver is gone for good, so no more messages are sent there."""


class LeasedMessage(NamedTuple):
    """A message that one deliverer has for a while."""

    message: OutboxMessage
    attempts: int
    fence: int


class DeliveryQueue:
    """The messages of one board that wait, each piece of work in one transaction.

    Args:
        board: The board whose outbox has the messages.
    """

    def __init__(self, board: Blackboard) -> None:
        self._session = board.session

    def make_timed_announcements(self) -> None:
        """Put messages into the outbox about crossings that have waited too long, and agents unserved for too long."""
        if not self._session.read(timed_announcements.has_sinks):
            return
        dead = self._session.dead_workers()
        if notices := self._session.read(lambda txn: timed_announcements.find(txn, dead)):
            self._session.write(lambda txn: timed_announcements.announce(txn, notices))

    def due_sinks(self, sinks: Collection[str]) -> list[str]:
        """Return which of the sinks have a message due."""
        return self._session.read(lambda txn: _due_sinks(txn, sinks))

    def lease(self, sink: str) -> LeasedMessage | None:
        """Lease the message of a sink that is due first, and return it; None if none is due."""
        if not self.due_sinks([sink]):  # a read costs less than a transaction that writes
            return None
        leased = self._session.write(lambda txn: _lease(txn, sink))
        failpoint("outbox.leased")
        return leased

    def record_attempt(self, leased: LeasedMessage, failed: FailedAttempt | None) -> MessageState | None:
        """Record the result of an attempt, and return the state of the message; None if the lease was lost.

        Args:
            leased: The message, with the fence of the lease under which the attempt was made.
            failed: Why the attempt failed; None if the receiver has the message.
        """
        failpoint("outbox.sent")
        state = self._session.write(lambda txn: _record_attempt(txn, leased, failed))
        failpoint("outbox.settled")
        return state


def _lease(txn: BoardTransaction, sink: str) -> LeasedMessage | None:
    row = txn.sql.one(OUTBOX.next_message, sink=sink, now=txn.now)
    if row is None or not txn.sql.run_and_count(
        OUTBOX.lease_message, id=row.id, fence=row.fence, until=txn.now + MESSAGE_LEASE
    ):
        return None
    return LeasedMessage(outbox_administration.convert_row(row), row.attempts, row.fence + 1)


def _record_attempt(txn: BoardTransaction, leased: LeasedMessage, failed: FailedAttempt | None) -> MessageState | None:
    state, due_at = _state_after(txn.now, leased.attempts, failed)
    finished_at = None if state == MessageState.WAITING else txn.now
    error = None if failed is None else failed.error[:MAX_DELIVERY_ERROR_CHARACTERS]
    values = {"id": leased.message.id, "fence": leased.fence, "state": state, "due_at": due_at}
    if not txn.sql.run_and_count(OUTBOX.settle_message, **values, finished_at=finished_at, error=error):
        return None
    if failed is not None and failed.is_gone:
        txn.sql.run(OUTBOX.end_messages, sink=leased.message.sink, state=MessageState.GONE, now=txn.now, error=error)
    return state


def _state_after(now: Instant, attempts: int, failed: FailedAttempt | None) -> tuple[MessageState, Instant]:
    """Return the state of a message after an attempt, and when the next attempt is due."""
    if failed is None:
        return MessageState.DELIVERED, now
    if failed.is_gone:
        return MessageState.GONE, now
    if attempts >= len(DELAYS):
        return MessageState.FAILED, now
    requested = 0 if failed.wait is None else failed.wait // timedelta(microseconds=1)
    return MessageState.WAITING, now + max(DELAYS[attempts], requested)


def _due_sinks(txn: BoardTransaction, sinks: Collection[str]) -> list[str]:
    due = {sink: txn.sql.value(OUTBOX.next_message_due, sink=sink) for sink in sinks}
    return [sink for sink, at in due.items() if at is not None and at <= txn.now]
