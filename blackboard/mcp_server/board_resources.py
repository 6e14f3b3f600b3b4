"""The resources: the state of the board, its views, and the live marks of a subject with long payloads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from blackboard.errors import NotFound, nearest
from blackboard.local_or_remote_calls import kinds_of
from blackboard.mcp_server.board_access import BoardAccess
from blackboard.store.view_columns import VIEWS
from blackboard.untrusted_data import MAX_RESULT_ITEMS, NOTE, event_of, listed, mark_of, plain

SUBJECT_URI = "board://subject/"
SUBJECT_TEMPLATE = SUBJECT_URI + "{subject}"
MAX_RESOURCE_BYTES = 256_000
"""A resource that is longer is not sent."""
MAX_READ_BYTES = 200_000
"""The size limit of a payload of a subject, and of the list of its marks."""


@dataclass(frozen=True)
class BoardResource:
    """A resource with a fixed address."""

    uri: str
    name: str
    description: str
    read: Callable[[BoardAccess], dict[str, Any]]


def _status(access: BoardAccess) -> dict[str, Any]:
    """Return the state of the board, its agents, and its kinds with the schemas of their payloads."""
    state = plain(access.board.status())
    agents = [
        {"name": agent.agent, "remote": agent.remote, "state": agent.state, "watches": dict(agent.watches)}
        for agent in access.board.agents()
    ]
    kinds = {name: spec.payload_schema for name, spec in sorted(kinds_of(access.board).items())}
    return {"note": NOTE, "board": state, "agents": agents, "kinds": kinds}


def _views(access: BoardAccess) -> dict[str, Any]:
    """Return the views with their columns, for the tool `query`."""
    return {"views": VIEWS}


RESOURCES = (
    BoardResource("board://status", "status", "The state of the board, its agents and its kinds of marks", _status),
    BoardResource("board://views", "views", "The SQL views and their columns, for query", _views),
)


def read_resource(access: BoardAccess, uri: str) -> dict[str, Any]:
    """Return the content of a resource.

    Raises:
        AccessDenied: The caller may not read.
        NotFound: There is no such resource.
    """
    access.require("read")
    for resource in RESOURCES:
        if resource.uri == uri:
            return resource.read(access)
    if not uri.startswith(SUBJECT_URI) or uri == SUBJECT_URI:
        raise NotFound(f"there is no resource {uri!r}{nearest(uri, [resource.uri for resource in RESOURCES])}")
    return _subject(access, unquote(uri.removeprefix(SUBJECT_URI)))


def _subject(access: BoardAccess, subject: str) -> dict[str, Any]:
    """Return the live marks of a subject, and the first events of its history.

    Raises:
        NotFound: The subject never had a mark.
    """
    events = access.board.history(subject, limit=MAX_RESULT_ITEMS + 1)
    if not events:
        raise NotFound(f"no mark was ever deposited about {subject!r}")
    marks = access.board.marks(subject=subject, limit=MAX_RESULT_ITEMS + 1)
    shown = listed(
        "marks", marks, lambda mark: mark_of(mark, MAX_READ_BYTES), MAX_RESULT_ITEMS, max_bytes=MAX_READ_BYTES
    )
    history = listed("events", events, event_of, MAX_RESULT_ITEMS)
    return {**shown, "subject": subject, "history": history["events"], "more_history": "next" in history}
