"""The callers of the server: who sends a request, by the token in its header or the token of a web session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from starlette.requests import Request

from blackboard import AccessToken, Blackboard
from blackboard.server.access.session_cookie import SessionCookie
from blackboard.server.access.token_checks import Caller, RateLimits, bearer_of, holder_of


class RequestCallers:
    """Finds the callers of one board.

    Args:
        board: The board that the server serves.
        cookie: The cookie of web sessions.
        requests_per_second: How often each token may be used.
    """

    def __init__(self, board: Blackboard, cookie: SessionCookie, requests_per_second: float) -> None:
        self._board, self._cookie = board, cookie
        self._rates = RateLimits(requests_per_second)

    def token_of(self, request: Request) -> str:
        """Return the token of a request, from its header or else from a web session. The token is not checked yet.

        Raises:
            HttpProblem: The request has no token; or it has the token of a web session, and a page of another site sent
                it.
        """
        header = request.headers.get("authorization")
        has_bearer = header is not None and header.lower().startswith("bearer ")
        token = None if has_bearer else self._cookie.token(request)  # any other header may be from a proxy
        return bearer_of(header) if token is None else token

    def holder_of(self, token: str) -> Caller:
        """Return the holder of a token.

        Raises:
            HttpProblem: The token is not valid.
        """
        return holder_of(self._board.find_token(token))

    def caller_of(self, token: str) -> Caller:
        """Return who sent a request, and count it for the limit of its token.

        Raises:
            HttpProblem: The token is not valid, or is used too often.
        """
        return self.counted_caller(self._board.find_token(token))

    def counted_caller(self, record: AccessToken | None) -> Caller:
        """Return the holder of a token by its record, and count a request for the limit of the token.

        Raises:
            HttpProblem: The token is not valid, or is used too often.
        """
        caller = holder_of(record)
        self._rates.check(caller.token.name, self._board.clock.monotonic())
        return caller

    def records_of(self, tokens: Iterable[str]) -> Mapping[str, AccessToken | None]:
        """Return the records of some tokens, from one snapshot of the board."""
        distinct = list(set(tokens))
        return dict(zip(distinct, self._board.find_tokens(distinct), strict=True))
