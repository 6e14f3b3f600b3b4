"""The work that is due on a board for a worker."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from blackboard.board import worker_registry
from blackboard.board.activations.agent_claims import agent_readiness
from blackboard.board.housekeeping.background_throttle import BackgroundThrottle
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables import agent_states
from blackboard.board.worker_registry import AgentCode
from blackboard.clock import Instant
from blackboard.durations import Duration
from blackboard.store.statements import CROSSINGS


@dataclass(frozen=True)
class DueWork:
    """The work that is due on a board, and the instants when more work will be due."""

    has_predicted_crossing: bool
    """Whether a predicted crossing is due."""
    has_due_need: bool
    has_evaporation: bool
    has_backfill: bool
    has_search: bool
    delay: Duration
    """The time until background work may continue."""
    agents: Set[str]
    """The agents with waiting work, ready or not."""
    suspects: Set[str]
    """The agents with an activation that must run alone."""
    outdated: Sequence[str]
    """The agents of the worker that the active deployment has with other code, or does not have."""
    doubted_clock: Instant | None
    """The instant of a clock that the board does not believe; None if the board believes it."""
    instants: Sequence[Instant]
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
        code: The agents that the worker serves, with the digests of their code.
        pace: The pauses of its background work.
    """
    instants = txn.sql.existing(CROSSINGS.due_instants)
    crossing, need = instants.next_predicted, instants.next_need
    evaporation = txn.next_evaporation  # every transaction has read it already

    def is_due(at: Instant | None) -> bool:
        return at is not None and at <= txn.now

    later = [at for at in (crossing, need, evaporation) if at is not None and not is_due(at)]
    has_evaporation = is_due(evaporation) and not txn.active.law_changes
    delay = 0
    if has_evaporation or instants.has_backfill or instants.has_search:
        delay = pace.delay(txn.last_event_id)
        later.append(txn.now + delay)
    outdated = worker_registry.outdated_agents(txn, code)
    current = code.keys() - set(outdated)
    work = agent_readiness.ready_instants(txn)
    agents = work.keys() & current
    suspects = agent_readiness.agents_with_suspects(txn) & current if agents else set()
    agent_states.read_all(txn, agents)
    ready = (agent_readiness.next_ready(txn, name, work) for name in agents & txn.deployment.agents.keys())
    later += (at for at in ready if at is not None)
    return DueWork(
        has_predicted_crossing=is_due(crossing),
        has_due_need=is_due(need),
        has_evaporation=has_evaporation,
        has_backfill=bool(instants.has_backfill),
        has_search=bool(instants.has_search),
        delay=delay,
        agents=agents,
        suspects=suspects,
        outdated=outdated,
        doubted_clock=txn.doubted_clock,
        instants=later,
    )
