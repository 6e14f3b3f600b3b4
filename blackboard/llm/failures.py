"""Every way in which a call can bring no usable answer, told apart by what it means for money; it retries nothing.

ModelError
├── CallFailure            no answer came
│   ├── Rejected           not paid, and never will be as it stands: a request that the API does not take
│   ├── Overloaded         not paid: limits, overload, an error inside the API; try later
│   ├── KeyRefused         not paid: a person must look at the key
│   ├── SpendLimit         not paid: a person must look at the account
│   ├── NotSent            not paid: it never reached the API; may be sent again at once
│   └── OutcomeUnknown     perhaps paid: it was sent, and what became of it cannot be known
└── Unusable               an answer came, was paid for and cannot be used
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from blackboard.errors import ModelError

__all__ = [
    "CallFailure",
    "KeyRefused",
    "NotSent",
    "OutcomeUnknown",
    "Overloaded",
    "Rejected",
    "SpendLimit",
    "Unusable",
    "failure_of",
    "failure_of_type",
    "storable",
]

Reason = Literal["refusal", "max_tokens", "context_window", "junk", "mismatch"]

LONGEST_WAIT = 86_400.0
"""Seconds: a day. A longer `retry-after` is cut to this, so that no header can silence an agent for good."""

_SPEND_CODES = frozenset(
    {
        "contract_spend_limit_reached",
        "enforced_spend_limit_reached",
        "linked_organization_spend_limit_reached",
        "linked_organization_billing_unavailable",
    }
)
_STATUS_OF_TYPE = {
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


class CallFailure(ModelError):
    """No answer came. `request_id` is the API's name for the request, where it gave one."""

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        self.request_id = request_id
        super().__init__(message if request_id is None else f"{message} [request {request_id}]")


class Rejected(CallFailure):
    """The API does not take this request; the same text will never be taken. Not paid."""


class Overloaded(CallFailure):
    """Limits, overload or an error inside the API: try later. Not paid.

    `retry_after` is how long the API asks to wait: seconds from now, at most a day, or None where it does not say.
    """

    def __init__(self, message: str, *, request_id: str | None = None, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message, request_id=request_id)


class KeyRefused(CallFailure):
    """The API does not accept the key, or does not allow it this. Not paid; a person must look."""


class SpendLimit(CallFailure):
    """The account has no credit left or is at its limit. Not paid; a person must look."""


class NotSent(CallFailure):
    """It never reached the API, or was dropped there untouched: it may be sent again. Not paid."""


class OutcomeUnknown(CallFailure):
    """It was sent, and no answer came back: it may have been answered and paid for."""


class Unusable(ModelError):
    """An answer came, was paid for and cannot be used; `reason` says in a word why. Asking for it again costs again."""

    def __init__(self, reason: Reason, message: str) -> None:
        self.reason = reason
        super().__init__(message)


def failure_of(status: int, body: object, headers: Mapping[str, str]) -> CallFailure:
    """The failure that an HTTP status of 300 or above, its decoded body and its headers stand for."""
    error = _member(body, "error")
    error_type, said, code = (_member(error, key) for key in ("type", "message", "details"))
    code = _member(code, "error_code")
    request_id = headers.get("request-id") or _member(body, "request_id")
    request_id = storable(request_id) if isinstance(request_id, str) else None
    reason = storable(said)[:300] if isinstance(said, str) and said else "no reason given"
    message = f"{status}{f' {storable(error_type)[:60]}' if isinstance(error_type, str) else ''}: {reason}"

    # The account first: its limits come with 402, with 429 and, for spent credit, with 400.
    if status == 402 or error_type == "billing_error" or code in _SPEND_CODES:
        return SpendLimit(f"the API reports a spend limit: {message}", request_id=request_id)
    if status == 400 and "credit balance" in reason:
        return SpendLimit(f"the API reports a spend limit: {message}", request_id=request_id)
    if status in (401, 403):
        return KeyRefused(f"the API refused the key: {message}", request_id=request_id)
    if status == 408 or (status in (502, 504) and not isinstance(error_type, str)):
        # A gateway gave up waiting; what the API behind it did with the request is not known.
        return OutcomeUnknown(f"a gateway answered for the API: {message}", request_id=request_id)
    if status == 429 or status >= 500:
        wait = retry_after(headers)
        return Overloaded(f"the API cannot answer now: {message}", request_id=request_id, retry_after=wait)
    return Rejected(f"the API does not take the request: {message}", request_id=request_id)


def failure_of_type(body: object) -> CallFailure:
    """The failure that an error object stands for where no HTTP status came with it, as in the results of a batch."""
    error_type = _member(_member(body, "error"), "type")
    return failure_of(_STATUS_OF_TYPE.get(error_type, 500) if isinstance(error_type, str) else 500, body, {})


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that `retry-after-ms` or `retry-after` ask for; a date is taken against the response's own `date`."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        return min(max(seconds, 0.0), LONGEST_WAIT) if not math.isnan(seconds) else None
    until, now = _date(headers.get("retry-after")), _date(headers.get("date"))
    if until is None or now is None:
        return None
    return min(max((until - now).total_seconds(), 0.0), LONGEST_WAIT)


def storable(text: str) -> str:
    """The text with what UTF-8 cannot hold (lone surrogates, which JSON can escape) replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _date(text: str | None) -> datetime | None:
    try:
        at = parsedate_to_datetime(text) if text else None
    except (ValueError, IndexError, OverflowError):
        return None
    return at if at is not None and at.tzinfo is not None else None


def _member(value: object, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None
