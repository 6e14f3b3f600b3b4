"""The claims after the ends of runs: on PostgreSQL, agents whose runs end in one transaction claim together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import ClassVar, NamedTuple

from blackboard.board.activations.agent_claims.claimable_work import SharedWork, WorkSource
from blackboard.board.transactions.board_transaction import BoardTransaction, CollectedChanges
from blackboard.store.transaction import WorkEffects


class _NextClaim(NamedTuple):
    agent: str
    effects: WorkEffects
    """The effects of the unit of work that ended the run before this claim."""
    claim: Callable[[WorkSource], object]


class ClaimsAfterRunEnds(CollectedChanges):
    """The claims of one transaction, after all its ends of runs, so that they can read their work together."""

    comes_first: ClassVar[bool] = True

    def __init__(self) -> None:
        self._claims: list[_NextClaim] = []

    def add(self, txn: BoardTransaction, agent: str, claim: Callable[[WorkSource], object]) -> None:
        """Let a function claim an activation of an agent at the end of the transaction.

        The effects of the claim count as those of the unit of work that adds the claim.
        """
        self._claims.append(_NextClaim(agent, txn.sql.effects, claim))

    def write(self, txn: BoardTransaction) -> None:
        """Claim what can be claimed, in the order in which the runs ended."""
        claims, self._claims = self._claims, []
        if not claims:
            return
        shared_work = SharedWork(txn, Counter(each.agent for each in claims))
        for each in claims:
            txn.sql.effects = each.effects
            each.claim(shared_work)
