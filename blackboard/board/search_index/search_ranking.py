"""The order of the marks that a search found: by relevance times strength.

Two lists are read in turn, each from its top: the documents that match, the most relevant first, and the marks of the
kinds, the strongest first. The score of a mark that was in neither list so far is at most the next relevance times the
next strength. So the search ends as soon as this product is not above the scores that were found. Source: the threshold
algorithm; Fagin, Lotem and Naor, *Optimal aggregation algorithms for middleware*, 2003.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from blackboard.board.mark_tables import filtered_marks
from blackboard.board.mark_tables.mark_states import backfilled_row, mark_strength
from blackboard.board.search_index import search_documents
from blackboard.board.search_index.search_documents import SHIFT, mark_of
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.marks.tags import TagFilter
from blackboard.store.live_mark_statements import strengths
from blackboard.store.row_types.mark_row_types import MarkRow, mark_after
from blackboard.store.row_types.search_row_types import MarkStrength, SearchKindRow
from blackboard.store.statements import MARKS, SEARCH

FIRST_MATCHES = 32
"""Matches whose strengths are computed first. Each further batch is twice as large."""
MARKS_PER_MATCH = 32
"""Marks of the list by strength that are read for each match whose strength is computed.

A strength needs a page of the mark, which may not be in memory. The list is read from a covering index.
"""
MAX_LAWS_BY_STRENGTH = 20
"""The largest number of laws of a kind whose marks are read by strength."""
ROUNDING_MARGIN = 1 + 1e-9
"""The factor that corrects the rounding of a bound."""


class Index(NamedTuple):
    """The index of a kind, with the filter of its marks."""

    row: SearchKindRow
    tags: TagFilter | None

    @property
    def values(self) -> dict[str, int]:
        """The bounds of its documents, as statements take them."""
        return search_documents.bounds(self.row.number)


class FoundMark(NamedTuple):
    """A mark that matches, with its strength now."""

    row: MarkRow
    strength: float
    relevance: float

    @property
    def score(self) -> float:
        """Relevance times strength."""
        return self.relevance * self.strength


def best_marks(
    txn: BoardTransaction, indexes: Collection[Index], docs: Iterable[tuple[int, float]], limit: int, *, faded: bool
) -> list[FoundMark]:
    """Return the marks with the highest scores.

    Args:
        txn: The transaction.
        indexes: The indexes that were searched.
        docs: The documents that match, with their relevances, the most relevant first.
        limit: The largest number of marks.
        faded: Whether faded marks are also returned.
    """
    ranking = _Ranking(txn, indexes, dict(docs), limit, faded=faded)
    size = FIRST_MATCHES
    while ranking.rest:
        ranking.add([*islice(ranking.rest, size)])
        for _ in range(0, size, FIRST_MATCHES):
            ranking.add(ranking.strongest(FIRST_MATCHES * MARKS_PER_MATCH))
            if ranking.is_over:
                return _with_rows(txn, ranking.best)
        size *= 2
    return _with_rows(txn, ranking.best)


class _Ranking:
    """The search for the marks with the highest scores."""

    def __init__(
        self, txn: BoardTransaction, indexes: Collection[Index], rest: dict[int, float], limit: int, *, faded: bool
    ) -> None:
        self.best: list[_Scored] = []
        """The marks with the highest scores so far, the best first."""
        self.rest = rest
        """The documents without a score so far, with their relevances, the most relevant first."""
        self._txn, self._indexes, self._limit, self._faded = txn, indexes, limit, faded
        self._lists: list[_StrongestMatches] | None = None

    def add(self, docs: Iterable[int]) -> None:
        """Compute the scores of documents."""
        if chosen := [(doc, self.rest.pop(doc)) for doc in docs]:
            scored = _scored_marks(self._txn, self._indexes, chosen, faded=self._faded)
            self.best = sorted([*self.best, *scored], key=lambda scored: scored.order)[: self._limit]

    def strongest(self, limit: int) -> list[int]:
        """Return the documents without a score among the next of the strongest marks."""
        if not self.rest:
            return []
        if self._lists is None:
            self._lists = [] if self._faded else _by_strength(self._txn, self._indexes)
        docs = (each.first_doc + mark_id for each in self._lists for mark_id in each.next_marks(self._txn, limit))
        return [doc for doc in docs if doc in self.rest]

    @property
    def is_over(self) -> bool:
        """Whether the best marks are known: no other document can have a higher score."""
        if not self.rest:
            return True
        bound = max((each.bound for each in self._lists or ()), default=math.inf)
        return (
            len(self.best) == self._limit
            and self.best[-1].score > next(iter(self.rest.values())) * bound * ROUNDING_MARGIN
        )


class _StrongestMatches:
    """The marks of an index under one law, the strongest first."""

    def __init__(self, txn: BoardTransaction, index: Index, law: str) -> None:
        self.first_doc = search_documents.doc_id(index.row.number, 0)
        """The number that is added to the id of a mark to get the id of its document."""
        self.bound = math.inf
        """A bound of the strength of the marks that were not read yet."""
        self._kind, self._law = index.row.kind, law
        self._weight = txn.kind(self._kind).weight
        self._key_now = txn.laws.get(txn.sql, law).order_key(1.0, txn.now) or 0.0
        self._read = 0

    def next_marks(self, txn: BoardTransaction, limit: int) -> list[int]:
        """Return the next marks."""
        values = {"kind": self._kind, "law": self._law, "offset": self._read, "limit": limit}
        rows = txn.sql.rows(SEARCH.strongest, **values) if self.bound else []
        self._read += len(rows)
        if len(rows) < limit:
            self.bound = 0.0
        else:
            key = rows[-1][1]  # log2 of the strength at a common instant, which rounding has changed by a few ulps
            self.bound = self._weight * math.exp2(min(1000.0, key - self._key_now + 8 * math.ulp(key)))
        return [mark_id for mark_id, _ in rows]


def _by_strength(txn: BoardTransaction, indexes: Iterable[Index]) -> list[_StrongestMatches]:
    """Return the lists of marks by strength, one for each law of each index; none if a law has no such order."""
    lists = []
    for index in indexes:
        kind = index.row.kind
        laws = [*islice(txn.sql.each(MARKS.next_law_in_use, after="", kind=kind), MAX_LAWS_BY_STRENGTH + 1)]
        is_ordered = all(
            txn.laws.get(txn.sql, law).order_key(1.0, 0) is not None and (kind, law) not in txn.active.law_changes
            for law in laws
        )
        if len(laws) > MAX_LAWS_BY_STRENGTH or not is_ordered:
            return []
        lists += [_StrongestMatches(txn, index, law) for law in laws]
    return lists


class _Scored(NamedTuple):
    """A mark that matches, with its score. Equal scores, such as 0, are in the order of relevance."""

    score: float
    relevance: float
    mark_id: int
    strength: float
    row: MarkRow | None

    @property
    def order(self) -> tuple[float, float, int]:
        return -self.score, -self.relevance, self.mark_id


def passing_docs(
    txn: BoardTransaction, indexes: Collection[Index], docs: Sequence[tuple[int, float]], *, faded: bool
) -> Sequence[tuple[int, float]]:
    """Return the documents whose marks have the tags and are live (with `faded`, also faded), in the same order."""
    if faded and all(index.tags is None for index in indexes):
        return docs
    passing: set[int] = set()
    for index in indexes:
        own = [doc for doc, _ in docs if doc >> SHIFT == index.row.number]
        if faded and own:
            passing.update(doc for doc in own if index.tags is None or _has_tags(txn, index, doc))
        elif own:
            live = _strengths(txn, index, map(mark_of, own))
            passing.update(search_documents.doc_id(index.row.number, found.id) for found in live)
    return [doc for doc in docs if doc[0] in passing]


def _scored_marks(
    txn: BoardTransaction, indexes: Collection[Index], docs: Sequence[tuple[int, float]], *, faded: bool
) -> Iterator[_Scored]:
    """Yield the marks of documents with their scores, except the marks that do not pass the filter."""
    for index in indexes:
        own = {mark_of(doc): relevance for doc, relevance in docs if doc >> SHIFT == index.row.number}
        for found in _strengths(txn, index, own) if own else ():
            strength = found.strength
            if strength is None:
                strength = mark_strength(txn, txn.sql.existing(MARKS.get_mark, id=found.id))  # raises the law's error
            relevance = own.pop(found.id)
            yield _Scored(relevance * strength, relevance, found.id, strength, None)
        for mark_id, relevance in own.items() if faded else ():
            doc = search_documents.doc_id(index.row.number, mark_id)
            if index.tags is not None and not _has_tags(txn, index, doc):
                continue
            if (pair := _faded_mark(txn, doc)) is not None:
                row, strength = pair
                yield _Scored(relevance * strength, relevance, mark_id, strength, row)


def _faded_mark(txn: BoardTransaction, doc: int) -> tuple[MarkRow, float] | None:
    """Return a mark that is no longer live, as of its last deposit, with the strength that would be left now."""
    mark = txn.sql.one(MARKS.get_mark, id=mark_of(doc))
    if mark is not None:
        mark = backfilled_row(txn, mark)
        return None if mark.is_live(txn.now) else (mark, mark_strength(txn, mark))
    shown = txn.sql.existing(MARKS.get_event, id=txn.sql.existing(SEARCH.find_doc, id=doc))
    values = {"subject": shown.subject, "mark_id": shown.mark_id}
    ended = txn.sql.one(MARKS.last_event_of_mark, **values) or shown
    deposits = txn.sql.all(MARKS.deposits_of_mark, **values)
    row = mark_after(ended)._replace(
        payload=shown.payload or "{}",
        author=shown.author,
        activation_id=shown.activation_id,
        occurred_at=shown.occurred_at,
        event_id=ended.id,
        deposited_at=deposits[0].recorded_at,
        reinforced_at=deposits[-1].recorded_at,
        reinforcements=len(deposits) - 1,
    )
    return row, mark_strength(txn, row)


def _with_rows(txn: BoardTransaction, scored: Sequence[_Scored]) -> list[FoundMark]:
    """Return the rows of marks, with their strengths, in the same order."""
    found_marks = []
    for each in scored:
        row = each.row or backfilled_row(txn, txn.sql.existing(MARKS.get_mark, id=each.mark_id))
        found_marks.append(FoundMark(row, each.strength, each.relevance))
    return found_marks


def _strengths(txn: BoardTransaction, index: Index, mark_ids: Iterable[int]) -> list[MarkStrength]:
    """Return the strengths of the marks among these that are live and have the tags."""
    tags, filters = 0, {}
    if index.tags is not None:
        tags = len(index.tags.keys)
        filters = {"kind": index.row.kind, **filtered_marks.parameters(txn, index.tags)}
    return txn.sql.all(strengths(tags), ids=txn.sql.list_of(mark_ids), as_of=txn.now, **filters)


def _has_tags(txn: BoardTransaction, index: Index, doc: int) -> bool:
    """Return whether the mark of a document, which may have faded, has the tags of a filter."""
    assert index.tags is not None
    event_id = txn.sql.existing(SEARCH.find_doc, id=doc)
    return index.tags.matches(json.loads(txn.sql.existing(MARKS.get_event, id=event_id).payload or "{}"))
