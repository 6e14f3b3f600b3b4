"""Claims of activations whose agents search. The searches run on a snapshot, between two tries of a claim.

A search may take long, and other writers wait while a claim writes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

from blackboard.board.activation_storage.additional_reads import Searches, SearchKey
from blackboard.board.board_session import BoardSession
from blackboard.board.reading.search import Question, search
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.deployment import ReadSpec

Claimed = TypeVar("Claimed")
ClaimOne = Callable[[BoardTransaction, str, Searches], Claimed | None]
"""Claims one activation of a named agent. If it returns None, it may have added searches that it needs."""

MAX_SEARCHES = 3
"""The largest number of search rounds of one call: the marks to claim may change during a search."""


def claim_up_to(
    session: BoardSession, names: Iterable[str], limit: int, claim_one: ClaimOne[Claimed], *, shared: bool = True
) -> list[Claimed]:
    """Claim up to `limit` activations; the agents take turns in this order.

    A claim that needs a search is tried again after it. `shared` is as in `BoardSession.write`.
    """
    searches, claimed = Searches(), list[Claimed]()
    waiting = list(names)

    def claim_in_turns(txn: BoardTransaction) -> list[Claimed]:
        new: list[Claimed] = []
        turns = deque(waiting)
        searches.needed.clear()  # the work may be repeated
        while turns and len(claimed) + len(new) < limit:
            name = turns.popleft()
            if (one := claim_one(txn, name, searches)) is not None:
                new.append(one)
                turns.append(name)
        return new

    claimed += session.write(claim_in_turns, record_instant=True, shared=shared)
    for _ in range(MAX_SEARCHES):
        if not searches.needed or len(claimed) >= limit:
            break
        waiting = _run_searches(session, searches)
        claimed += session.write(claim_in_turns, record_instant=True, shared=shared)
    return claimed


def _run_searches(session: BoardSession, searches: Searches) -> list[str]:
    """Run the searches that claims need, on a snapshot, and return the agents that may claim."""

    def work(txn: BoardTransaction) -> None:
        for key, read in searches.needed.items():
            searches.found[key] = _found_by_read(txn, read, key)

    session.read(work)
    return list(dict.fromkeys(key.agent for key in searches.needed))


def _found_by_read(txn: BoardTransaction, read: ReadSpec, key: SearchKey) -> list[tuple[int, float]]:
    """Return the marks that a search in an agent's `reads` finds, with their relevances.

    It finds none if the kind is no longer searched.
    """
    if read.kind not in txn.active.searched:
        return []
    question = Question(key.text, read.where_of(key.subject), read.limit, match="any")
    return [(mark.row.id, mark.relevance) for mark in search(txn, read.kind, question).marks]
