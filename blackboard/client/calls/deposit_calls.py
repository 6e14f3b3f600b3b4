"""The calls that deposit marks: one, or many in as few requests as their size allows."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Unpack, overload

from pydantic import JsonValue

from blackboard.board.keyword_arguments import DepositKeywords
from blackboard.board.result_types.mark_results import Receipt
from blackboard.client.problem_errors import error_of
from blackboard.client.requests_and_responses import (
    ClientCall,
    HttpRequest,
    ask_for,
    decode_response,
    encode_body,
    post_request,
)
from blackboard.clock import When, iso
from blackboard.core.marks.decay import Decay
from blackboard.core.marks.deposit_lists import (
    BULK_BYTES_PER_TRANSACTION,
    DEPOSITS_PER_TRANSACTION,
    DepositEntry,
    UnequalLengths,
    check_lengths,
    items_in_batches,
    requests_of,
)
from blackboard.core.marks.deposit_requests import Deposit, DepositRequest, deposit_options, deposited_item
from blackboard.core.marks.mark_checks import check_intensity, check_subject
from blackboard.core.marks.mark_model import Mark, alternative_of
from blackboard.errors import BlackboardError, UsageError
from blackboard.plurals import counted
from blackboard.system.media_types import NDJSON_TYPE

MANY_BYTES = 1024 * 1024
"""The largest size of the marks in a request for one transaction: half of what a server accepts by default."""


@overload
def deposit(mark: Mark, /, **options: Unpack[DepositKeywords]) -> ClientCall[Receipt]: ...
@overload
def deposit(
    mark: str,
    /,
    *,
    subject: str,
    payload: Mapping[str, JsonValue] | None = ...,
    **options: Unpack[DepositKeywords],
) -> ClientCall[Receipt]: ...
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
) -> ClientCall[Receipt]:
    """Deposit a mark, as `Blackboard.deposit` does.

    The board must know the kind. Without a key, the deposit gets a random key, so that a repeated request deposits
    once. If the first response was lost, the outcome is `duplicate`.
    """
    item = deposited_item(mark, subject, payload)
    options = deposit_options(key=key, decay=decay, until=until, occurred_at=occurred_at, if_event=if_event)
    request = DepositRequest.of(item, "", options, intensity=intensity)
    return (yield from ask_for(Receipt, post_request("/v1/marks", _fields_of(item, request), is_repeatable=True)))


@overload
def deposit_many(
    items: Iterable[Mark | Deposit],
    *,
    keys: Iterable[str] | None = ...,
    occurred_at: Iterable[When | None] | None = ...,
    on_error: Literal["raise"] = ...,
) -> ClientCall[list[Receipt]]: ...
@overload
def deposit_many(
    items: Iterable[Mark | Deposit],
    *,
    keys: Iterable[str] | None = ...,
    occurred_at: Iterable[When | None] | None = ...,
    on_error: Literal["return"],
) -> ClientCall[list[Receipt | UsageError]]: ...
def deposit_many(
    items: Iterable[Mark | Deposit],
    *,
    keys: Iterable[str] | None = None,
    occurred_at: Iterable[When | None] | None = None,
    on_error: Literal["raise", "return"] = "raise",
) -> ClientCall[Any]:
    """Deposit many marks, in transactions of at most 1,000, as `Blackboard.deposit_many` does.

    Marks without a key get random keys, so that a repeated request deposits each once.
    """
    check_lengths(items, keys, occurred_at)
    results: list[Receipt | UsageError] = []
    deposit_lines = _deposit_all if on_error == "raise" else _deposit_each
    try:
        for batch in items_in_batches(items, keys, occurred_at):
            results += yield from deposit_lines(list(_lines(batch, raises=on_error == "raise")))
    except BlackboardError as error:
        error.stored = sum(isinstance(result, Receipt) for result in results) + (error.stored or 0)
        raise
    except UnequalLengths as error:  # the length of an iterator is known only at its end
        raise ValueError(f"{error}; {counted(len(results), 'item')} handled before") from None
    return results


def _lines(batch: Sequence[DepositEntry], *, raises: bool) -> Iterator[bytes | UsageError]:
    """Yield each deposit of a batch as a request has it, or its error.

    Raises:
        UsageError: A deposit is not valid, and `raises` is set.
    """
    for entry, request in zip(batch, requests_of(batch, ""), strict=True):
        try:
            if isinstance(request, UsageError):
                raise request
            yield encode_body(_fields_of(entry.item, request))
        except UsageError as error:
            if raises:
                raise
            yield error


def _deposit_all(lines: Sequence[bytes | UsageError]) -> ClientCall[list[Receipt]]:
    """Deposit marks in as few transactions as the size of a request allows."""
    receipts: list[Receipt] = []
    for part in _parts([line for line in lines if isinstance(line, bytes)], MANY_BYTES):
        body = b'{"marks":[' + b",".join(part) + b"]}"
        try:
            receipts += yield from ask_for(
                list[Receipt], HttpRequest("POST", "/v1/marks/many", body=body, is_repeatable=True)
            )
        except BlackboardError as error:
            error.stored = len(receipts)
            raise
    return receipts


def _deposit_each(lines: Sequence[bytes | UsageError]) -> ClientCall[list[Receipt | UsageError]]:
    """Deposit marks, and return the receipt or the error of each."""
    results: list[Receipt | UsageError] = []
    for part in _parts([line for line in lines if isinstance(line, bytes)], BULK_BYTES_PER_TRANSACTION):
        query = (("results", "true"),)
        response = yield HttpRequest("POST", "/v1/marks/bulk", query, b"\n".join(part), NDJSON_TYPE, is_repeatable=True)
        results += map(_result_of, decode_response(dict[str, Any], response.body)["results"])
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


def _parts(lines: Sequence[bytes], max_bytes: int) -> Iterator[list[bytes]]:
    """Yield lines in parts, one for each request: at least one line, and as many bytes as a request may have."""
    part: list[bytes] = []
    size = 0
    for line in lines:
        if part and (size + len(line) >= max_bytes or len(part) == DEPOSITS_PER_TRANSACTION):
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
        UsageError: The mark has an alternative. Only a transaction of the board could choose between the two.
    """
    if isinstance(item, Mark) and alternative_of(item) is not None:
        raise UsageError(
            "mark.or_else() does not work over HTTP; deposit the first mark; if that raises UniqueConflict, "
            "deposit the alternative"
        )
    text = request.payload_text
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
