"""Checks of tokens: whether a token is valid, what its holder may do, and how often it is used."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from blackboard import AccessToken
from blackboard.clock import Instant, seconds_in
from blackboard.core.token_scopes import Scopes, scope_of_change
from blackboard.server.http_problems import HttpProblem

MAX_TOKEN_CHARACTERS = 200

TokenKey: TypeAlias = tuple[str, datetime]
"""The name of a token, and when it was created."""


@dataclass(frozen=True)
class Caller:
    """The holder of a valid token."""

    token: AccessToken
    scopes: Scopes

    @property
    def token_key(self) -> TokenKey:
        """The name and the creation time of the token. A later token may have the same name."""
        return self.token.name, self.token.created_at

    @property
    def is_redacted(self) -> bool:
        """Whether texts are withheld from the holder of the token."""
        return self.scopes.allow("read-redacted")

    def require(self, verb: str, name: str | None = None, subject: str | None = None) -> None:
        """Check that the token allows an operation: in general, or for a kind or an agent, and for a subject.

        Raises:
            HttpProblem: The token does not allow it.
        """
        if refused := self.scopes.refusal(verb, name, subject):
            raise HttpProblem(
                "not-allowed", f"the token {self.token.name!r} does not allow {refused}", members={"scope": verb}
            )

    def require_change(self, kind: str, subject: str) -> None:
        """Check that the token allows to deposit or change a mark.

        Raises:
            HttpProblem: The token does not allow it.
            InvalidMark: The subject cannot be stored.
        """
        self.require(*scope_of_change(kind, subject))


def valid_token_keys(tokens: Iterable[AccessToken]) -> frozenset[TokenKey]:
    """Return the keys of the tokens that are valid now."""
    return frozenset((token.name, token.created_at) for token in tokens if token.state == "valid")


def bearer_of(header: str | None) -> str:
    """Return the token in an `Authorization` header.

    Raises:
        HttpProblem: The header has no token.
    """
    scheme, _, token = (header or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN_CHARACTERS:
        raise HttpProblem("no-token", "every operation of the board needs a token")
    return token


def holder_of(record: AccessToken | None) -> Caller:
    """Return the holder of a token. The token is looked up for each request, so a revocation holds immediately.

    Raises:
        HttpProblem: The token is unknown, expired or revoked.
    """
    if record is None or record.state != "valid":
        problem = "the board does not know this token" if record is None else f"this token is {record.state}"
        raise HttpProblem("invalid-token", problem)
    return Caller(record, _scopes(record.scopes))


@lru_cache(maxsize=1024)
def _scopes(texts: tuple[str, ...]) -> Scopes:
    return Scopes(texts)


class _TokenBucket(NamedTuple):
    room: float
    at: Instant


class RateLimits:
    """The limits on the use of each token: a number of requests a second on average, and as many together.

    Args:
        per_second: The number of requests.
    """

    def __init__(self, per_second: float) -> None:
        self._per_second, self._burst = per_second, max(1.0, per_second)
        self._buckets: dict[str, _TokenBucket] = {}
        self._lock = threading.Lock()

    def check(self, name: str, now: Instant) -> None:
        """Count a request.

        Args:
            name: The name of the token.
            now: The monotonic time.

        Raises:
            HttpProblem: The token is used too often.
        """
        with self._lock:
            room, at = self._buckets.get(name, _TokenBucket(self._burst, now))
            room = min(self._burst, room + seconds_in(now - at) * self._per_second)
            allowed = room >= 1
            self._buckets[name] = _TokenBucket(room - allowed, now)
        if not allowed:
            seconds = max(1, math.ceil((1 - room) / self._per_second))
            raise HttpProblem(
                "too-many-requests",
                f"the token {name!r} allows {self._per_second:g} requests a second",
                headers={"Retry-After": str(seconds)},
            )
