"""The callers of the protocol: the holder of a token, or a program on this machine, which needs no token."""

from __future__ import annotations

import ipaddress

from starlette.requests import Request

from blackboard import AccessToken, Blackboard
from blackboard.clock import to_datetime
from blackboard.core.token_scopes import Scopes
from blackboard.server.access.request_callers import RequestCallers
from blackboard.server.access.token_checks import Caller, RateLimits, bearer_of
from blackboard.server.http_problems import HttpProblem
from blackboard.server.transport.addresses import Address
from blackboard.settings.sections import ServerSection

LOCAL_CALLER = "programs on this machine"
"""The name under which requests without a token are counted and refused."""
LOCAL_SCOPES = ("read", "deposit")


class SbpCallers:
    """Finds the callers of one board.

    Args:
        board: The board that the server serves.
        callers: Finds the holders of tokens.
        settings: The author of programs without a token, and how often they may send requests.
        address: Where the server listens; None for a Unix socket.

    Raises:
        InvalidAuthor: The author cannot sign.
    """

    def __init__(
        self, board: Blackboard, callers: RequestCallers, settings: ServerSection, address: Address | None
    ) -> None:
        board.as_author(settings.sbp_author)  # a name that cannot sign is reported at the start
        self._board, self._callers = board, callers
        self._rates = RateLimits(settings.requests_per_second)
        # Behind a proxy, all requests seem to come from this machine.
        self._admits_local = address is not None and address.is_loopback and not settings.behind_proxy
        at, self._scopes = to_datetime(board.clock.now()), Scopes(LOCAL_SCOPES)
        self._local = AccessToken(
            name=LOCAL_CALLER,
            author=settings.sbp_author,
            scopes=LOCAL_SCOPES,
            state="valid",
            created_at=at,
            expires_at=None,
            revoked_at=None,
        )

    def token_of(self, request: Request) -> str | None:
        """Return the token of a request; None if its sender needs none. The token is not checked yet.

        Raises:
            HttpProblem: The request has no token, and its sender needs a token.
        """
        header = request.headers.get("authorization")
        return None if header is None and self._is_local(request) else bearer_of(header)

    def _is_local(self, request: Request) -> bool:
        """Return whether a program on this machine sends a request, and not a page in a browser."""
        if not self._admits_local or request.client is None:
            return False
        if "origin" in request.headers or "sec-fetch-site" in request.headers:
            return False
        try:
            return ipaddress.ip_address(request.client.host).is_loopback
        except ValueError:
            return False

    def caller_of(self, token: str | None) -> Caller:
        """Return who sent a request, and count it for the limit of its token.

        Raises:
            HttpProblem: The token is not valid, or is used too often.
        """
        if token is not None:
            return self._callers.caller_of(token)
        self._rates.check(LOCAL_CALLER, self._board.clock.monotonic())
        return Caller(self._local, self._scopes)


def require_read(caller: Caller) -> None:
    """Check that a caller may read texts.

    Raises:
        HttpProblem: The caller may not read texts.
    """
    if caller.is_redacted:
        raise HttpProblem("withheld", "a token with read-redacted may not read the texts that this protocol shows")
    caller.require("read")
