"""The faults of the fake Messages API. Each queued fault replaces one correct answer."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Cut", "Fault", "Hang", "Junk", "Says", "Status", "cut_off", "over_long", "refusal", "window_exceeded"]

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


@dataclass(frozen=True)
class Status:
    """An unpaid error status in the form of the API; `body` replaces this form, as a gateway would."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "a queued fault"
    code: str | None = None
    body: str | None = None

    @property
    def error(self) -> dict[str, object]:
        details = {"details": {"error_code": self.code}} if self.code else {}
        return {"type": _TYPES.get(self.status, "api_error"), "message": self.message, **details}


@dataclass(frozen=True)
class Hang:
    """A paid answer that waits until `release` is set or the server ends; `is_paid` is set before."""

    release: threading.Event = field(default_factory=threading.Event)
    is_paid: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Cut:
    """A paid answer whose connection breaks after `after` bytes; 0 breaks it before the status line."""

    after: int = 40


@dataclass(frozen=True)
class Junk:
    """Status 200 with a text that is not a message. It may have been paid for."""

    text: str = "<html>It works!</html>"


@dataclass(frozen=True)
class Says:
    """A well-formed message with this text and stop reason instead of the responder's answer."""

    text: str
    stop_reason: str = "end_turn"


Fault = Status | Hang | Cut | Junk | Says


def refusal() -> Says:
    return Says("", "refusal")


def cut_off() -> Says:
    """Return an answer that was cut off at max_tokens."""
    return Says('{"verdict": "go', "max_tokens")


def window_exceeded() -> Says:
    return Says("", "model_context_window_exceeded")


def over_long(size: int = 1_000_000) -> Says:
    """Return a well-formed answer of `size` letters to a request for a short answer."""
    return Says('{"verdict": "' + "x" * size + '"}')
