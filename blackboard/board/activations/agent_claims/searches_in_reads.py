"""Full-text searches in the `reads` of agents. A claim needs their results.

A search may take long, and other writers wait while a claim writes. So searches run on a snapshot, before the claim.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from blackboard.board.search_index.text_search import SearchArguments, search_marks
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.specs.agent_spec import AgentSpec, ReadSpec
from blackboard.store.row_types.mark_row_types import EventRow


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
    """The searches that must run before a claim."""

    specs_by_search: Mapping[SearchKey, ReadSpec]
    """What each search reads."""


def missing_searches(
    agent_spec: AgentSpec, keys: Iterable[SearchKey], marks_by_search: MarksBySearch
) -> NeedsSearches | None:
    """Return the searches that have no result yet; None if each search has a result."""
    missing = {key: agent_spec.reads[key.place] for key in keys if key not in marks_by_search}
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


def run_searches(
    txn: BoardTransaction, *, specs_by_search: Mapping[SearchKey, ReadSpec]
) -> dict[SearchKey, list[tuple[int, float]]]:
    """Run searches, and return what each finds."""
    return {key: _found_by_read(txn, spec, key) for key, spec in specs_by_search.items()}


def _found_by_read(txn: BoardTransaction, spec: ReadSpec, key: SearchKey) -> list[tuple[int, float]]:
    """Return the marks that a search in an agent's `reads` finds, with their relevances.

    No mark is found if the kind is no longer searched.
    """
    if spec.kind not in txn.active.searched:
        return []
    arguments = SearchArguments(key.text, spec.where_of(key.subject), spec.limit, match="any")
    return [(mark.row.id, mark.relevance) for mark in search_marks(txn, spec.kind, arguments).marks]
