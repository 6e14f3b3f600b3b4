"""Search: the marks that match a text, by relevance times strength.

The index gives the documents that match, the most relevant first. Their strengths are computed in that order, in
batches, until no further mark can have a higher score than those found: its relevance is at most that of the last one,
and its strength at most that of the strongest mark of its kind.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from blackboard.board.board_session import BoardSession
from blackboard.board.reading.mark_queries import kinds_with_tags, record_of, stored_mark
from blackboard.board.registration.mark_class_registry import MarkClasses
from blackboard.board.result_types import MarkRecord, SearchResult
from blackboard.board.transactions import search_docs, tagged_marks
from blackboard.board.transactions.activation_inputs import Searches, SearchKey, strongest
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.search_docs import SHIFT, Phase, mark_of
from blackboard.core.deployment import ReadSpec
from blackboard.core.full_text import Match, Word, checked_raw, fts5_query, tsquery, words_of
from blackboard.core.marks import Mark
from blackboard.core.tags import TagFilter, Where
from blackboard.errors import InvalidMark, InvalidSearch, UsageError
from blackboard.store.dialect import is_wrong_query
from blackboard.store.live_marks import live_matches, strengths
from blackboard.store.query_rows import FoundDoc
from blackboard.store.rows import MarkRow, SearchKindRow, mark_after
from blackboard.store.statement_file import Statement
from blackboard.store.statements import MARKS, SEARCH

M = TypeVar("M", bound=Mark)

MAX_EXACT = 10_000
"""Matches up to which the order is exact."""
RERANKED = 1_000
"""The most relevant matches that are ordered by their score if there are more."""
FIRST_BATCH = 200
"""Matches whose strengths are computed first. Each further batch is twice as large."""
FEW_LAWS = 20
"""Laws of a kind up to which its strongest mark is looked up."""
ROUNDING = 1 + 1e-9
"""The factor that corrects the rounding of a bound."""
NO_LIMIT = 2**62
MAX_SEARCHES = 3
"""How often one call searches for claims: what is claimed may change while it searches."""


@dataclass(frozen=True)
class Question:
    """The arguments of a search.

    Attributes:
        text: The words, or with `raw` a query.
        where: The values that tags must have.
        limit: The largest number of marks.
        faded: Whether marks that have faded are searched, too.
        match: Whether a mark must have all words or any.
        raw: Whether the text is in the database's own query language.
    """

    text: str
    where: Where | None = None
    limit: int = 10
    faded: bool = False
    match: Match = "all"
    raw: bool = False


class FoundMark(NamedTuple):
    """A mark that matches, with its strength now."""

    row: MarkRow
    strength: float
    relevance: float

    @property
    def score(self) -> float:
        """Relevance times strength."""
        return self.relevance * self.strength


class Found(NamedTuple):
    """The marks that a search found; see `SearchResult`."""

    marks: list[FoundMark]
    exact: bool
    complete: bool


class _Index(NamedTuple):
    """The index of a kind, with the filter of its marks."""

    row: SearchKindRow
    tags: TagFilter | None

    @property
    def values(self) -> dict[str, int]:
        return search_docs.bounds(self.row.number)


def records(txn: BoardTransaction, kind: str | None, question: Question) -> SearchResult[MarkRecord]:
    """Return the marks of a kind, or of all kinds that are searched, as records."""
    found = search(txn, kind, question)
    return _result(found, [(each, _record(txn, each)) for each in found.marks])


def of_class(
    txn: BoardTransaction, model: type[M], classes: MarkClasses, question: Question
) -> tuple[SearchResult[M], list[str]]:
    """Return the marks of a class, and the errors of marks that do not fit the class."""
    if model.kind not in txn.deployment.kinds and model.defaults.search:
        model.defaults.tag_schema.filter(question.where or {})
        return SearchResult((), (), (), exact=True, complete=True), []
    found = search(txn, model.kind, question)
    readable: list[tuple[FoundMark, M]] = []
    unreadable: list[str] = []
    for each in found.marks:
        row = each.row
        stored = stored_mark(row, each.strength)
        try:
            readable.append((each, classes.make_as(model, row, stored)))
        except InvalidMark as error:
            unreadable.append(str(error))
    return _result(found, readable), unreadable


def _record(txn: BoardTransaction, found: FoundMark) -> MarkRecord:
    return record_of(found.row, txn.kind(found.row.kind).weight, found.strength, txn.now)


def _result(found: Found, pairs: list[tuple[FoundMark, Any]]) -> SearchResult[Any]:
    return SearchResult(
        tuple(mark for _, mark in pairs),
        tuple(each.relevance for each, _ in pairs),
        tuple(each.score for each, _ in pairs),
        found.exact,
        found.complete,
    )


def search(txn: BoardTransaction, kind: str | None, question: Question) -> Found:
    """Return the marks that match, by relevance times strength.

    Raises:
        UnknownName: The kind is not registered, or has no tag that the filter names.
        UsageError: The kind is not searched, the limit is below 1, or a value cannot be that of a tag.
        InvalidSearch: The query is not valid in the database's own query language.
    """
    if question.limit < 1:
        raise UsageError(f"limit must be at least 1, not {question.limit}")
    indexes = _indexes(txn, kind, question.where)
    complete = all(index.row.phase == Phase.DONE or _has_live(index, question) for index in indexes)
    query = _query(txn, indexes, question)
    if not query:
        return Found([], exact=True, complete=complete)
    try:
        matches = _matches(txn, indexes, query, question)
    except txn.sql.dialect.error as error:
        raise _named(error, question) from None
    exact = len(matches) <= MAX_EXACT
    scored = _best(txn, indexes, matches if exact else matches[:RERANKED], question)
    return Found(_with_rows(txn, scored), exact, complete)


def _has_live(index: _Index, question: Question) -> bool:
    return index.row.phase == Phase.FADED and not question.faded


def _indexes(txn: BoardTransaction, kind: str | None, where: Where | None) -> list[_Index]:
    rows = {row.kind: row for row in txn.sql.all(SEARCH.kinds) if row.phase != Phase.REMOVED}
    if kind is not None:
        txn.require_kind(kind)
        if kind not in rows:
            raise UsageError(f"the kind {kind!r} is not searched; declare the fields to search, as in search=['text']")
        return [_Index(rows[kind], tagged_marks.filter_of(txn, kind, where))]
    if not rows:
        raise UsageError("no kind of this board is searched; declare the fields to search, as in search=['text']")
    names = rows if not where else [name for name in kinds_with_tags(txn, where) if name in rows]
    return [_Index(rows[name], tagged_marks.filter_of(txn, name, where)) for name in names]


def _query(txn: BoardTransaction, indexes: Collection[_Index], question: Question) -> str:
    """Return the query in the database's language; "" if nothing can match."""
    if question.raw:
        text = checked_raw(question.text)
        try:
            return txn.sql.value(SEARCH.read_raw, text=text)
        except txn.sql.dialect.error as error:
            raise _named(error, question) from None
    words = words_of(question.text)
    if question.match == "any" and len(words) > 1:
        words = _telling(txn, indexes, words)
    return _in_language(txn, words, question.match)


