"""The cookie of a web session: its name, its attributes, and the token in it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from blackboard.server.access.request_origin import check_own_page

PERSONAL_PREFIX = "personal."
"""The start of a cookie whose token is a person's own. No token contains a full stop."""


class SessionCookie:
    """The cookie of one board.

    A browser sends a cookie to all ports of a host. The name of the cookie has the id of the board, so that several
    boards of one machine have different cookies.

    Args:
        board_id: The id of the board.
    """

    def __init__(self, board_id: str) -> None:
        self._name = f"blackboard-{board_id}"

    def name(self, request: Request) -> str:
        """Return its name. Over TLS, a prefix makes a browser refuse a cookie that another server or page has set."""
        return f"__Host-{self._name}" if _is_secure(request) else self._name

    def token(self, request: Request) -> str | None:
        """Return the token in the cookie of a request; None without a cookie. The token is not checked yet.

        Raises:
            HttpProblem: The request has the cookie, and does not come from a page of this server.
        """
        if "cookie" not in request.headers or not (token := request.cookies.get(self.name(request))):
            return None
        check_own_page(request)
        return token.removeprefix(PERSONAL_PREFIX)

    def is_personal(self, request: Request) -> bool:
        """Return whether the cookie holds a person's own token, which stays valid when the session ends."""
        return request.cookies.get(self.name(request), "").startswith(PERSONAL_PREFIX)

    def set(self, request: Request, response: Response, token: str, seconds: int, *, is_personal: bool = False) -> None:
        """Put a token into the cookie.

        Args:
            request: The request, over TLS or not.
            response: The response that gets the cookie.
            token: The token.
            seconds: How long the browser keeps it.
            is_personal: Whether the token is a person's own, which stays valid when the session ends.
        """
        text = f"{PERSONAL_PREFIX}{token}" if is_personal else token
        response.set_cookie(
            self.name(request), text, seconds, path="/", secure=_is_secure(request), httponly=True, samesite="strict"
        )

    def clear(self, request: Request, response: Response) -> None:
        """Remove the cookie from the browser."""
        response.delete_cookie(
            self.name(request), path="/", secure=_is_secure(request), httponly=True, samesite="strict"
        )


def _is_secure(request: Request) -> bool:
    return bool(request.scope["scheme"] == "https")
