"""The cookie of a web session: its name, its attributes, and the token in it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from blackboard.server.access.request_origin import check_own_page


class SessionCookie:
    """The cookie of one board.

    Browsers send the cookies of a host to each port of it. The id of the board in the name keeps several boards of one
    machine apart.

    Args:
        board_id: The id of the board.
    """

    def __init__(self, board_id: str) -> None:
        self._name = f"blackboard-{board_id}"

    def name(self, request: Request) -> str:
        """Return its name. Over TLS, a prefix makes browsers refuse a cookie that another server or page has made."""
        return f"__Host-{self._name}" if _is_secure(request) else self._name

    def token(self, request: Request) -> str | None:
        """Return the token in the cookie of a request, which is not checked yet; None without a cookie.

        Raises:
            HttpProblem: The request has the cookie, and does not come from a page of this server.
        """
        if "cookie" not in request.headers or not (token := request.cookies.get(self.name(request))):
            return None
        check_own_page(request)
        return token

    def set(self, request: Request, response: Response, token: str, seconds: int) -> None:
        """Put a token into the cookie for some seconds."""
        response.set_cookie(
            self.name(request), token, seconds, path="/", secure=_is_secure(request), httponly=True, samesite="strict"
        )

    def clear(self, request: Request, response: Response) -> None:
        """Remove the cookie from the browser."""
        response.delete_cookie(
            self.name(request), path="/", secure=_is_secure(request), httponly=True, samesite="strict"
        )


def _is_secure(request: Request) -> bool:
    return bool(request.scope["scheme"] == "https")
