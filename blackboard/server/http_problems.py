"""Errors as problems (RFC 9457): a stable type for each, the places of mistakes, and the remedy where there is one."""

from __future__ import annotations

import http
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from starlette.responses import Response

from blackboard import errors
from blackboard.board.error_names import ERROR_NAMES, PROBLEM_PREFIX
from blackboard.errors import BlackboardError
from blackboard.presentation.json_shapes import json_value
from blackboard.server.work_threads import QueueFull

MEDIA_TYPE = "application/problem+json"


class ProblemType(NamedTuple):
    """One type of problem."""

    status: int
    """The status of the response."""
    title: str
    """The title of each problem of this type."""
    remedy: str = ""
    """The remedy for problems of this type; "" if the remedy depends on the problem."""
    retry_seconds: int | None = None
    """The header `Retry-After`, in seconds; None without the header, or if it depends on the problem."""
    closes_connection: bool = False
    """Whether the connection is closed, because the rest of the request is not read."""


PROBLEM_TYPES: Mapping[str, ProblemType] = {
    "invalid-request": ProblemType(400, "The request cannot be read", "Send what /v1/docs describes."),
    "no-token": ProblemType(401, "The request has no token", "Send Authorization: Bearer TOKEN."),
    "invalid-token": ProblemType(401, "The token is not valid", "Make a token with 'blackboard token create'."),
    "not-allowed": ProblemType(403, "The token does not allow this", "Make a token with this scope."),
    "withheld": ProblemType(403, "The token may not read this text", "Use a token with the scope read."),
    "wrong-origin": ProblemType(
        403, "Pages of this origin may not use the board", "Name the origin in [server] origins."
    ),
    "cross-site": ProblemType(
        403,
        "A page of another site sent the request",
        "Use a page of this server, or send Authorization: Bearer TOKEN.",
    ),
    "not-found": ProblemType(404, "What the path names does not exist"),
    "unknown-name": ProblemType(404, "There is no such name"),
    "wrong-method": ProblemType(405, "The path does not have this method", "The header Allow names those that it has."),
    "slow-request": ProblemType(408, "The request took too long", closes_connection=True),
    "conflict": ProblemType(409, "The mark has changed since it was read", "Read the mark again."),
    "out-of-order": ProblemType(409, "The deposit is older than the mark that it would join"),
    "law-conflict": ProblemType(409, "The mark fades by another law"),
    "unique-conflict": ProblemType(409, "Another live mark has the same unique value"),
    "lease-lost": ProblemType(409, "The worker no longer has the activation", "Claim again."),
    "agent-in-use": ProblemType(409, "A running daemon serves the agent"),
    "not-possible": ProblemType(409, "The present state does not allow this"),
    "too-large": ProblemType(413, "The request is too large", closes_connection=True),
    "wrong-media-type": ProblemType(415, "The body has another media type than the operation takes"),
    "wrong-host": ProblemType(421, "The server does not have this name", "Name the host in [server] hosts."),
    "invalid": ProblemType(422, "The request is not valid", "Correct what detail or errors name."),
    "invalid-mark": ProblemType(422, "The mark cannot be stored", "Correct the field that detail names."),
    "invalid-result": ProblemType(422, "The result does more than the agent may do"),
    "invalid-query": ProblemType(422, "The query is not valid"),
    "invalid-search": ProblemType(422, "The search is not valid in the language of the database"),
    "key-reused": ProblemType(422, "The key stands for another deposit", "Give each deposit its own key."),
    "query-stopped": ProblemType(422, "The query took too much time or memory", "Narrow the query."),
    "too-many-requests": ProblemType(429, "The token is used too often", "Wait as long as Retry-After says."),
    "large-headers": ProblemType(431, "The headers are too large", closes_connection=True),
    "internal": ProblemType(500, "This is a bug in blackboard", "The log of the server has the details."),
    "missing-package": ProblemType(501, "The server lacks an optional package"),
    "overloaded": ProblemType(503, "Too many requests wait", "Wait as long as Retry-After says.", retry_seconds=1),
    "store-busy": ProblemType(
        503, "Another process has locked the board", "Wait as long as Retry-After says.", retry_seconds=1
    ),
    "outcome-unknown": ProblemType(
        503, "It is not known whether the request was done", "Read the board, or repeat the request with the same key."
    ),
    "store-unusable": ProblemType(503, "The board cannot be used", "'blackboard doctor' says why."),
    "storage-full": ProblemType(507, "The disk or the memory of the server is used up"),
}
"""The types of problems by their names, which never change."""

ERROR_TYPES: Mapping[type[BlackboardError], str] = {**ERROR_NAMES, QueueFull: "overloaded"}
"""The type of each error; an error that is not named has the type of its base class."""


class PlacedProblem(NamedTuple):
    """The mistake at one place of a request, such as `body.subject`."""

    place: str
    message: str


class HttpProblem(Exception):
    """A request whose response is a problem.

    Args:
        name: The name of its type.
        detail: What is wrong, in a sentence.
        places: What is wrong where.
        headers: Headers of the response.
        members: Further members of its JSON object.
    """

    def __init__(
        self,
        name: str,
        detail: str | None = None,
        places: Sequence[PlacedProblem] = (),
        headers: Mapping[str, str] | None = None,
        *,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        self.name, self.detail, self.places, self.members = name, detail, places, dict(members or {})
        self.type, self.headers = PROBLEM_TYPES[name], dict(headers or {})
        if self.type.retry_seconds is not None:
            self.headers.setdefault("Retry-After", str(self.type.retry_seconds))
        super().__init__(name, detail)

    def add_member(self, name: str, value: object) -> None:
        """Add a member to the JSON object."""
        self.members[name] = value

    def document(self) -> dict[str, Any]:
        """Return the problem as its JSON object."""
        document: dict[str, Any] = {
            "type": PROBLEM_PREFIX + self.name,
            "title": self.type.title,
            "status": self.type.status,
        }
        if self.detail:
            document["detail"] = self.detail
        if self.places:
            document["errors"] = [place._asdict() for place in self.places]
        if self.type.remedy:
            document["remedy"] = self.type.remedy
        return document | self.members


def problem_of(error: BlackboardError, *, is_redacted: bool = False) -> HttpProblem:
    """Return the problem of an error.

    Args:
        error: The error that the operation raised.
        is_redacted: Whether its message is withheld if it may quote texts of depositors, people or models.
    """
    name = next(ERROR_TYPES[base] for base in type(error).__mro__ if base in ERROR_TYPES)
    detail = error.log_text if is_redacted else str(error)
    members: dict[str, Any] = {}
    if isinstance(error, errors.Conflict):
        members["event_id"] = error.event_id
    if isinstance(error, errors.UnknownName) and not is_redacted:
        members |= {"category": error.category, "name": error.name}
    if error.stored is not None:
        members["stored"] = error.stored
    return HttpProblem(name, detail, members=members)


def problem_response(error: HttpProblem | BlackboardError, *, is_redacted: bool = False) -> Response:
    """Return the response that reports a problem, or the problem of an error.

    Args:
        error: The problem or the error.
        is_redacted: Whether the message of an error is withheld if it may quote texts of depositors, people or models.
    """
    problem = error if isinstance(error, HttpProblem) else problem_of(error, is_redacted=is_redacted)
    headers = dict(problem.headers)
    if problem.type.status == http.HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.type.closes_connection:
        headers["Connection"] = "close"
    text = json.dumps(problem.document(), ensure_ascii=False, default=json_value)
    return Response(text.encode("utf-8", "replace"), problem.type.status, headers, MEDIA_TYPE)
