"""Quiescence: nothing waits that time or work alone could finish, nothing runs; and what is left, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass

from blackboard.board.board_transaction import BoardTransaction
from blackboard.board.readiness import blocked, held_back
from blackboard.clock import iso
from blackboard.states import ActivationState
from blackboard.store.rows import ActivationRow, CrossingRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MODEL_CALLS

__all__ = ["Report", "still_to_do"]


def still_to_do(txn: BoardTransaction, agents: Set[str], *, batch_api: bool = False) -> bool:
    """Whether anything runs, or waits for gathering, a rest or a retry, that these agents would finish.

    It does not wait for budgets, guards, falls in the future, pauses, or people. For the cheap lane it does, if this
    daemon serves it (`lane`): time alone brings those answers.
    """
    if txn.tx.one(ACTIVATIONS.running) is not None or txn.tx.one(CROSSINGS.backfills) is not None:
        return True
    paused = _paused(txn)
    for values in txn.tx.all(ACTIVATIONS.unfinished_in_state, state=ActivationState.READY):
        row = ActivationRow(*values)
        if row.agent in agents and row.agent not in paused and row.retry_at is not None:
            return True
    if batch_api and any(
        agent in agents and agent not in paused for agent, _ in txn.tx.all(MODEL_CALLS.count_in_batch_api)
    ):
        return True
    for watch in txn.active.watches.values():
        if watch.agent.name not in agents or watch.agent.name in paused or held_back(txn, watch) is not None:
            continue
        for values in txn.tx.all(CROSSINGS.waiting_of_watch, watch_id=watch.id):
            crossing = CrossingRow(*values)
            if crossing.held_by in (None, "cooldown") or (
                crossing.ready_at is not None and crossing.ready_at <= txn.now
            ):
                return True
    due = txn.tx.one(CROSSINGS.next_predicted)[0]
    return due is not None and due <= txn.now


def _paused(txn: BoardTransaction) -> set[str]:
    """The agents that wait for a person."""
    return {name for name in txn.deployment.agents if (block := blocked(txn, name)) is not None and block[1] is None}


def _held(txn: BoardTransaction, row: CrossingRow) -> str:
    if row.held_by is None and row.ready_at is not None and row.ready_at > txn.now:
        return "batch_window"
    return row.held_by or ""


@dataclass(frozen=True)
class Report:
    """What a daemon left when it ended."""

    lines_: tuple[str, ...]

    @classmethod
    def of(cls, txn: BoardTransaction, agents: Set[str]) -> Report:
        """What is left on the board."""
        lines = []
        for agent in sorted(_paused(txn)):
            block = blocked(txn, agent)
            lines.append(f"{agent}: {block[0] if block else 'paused'}")
        for watch in txn.active.watches.values():
            waiting = [CrossingRow(*values) for values in txn.tx.all(CROSSINGS.waiting_of_watch, watch_id=watch.id)]
            over = held_back(txn, watch)
            ready, gathering = (over[0], over[0]) if over else ("ready", "gathering")
            reasons = {"": ready, "guard": "held back by a guard", "cooldown": "resting", "batch_window": gathering}
            for held, count in sorted(Counter(_held(txn, row) for row in waiting).items()):
                reason = reasons.get(held, held)
                away = "" if watch.agent.name in agents else ", and this daemon does not run that agent"
                lines.append(f"{watch.agent.name}.{watch.spec.name}: {count} on the agenda, {reason}{away}")
        for state, words in (
            (ActivationState.HELD, "held"),
            (ActivationState.DEAD, "dead: see 'blackboard activations --state dead'"),
            (ActivationState.QUARANTINED, "quarantined"),
        ):
            rows = [ActivationRow(*values) for values in txn.tx.all(ACTIVATIONS.unfinished_in_state, state=state)]
            for agent in sorted({row.agent for row in rows}):
                mine = [row for row in rows if row.agent == agent]
                why = f" ({mine[0].error})" if state == ActivationState.HELD and mine[0].error else ""
                lines.append(f"{agent}: {len(mine)} {words}{why}")
        predicted = txn.tx.one(CROSSINGS.next_predicted)[0]
        if predicted is not None:
            lines.append(f"the next falling watch crosses at {iso(predicted)}")
        return cls(tuple(lines))

    def lines(self) -> tuple[str, ...]:
        """One line for each thing that is left; empty for nothing at all."""
        return self.lines_
