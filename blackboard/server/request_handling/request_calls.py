"""The calls that requests make: who sends a request, whether they may, and with which parameters and which body."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from blackboard import AccessToken, Blackboard
from blackboard.server.access.session_cookie import SessionCookie
from blackboard.server.access.token_checks import Caller, RateLimits, bearer_of, holder_of
from blackboard.server.problems import HttpProblem, PlacedProblem
from blackboard.server.request_handling.operation_definition import Call, Operation
from blackboard.server.request_handling.request_reading import parse_body, parse_parameters
from blackboard.system.tracing import HEADER, read_traceparent


@dataclass(frozen=True)
class ReceivedRequest:
    """A request whose body has been read."""

    operation: Operation
    request: Request
    token: str
    body: bytes

    def add_body(self, call: Call[Any, None]) -> Call[Any, Any]:
        """Return the call of this request with the fields of its body.

        Raises:
            HttpProblem: They are not valid.
        """
        body = None if self.operation.body is None else parse_body(self.body, self.operation.body)
        return call.with_body(body)


class RequestCalls:
    """Makes the calls of requests to one board.

    Args:
        board: The board that the server serves.
        cookie: The cookie of web sessions.
        model: Which provider and model would answer if no daemon runs, in words.
        requests_per_second: How often each token may be used.
    """

    def __init__(self, board: Blackboard, cookie: SessionCookie, model: str, requests_per_second: float) -> None:
        self._board, self._cookie, self._model = board, cookie, model
        self._rates = RateLimits(requests_per_second)

    def token_of(self, request: Request) -> str:
        """Return the token of a request, which is not checked yet: of its header, or else of a web session.

        Raises:
            HttpProblem: It has no token; or it has the token of a web session, and a page of another site sent it.
        """
        header = request.headers.get("authorization")
        has_bearer = header is not None and header.lower().startswith("bearer ")
        token = None if has_bearer else self._cookie.token(request)  # a proxy may send credentials of its own
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
        return self._counted(self._board.find_token(token))

    def records_of(self, tokens: Iterable[str]) -> Mapping[str, AccessToken | None]:
        """Return the records of some tokens, from one snapshot of the board."""
        distinct = list(set(tokens))
        return dict(zip(distinct, self._board.find_tokens(distinct), strict=True))

    def _counted(self, found: AccessToken | None) -> Caller:
        caller = holder_of(found)
        self._rates.check(caller.token.name, self._board.clock.monotonic())
        return caller

    def call(self, operation: Operation, request: Request, token: str) -> Call[Any, None]:
        """Return the call of a request, without its body.

        Raises:
            HttpProblem: Its sender may not make it, or its parameters are not valid.
        """
        return self.call_of(operation, request, self._board.find_token(token))

    def call_of(self, operation: Operation, request: Request, found: AccessToken | None) -> Call[Any, None]:
        """Return the call of a request with the record of its token, without its body.

        Raises:
            HttpProblem: Its sender may not make it, or its parameters are not valid.
        """
        caller = self._counted(found)
        query = request.query_params.multi_items()
        _check_scope(operation, caller, {name for name, _ in query})
        parameters = parse_parameters(request.path_params, query, operation.parameters)
        key = _key_of(operation, request)
        last_event_id = request.headers.get("last-event-id") or None
        board = self._board.as_author(caller.token.author)
        traceparent = read_traceparent(request.headers.get(HEADER))
        return Call(
            board, caller, parameters, None, key, self._model, last_event_id=last_event_id, traceparent=traceparent
        )


def _key_of(operation: Operation, request: Request) -> str | None:
    """Return the idempotency key in the header of a request.

    Raises:
        HttpProblem: The operation takes none, so a second request would not be recognized.
    """
    key = request.headers.get("idempotency-key")
    if key is None or operation.takes_key or operation.method == "GET":
        return key if operation.takes_key else None
    place = PlacedProblem("header.Idempotency-Key", "only POST /v1/marks takes it; give each of several marks its key")
    raise HttpProblem("invalid", "this operation takes no header Idempotency-Key; leave it out", [place])


def _check_scope(operation: Operation, caller: Caller, parameters: set[str]) -> None:
    """Check that a token allows an operation with some parameters.

    Raises:
        HttpProblem: The token does not allow the operation.
    """
    if operation.scope == "read" and caller.is_redacted:
        if operation.withheld_if_redacted:
            raise HttpProblem("withheld", f"the scope read-redacted hides all that {operation.name!r} would show")
        if withheld := sorted(parameters.intersection(operation.parameters_withheld)):
            raise HttpProblem("withheld", f"{withheld[0]!r} could confirm guesses of what read-redacted hides")
    elif operation.scope == "deposit":
        if not (caller.scopes.allow("deposit") or caller.scopes.allow("answer")):
            caller.require("deposit")
    else:
        caller.require(operation.scope)
