"""Claims of activations whose agents search. The searches run on a snapshot, between two tries of a claim.

A search may take long, and other writers wait while a claim writes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeVar

from blackboard.board.activations.agent_claims.additional_reads import MarksBySearch, NeedsSearches, SearchKey
from blackboard.board.board_session import BoardSession
from blackboard.board.search_index.text_search import SearchArguments, search_marks
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.specs.agent_spec import ReadSpec

Claimed = TypeVar("Claimed")
ClaimOne = Callable[[BoardTransaction, str, MarksBySearch], Claimed | NeedsSearches | None]
"""Claims one activation of a named agent, with the results of the searches that have run."""

MAX_SEARCHES = 3
"""The largest number of search rounds of one call: the marks to claim may change during a search."""


def claim_up_to(
    session: BoardSession, names: Iterable[str], limit: int, claim_one: ClaimOne[Claimed], *, shared: bool = True
) -> list[Claimed]:
    """Claim up to `limit` activations; the agents take turns in this order.

    A claim that needs searches is tried again after them. `shared` is as in `BoardSession.write`.
    """
    found: dict[SearchKey, list[tuple[int, float]]] = {}

    def claim_in_turns(names: Iterable[str], limit: int) -> tuple[list[Claimed], dict[SearchKey, ReadSpec]]:
        work = partial(_claim_in_turns, names=names, limit=limit, claim_one=claim_one, found=found)
        return session.write(work, record_instant=True, shared=shared)

    claimed, needed = claim_in_turns(names, limit)
    for _ in range(MAX_SEARCHES):
        if not needed or len(claimed) >= limit:
            break
        found |= session.read(partial(_run_searches, reads=needed))
        more, needed = claim_in_turns(dict.fromkeys(key.agent for key in needed), limit - len(claimed))
        claimed += more
    return claimed


def _claim_in_turns(
    txn: BoardTransaction, *, names: Iterable[str], limit: int, claim_one: ClaimOne[Claimed], found: MarksBySearch
) -> tuple[list[Claimed], dict[SearchKey, ReadSpec]]:
    """Claim up to `limit` activations of agents that take turns, and return the searches that others need."""
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


def _run_searches(
    txn: BoardTransaction, *, reads: Mapping[SearchKey, ReadSpec]
) -> dict[SearchKey, list[tuple[int, float]]]:
    """Run searches, and return what each finds."""
    return {key: _found_by_read(txn, read, key) for key, read in reads.items()}


def _found_by_read(txn: BoardTransaction, read: ReadSpec, key: SearchKey) -> list[tuple[int, float]]:
    """Return the marks that a search in an agent's `reads` finds, with their relevances.

    It finds none if the kind is no longer searched.
    """
    if read.kind not in txn.active.searched:
        return []
    arguments = SearchArguments(key.text, read.where_of(key.subject), read.limit, match="any")
    return [(mark.row.id, mark.relevance) for mark in search_marks(txn, read.kind, arguments).marks]
