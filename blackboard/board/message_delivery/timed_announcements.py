"""Timed announcements: messages about what time alone causes. No other transaction writes them.

The messages are about crossings that have waited too long, and agents that no worker has served for too long.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from blackboard.board import worker_registry
from blackboard.board.activations.agent_claims import agent_readiness
from blackboard.board.outbox import announcements, message_rows
from blackboard.board.outbox.message_rows import Notice
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.core.marks.scopes import subject_of
from blackboard.core.specs.sink_spec import TIMED_TOPICS, SinkSpec, Topic
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import DEPLOYMENTS, OUTBOX

CROSSINGS_PER_PAGE = 200
MAX_NEW_MESSAGES = 100
"""How many crossings are announced to one sink at a time."""


class TimedNotice(NamedTuple):
    """A notice for one sink that has no message about it yet."""

    sink: str
    topic: Topic
    notice: Notice


def has_sinks(txn: BoardTransaction) -> bool:
    """Return whether a sink has a topic of timed announcements. If none has, no search is needed."""
    return any(topic in txn.active.sinks_by_topic for topic in TIMED_TOPICS)


def find(txn: BoardTransaction, dead: Collection[str]) -> list[TimedNotice]:
    """Return the notices for each sink.

    Args:
        txn: The transaction, which may be one that only reads.
        dead: Registered workers that are known to be dead.
    """
    return [*_notices_of_late_crossings(txn), *_notices_of_unserved_agents(txn, dead)]


def announce(txn: BoardTransaction, notices: Iterable[TimedNotice]) -> None:
    """Put messages into the outbox. If another process has announced the same meanwhile, no second message appears."""
    for due in notices:
        if (sink := txn.deployment.sinks.get(due.sink)) is not None:
            message_rows.announce_to(txn, due.sink, sink, due.topic, due.notice)


def _notices_of_late_crossings(txn: BoardTransaction) -> Iterator[TimedNotice]:
    for name, sink in txn.active.sinks_by_topic.get(Topic.CROSSING_WAITING, ()):
        for watch, row in islice(_late_crossings(txn, name, sink), MAX_NEW_MESSAGES):
            notice = announcements.notice_of_waiting_crossing(
                txn, watch, row, agent_readiness.held_by_or_window(txn, row)
            )
            yield TimedNotice(name, Topic.CROSSING_WAITING, notice)


def _late_crossings(
    txn: BoardTransaction, name: str, sink_spec: SinkSpec
) -> Iterator[tuple[RegisteredWatch, CrossingRow]]:
    """Yield the crossings that have waited too long and that the sink has no message about yet."""
    for watch in txn.active.watches.values():
        after = 0
        values = {"watch_id": watch.id, "sink": name, "before": txn.now - sink_spec.waiting_for}
        while rows := txn.sql.all(OUTBOX.late_crossings, **values, after=after, limit=CROSSINGS_PER_PAGE):
            for row in rows:
                if sink_spec.passes(watch.agent_spec.name, watch.condition.kinds, subject_of(row.scope)):
                    yield watch, row
            after = rows[-1].id


def _notices_of_unserved_agents(txn: BoardTransaction, dead: Collection[str]) -> Iterator[TimedNotice]:
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
