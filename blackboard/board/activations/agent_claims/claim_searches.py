"""The searches that claims need. They run on a snapshot, between two tries of a claim.

A search may take long, and other writers wait while a claim writes.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

from blackboard.board.board_session import BoardSession
from blackboard.board.search_index.text_search import SearchArguments, search_marks
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.specs.agent_spec import AgentSpec, ReadSpec
from blackboard.store.row_types.mark_row_types import EventRow

MAX_SEARCH_ROUNDS = 3
"""How often one call searches and then claims again. The marks to claim may change during a search."""


class SearchKey(NamedTuple):
    """A search of an agent: its place in `reads`, the text, and the subject of the mark if the filter needs it."""

    agent: str
    place: int
    text: str
    subject: str | None


MarksBySearch = Mapping[SearchKey, Sequence[tuple[int, float]]]
"""The results of searches: the ids of the marks, with their relevances."""

NOTHING_FOUND: MarksBySearch = {}
"""The results before any search has run."""


@dataclass(frozen=True)
class NeedsSearches:
    """The searches that must run before a claim.

    The searches run outside the transaction of the claim, so that no writer waits for them.
    """

    reads: Mapping[SearchKey, ReadSpec]
    """What each search reads."""


def missing_searches(agent_spec: AgentSpec, keys: Iterable[SearchKey], found: MarksBySearch) -> NeedsSearches | None:
    """Return the searches that have no result yet; None if each search has a result."""
    missing = {key: agent_spec.reads[key.place] for key in keys if key not in found}
    return NeedsSearches(missing) if missing else None


def searches_for(agent_spec: AgentSpec, events: Iterable[EventRow]) -> list[SearchKey]:
    """Return the searches that an agent makes about some marks. Each event has the payload that its mark shows."""
    places = [place for place, read in enumerate(agent_spec.reads) if read.search_from is not None]
    if not places:
        return []
    keys: dict[SearchKey, None] = {}
    for event in events:
        payload = json.loads(event.payload or "{}")
        for place in places:
            read = agent_spec.reads[place]
            if isinstance(text := payload.get(read.search_from), str):
                keys[SearchKey(agent_spec.name, place, text, event.subject if read.where_subject else None)] = None
    return list(keys)


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
        found |= session.read(partial(_run_searches, reads=needed))
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


def _run_searches(
    txn: BoardTransaction, *, reads: Mapping[SearchKey, ReadSpec]
) -> dict[SearchKey, list[tuple[int, float]]]:
    """Run searches, and return what each finds."""
    return {key: _found_by_read(txn, read, key) for key, read in reads.items()}


def _found_by_read(txn: BoardTransaction, read: ReadSpec, key: SearchKey) -> list[tuple[int, float]]:
    """Return the marks that a search in an agent's `reads` finds, with their relevances.

    No mark is found if the kind is no longer searched.
    """
    if read.kind not in txn.active.searched:
        return []
    arguments = SearchArguments(key.text, read.where_of(key.subject), read.limit, match="any")
    return [(mark.row.id, mark.relevance) for mark in search_marks(txn, read.kind, arguments).marks]
