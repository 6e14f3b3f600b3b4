"""Claims in one transaction by agents that take turns, tried again after the searches that they need."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from blackboard.board.activations.agent_claims.searches_in_reads import (
    MarksBySearch,
    NeedsSearches,
    SearchKey,
    run_searches,
)
from blackboard.board.board_session import BoardSession
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.specs.agent_spec import ReadSpec

MAX_SEARCH_ROUNDS = 3
"""How often one call searches and then claims again. The marks to claim may change during a search."""

Claimed = TypeVar("Claimed")
ClaimOne = Callable[[BoardTransaction, str, MarksBySearch], Claimed | NeedsSearches | None]
"""Claims one activation of a named agent, with the results of the searches that have run."""


def claim_up_to(
    session: BoardSession, names: Iterable[str], limit: int, claim_one: ClaimOne[Claimed], *, shared: bool = True
) -> list[Claimed]:
    """Claim up to `limit` activations; the agents take turns in this order.

    If a claim needs searches, they run, and then the claim is tried again. `shared` is passed to `BoardSession.write`.
    """
    found: dict[SearchKey, list[tuple[int, float]]] = {}

    def claim_in_turns(names: Iterable[str], limit: int) -> tuple[list[Claimed], dict[SearchKey, ReadSpec]]:
        work = partial(_claim_in_turns, names=names, limit=limit, claim_one=claim_one, found=found)
        return session.write(work, record_instant=True, shared=shared)

    claimed, needed = claim_in_turns(names, limit)
    for _ in range(MAX_SEARCH_ROUNDS):
        if not needed or len(claimed) >= limit:
            break
        found |= session.read(partial(run_searches, reads=needed))
        more, needed = claim_in_turns(dict.fromkeys(key.agent for key in needed), limit - len(claimed))
        claimed += more
    return claimed


def _claim_in_turns(
    txn: BoardTransaction, *, names: Iterable[str], limit: int, claim_one: ClaimOne[Claimed], found: MarksBySearch
) -> tuple[list[Claimed], dict[SearchKey, ReadSpec]]:
    """Claim up to `limit` activations of agents that take turns; return these, and the searches for other claims."""
    claimed: list[Claimed] = []
    needed: dict[SearchKey, ReadSpec] = {}
    turns = deque(names)
    while turns and len(claimed) < limit:
        name = turns.popleft()
        one = claim_one(txn, name, found)
        if isinstance(one, NeedsSearches):
            needed |= one.reads
        elif one is not None:
            claimed.append(one)
            turns.append(name)
    return claimed, needed
