"""The calls on marks: what `Blackboard` does with marks, as requests and the results of their answers."""

from __future__ import annotations

import json
import secrets
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar, overload

from pydantic import JsonValue, ValidationError

from blackboard.board.json_shapes import FoundMarks, KindShape, ScoredMark
from blackboard.board.loads.deposit_batches import (
    MARKS_PER_TRANSACTION,
    UnequalLengths,
    batches,
    check_lengths,
    requests_of,
)
from blackboard.board.mark_storage.added_strength import check_increase
from blackboard.board.mark_storage.deposit_requests import Deposit, DepositRequest, deposit_options, deposited_item
from blackboard.board.result_types import ErasureReport, MarkEvent, MarkPosition, MarkRecord, Receipt, SearchResult
from blackboard.client.http_messages import (
    MAX_PAGE,
    Call,
    HttpRequest,
    ask,
    confirm,
    decode,
    encode,
    get,
    next_cursor,
    pages,
    path_of,
    post,
    query_of,
    tags_of,
)
from blackboard.client.problem_errors import error_of
from blackboard.clock import When, from_datetime, instant_of, iso
from blackboard.core.decay import Decay
from blackboard.core.full_text import Match
from blackboard.core.marks import (
    Mark,
    StoredMark,
    alternative_of,
    attach_stored,
    check_if_event,
    check_intensity,
    check_subject,
    describe_invalid,
    unreadable_text,
)
from blackboard.core.payload_round_trip import read_mark
from blackboard.core.payload_text import dump_payload
from blackboard.core.tags import Where
from blackboard.errors import (
    BlackboardError,
    UnknownName,
    UnreadableMark,
    UnreadableMarksWarning,
    UsageError,
)

M = TypeVar("M", bound=Mark)

NDJSON = "application/x-ndjson"
MANY_BYTES = 1024 * 1024
"""The largest size of the marks in a request for one transaction: half of what a server accepts by default."""
BULK_BYTES = 4 * 1024 * 1024
"""The largest size of the lines in a request in bulk, which a server deposits in one transaction."""


@overload
def deposit(
    mark: Mark,
    /,
    *,
    intensity: float | None = ...,
    key: str | None = ...,
    decay: Decay | str | None = ...,
    until: When | None = ...,
    occurred_at: When | None = ...,
    if_event: int | None = ...,
) -> Call[Receipt]: ...
@overload
def deposit(
    mark: str,
    /,
    *,
    subject: str,
    payload: Mapping[str, JsonValue] | None = ...,
    intensity: float | None = ...,
    key: str | None = ...,
    decay: Decay | str | None = ...,
    until: When | None = ...,
    occurred_at: When | None = ...,
    if_event: int | None = ...,
) -> Call[Receipt]: ...
def deposit(
    mark: Mark | str,
    /,
    *,
    subject: str = "",
    payload: Mapping[str, JsonValue] | None = None,
    intensity: float | None = None,
    key: str | None = None,
    decay: Decay | str | None = None,
    until: When | None = None,
    occurred_at: When | None = None,
    if_event: int | None = None,
) -> Call[Receipt]:
    """Deposit a mark, as `Blackboard.deposit` does.

    The board must know the kind. Without a key, the deposit gets a random key, so that a repeated request deposits
    once. If the first answer was lost, the outcome is `duplicate`.
    """
    item = deposited_item(mark, subject, payload)
    options = deposit_options(key=key, decay=decay, until=until, occurred_at=occurred_at, if_event=if_event)
    request = DepositRequest.of(item, "", options, intensity=intensity)
    return (yield from ask(Receipt, post("/v1/marks", _fields_of(item, request), is_repeatable=True)))


@overload
def deposit_many(
    items: Iterable[Mark | Deposit],
    *,
    keys: Iterable[str] | None = ...,
    occurred_at: Iterable[When | None] | None = ...,
    on_error: Literal["raise"] = ...,
) -> Call[list[Receipt]]: ...
@overload
def deposit_many(
    items: Iterable[Mark | Deposit],
    *,
    keys: Iterable[str] | None = ...,
    occurred_at: Iterable[When | None] | None = ...,
    on_error: Literal["return"],
) -> Call[list[Receipt | UsageError]]: ...
def deposit_many(
    items: Iterable[Mark | Deposit],
    *,
    keys: Iterable[str] | None = None,
    occurred_at: Iterable[When | None] | None = None,
    on_error: Literal["raise", "return"] = "raise",
) -> Call[Any]:
    """Deposit many marks, in transactions of at most 1,000, as `Blackboard.deposit_many` does.

    Marks without a key get random keys, so that a repeated request deposits each once.
    """
    check_lengths(items, keys, occurred_at)
    results: list[Receipt | UsageError] = []
    deposit_lines = _deposit_all if on_error == "raise" else _deposit_each
    try:
        for batch in batches(items, keys, occurred_at):
            lines: list[bytes | UsageError] = []
            for entry, request in zip(batch, requests_of(batch, ""), strict=True):
                try:
                    if isinstance(request, UsageError):
                        raise request
                    lines.append(encode(_fields_of(entry.item, request)))
                except UsageError as error:
                    if on_error == "raise":
                        raise
                    lines.append(error)
            results += yield from deposit_lines(lines)
    except BlackboardError as error:
        error.stored = sum(isinstance(result, Receipt) for result in results) + (error.stored or 0)
        raise
    except UnequalLengths as error:  # the lengths of iterators show only at their ends
        raise ValueError(f"{error}; {len(results)} items were handled before") from None
    return results


