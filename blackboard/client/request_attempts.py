"""The attempts of a client's request, and the delays between them.

This module does no input or output. So both clients, synchronous and asynchronous, use the same code.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, TypeVar

from blackboard.client.problem_errors import error_of, name_of, read_problem
from blackboard.client.requests_and_responses import ClientCall, HttpRequest, HttpResponse
from blackboard.core.backoff import backoff
from blackboard.durations import MILLISECOND, SECOND, Duration
from blackboard.errors import BlackboardError, ServerUnreachable

T = TypeVar("T")

FIRST_DELAY: Duration = 100 * MILLISECOND
"""The delay before the second attempt. It doubles with each further attempt."""
MAX_DELAY: Duration = 60 * SECOND
"""The longest delay that a client accepts. If the server asks for more, the client reports the problem immediately."""
BUSY_PROBLEMS = frozenset({"too-many-requests", "overloaded", "store-busy"})
"""The temporary problems that show that the server has done nothing."""
SERVICE_UNAVAILABLE = 503
"""The status of a proxy that did not reach the server."""
GATEWAY_FAILED = frozenset({502, 504})
"""The statuses of a proxy that got no response from the server. The server may have done what was asked."""


@dataclass(frozen=True)
class NoResponse:
    """A request without a response."""

    reason: str
    """The reason, in a sentence."""
    may_be_sent: bool
    """Whether the server may have received the request."""


@dataclass(frozen=True)
class Delay:
    """A pause before the next attempt."""

    microseconds: Duration


RequestSteps: TypeAlias = Generator[HttpRequest | Delay, HttpResponse | NoResponse | None, T]
"""The steps of a call: its requests, each with all its attempts, and the delays between them."""


class RequestFailure(NamedTuple):
    """The reason why a request failed."""

    error: BlackboardError
    """The error that the client raises for this reason."""
    may_pass: bool
    """Whether a further attempt may succeed."""
    may_be_done: bool
    """Whether the server may have done what was asked."""
    delay: Duration = 0
    """How long the server asks to wait."""


def steps_of(call: ClientCall[T], retries: int, rng: random.Random) -> RequestSteps[T]:
    """Yield the steps of a call, and return its result.

    Args:
        call: The call, which may need several requests.
        retries: How often a request is repeated.
        rng: The source of jitter.
    """
    try:
        request = next(call)
        while True:
            try:
                response = yield from _attempts(request, retries, rng)
            except BlackboardError as error:
                request = call.throw(error)
            else:
                request = call.send(response)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def _attempts(request: HttpRequest, retries: int, rng: random.Random) -> RequestSteps[HttpResponse]:
    """Yield a request until its response reports no problem, and return this response.

    Raises:
        BlackboardError: The error of the last attempt.
    """
    attempt = 1
    while True:
        outcome = yield request
        assert outcome is not None  # only a delay has no outcome
        if isinstance(outcome, HttpResponse) and 200 <= outcome.status < 300:
            return outcome
        failure = failure_of(outcome)
        delay = max(backoff(FIRST_DELAY, attempt, rng), failure.delay)
        is_safe = request.is_repeatable or not failure.may_be_done
        if attempt > retries or delay > MAX_DELAY or not failure.may_pass or not is_safe:
            raise failure.error
        yield Delay(delay)
        attempt += 1


def failure_of(outcome: HttpResponse | NoResponse) -> RequestFailure:
    """Return why a request failed, by its response."""
    if isinstance(outcome, NoResponse):
        return RequestFailure(ServerUnreachable(outcome.reason), may_pass=True, may_be_done=outcome.may_be_sent)
    problem, status = read_problem(outcome.body), outcome.status
    error = error_of(problem, status)
    if problem:
        return RequestFailure(error, name_of(problem) in BUSY_PROBLEMS, may_be_done=False, delay=_retry_after(outcome))
    is_of_proxy = status == SERVICE_UNAVAILABLE or status in GATEWAY_FAILED
    return RequestFailure(error, is_of_proxy, may_be_done=status in GATEWAY_FAILED, delay=_retry_after(outcome))


def _retry_after(response: HttpResponse) -> Duration:
    """Return how long the server asks to wait; 0 if it does not."""
    text = response.headers.get("retry-after", "")
    return int(text) * SECOND if text.isdecimal() and len(text) < 10 else 0
