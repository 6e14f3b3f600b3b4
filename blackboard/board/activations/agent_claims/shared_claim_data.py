"""Reads that several claims in one transaction on a server make together. Alone, each would cost a message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import ClassVar, NamedTuple

from blackboard.board.activations.agent_claims import agent_readiness
from blackboard.board.activations.agent_claims.agent_readiness import ClaimData
from blackboard.board.transactions.board_transaction import BoardTransaction, CollectedChanges
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import ACTIVATIONS
from blackboard.store.transaction import PrefetchedReads, WorkEffects


class SharedClaimData:
    """The data that several claims need, read in one message, and as it is after the claims that were made.

    It is used only as long as the transaction writes nothing else: other writes may change what waits.

    Args:
        txn: The transaction.
        ahead: The reads that it sends ahead.
        claims: The number of claims of each agent that will be tried.
    """

    def __init__(self, txn: BoardTransaction, ahead: PrefetchedReads, claims: Mapping[str, int]) -> None:
        self._ahead = ahead
        ahead.prefetch(ACTIVATIONS.last_activation_id)
        self._data_by_agent = agent_readiness.read_for_claims(txn, claims)
        self._writes = ahead.writes

    @property
    def is_current(self) -> bool:
        """Whether the transaction has written only claims that `keep` knows of."""
        return self._ahead.writes == self._writes

    def take(self, agent: str) -> ClaimData | None:
        """Return the data for the next claim of an agent, which `keep` may put back; None if it must be read."""
        if not self.is_current:
            self._data_by_agent.clear()
        return self._data_by_agent.pop(agent, None)

    def keep(self, agent: str, data: ClaimData, claimed: Collection[CrossingRow]) -> None:
        """Keep the data for a further claim of an agent, after a claim has taken some crossings and has been written.

        The claim must have begun to write while this object was current.
        """
        if (remaining := data.after_claim(claimed)) is not None:
            self._data_by_agent[agent] = remaining
        self._writes = self._ahead.writes


class _NextClaim(NamedTuple):
    agent: str
    effects: WorkEffects
    """The effects of the unit of work that ends the run before it."""
    claim: Callable[[SharedClaimData], object]


class NextClaims(CollectedChanges):
    """The claims that follow the ends of runs in one transaction on a server.

    They come after all ends, so that they can read together.
    """

    comes_first: ClassVar[bool] = True

    def __init__(self) -> None:
        self._claims: list[_NextClaim] = []

    def add(self, txn: BoardTransaction, agent: str, claim: Callable[[SharedClaimData], object]) -> None:
        """Let a function claim an activation of an agent at the end of the transaction.

        Its effects count as those of the unit of work that adds it.
        """
        self._claims.append(_NextClaim(agent, txn.sql.effects, claim))

    def write(self, txn: BoardTransaction) -> None:
        """Claim what can be claimed, in the order in which the runs ended."""
        claims, self._claims = self._claims, []
        if not claims or (ahead := txn.sql.ahead) is None:
            return
        shared_data = SharedClaimData(txn, ahead, Counter(each.agent for each in claims))
        for each in claims:
            txn.sql.effects = each.effects
            each.claim(shared_data)
