"""Web sessions: a browser signs in with a ticket or a token, uses the board with a cookie, and signs out."""

from __future__ import annotations

import re
import secrets
from html import escape
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from blackboard import Blackboard
from blackboard.clock import seconds_in
from blackboard.durations import HOUR, Microseconds, format_duration
from blackboard.errors import BlackboardError, NotFound
from blackboard.server.access.request_origin import check_own_page, root_of
from blackboard.server.access.session_cookie import SessionCookie
from blackboard.server.access.sign_in_tickets import TICKET_LIFETIME, SignInTickets
from blackboard.server.http_limits import read_body
from blackboard.server.http_problems import HttpProblem, problem_response
from blackboard.server.plain_page import STYLE_POLICY, plain_page
from blackboard.server.work_threads import WorkThreads
from blackboard.system.log_queue import Log

log = Log("blackboard.server")

SIGN_IN, SIGN_OUT = "/sign-in", "/sign-out"
SESSION_LIFETIME = Microseconds(12 * HOUR)
COOKIE_LIFETIME_SECONDS = int(seconds_in(SESSION_LIFETIME))
"""How long a browser keeps the cookie of a session."""
MAX_FORM_BYTES = 8192
LOCAL_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
"""A path of this server with its parameters. After two slashes, a browser would read another host."""
SESSION_SCOPES = ("read", "deposit", "answer", "operate", "sql")
"""The scopes of the person at the terminal in the browser: all except the erasure of subjects and work as an agent."""

SIGN_IN_POLICY = f"{STYLE_POLICY}; form-action 'self'"
REFUSED = (
    f"This link does not sign in, because it was opened before, is older than {format_duration(TICKET_LIFETIME)}, or"
    " belongs to a server that has ended. If the server runs in a terminal, the terminal now shows a new link."
)


class WebSessions:
    """The web sessions of one board.

    The token of a session is a token of the board, which is listed and can be revoked. If the session began with a
    link, its token signs as the person who runs the server.

    Args:
        board: The board, in the name of the person who runs the server.
        tickets: The tickets that browsers sign in with.
        cookie: The cookie that has the token of a session.
        threads: The threads that use the board.
    """

    def __init__(self, board: Blackboard, tickets: SignInTickets, cookie: SessionCookie, threads: WorkThreads) -> None:
        self._board, self._tickets, self._cookie, self._threads = board, tickets, cookie, threads

    def routes(self) -> list[Route]:
        """Return the routes that sign a browser in and out."""
        return [
            Route(SIGN_IN, self._sign_in, methods=["GET"]),
            Route(SIGN_IN, self._sign_in_with_token, methods=["POST"]),
            Route(SIGN_OUT, self._show_sign_out, methods=["GET"]),
            Route(SIGN_OUT, self._sign_out, methods=["POST"]),
        ]

    async def _sign_in(self, request: Request) -> Response:
        """Exchange the ticket of a link for the cookie of a new session.

        The response is a page with a link, not a redirect. If the person opened the link on a page of another site, the
        browser would follow a redirect without the cookie.
        """
        if request.method == "HEAD" or "prefetch" in request.headers.get("sec-purpose", ""):
            return Response(status_code=503)  # nobody has opened the link yet
        if not self._tickets.redeem(request.query_params.get("ticket", "")):
            return _page("Not signed in", f"<p>{REFUSED}</p>", status=403)
        name = f"browser-{secrets.token_hex(4)}"
        try:
            token = await self._threads.run(
                lambda: self._board.create_token(
                    name, may=SESSION_SCOPES, author=self._board.author, expires=SESSION_LIFETIME
                )
            )
        except BlackboardError as error:
            return problem_response(error)
        log.info("a browser has signed in", token=name, author=self._board.author)
        root = escape(root_of(request))
        text = (
            f"<p>This browser now uses the board as {escape(self._board.author)},"
            f" for {format_duration(SESSION_LIFETIME)}.</p>"
            f'<p><a href="{root}/">Go on</a> or <a href="{root}{SIGN_OUT}">sign out</a>.</p>'
        )
        response = _page("Signed in", text, head=f'<meta http-equiv="refresh" content="0; url={root}/">')
        self._cookie.set(request, response, token, COOKIE_LIFETIME_SECONDS)
        return response

    async def _sign_in_with_token(self, request: Request) -> Response:
        """Put a person's own token into the cookie of a new session, and redirect to the page that was asked for.

        The token keeps its scopes and its end. Only a page of this server may send the token. If pages of other servers
        could, such a page could sign the browser in with a token of its own, and the person would work in another name.
        """
        try:
            check_own_page(request)
            fields = await _fields(request)
            token, to = fields.get("token", "").strip(), fields.get("to", "")
            found = await self._threads.run(lambda: self._board.find_token(token)) if token else None
        except (HttpProblem, BlackboardError) as error:
            return problem_response(error)
        root = root_of(request)
        if found is None or found.state != "valid":
            back = f'<p><a href="{escape(root)}/">Try again</a></p>'
            return _page(
                "Not signed in", f"<p>The token is unknown, or it has expired or was revoked.</p>{back}", status=403
            )
        log.info("a browser has signed in with a token", token=found.name, author=found.author)
        response = RedirectResponse(
            root + (to if LOCAL_PATH.fullmatch(to) else "/"), 303, headers={"Cache-Control": "no-store"}
        )
        self._cookie.set(request, response, token, COOKIE_LIFETIME_SECONDS, is_personal=True)
        return response

    async def _show_sign_out(self, request: Request) -> Response:
        """Show the button that signs out."""
        action = escape(root_of(request)) + SIGN_OUT
        form = f'<form method="post" action="{action}"><button>Sign out</button></form>'
        return _page("Sign out?", form, referrer="same-origin")  # without a referrer, a form would have no origin

    async def _sign_out(self, request: Request) -> Response:
        """End a session, and remove its cookie. Without a session, do nothing.

        The token of a session that began with a link is revoked. A person's own token stays valid.
        """
        try:
            check_own_page(request)
            token = self._cookie.token(request)
            if token is not None and not self._cookie.is_personal(request):
                await self._threads.run(lambda: self._revoke(token))
        except (HttpProblem, BlackboardError) as error:
            return problem_response(error)
        response = _page("Signed out", "<p>This browser no longer uses the board.</p>")
        self._cookie.clear(request, response)
        return response

    def _revoke(self, token: str) -> None:
        found = self._board.find_token(token)
        if found is None or found.state != "valid":
            return
        try:
            self._board.as_author(found.author).revoke_token(found.name)
        except NotFound:  # somebody else has just revoked the token
            return
        log.info("a browser has signed out", token=found.name, author=found.author)


async def _fields(request: Request) -> dict[str, str]:
    """Return the fields of a form.

    Raises:
        HttpProblem: The form is too large, or did not arrive in time.
    """
    body = await read_body(request, MAX_FORM_BYTES)
    return dict(parse_qsl(body.decode("utf-8", "replace")))


def _page(title: str, text: str, *, head: str = "", referrer: str = "no-referrer", status: int = 200) -> HTMLResponse:
    """Return a page with one message. A header hides its address, which may contain a ticket, from other servers."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": SIGN_IN_POLICY,
        "Referrer-Policy": referrer,
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(plain_page(title, text, head=head), status, headers)
