"""Search: the marks that match a text, by relevance times strength.

The index gives the documents that match, and `search_ranking` orders their marks by score.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from blackboard.board.mark_tables import filtered_marks
from blackboard.board.search_index.search_documents import Phase
from blackboard.board.search_index.search_ranking import FoundMark, Index, best_marks, passing_docs
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.marks.full_text import MAX_EXACT, RERANKED, Match, Word, words_of
from blackboard.core.marks.tags import Where
from blackboard.errors import InvalidSearch, UsageError
from blackboard.store.dialects.full_text_queries import checked_raw
from blackboard.store.row_types.search_row_types import FoundDoc
from blackboard.store.statement_file import Statement
from blackboard.store.statements import SEARCH


@dataclass(frozen=True)
class SearchArguments:
    """The arguments of a search."""

    text: str
    """The words, or with `raw` a query."""
    where: Where | None = None
    """The values that tags must have."""
    limit: int = 10
    """The largest number of marks."""
    faded: bool = False
    """Whether faded marks are also searched."""
    match: Match = "all"
    """Whether a mark must have all words or any."""
    raw: bool = False
    """Whether the text is in the database's own query language."""


class SearchOutcome(NamedTuple):
    """The outcome of a search: the marks that it found; see `SearchResult`."""

    marks: list[FoundMark]
    exact: bool
    complete: bool


def search_marks(txn: BoardTransaction, kind: str | None, arguments: SearchArguments) -> SearchOutcome:
    """Return the marks that match, by relevance times strength.

    Raises:
        UnknownName: The kind is not registered, or has no tag that the filter names.
        UsageError: The kind is not searched, the limit is below 1, or a value cannot be the value of a tag.
        InvalidSearch: The query is not valid in the database's own query language.
    """
    if arguments.limit < 1:
        raise UsageError(f"limit must be at least 1, not {arguments.limit}")
    indexes = _indexes(txn, kind, arguments.where)
    complete = all(index.row.phase == Phase.DONE or _has_live(index, arguments) for index in indexes)
    query = _query(txn, indexes, arguments)
    if not query:
        return SearchOutcome([], exact=True, complete=complete)
    txn.sql.widen_cache()
    try:
        matches = _matches(txn, indexes, query, arguments)
    except txn.sql.dialect.errors.base as error:
        raise _query_error(txn, error, arguments) from None
    exact = len(matches) <= MAX_EXACT
    best = best_marks(txn, indexes, matches if exact else matches[:RERANKED], arguments.limit, faded=arguments.faded)
    return SearchOutcome(best, exact, complete)


def _has_live(index: Index, arguments: SearchArguments) -> bool:
    return index.row.phase == Phase.FADED and not arguments.faded


def _indexes(txn: BoardTransaction, kind: str | None, where: Where | None) -> list[Index]:
    rows = {row.kind: row for row in txn.sql.all(SEARCH.kinds) if row.phase != Phase.REMOVED}
    if kind is not None:
        txn.kind(kind)  # the kind must exist
        if kind not in rows:
            raise UsageError(f"the kind {kind!r} is not searched; declare the fields to search, as in search=['text']")
        return [Index(rows[kind], filtered_marks.filter_of(txn, kind, where))]
    if not rows:
        raise UsageError("no kind of this board is searched; declare the fields to search, as in search=['text']")
    names = rows if not where else [name for name in filtered_marks.kinds_with_tags(txn, where) if name in rows]
    return [Index(rows[name], filtered_marks.filter_of(txn, name, where)) for name in names]


def _query(txn: BoardTransaction, indexes: Collection[Index], arguments: SearchArguments) -> str:
    """Return the query in the database's language; "" if nothing can match."""
    if arguments.raw:
        text = checked_raw(arguments.text)
        try:
            return txn.sql.value(SEARCH.read_raw, text=text)
        except txn.sql.dialect.errors.base as error:
            raise _query_error(txn, error, arguments) from None
    words = words_of(arguments.text)
    if arguments.match == "any" and len(words) > 1:
        words = _rare_words(txn, indexes, words)
    return txn.sql.dialect.search_query(words, arguments.match)


def _rare_words(txn: BoardTransaction, indexes: Collection[Index], words: list[Word]) -> list[Word]:
    """Return the words that at most `MAX_EXACT` documents have; all words if there are no such words.

    A more frequent word hardly narrows a search, and would make it as slow as a scan of the index.
    """
    rare = [word for word in words if _count(txn, indexes, txn.sql.dialect.search_query([word], "all")) <= MAX_EXACT]
    return rare or words


def _count(txn: BoardTransaction, indexes: Collection[Index], query: str) -> int:
    if not query:
        return 0
    return sum(
        txn.sql.value(SEARCH.count_matches, query=query, limit=MAX_EXACT + 1, **index.values) for index in indexes
    )


def _query_error(txn: BoardTransaction, error: Exception, arguments: SearchArguments) -> Exception:
    """Return the error for a mistake in a user's query; return any other error of the database unchanged."""
    if arguments.raw and txn.sql.dialect.errors.is_wrong_query(error):
        return InvalidSearch(f"the query {arguments.text!r} is not valid: {str(error).strip()}")
    return error


def _matches(
    txn: BoardTransaction, indexes: Collection[Index], query: str, arguments: SearchArguments
) -> list[tuple[int, float]]:
    """Return the documents that match, the most relevant first; more than `MAX_EXACT` if there are more.

    If there are few, they may include documents of marks that have faded or that lack a tag. If there are many, such
    documents are left out, so that they do not displace others.
    """
    docs = _found_docs(txn, SEARCH.matches, indexes, query, MAX_EXACT + 1)
    if len(docs) <= MAX_EXACT:
        return docs
    seen, limit = 0, MAX_EXACT * 2
    passing: list[tuple[int, float]] = []
    while True:
        docs = _found_docs(txn, SEARCH.most_relevant, indexes, query, limit)[:limit]
        while seen < len(docs) and len(passing) <= MAX_EXACT:
            passing += passing_docs(txn, indexes, docs[seen : seen + RERANKED], faded=arguments.faded)
            seen += RERANKED
        if len(passing) > MAX_EXACT or len(docs) < limit:
            return passing
        seen, limit = limit, limit * 4


def _found_docs(
    txn: BoardTransaction, statement: Statement[FoundDoc], indexes: Collection[Index], query: str, limit: int
) -> list[tuple[int, float]]:
    """Return what a statement finds in each index, the most relevant first."""
    docs: list[tuple[int, float]] = []  # as the driver returns them: there may be thousands
    for index in indexes:
        docs += txn.sql.rows(statement, query=query, limit=limit, **index.values)
    docs.sort()
    docs.sort(key=itemgetter(1), reverse=True)
    return docs
