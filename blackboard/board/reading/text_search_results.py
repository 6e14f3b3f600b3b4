"""The results of a search by text: the marks that it found, as records or as marks of a class."""

from __future__ import annotations

from typing import Any, TypeVar

from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.reading.mark_queries import record_of, state_on_board
from blackboard.board.result_types.mark_results import MarkRecord, SearchResult
from blackboard.board.search_index.search_ranking import FoundMark
from blackboard.board.search_index.text_search import SearchArguments, SearchOutcome, search_marks
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.marks.mark_model import Mark
from blackboard.errors import InvalidMark

M = TypeVar("M", bound=Mark)


def records(txn: BoardTransaction, kind: str | None, arguments: SearchArguments) -> SearchResult[MarkRecord]:
    """Return the marks of a kind, or of all kinds that are searched, as records."""
    found = search_marks(txn, kind, arguments)
    return _result(found, [(each, _record(txn, each)) for each in found.marks])


def of_class(
    txn: BoardTransaction, model: type[M], classes: MarkClasses, arguments: SearchArguments
) -> tuple[SearchResult[M], list[str]]:
    """Return the marks of a class, and the errors of marks that do not fit the class."""
    if model.kind not in txn.deployment.kinds and model.defaults.search:
        model.defaults.tag_schema.filter(arguments.where or {})
        return SearchResult((), (), (), exact=True, complete=True), []
    found = search_marks(txn, model.kind, arguments)
    readable: list[tuple[FoundMark, M]] = []
    unreadable: list[str] = []
    for each in found.marks:
        row = each.row
        stored = state_on_board(row, each.strength)
        try:
            readable.append((each, classes.make_as(model, row, stored)))
        except InvalidMark as error:
            unreadable.append(str(error))
    return _result(found, readable), unreadable


def _record(txn: BoardTransaction, found_mark: FoundMark) -> MarkRecord:
    return record_of(found_mark.row, txn.kind(found_mark.row.kind).weight, found_mark.strength, txn.now)


def _result(found: SearchOutcome, pairs: list[tuple[FoundMark, Any]]) -> SearchResult[Any]:
    return SearchResult(
        tuple(mark for _, mark in pairs),
        tuple(each.relevance for each, _ in pairs),
        tuple(each.score for each, _ in pairs),
        found.exact,
        found.complete,
    )
