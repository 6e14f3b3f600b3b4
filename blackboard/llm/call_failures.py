"""The failures of model calls, distinguished by whether the call was paid for.

ModelError
├── CallFailure            no answer arrived
│   ├── RequestRejected    costs nothing: the API rejects the request; the marks, or the account, are the reason
│   ├── Overloaded         costs nothing: limits, overload, an error inside the API; try later
│   ├── KeyRefused         costs nothing: a person must check the key
│   ├── SpendLimit         costs nothing: a person must check the account
│   ├── ModelUnavailable   costs nothing: the model's name or the address is wrong, or a gateway answers
│   ├── NotSent            costs nothing: the request never reached the API; it may be sent again immediately
│   └── OutcomeUnknown     may cost: the request was sent, and its outcome is unknown
└── Unusable               costs: an answer arrived, but it is not usable
"""

from __future__ import annotations

from typing import Any, Literal

from blackboard.errors import ModelError

UnusableReason = Literal["refusal", "max_tokens", "context_window", "no_message", "junk", "mismatch"]


class CallFailure(ModelError):
    """A model call without an answer: the base class of all such failures.

    Args:
        message: What happened, with the text of the API.
        request_id: The id that the API gave the request, if it gave one.
        shown: The text for the log; by default the message up to its first colon.
    """

    def __init__(self, message: str, *, request_id: str | None = None, shown: str | None = None) -> None:
        self.request_id = request_id
        self.shown = message.partition(": ")[0] if shown is None else shown
        super().__init__(message if request_id is None else f"{message} [request {request_id}]")

    @property
    def log_text(self) -> str:
        """The message without the text of the API, which may repeat the request."""
        return self.shown


class RequestRejected(CallFailure):
    """A request that the API rejects. It costs nothing.

    Args:
        message: What happened, with the text of the API.
        certain: Whether the request is certainly the reason, so the same text would be rejected again. If it is not
            certain, the account, the model or a gateway may be the reason: only other requests can tell.
        **options: The other arguments of `CallFailure`.
    """

    def __init__(self, message: str, *, certain: bool = False, **options: Any) -> None:
        self.certain = certain
        super().__init__(message, **options)


class Overloaded(CallFailure):
    """A rate limit, an overload or an internal error of the API: try later. It costs nothing.

    Args:
        message: What happened, with the text of the API.
        retry_after: The number of seconds to wait, at most a day; None if the API does not say.
        **options: The other arguments of `CallFailure`.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, **options: Any) -> None:
        self.retry_after = retry_after
        super().__init__(message, **options)


class KeyRefused(CallFailure):
    """A key that the API refuses, or that lacks a permission. It costs nothing; a person must check it."""


class SpendLimit(CallFailure):
    """An account without credit or at its limit. It costs nothing; a person must check it."""


class ModelUnavailable(CallFailure):
    """A model that the API does not have, a wrong address, or a gateway that answers in place of the API.

    It costs nothing. The failure does not depend on the request.

    Args:
        message: What happened, with the text of the API.
        from_api: Whether the error has the API's form.
        **options: The other arguments of `CallFailure`.
    """

    def __init__(self, message: str, *, from_api: bool = False, **options: Any) -> None:
        self.from_api = from_api
        super().__init__(message, **options)


class NotSent(CallFailure):
    """A request that never reached the API, or that the API dropped unread. It may be sent again. It costs nothing."""


class OutcomeUnknown(CallFailure):
    """A request that was sent and got no answer. It may have been answered and paid for."""


class Unusable(ModelError):
    """An answer that was paid for and is not usable. Another request costs again.

    Args:
        reason: The reason in one word.
        message: The reason in a sentence.
        shown: The message as the log may show it; by default up to its first colon.
    """

    def __init__(self, reason: UnusableReason, message: str, *, shown: str | None = None) -> None:
        self.reason = reason
        self._shown = message.partition(": ")[0] if shown is None else shown
        super().__init__(message)

    @property
    def log_text(self) -> str:
        """The message without the words of the model."""
        return "the model refused" if self.reason == "refusal" else self._shown
