"""The delivery of messages: leases, results of attempts, and messages that time alone causes.

A message is leased to one deliverer at a time. If the deliverer dies, the message is due again at the end of the lease,
and the next deliverer sends it under the same id. So each message is sent at least once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta
from itertools import islice
from typing import NamedTuple

from blackboard.board import worker_registry
from blackboard.board.activations.agent_claims import agent_readiness
from blackboard.board.facade import Blackboard
from blackboard.board.outbox import announcements, message_rows, outbox_administration
from blackboard.board.outbox.message_rows import Notice
from blackboard.board.result_types.message_results import OutboxMessage
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.clock import Instant
from blackboard.core.marks.scopes import subject_of
from blackboard.core.records.states import MessageState
from blackboard.core.specs.sink_spec import BY_TIME, SinkSpec, Topic
from blackboard.durations import MINUTE, Duration, parse_duration
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import DEPLOYMENTS, OUTBOX
from blackboard.system.failpoints import failpoint

MESSAGE_LEASE: Duration = 2 * MINUTE
"""The lease of a message, which is longer than any attempt to deliver it."""
DELAYS: tuple[Duration, ...] = tuple(
    parse_duration(text) for text in ("5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "24h")
)
"""The delays before each further attempt, as Standard Webhooks recommends: ten attempts in three days."""
MAX_DELIVERY_ERROR_CHARACTERS = 500
CROSSINGS_PER_PAGE = 200
MAX_NEW_MESSAGES = 100
"""How many crossings are announced to one sink at a time."""


class FailedAttempt(NamedTuple):
    """The result of an attempt that failed."""

    error: str
    """The reason, shown to people."""
    wait: timedelta | None = None
    """How long the receiver asks to wait; None if the receiver does not say."""
    is_gone: bool = False
    """Whether the receiver is gone for good, so that no more messages are sent there."""


class LeasedMessage(NamedTuple):
    """A message that one deliverer has for a while."""

    message: OutboxMessage
    attempts: int
    fence: int


class TimedNotice(NamedTuple):
    """An event that time alone has caused, and that a sink has no message about yet."""

    sink: str
    topic: Topic
    notice: Notice


class DeliveryQueue:
    """The messages of one board that wait, each piece of work in one transaction.

    Args:
        board: The board whose outbox has the messages.
    """

    def __init__(self, board: Blackboard) -> None:
        self._session = board.session

    def announce_by_time(self) -> None:
        """Put messages into the outbox about crossings that have waited too long, and agents unserved for too long."""
        if not self._session.read(_has_topics_by_time):
            return
        dead = self._session.dead_workers()
        if news := self._session.read(lambda txn: find_by_time(txn, dead)):
            self._session.write(lambda txn: announce_by_time(txn, news))

    def due_sinks(self, sinks: Collection[str]) -> list[str]:
        """Return which of the sinks have a message due."""
        return self._session.read(lambda txn: _due_sinks(txn, sinks))

    def lease(self, sink: str) -> LeasedMessage | None:
        """Lease the message of a sink that is due first; None if none is due."""
        if not self.due_sinks([sink]):  # a read costs less than a transaction that writes
            return None
        leased = self._session.write(lambda txn: _lease(txn, sink))
        failpoint("outbox.leased")
        return leased

    def record_attempt(self, leased: LeasedMessage, failed: FailedAttempt | None) -> MessageState | None:
        """Record the result of an attempt, and return the state of the message; None if the lease was lost."""
        failpoint("outbox.sent")
        state = self._session.write(lambda txn: _record_attempt(txn, leased, failed))
        failpoint("outbox.settled")
        return state


def _lease(txn: BoardTransaction, sink: str) -> LeasedMessage | None:
    """Lease the message of a sink that is due first; None if none is due."""
    row = txn.sql.one(OUTBOX.next_message, sink=sink, now=txn.now)
    if row is None or not txn.sql.run_and_count(
        OUTBOX.lease_message, id=row.id, fence=row.fence, until=txn.now + MESSAGE_LEASE
    ):
        return None
    return LeasedMessage(outbox_administration.convert_row(row), row.attempts, row.fence + 1)


def _record_attempt(txn: BoardTransaction, leased: LeasedMessage, failed: FailedAttempt | None) -> MessageState | None:
    """Record the result of an attempt, and return the state of the message; None if the lease was lost.

    Args:
        txn: The transaction.
        leased: The message, with the fence of the lease under which the attempt was made.
        failed: Why the attempt failed; None if the receiver has the message.
    """
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
    """Return which of the sinks have a message due."""
    due = {sink: txn.sql.value(OUTBOX.next_message_due, sink=sink) for sink in sinks}
    return [sink for sink, at in due.items() if at is not None and at <= txn.now]


def _has_topics_by_time(txn: BoardTransaction) -> bool:
    """Return whether a sink has a topic of events that time alone causes. Otherwise no search for them is needed."""
    return any(topic in txn.active.sinks_by_topic for topic in BY_TIME)


def find_by_time(txn: BoardTransaction, dead: Collection[str]) -> list[TimedNotice]:
    """Return the events that time alone has caused.

    They are crossings that have waited too long, and agents that no worker has served for too long.

    Args:
        txn: The transaction, which may be one that only reads.
        dead: Registered workers that are known to be dead.
    """
    return [*_late_crossings(txn), *_unserved_agents(txn, dead)]


def announce_by_time(txn: BoardTransaction, notices: Iterable[TimedNotice]) -> None:
    """Announce events that time alone has caused, unless another process has done so meanwhile."""
    for event in notices:
        if (sink := txn.deployment.sinks.get(event.sink)) is not None:
            message_rows.announce_to(txn, event.sink, sink, event.topic, event.notice)


def _late_crossings(txn: BoardTransaction) -> Iterator[TimedNotice]:
    for name, sink in txn.active.sinks_by_topic.get(Topic.CROSSING_WAITING, ()):
        for watch, row in islice(_late(txn, name, sink), MAX_NEW_MESSAGES):
            notice = announcements.notice_of_waiting_crossing(txn, watch, row, agent_readiness.held_by_of(txn, row))
            yield TimedNotice(name, Topic.CROSSING_WAITING, notice)


def _late(txn: BoardTransaction, name: str, sink_spec: SinkSpec) -> Iterator[tuple[RegisteredWatch, CrossingRow]]:
    """Yield the crossings that have waited too long and that the sink has no message about yet."""
    for watch in txn.active.watches.values():
        after = 0
        values = {"watch_id": watch.id, "sink": name, "before": txn.now - sink_spec.waiting_for}
        while rows := txn.sql.all(OUTBOX.late_crossings, **values, after=after, limit=CROSSINGS_PER_PAGE):
            for row in rows:
                if sink_spec.passes(watch.agent_spec.name, watch.condition.kinds, subject_of(row.scope)):
                    yield watch, row
            after = rows[-1].id


def _unserved_agents(txn: BoardTransaction, dead: Collection[str]) -> Iterator[TimedNotice]:
    sinks = txn.active.sinks_by_topic.get(Topic.AGENT_UNSERVED)
    if not sinks:
        return
    deployed_at = txn.sql.existing(DEPLOYMENTS.active_deployment).deployed_at
    silence = min(sink.unserved_for for _, sink in sinks)
    for agent in txn.deployment.agents:
        if (problem := worker_registry.unserved_agent(txn, agent, dead, silence=silence)) is None:
            continue
        since = deployed_at if problem.since is None else problem.since
        notice = announcements.notice_of_unserved_agent(agent, problem.reason, problem.since)
        for name, sink in sinks:
            is_due = since <= txn.now - sink.unserved_for and sink.passes(agent, (), None)
            if is_due and not message_rows.is_announced(txn, name, Topic.AGENT_UNSERVED, notice):
                yield TimedNotice(name, Topic.AGENT_UNSERVED, notice)