def _in_language(txn: BoardTransaction, words: list[Word], match: Match) -> str:
    return fts5_query(words, match) if txn.sql.dialect.name == "sqlite" else tsquery(words, match)


def _telling(txn: BoardTransaction, indexes: Collection[_Index], words: list[Word]) -> list[Word]:
    """Return the words that at most `MAX_EXACT` documents have; all if there is none.

    A more frequent word says little, and would make every search as slow as a scan of the index.
    """
    rare = [word for word in words if _count(txn, indexes, _in_language(txn, [word], "all")) <= MAX_EXACT]
    return rare or words


def _count(txn: BoardTransaction, indexes: Collection[_Index], query: str) -> int:
    if not query:
        return 0
    return sum(
        txn.sql.value(SEARCH.count_matches, query=query, limit=MAX_EXACT + 1, **index.values) for index in indexes
    )


def _named(error: Exception, question: Question) -> Exception:
    """Return the error of a user's query; another error of the database as it is."""
    if question.raw and is_wrong_query(error):
        return InvalidSearch(f"the query {question.text!r} is not valid: {str(error).strip()}")
    return error


def _matches(
    txn: BoardTransaction, indexes: Collection[_Index], query: str, question: Question
) -> list[tuple[int, float]]:
    """Return the documents that match, the most relevant first; more than `MAX_EXACT` if there are more.

    If there are few, some of them may be of marks that have faded or that lack a tag. If there are many, these must not
    take the place of others.
    """
    found = _each(txn, SEARCH.matches, indexes, query=query, limit=MAX_EXACT + 1)
    if len(found) <= MAX_EXACT:
        return found
    if not question.faded:
        return _each(txn, None, indexes, query=query, now=txn.now, limit=MAX_EXACT + 1)
    if not question.where:
        return _each(txn, SEARCH.most_relevant, indexes, query=query, limit=MAX_EXACT + 1)
    every = _each(txn, SEARCH.most_relevant, indexes, query=query, limit=NO_LIMIT)
    by_number = {index.row.number: index for index in indexes}
    return [*islice((doc for doc in every if _has_tags(txn, by_number[doc[0] >> SHIFT], doc[0])), MAX_EXACT + 1)]


def _each(
    txn: BoardTransaction, statement: Statement[FoundDoc] | None, indexes: Collection[_Index], **values: Any
) -> list[tuple[int, float]]:
    """Return what a statement, by default that for live marks, finds in each index, the most relevant first."""
    found: list[tuple[int, float]] = []  # as the driver returns them: there may be thousands
    for index in indexes:
        tags, filters = _filters(txn, index)
        found += txn.sql.run(statement or live_matches(tags), **values, **filters, **index.values).fetchall()
    found.sort()
    found.sort(key=itemgetter(1), reverse=True)
    return found


def _filters(txn: BoardTransaction, index: _Index) -> tuple[int, dict[str, Any]]:
    """Return the number of tags of a filter, and the parameters of statements that filter by them."""
    if index.tags is None:
        return 0, {}
    return len(index.tags.keys), {"kind": index.row.kind, **tagged_marks.parameters(txn, index.tags)}


