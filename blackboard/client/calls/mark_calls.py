"""The calls on marks: their list and search, their changes, subjects with their histories, and kinds."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar, Unpack, overload

from pydantic import ValidationError

from blackboard.board.keyword_arguments import MarksKeywords, MarksOfClassKeywords, SearchKeywords
from blackboard.board.result_types.mark_results import MarkEvent, MarkPosition, MarkRecord, Receipt, SearchResult
from blackboard.client.requests_and_responses import (
    ClientCall,
    HttpRequest,
    ask_for,
    ask_for_pages,
    decode_response,
    get_request,
    next_cursor,
    path_of,
    post_request,
    query_of,
    send_only,
    tags_of,
)
from blackboard.clock import When, from_datetime, instant_of, iso
from blackboard.core.marks.full_text import Match
from blackboard.core.marks.mark_checks import check_if_event, check_increase
from blackboard.core.marks.mark_error_texts import describe_invalid, unreadable_text
from blackboard.core.marks.mark_model import Mark, StoredMark, attach_stored
from blackboard.core.marks.payload_json import dump_payload, read_mark
from blackboard.core.marks.tags import Where
from blackboard.core.request_limits import MAX_PAGE_ITEMS
from blackboard.errors import UnknownName, UnreadableMark, UnreadableMarksWarning, UsageError
from blackboard.presentation.json_shapes import FoundMarks, KindShape, ScoredMark

M = TypeVar("M", bound=Mark)


@overload
def marks(kind: type[M], **options: Unpack[MarksOfClassKeywords]) -> ClientCall[list[M]]: ...
@overload
def marks(kind: str | None = ..., **options: Unpack[MarksKeywords]) -> ClientCall[list[MarkRecord]]: ...
def marks(
    kind: type[M] | str | None = None,
    *,
    subject: str | None = None,
    min_strength: float | None = None,
    at: When | None = None,
    limit: int | None = None,
    where: Where | None = None,
    after: MarkPosition | None = None,
    strict: bool = False,
) -> ClientCall[Any]:
    """Return the live marks, strongest first, as `Blackboard.marks` does.

    The value of a tag in `where` is sent as text, and the server reads it by the type of the tag.
    """
    if (tags := tags_of(where)) is None:
        return []
    position = None if after is None else (after.as_of.isoformat(), after.strength, after.mark_id)
    try:
        records = yield from ask_for_pages(
            MarkRecord,
            "/v1/marks",
            kind=kind.kind if isinstance(kind, type) else kind,
            subject=subject,
            min_strength=min_strength,
            at=_time(at),
            tag=tags,
            limit=limit,
            after=position,
        )
    except UnknownName as error:
        if isinstance(kind, type) and error.category == "kind":
            return []  # no mark of this class was ever deposited
        raise
    if not isinstance(kind, type):
        return records
    return _of_class(kind, records, strict=strict)[0]


def _of_class(mark_class: type[M], records: Sequence[MarkRecord], *, strict: bool) -> tuple[list[M], list[MarkRecord]]:
    """Return the records that fit a class: as marks of the class, and as records.

    Raises:
        UnreadableMark: A mark does not fit the class, and `strict` is set.
    """
    found: list[M] = []
    readable: list[MarkRecord] = []
    problems: list[str] = []
    for record in records:
        text = dump_payload(record.payload)
        try:
            mark = read_mark(mark_class, text, record.subject, record.intensity)
        except ValidationError as error:
            problems.append(f"mark {record.id}: {describe_invalid(record.kind, mark_class, error)}")
            continue
        found.append(attach_stored(mark, _stored_mark(record)))
        readable.append(record)
    if problems:
        text = unreadable_text(mark_class, problems)
        if strict:
            raise UnreadableMark(text)
        warnings.warn(f"left out: {text}", UnreadableMarksWarning, stacklevel=2)
    return found, readable


def _stored_mark(record: MarkRecord) -> StoredMark:
    return StoredMark(
        record.id,
        record.event_id,
        record.author,
        record.strength,
        from_datetime(record.deposited_at),
        from_datetime(record.reinforced_at),
        record.reinforcements,
        from_datetime(record.occurred_at),
    )


@overload
def search(text: str, *, kind: type[M], **options: Unpack[SearchKeywords]) -> ClientCall[SearchResult[M]]: ...
@overload
def search(
    text: str, *, kind: str | None = ..., **options: Unpack[SearchKeywords]
) -> ClientCall[SearchResult[MarkRecord]]: ...
def search(
    text: str,
    *,
    kind: type[M] | str | None = None,
    where: Where | None = None,
    limit: int = 10,
    faded: bool = False,
    match: Match = "all",
    raw: bool = False,
) -> ClientCall[Any]:
    """Return the marks whose text matches, by relevance times strength, as `Blackboard.search` does."""
    if limit < 1:
        raise UsageError(f"limit must be at least 1, not {limit}")
    if (tags := tags_of(where)) is None:
        return SearchResult((), (), (), exact=True, complete=True)
    name = kind.kind if isinstance(kind, type) else kind
    found = yield from _search(limit, text=text, kind=name, tag=tags, faded=faded, any=match == "any", raw=raw)
    hits = found.marks
    names = MarkRecord.__dataclass_fields__
    records: list[Any] = [MarkRecord(**{name: getattr(hit, name) for name in names}) for hit in hits]
    hits_by_id = {hit.id: hit for hit in hits}
    if isinstance(kind, type):
        records, readable = _of_class(kind, records, strict=False)
        hits = [hits_by_id[record.id] for record in readable]
    return SearchResult(
        tuple(records),
        tuple(hit.relevance for hit in hits),
        tuple(hit.score for hit in hits),
        exact=found.exact,
        complete=found.complete,
    )


def _search(limit: int, **parameters: Any) -> ClientCall[FoundMarks]:
    """Ask for the pages of a search until there are enough marks, and return all in the result of the last page."""
    hits: list[ScoredMark] = []
    cursor = None
    while True:
        size = min(MAX_PAGE_ITEMS, limit - len(hits))
        response = yield get_request("/v1/search", **parameters, limit=size, cursor=cursor)
        found = decode_response(FoundMarks, response.body)
        hits += found.marks
        if (cursor := next_cursor(response)) is None or len(hits) >= limit:
            return replace(found, marks=hits)


def mark(mark_id: int) -> ClientCall[MarkRecord]:
    """Return one live mark, as `Blackboard.mark` does."""
    return (yield from ask_for(MarkRecord, get_request(path_of("/v1/marks/{}", mark_id))))


def withdraw(mark_id: int, *, if_event: int | None = None) -> ClientCall[None]:
    """Take a live mark off the board, as `Blackboard.withdraw` does."""
    if if_event is not None:
        check_if_event(if_event, lowest=1)
    query = query_of({"if_event": if_event})
    yield from send_only(HttpRequest("DELETE", path_of("/v1/marks/{}", mark_id), query, is_repeatable=False))


def reinforce(mark_id: int, *, by: float, if_event: int | None = None) -> ClientCall[Receipt]:
    """Add to the strength that a live mark has now, as `Blackboard.reinforce` does.

    A request that may have reached the server is not repeated, because it could add twice.
    """
    check_increase(by)
    if if_event is not None:
        check_if_event(if_event, lowest=1)
    request = post_request(path_of("/v1/marks/{}/reinforce", mark_id), {"by": by, "if_event": if_event})
    return (yield from ask_for(Receipt, request))


def history(
    subject: str, *, at: When | None = None, after: int | None = None, limit: int | None = None
) -> ClientCall[list[MarkEvent]]:
    """Return the events of a subject's marks, oldest first, as `Blackboard.history` does."""
    return (yield from ask_for_pages(MarkEvent, "/v1/history", subject=subject, at=_time(at), after=after, limit=limit))


def subjects(prefix: str = "", *, limit: int = 100, after: str = "", at: When | None = None) -> ClientCall[list[str]]:
    """Return the first subjects that begin with a prefix and ever had a mark, as `Blackboard.subjects` does."""
    return (
        yield from ask_for_pages(
            str, "/v1/subjects", prefix=prefix or None, at=_time(at), after=after or None, limit=limit
        )
    )


def kinds() -> ClientCall[list[KindShape]]:
    """Return the kinds of the board, each with the JSON schema of its payload."""
    return (yield from ask_for(list[KindShape], get_request("/v1/kinds")))


def _time(at: When | None) -> str | None:
    return None if at is None else iso(instant_of(at))
