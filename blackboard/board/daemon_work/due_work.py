"""The work that is due on a board for a worker."""

from __future__ import annotations

from dataclasses import dataclass, field

from blackboard.board import worker_registry
from blackboard.board.activations.agent_claims import agent_readiness
from blackboard.board.housekeeping.background_throttle import BackgroundThrottle
from blackboard.board.transactions import agent_states
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.worker_registry import AgentCode
from blackboard.clock import Instant
from blackboard.durations import Duration
from blackboard.store.statements import CROSSINGS


@dataclass
class DueWork:
    """The work that is due on a board, and the instants when more work will be due."""

    has_predicted_crossing: bool = False
    """Whether a predicted crossing is due."""
    has_due_need: bool = False
    has_evaporation: bool = False
    has_backfill: bool = False
    has_search: bool = False
    delay: Duration = 0
    """The time until background work may continue."""
    agents: set[str] = field(default_factory=set)
    """The agents with waiting work, ready or not."""
    suspects: set[str] = field(default_factory=set)
    """The agents with an activation that must run alone."""
    outdated: list[str] = field(default_factory=list)
    """The agents of the worker that the active deployment has with other code, or does not have."""
    doubted_clock: Instant | None = None
    """The instant of a clock that the board does not believe; None if the board believes it."""
    instants: list[Instant] = field(default_factory=list)
    """The known instants after now at which more work will be due, in no order: microseconds since the epoch."""

    @property
    def has_maintenance(self) -> bool:
        """Whether the board itself has work."""
        return (
            self.has_predicted_crossing
            or self.has_due_need
            or self.has_evaporation
            or self.has_backfill
            or self.has_search
        )


def read_due_work(txn: BoardTransaction, code: AgentCode, pace: BackgroundThrottle) -> DueWork:
    """Return the work that is due now for a worker, and the instants when more work will be due.

    Args:
        txn: The transaction.
        code: The agents that the worker serves, with the digests of its code.
        pace: The pauses of its background work.
    """
    instants = txn.sql.existing(CROSSINGS.due_instants)
    crossing, need = instants.next_predicted, instants.next_need
    evaporation = txn.next_end  # every transaction has read it already

    def is_due(at: Instant | None) -> bool:
        return at is not None and at <= txn.now

    due = DueWork(
        has_predicted_crossing=is_due(crossing),
        has_due_need=is_due(need),
        has_evaporation=is_due(evaporation) and not txn.active.law_changes,
        has_backfill=bool(instants.has_backfill),
        has_search=bool(instants.has_search),
        doubted_clock=txn.doubted,
        instants=[at for at in (crossing, need, evaporation) if at is not None and not is_due(at)],
    )
    if due.has_evaporation or due.has_backfill or due.has_search:
        due.delay = pace.delay(txn.last_event_id)
        due.instants.append(txn.now + due.delay)
    due.outdated = worker_registry.outdated_agents(txn, code)
    current = code.keys() - set(due.outdated)
    work = agent_readiness.waiting_work(txn)
    due.agents = work.keys() & current
    if due.agents:
        due.suspects = agent_readiness.agents_with_suspects(txn) & current
    agent_states.read_all(txn, due.agents)
    for name in due.agents & txn.deployment.agents.keys():
        if (at := agent_readiness.next_ready(txn, name, work)) is not None:
            due.instants.append(at)
    return due
