"""The remaining work of a board: whether it can finish by itself, and a report about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass
from itertools import chain

from blackboard.board.activations import model_pauses
from blackboard.board.activations.agent_claims.agent_readiness import agent_deferral, budget_deferral, held_by_or_window
from blackboard.board.deployment_effects import gone_agents
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.crossing_detection.predicted_crossings import next_fall
from blackboard.board.watches.waiting_crossings.scheduled_crossings import next_scheduled
from blackboard.clock import iso
from blackboard.core.failure_texts import without_quotation
from blackboard.core.records.states import ActivationState, HeldBy
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MARKS, MODEL_CALLS, SEARCH

MAX_COUNTED_CROSSINGS = 10_000
"""The largest number of due falling crossings that are counted before they are recorded."""


_WAITS = {
    "": "ready",
    HeldBy.GUARD: "deferred by a guard",
    HeldBy.COOLDOWN: "in its cooldown",
    HeldBy.RATE: "held back by max_activations_per_hour",
    HeldBy.RETEST: "to be tested again under the changed watch",
    HeldBy.BATCH_WINDOW: "in its batch window",
}
"""How the report names what defers crossings; "" stands for nothing."""


def has_unfinished_work(txn: BoardTransaction, agents: Set[str], *, batch_api: bool = False) -> bool:
    """Return whether these agents have work that runs, or that waits for a batch window, a cooldown or a retry.

    Budgets, guards, schedules, future crossings, pauses and people do not count. With `batch_api`, the calls of the
    Batch API count: time alone brings their answers.
    """
    if any(txn.sql.one(work) is not None for work in (ACTIVATIONS.running, CROSSINGS.backfills, SEARCH.unfinished)):
        return True
    active = agents - _paused_agents(txn).keys()
    if batch_api and any(row.name in active for row in txn.sql.all(MODEL_CALLS.count_in_batch_api, now=txn.now)):
        return True
    if next(agents_of_waiting_work(txn, agents), None) is not None:
        return True
    instants = (txn.sql.value(CROSSINGS.next_predicted), txn.sql.value(MARKS.next_due_need))
    return any(due is not None and due <= txn.now for due in instants)


def agents_of_waiting_work(txn: BoardTransaction, agents: Set[str]) -> Iterator[str]:
    """Yield the agent of each activation and crossing that waits only for time, for a free worker, or for both."""
    active = agents - _paused_agents(txn).keys()
    waiting = chain(_waiting_activations(txn), _waiting_crossings(txn, active), _due_crossings(txn))
    yield from (agent for agent in waiting if agent in active)


def _waiting_activations(txn: BoardTransaction) -> Iterator[str]:
    for state in (ActivationState.READY, ActivationState.HELD):
        for row in txn.sql.all(ACTIVATIONS.unfinished_in_state, state=state):
            if row.retry_at is not None and (state == ActivationState.READY or row.retry_at <= txn.now):
                yield row.agent


def _waiting_crossings(txn: BoardTransaction, agents: Set[str]) -> Iterator[str]:
    for watch in txn.active.watches.values():
        if watch.agent_spec.name not in agents or budget_deferral(txn, watch) is not None:
            continue
        for crossing in txn.sql.all(CROSSINGS.waiting_of_watch, watch_id=watch.id):
            is_ready = crossing.ready_at is not None and crossing.ready_at <= txn.now
            if crossing.held_by in (None, HeldBy.COOLDOWN) or is_ready:
                yield watch.agent_spec.name


def _due_crossings(txn: BoardTransaction) -> Iterator[str]:
    for prediction in txn.sql.all(CROSSINGS.due_predicted, now=txn.now, limit=MAX_COUNTED_CROSSINGS):
        if (watch := txn.active.watches.get(prediction.watch_id)) is not None:
            yield watch.agent_spec.name


@dataclass(frozen=True)
class RemainingWork:
    """The work that remained on a board when a daemon ended."""

    lines: tuple[str, ...]
    """One line for each reason that work remains; empty if none remains."""

    @classmethod
    def of(cls, txn: BoardTransaction, agents: Set[str]) -> RemainingWork:
        """Return the work that remains on the board for a daemon that ran these agents."""
        lines = [f"{agent}: {reason}" for agent, reason in sorted(_paused_agents(txn).items())]
        lines += [
            f"{model_pauses.problem(pause)}; "
            + (f"it is tried again at {iso(pause.probe_at)}" if pause.probe_at > txn.now else "the next call tries it")
            for pause in model_pauses.all_pauses(txn)
            if not pause.suspect
        ]
        lines += _agenda(txn, agents)
        lines += _stuck_activations(txn)
        lines += [
            f"{agent}: {count} held, {gone_agents.HELD_REASON}" for agent, count in gone_agents.count(txn).items()
        ]
        for cause, comes, due in (
            ("falling watch", "crosses at", next_fall(txn)),
            ("schedule", "crosses at", next_scheduled(txn)),
            ("need", "is due at", txn.sql.value(MARKS.next_due_need)),
        ):
            if due is not None:
                lines.append(f"the next {cause} {comes if due > txn.now else 'is due since'} {iso(due)}")
        return cls(tuple(lines))


def _agenda(txn: BoardTransaction, agents: Set[str]) -> Iterator[str]:
    """Yield what waits for each watch and why, for the report of a worker that waits for quiescence."""
    for watch in txn.active.watches.values():
        budget = budget_deferral(txn, watch)
        reasons = _WAITS if budget is None else _WAITS | {"": budget.reason, HeldBy.BATCH_WINDOW: budget.reason}
        elsewhere = "" if watch.agent_spec.name in agents else ", and this daemon does not run that agent"
        waiting = txn.sql.all(CROSSINGS.waiting_of_watch, watch_id=watch.id)
        for reason, count in sorted(Counter(held_by_or_window(txn, row) or "" for row in waiting).items()):
            agenda = f"{count} on the agenda, {reasons[reason]}"
            yield f"{watch.agent_spec.name}.{watch.spec.name}: {agenda}{elsewhere}"


def _stuck_activations(txn: BoardTransaction) -> Iterator[str]:
    for state in (ActivationState.HELD, ActivationState.DEAD, ActivationState.QUARANTINED):
        hint = ": see 'blackboard activations --state dead'" if state == ActivationState.DEAD else ""
        rows = txn.sql.all(ACTIVATIONS.unfinished_in_state, state=state)
        rows = [row for row in rows if state != ActivationState.HELD or not gone_agents.is_gone(txn, row.agent)]
        for agent, count in sorted(Counter(row.agent for row in rows).items()):
            error = next(row.error for row in rows if row.agent == agent)
            # A daemon may print the report into a log.
            reason = f" ({without_quotation(error)})" if state == ActivationState.HELD and error else ""
            yield f"{agent}: {count} {state}{hint}{reason}"


def _paused_agents(txn: BoardTransaction) -> dict[str, str]:
    """Return the agents that wait for a person, with the reason."""
    deferrals = {name: agent_deferral(txn, name) for name in txn.deployment.agents}
    return {name: found.reason for name, found in deferrals.items() if found is not None and found.until is None}
