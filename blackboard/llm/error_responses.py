"""Error responses of the API: which failure a response means, from its status, its body and its headers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, TypeVar

from blackboard.llm.call_failures import (
    CallFailure,
    KeyRefused,
    ModelUnavailable,
    OutcomeUnknown,
    Overloaded,
    RequestRejected,
    SpendLimit,
)
from blackboard.llm.storable_texts import storable_text

F = TypeVar("F", bound=CallFailure)

MAX_RETRY_AFTER_SECONDS = 86_400.0
"""The longest accepted `retry-after` in seconds, a day, so that no header can stop an agent permanently."""

_SPEND_CODES = frozenset(
    {
        "contract_spend_limit_reached",
        "enforced_spend_limit_reached",
        "linked_organization_spend_limit_reached",
        "linked_organization_billing_unavailable",
    }
)
_ADDRESS_STATUSES = frozenset({404, 405, 407, 410, 421, 426, 451, 511})
"""Statuses that depend on the address, the model's name or a gateway, and not on the request."""
_TOO_LARGE_STATUSES = frozenset({413, 414, 431})
"""Statuses of a request that is too large. A smaller request may be accepted."""
_STATUS_BY_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_MAX_ERROR_CHARACTERS = 65_536


class _ErrorResponse(NamedTuple):
    """The content of an error response."""

    status: int
    error_type: str | None
    """None if the body lacks the form of the API's own errors, as the page of a gateway does."""
    reason: str
    code: str | None
    """The code that distinguishes the limits of an account."""

    @property
    def text(self) -> str:
        error_type = "" if self.error_type is None else f" {storable_text(self.error_type)[:60]}"
        return f"{self.status}{error_type}: {self.reason}"

    @property
    def log_text(self) -> str:
        """The text without words that the API chose."""
        return f"{self.status} {self.error_type}" if self.error_type in _STATUS_BY_TYPE else f"{self.status}"

    @property
    def is_account_limit(self) -> bool:
        if self.status == 402 or self.error_type == "billing_error" or self.code in _SPEND_CODES:
            return True
        return self.status == 400 and "credit balance" in self.reason


def failure_of(status: int, body: object, headers: Mapping[str, str]) -> CallFailure:
    """Return the failure for a response with an HTTP status of 300 or above and a decoded body.

    The order of the tests matters, because a status has several meanings: tests of special meanings come first.
    """
    said = _parse_error(status, body)
    from_api = said.error_type is not None
    request_id = headers.get("request-id") or _text_member(body, "request_id")
    request_id = None if request_id is None else storable_text(request_id)

    def failure(category: type[F], problem: str, more: str = "", **options: Any) -> F:
        text, shown = f"{problem}: {said.text}{more}", f"{problem}: {said.log_text}"
        return category(text, request_id=request_id, shown=shown, **options)

    # Before the rate limit of 429 and the rejection of 400: an account limit may have either status.
    if said.is_account_limit:
        return failure(SpendLimit, "the API reports a spend limit")
    # A firewall in front of the API answers 403 for the words of a single request. The end of this function rejects
    # only that request.
    if status == 401 or (status == 403 and from_api):
        return failure(KeyRefused, "the API refused the key")
    # Before the statuses from 500: a gateway timed out, and the API behind it may have processed the request.
    if status == 408 or (status in (502, 504) and not from_api):
        return failure(OutcomeUnknown, "a gateway answered in place of the API")
    if status == 429 or (status >= 500 and status not in _ADDRESS_STATUSES):
        return failure(Overloaded, "the API cannot answer now", retry_after=seconds_to_wait(headers))
    if status < 400 or status in _ADDRESS_STATUSES:
        problem = "the address or the model cannot be used"
        return failure(ModelUnavailable, problem, _target(headers), from_api=from_api)
    return failure(RequestRejected, "the API rejected the request", certain=status in _TOO_LARGE_STATUSES)


def _parse_error(status: int, body: object) -> _ErrorResponse:
    """Return the content of an error response, in whatever form its body is."""
    error = _member(body, "error")
    text = _text_member(error, "message")
    return _ErrorResponse(
        status,
        error_type=_text_member(error, "type"),
        reason=storable_text(text)[:300] if text else "no reason given",
        code=_text_member(_member(error, "details"), "error_code"),
    )


def page_failure(text: str, headers: Mapping[str, str]) -> CallFailure | None:
    """Return the failure for an answer with status 200 that is a web page or an error.

    A network may show its login page, and some gateways answer with an error of the API and status 200.
    """
    if (body := _error_in(text)) is not None:
        return failure_of_type(body)
    if not text.lstrip("\ufeff \t\r\n").startswith("<"):
        return None
    content_type = storable_text(headers.get("content-type", "no type"))[:60]
    problem = "a web page came instead of an answer of the API"
    return ModelUnavailable(f"{problem} ({content_type}): {storable_text(text[:120])!r}", shown=problem)


def _error_in(text: str) -> object | None:
    """Return the error object that a text of the API is; None for any other text. Errors are short texts."""
    if len(text) > _MAX_ERROR_CHARACTERS or '"error"' not in text:
        return None
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_error = _member(body, "type") == "error" and _text_member(_member(body, "error"), "type") in _STATUS_BY_TYPE
    return body if is_error else None


def failure_of_type(body: object) -> CallFailure:
    """Return the failure for an error object without an HTTP status, as in the results of a batch."""
    error_type = _text_member(_member(body, "error"), "type")
    return failure_of(500 if error_type is None else _STATUS_BY_TYPE.get(error_type, 500), body, {})


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds in `retry-after-ms` or `retry-after`; a date there is relative to the response's `date`."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS) if not math.isnan(seconds) else None
    until, now = _date(headers.get("retry-after")), _date(headers.get("date"))
    if until is None or now is None:
        return None
    return min(max((until - now).total_seconds(), 0.0), MAX_RETRY_AFTER_SECONDS)


def _target(headers: Mapping[str, str]) -> str:
    location = headers.get("location")
    return f"; it redirects to {storable_text(location)[:200]}" if location else ""


def _date(text: str | None) -> datetime | None:
    try:
        at = parsedate_to_datetime(text) if text else None
    except (ValueError, IndexError, OverflowError):
        return None
    return at if at is not None and at.tzinfo is not None else None


def _member(value: object, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _text_member(value: object, key: str) -> str | None:
    member = _member(value, key)
    return member if isinstance(member, str) else None
