"""Errors as the protocol reports them: a code of JSON-RPC, and the status of the response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from blackboard.errors import BlackboardError
from blackboard.server.http_problems import HttpProblem, problem_of

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
UNKNOWN_METHOD = -32601
INVALID_PARAMETERS = -32602
INTERNAL = -32603
RATE_LIMITED = -32004
UNAUTHORIZED = -32005
NO_SCENT = -32002
INVALID_CONDITION = -32006
LARGE_TRACE = -32008

_CODES = {
    "no-token": UNAUTHORIZED,
    "invalid-token": UNAUTHORIZED,
    "not-allowed": UNAUTHORIZED,
    "withheld": UNAUTHORIZED,
    "too-many-requests": RATE_LIMITED,
}
"""The codes of some problems, by their names. All other problems have a general code."""


class SbpError(Exception):
    """A request whose response is an error.

    Args:
        code: What is wrong, as the protocol numbers it.
        message: What is wrong, in a sentence.
        data: Where it is wrong, if that is known.
        status: The status of the response. An error of a method has 200, as JSON-RPC over HTTP has it.
        headers: Headers of the response.
    """

    def __init__(
        self,
        code: int,
        message: str,
        data: Any = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code, self.message, self.data = code, message, data
        self.status, self.headers = status, dict(headers or {})

    def document(self) -> dict[str, Any]:
        """Return the error as its JSON object."""
        found: dict[str, Any] = {"code": self.code, "message": self.message}
        return found if self.data is None else found | {"data": self.data}


def sbp_error_of(error: HttpProblem | BlackboardError) -> SbpError:
    """Return the error for a request that the server or the board refuses.

    If the server refuses the request or the board fails, the status of the response also says so. If the board refuses
    what a method asks for, the status is 200.
    """
    problem = error if isinstance(error, HttpProblem) else problem_of(error)
    status, message = problem.type.status, problem.detail or problem.type.title
    if isinstance(error, BlackboardError) and status < 500:
        return SbpError(INVALID_PARAMETERS, message)
    code = _CODES.get(problem.name, INTERNAL if status >= 500 else INVALID_REQUEST)
    return SbpError(code, message, status=status, headers=problem.headers)


def error_of_fields(error: ValidationError, code: int, message: str) -> SbpError:
    """Return the error for fields that are not valid, with the path of each mistake."""
    mistakes = error.errors(include_url=False, include_context=False, include_input=False)
    data = [{"path": ".".join(map(str, mistake["loc"])), "message": mistake["msg"]} for mistake in mistakes]
    return SbpError(code, message, data)