def _deposit_all(lines: Sequence[bytes | UsageError]) -> Call[list[Receipt]]:
    """Deposit marks in as few transactions as the size of a request allows."""
    receipts: list[Receipt] = []
    for part in _parts([line for line in lines if isinstance(line, bytes)], MANY_BYTES):
        body = b'{"marks":[' + b",".join(part) + b"]}"
        try:
            receipts += yield from ask(list[Receipt], HttpRequest("POST", "/v1/marks/many", body=body))
        except BlackboardError as error:
            error.stored = len(receipts)
            raise
    return receipts


def _deposit_each(lines: Sequence[bytes | UsageError]) -> Call[list[Receipt | UsageError]]:
    """Deposit marks, and return the receipt or the error of each."""
    results: list[Receipt | UsageError] = []
    for part in _parts([line for line in lines if isinstance(line, bytes)], BULK_BYTES):
        query = (("results", "true"),)
        answer = yield HttpRequest("POST", "/v1/marks/bulk", query, b"\n".join(part), NDJSON)
        results += map(_result_of, decode(dict[str, Any], answer.body)["results"])
    remaining = iter(results)
    return [next(remaining) if isinstance(line, bytes) else line for line in lines]


def _result_of(line: Mapping[str, Any]) -> Receipt | UsageError:
    """Return the receipt of a line, or its error.

    Raises:
        BlackboardError: The token does not allow the deposit.
    """
    if "type" not in line:
        return Receipt(**{**line, "crossed": tuple(line["crossed"])})
    error = error_of(line, int(line["status"]))
    if not isinstance(error, UsageError):
        raise error
    return error


def _parts(lines: Sequence[bytes], most: int) -> Iterator[list[bytes]]:
    """Yield lines in parts, one for each request: at least one line, and as many bytes as a request may have."""
    part: list[bytes] = []
    size = 0
    for line in lines:
        if part and (size + len(line) >= most or len(part) == MARKS_PER_TRANSACTION):
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line) + 1
    if part:
        yield part


def _fields_of(item: Mark | Deposit, request: DepositRequest) -> dict[str, Any]:
    """Return a deposit as a request has it.

    Raises:
        InvalidMark: The subject, the payload or the intensity cannot be stored.
        UsageError: The mark has an alternative, which only a transaction of the board could choose.
    """
    if isinstance(item, Mark) and alternative_of(item) is not None:
        raise UsageError(
            "mark.or_else() does not work over HTTP; deposit one mark, and if that raises UniqueConflict, the other"
        )
    text = dump_payload(request.payload) if request.text is None else request.text
    fields = {
        "kind": request.kind,
        "subject": check_subject(request.subject),
        "payload": json.loads(text),
        "intensity": check_intensity(request.intensity),
        "key": secrets.token_hex(16) if request.key is None else request.key,
        "decay": None if request.decay is None else request.decay.spec(),
        "until": iso(request.until),
        "occurred_at": iso(request.occurred_at),
        "if_event": request.if_event,
    }
    return {name: value for name, value in fields.items() if value is not None}


def withdraw(mark_id: int, *, if_event: int | None = None) -> Call[None]:
    """Take a live mark off the board, as `Blackboard.withdraw` does."""
    if if_event is not None:
        check_if_event(if_event, lowest=1)
    query = query_of({"if_event": if_event})
    yield from confirm(HttpRequest("DELETE", path_of("/v1/marks/{}", mark_id), query, is_repeatable=False))


def reinforce(mark_id: int, *, by: float, if_event: int | None = None) -> Call[Receipt]:
    """Add to the strength that a live mark has now, as `Blackboard.reinforce` does.

    A request that may have reached the server is not repeated, because it could add twice.
    """
    check_increase(by)
    if if_event is not None:
        check_if_event(if_event, lowest=1)
    request = post(path_of("/v1/marks/{}/reinforce", mark_id), {"by": by, "if_event": if_event})
    return (yield from ask(Receipt, request))


def forget(subject: str) -> Call[ErasureReport]:
    """Erase everything about a subject, as `Blackboard.forget` does. Needs a token with the scope `admin`."""
    return (yield from ask(ErasureReport, post("/v1/forget", {"subject": subject})))


