"""The outbox for a process that delivers its messages."""

from __future__ import annotations

from collections.abc import Collection

from blackboard.board import delivery_attempts
from blackboard.board.delivery_attempts import FailedAttempt, LeasedMessage
from blackboard.board.facade import Blackboard
from blackboard.core.records.states import MessageState
from blackboard.system.failpoints import failpoint

__all__ = ["DeliveryQueue", "FailedAttempt", "LeasedMessage"]


class DeliveryQueue:
    """The messages of one board that wait, each piece of work in one transaction.

    Args:
        board: The board whose outbox has the messages.
    """

    def __init__(self, board: Blackboard) -> None:
        self._session = board.session

    def announce_by_time(self) -> None:
        """Put messages into the outbox about crossings that have waited too long, and agents unserved for too long."""
        if not self._session.read(delivery_attempts.has_topics_by_time):
            return
        dead = self._session.dead_workers()
        if news := self._session.read(lambda txn: delivery_attempts.find_by_time(txn, dead)):
            self._session.write(lambda txn: delivery_attempts.announce_by_time(txn, news))

    def due_sinks(self, sinks: Collection[str]) -> list[str]:
        """Return which of the sinks have a message due."""
        return self._session.read(lambda txn: delivery_attempts.due_sinks(txn, sinks))

    def lease(self, sink: str) -> LeasedMessage | None:
        """Lease the message of a sink that is due first; None if none is due."""
        if not self.due_sinks([sink]):  # a read costs less than a transaction that writes
            return None
        leased = self._session.write(lambda txn: delivery_attempts.lease(txn, sink))
        failpoint("outbox.leased")
        return leased

    def record_attempt(self, leased: LeasedMessage, failed: FailedAttempt | None) -> MessageState | None:
        """Record the result of an attempt, and return the state of the message; None if the lease was lost."""
        failpoint("outbox.sent")
        state = self._session.write(lambda txn: delivery_attempts.record_attempt(txn, leased, failed))
        failpoint("outbox.settled")
        return state