def _has_tags(txn: BoardTransaction, index: _Index, doc: int) -> bool:
    assert index.tags is not None
    event_id = txn.sql.existing(SEARCH.find_doc, id=doc)
    return index.tags.matches(json.loads(txn.sql.existing(MARKS.get_event, id=event_id).payload or "{}"))


class _Scored(NamedTuple):
    """The sort key of a matching mark: by score, and without strength by relevance."""

    score: float
    relevance: float
    mark_id: int
    strength: float
    row: MarkRow | None

    @property
    def order(self) -> tuple[float, float, int]:
        return -self.score, -self.relevance, self.mark_id


def _best(
    txn: BoardTransaction, indexes: Collection[_Index], docs: Sequence[tuple[int, float]], question: Question
) -> list[_Scored]:
    """Return the marks with the highest scores of documents that are in the order of their relevance."""
    best: list[_Scored] = []
    highest: float | None = None
    begin, size = 0, FIRST_BATCH
    while begin < len(docs):
        best += _scored(txn, indexes, docs[begin : begin + size], question)
        best = sorted(best, key=lambda scored: scored.order)[: question.limit]
        begin, size = begin + size, size * 2
        if begin >= len(docs):
            break
        if highest is None:
            highest = math.inf if question.faded else max(_highest_strength(txn, index.row.kind) for index in indexes)
        if len(best) == question.limit and best[-1].score > docs[begin][1] * highest * ROUNDING:
            break
    return best


def _highest_strength(txn: BoardTransaction, kind: str) -> float:
    """Return a bound of the strengths of a kind's live marks that an index knows; infinity if none does."""
    laws = [*islice(txn.sql.each(MARKS.next_law_in_use, after="", kind=kind), FEW_LAWS + 1)]
    is_ordered = all(
        txn.laws.get(txn.sql, law).order_key(1.0, 0) is not None and (kind, law) not in txn.active.law_changes
        for law in laws
    )
    if len(laws) > FEW_LAWS or not is_ordered:
        return math.inf
    return max((strength for _, strength in strongest(txn, kind, 1)), default=0.0)


def _scored(
    txn: BoardTransaction, indexes: Collection[_Index], docs: Sequence[tuple[int, float]], question: Question
) -> Iterator[_Scored]:
    """Yield the marks of documents with their scores, without those that do not pass."""
    for index in indexes:
        own = {mark_of(doc): relevance for doc, relevance in docs if doc >> SHIFT == index.row.number}
        tags, filters = _filters(txn, index)
        ids = txn.sql.list_of(own)
        for found in txn.sql.all(strengths(tags), ids=ids, as_of=txn.now, **filters) if own else ():
            strength = found.strength
            if strength is None:
                strength = txn.strength(txn.sql.existing(MARKS.get_mark, id=found.id))  # raises the law's error
            relevance = own.pop(found.id)
            yield _Scored(relevance * strength, relevance, found.id, strength, None)
        for mark_id, relevance in own.items() if question.faded else ():
            doc = search_docs.doc_id(index.row.number, mark_id)
            if index.tags is not None and not _has_tags(txn, index, doc):
                continue
            if (pair := _faded(txn, doc)) is not None:
                row, strength = pair
                yield _Scored(relevance * strength, relevance, mark_id, strength, row)


def _faded(txn: BoardTransaction, doc: int) -> tuple[MarkRow, float] | None:
    """Return a mark that is no longer live, as of its last deposit, with the strength that would be left now."""
    mark = txn.sql.one(MARKS.get_mark, id=mark_of(doc))
    if mark is not None:
        mark = txn.migrated(mark)
        return None if mark.is_live(txn.now) else (mark, txn.strength(mark))
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
    return row, txn.strength(row)


def _with_rows(txn: BoardTransaction, scored: Sequence[_Scored]) -> list[FoundMark]:
    """Return the rows of marks, with their strengths, in the same order."""
    found = []
    for each in scored:
        row = each.row or txn.migrated(txn.sql.existing(MARKS.get_mark, id=each.mark_id))
        found.append(FoundMark(row, each.strength, each.relevance))
    return found


def run_searches(session: BoardSession, searches: Searches) -> list[str]:
    """Search on a snapshot what claims need, and return the agents that claim."""

    def work(txn: BoardTransaction) -> None:
        for key, read in searches.needed.items():
            searches.found[key] = found_by_read(txn, read, key)

    session.read(work)
    return list(dict.fromkeys(key.agent for key in searches.needed))


def found_by_read(txn: BoardTransaction, read: ReadSpec, key: SearchKey) -> list[tuple[int, float]]:
    """Return the marks that a search in an agent's `reads` finds, with their relevances.

    It finds none if the kind is no longer searched.
    """
    if read.kind not in txn.active.searched:
        return []
    question = Question(key.text, read.where_of(key.subject), read.limit, match="any")
    return [(mark.row.id, mark.relevance) for mark in search(txn, read.kind, question).marks]