@overload
def marks(
    kind: type[M],
    *,
    subject: str | None = ...,
    min_strength: float | None = ...,
    at: When | None = ...,
    limit: int | None = ...,
    where: Where | None = ...,
    after: MarkPosition | None = ...,
    strict: bool = ...,
) -> Call[list[M]]: ...
@overload
def marks(
    kind: str | None = ...,
    *,
    subject: str | None = ...,
    min_strength: float | None = ...,
    at: When | None = ...,
    limit: int | None = ...,
    where: Where | None = ...,
    after: MarkPosition | None = ...,
) -> Call[list[MarkRecord]]: ...
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
) -> Call[Any]:
    """Return the live marks, strongest first, as `Blackboard.marks` does.

    The value of a tag in `where` is sent as text, and the server reads it by the type of the tag.
    """
    if (tags := tags_of(where)) is None:
        return []
    position = None if after is None else (after.as_of.isoformat(), after.strength, after.mark_id)
    try:
        records = yield from pages(
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
    """Return marks of a class, and the records that they come from, without the records that do not fit the class.

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
            problems.append(f"mark {record.id}: {describe_invalid(record.kind, error)}")
            continue
        found.append(attach_stored(mark, _stored(record)))
        readable.append(record)
    if problems:
        text = unreadable_text(mark_class, problems)
        if strict:
            raise UnreadableMark(text)
        warnings.warn(f"left out: {text}", UnreadableMarksWarning, stacklevel=2)
    return found, readable


def _stored(record: MarkRecord) -> StoredMark:
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
def search(
    text: str,
    *,
    kind: type[M],
    where: Where | None = ...,
    limit: int = ...,
    faded: bool = ...,
    match: Match = ...,
    raw: bool = ...,
) -> Call[SearchResult[M]]: ...
@overload
def search(
    text: str,
    *,
    kind: str | None = ...,
    where: Where | None = ...,
    limit: int = ...,
    faded: bool = ...,
    match: Match = ...,
    raw: bool = ...,
) -> Call[SearchResult[MarkRecord]]: ...
def search(
    text: str,
    *,
    kind: type[M] | str | None = None,
    where: Where | None = None,
    limit: int = 10,
    faded: bool = False,
    match: Match = "all",
    raw: bool = False,
) -> Call[Any]:
    """Return the marks whose text matches, by relevance times strength, as `Blackboard.search` does."""
    if limit < 1:
        raise UsageError(f"limit must be at least 1, not {limit}")
    if (tags := tags_of(where)) is None:
        return SearchResult((), (), (), exact=True, complete=True)
    hits: list[ScoredMark] = []
    cursor = None
    while True:
        request = get(
            "/v1/search",
            text=text,
            kind=kind.kind if isinstance(kind, type) else kind,
            tag=tags,
            faded=faded,
            any=match == "any",
            raw=raw,
            limit=min(MAX_PAGE, limit - len(hits)),
            cursor=cursor,
        )
        answer = yield request
        found = decode(FoundMarks, answer.body)
        hits += found.marks
        if (cursor := next_cursor(answer)) is None or len(hits) >= limit:
            break
    names = MarkRecord.__dataclass_fields__
    records: list[Any] = [MarkRecord(**{name: getattr(hit, name) for name in names}) for hit in hits]
    of_id = {hit.id: hit for hit in hits}
    if isinstance(kind, type):
        records, readable = _of_class(kind, records, strict=False)
        hits = [of_id[record.id] for record in readable]
    return SearchResult(
        tuple(records),
        tuple(hit.relevance for hit in hits),
        tuple(hit.score for hit in hits),
        exact=found.exact,
        complete=found.complete,
    )


def mark(mark_id: int) -> Call[MarkRecord]:
    """Return one live mark, as `Blackboard.mark` does."""
    return (yield from ask(MarkRecord, get(path_of("/v1/marks/{}", mark_id))))


def history(
    subject: str, *, at: When | None = None, after: int | None = None, limit: int | None = None
) -> Call[list[MarkEvent]]:
    """Return the events of a subject's marks, oldest first, as `Blackboard.history` does."""
    return (yield from pages(MarkEvent, "/v1/history", subject=subject, at=_time(at), after=after, limit=limit))


def subjects(prefix: str = "", *, limit: int = 100, after: str = "", at: When | None = None) -> Call[list[str]]:
    """Return the first subjects that begin with a prefix and ever had a mark, as `Blackboard.subjects` does."""
    return (
        yield from pages(str, "/v1/subjects", prefix=prefix or None, at=_time(at), after=after or None, limit=limit)
    )


def kinds() -> Call[list[KindShape]]:
    """Return the kinds of the board, each with the JSON schema of its payload."""
    return (yield from ask(list[KindShape], get("/v1/kinds")))


def _time(at: When | None) -> str | None:
    return None if at is None else iso(instant_of(at))
