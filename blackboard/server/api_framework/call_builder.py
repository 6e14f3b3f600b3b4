"""The builder of calls: a request becomes the call of an operation, if the caller may make this call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from blackboard import AccessToken, Blackboard
from blackboard.server.access.request_callers import RequestCallers
from blackboard.server.access.token_checks import Caller
from blackboard.server.api_framework.operation_definition import Operation, OperationCall
from blackboard.server.api_framework.request_parsing import parse_body, parse_parameters
from blackboard.server.http_problems import HttpProblem, PlacedProblem
from blackboard.system.tracing import HEADER, read_traceparent


@dataclass(frozen=True)
class ReceivedRequest:
    """A request whose body has been read."""

    operation: Operation
    request: Request
    token: str
    body: bytes

    def add_body(self, call: OperationCall[Any, None]) -> OperationCall[Any, Any]:
        """Return the call of this request with the fields of its body.

        Raises:
            HttpProblem: The fields are not valid.
        """
        body = None if self.operation.body is None else parse_body(self.body, self.operation.body)
        return call.with_body(body)


class CallBuilder:
    """Builds the calls of operations from the requests to one board.

    Args:
        board: The board that the server serves.
        callers: Finds the callers.
        model: The provider and the model that a daemon would use, as text.
    """

    def __init__(self, board: Blackboard, callers: RequestCallers, model: str) -> None:
        self._board, self._callers, self._model = board, callers, model

    def build(self, operation: Operation, request: Request, token: str) -> OperationCall[Any, None]:
        """Return the call that a request makes, without its body.

        Raises:
            HttpProblem: The sender may not make the call, or a parameter is not valid.
        """
        return self.build_for(operation, request, self._board.find_token(token))

    def build_for(self, operation: Operation, request: Request, record: AccessToken | None) -> OperationCall[Any, None]:
        """Return the call that a request with the token of a record makes, without its body.

        Raises:
            HttpProblem: The sender may not make the call, or a parameter is not valid.
        """
        caller = self._callers.counted_caller(record)
        query = request.query_params.multi_items()
        _check_scope(operation, caller, {name for name, _ in query})
        parameters = parse_parameters(request.path_params, query, operation.parameters)
        key = _key_of(operation, request)
        last_event_id = request.headers.get("last-event-id") or None
        board = self._board.as_author(caller.token.author)
        traceparent = read_traceparent(request.headers.get(HEADER))
        return OperationCall(
            board, caller, parameters, None, key, self._model, last_event_id=last_event_id, traceparent=traceparent
        )


def _key_of(operation: Operation, request: Request) -> str | None:
    """Return the idempotency key in the header of a request.

    Raises:
        HttpProblem: The operation takes no key, so it would not recognize a repeated request.
    """
    key = request.headers.get("idempotency-key")
    if key is None or operation.takes_key or operation.method == "GET":
        return key if operation.takes_key else None
    place = PlacedProblem("header.Idempotency-Key", "only POST /v1/marks takes it; elsewhere, give each mark its key")
    raise HttpProblem("invalid", "this operation takes no header Idempotency-Key; leave it out", [place])


def _check_scope(operation: Operation, caller: Caller, parameters: set[str]) -> None:
    """Check that a token allows an operation with some parameters.

    Raises:
        HttpProblem: The token does not allow the operation.
    """
    if operation.scope == "read" and caller.is_redacted:
        if operation.withheld_if_redacted:
            raise HttpProblem("withheld", f"a token with read-redacted may not use the operation {operation.name!r}")
        if withheld := sorted(parameters.intersection(operation.parameters_withheld)):
            raise HttpProblem(
                "withheld",
                f"a token with read-redacted may not use the parameter {withheld[0]!r}, because the response could"
                " show whether a guessed text is right",
            )
    elif operation.scope == "deposit":
        if not (caller.scopes.allow("deposit") or caller.scopes.allow("answer")):
            caller.require("deposit")
    else:
        caller.require(operation.scope)
