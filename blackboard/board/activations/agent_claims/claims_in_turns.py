"""Claims by agents that take turns. A claim that needs full-text searches is tried again with their results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
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
    session: BoardSession, names: Sequence[str], limit: int, claim_one: ClaimOne[Claimed], *, shared: bool = True
) -> list[Claimed]:
    """Claim up to `limit` activations in one transaction; the agents take turns in this order.

    If claims need searches, these run outside the transaction, and a further transaction tries the claims again.
    `shared` is passed to `BoardSession.write`.
    """
    claimed: list[Claimed] = []
    marks_by_search: dict[SearchKey, list[tuple[int, float]]] = {}
    for searches_left in reversed(range(1 + MAX_SEARCH_ROUNDS)):
        claim_in_turns = partial(
            _claim_in_turns,
            names=names,
            limit=limit - len(claimed),
            claim_one=claim_one,
            marks_by_search=marks_by_search,
        )
        more, specs_by_search = session.write(claim_in_turns, record_instant=True, shared=shared)
        claimed += more
        if not specs_by_search or len(claimed) >= limit or not searches_left:
            break
        marks_by_search |= session.read(partial(run_searches, specs_by_search=specs_by_search))
        names = [*dict.fromkeys(search.agent for search in specs_by_search)]
    return claimed


def _claim_in_turns(
    txn: BoardTransaction,
    *,
    names: Sequence[str],
    limit: int,
    claim_one: ClaimOne[Claimed],
    marks_by_search: MarksBySearch,
) -> tuple[list[Claimed], dict[SearchKey, ReadSpec]]:
    """Claim up to `limit` activations of agents that take turns; return these, and the searches for other claims."""
    claimed: list[Claimed] = []
    specs_by_search: dict[SearchKey, ReadSpec] = {}
    turns = deque(names)
    while turns and len(claimed) < limit:
        name = turns.popleft()
        one = claim_one(txn, name, marks_by_search)
        if isinstance(one, NeedsSearches):
            specs_by_search |= one.specs_by_search
        elif one is not None:
            claimed.append(one)
            turns.append(name)
    return claimed, specs_by_search
