"""The operation that streams what happens on the board, as server-sent events."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import Field

from blackboard import StreamEvent, StreamPosition
from blackboard.board.reading.tag_texts import read_filters
from blackboard.core.marks.tags import WhereClause
from blackboard.core.specs.deployment import Deployment
from blackboard.errors import UnknownName
from blackboard.server.api_framework.operation_definition import Fields, Name, Operation, OperationCall, TagParameters
from blackboard.server.http_problems import HttpProblem, PlacedProblem
from blackboard.server.open_requests.event_stream_text import Record, StreamChoice

STREAM_NAMES = ("marks", "activity")
_POSITION = re.compile(r"(\d{1,18})-(\d{1,18})")


@dataclass(frozen=True)
class ServerSentEvent:
    """An event of the stream, with the fields of its lines. The stream also has comments."""

    id: str
    """The position after the event, where a client resumes the stream."""
    event: Literal["ready", "marks", "activity", "reset"]
    """Its type: `ready` begins a stream, and `reset` says that history is missing."""
    data: str
    """An object in JSON."""
    retry: int | None = None
    """After how many milliseconds a client should connect again."""


class EventFilter(Fields):
    """The events to stream."""

    streams: str = Field(
        default="marks,activity", description="`marks`, `activity` or both: the events of marks, and what was done."
    )
    after: str | None = Field(
        default=None,
        description="The id of an event: the stream begins after it. The header Last-Event-ID overrides it.",
    )
    kind: Annotated[Sequence[Name], Field(description="Only events of marks of these kinds.")] = ()
    tag: TagParameters = ()
    subject: str | None = Field(
        default=None, description="Only events about a subject that matches this pattern, such as lead/*."
    )
    agent: Annotated[Sequence[Name], Field(description="Only what these agents or people (`person:ann`) did.")] = ()


def events(call: OperationCall[EventFilter, None]) -> StreamChoice:
    """Stream the events of marks and the activity, as server-sent events."""
    parameters = call.parameters
    streams = parameters.streams.split(",")
    if not set(streams) <= {*STREAM_NAMES}:
        raise _invalid(
            "streams", f"expected {', '.join(STREAM_NAMES)}, or both separated by a comma, not {parameters.streams!r}"
        )
    position = call.last_event_id or parameters.after
    found = None if position is None else _POSITION.fullmatch(position)
    if position is not None and found is None:
        place = "Last-Event-ID" if call.last_event_id else "after"
        raise _invalid(place, f"{position!r} is not an id that this stream has sent")
    after = None if found is None else StreamPosition(int(found[1]), int(found[2]))
    for agent in parameters.agent:
        if ":" not in agent:  # an author with a prefix, such as a person, is not an agent
            call.board.activations(agent=agent, limit=1)  # raises an error if no agent has or had this name
    return StreamChoice("marks" in streams, "activity" in streams, _filter(parameters, call.board.deployment), after)


def _filter(parameters: EventFilter, deployment: Deployment) -> Callable[[Record], bool]:
    """Return the function that says whether a client wants a record.

    Raises:
        UnknownName: There is no such kind or tag.
        UsageError: A text is no value of a tag.
    """
    for kind in parameters.kind:
        deployment.kind(kind)
    only_kind = parameters.kind[0] if len(parameters.kind) == 1 else None
    values = read_filters(deployment, only_kind, parameters.tag)
    if unknown := [name for name, found in values.items() if not found]:
        raise UnknownName("tag", unknown[0], {tag for kind in deployment.kinds.values() for tag in kind.tags})
    where = WhereClause.of(values) if values else None

    def accepts(record: Record) -> bool:
        if parameters.subject is not None and not fnmatchcase(record.subject or "", parameters.subject):
            return False
        agent = record.author if isinstance(record, StreamEvent) else record.agent
        if parameters.agent and agent not in parameters.agent:
            return False
        if not isinstance(record, StreamEvent):
            return True
        if parameters.kind and record.kind not in parameters.kind:
            return False
        return where is None or _has_tags(record, where, deployment)

    return accepts


def _has_tags(record: StreamEvent, where: WhereClause, deployment: Deployment) -> bool:
    if record.kind not in deployment.kinds:
        return False
    schema = deployment.kind(record.kind).tag_schema
    return schema.filter_of(where).passes(schema.keys(record.tags))


def _invalid(place: str, message: str) -> HttpProblem:
    return HttpProblem("invalid", "1 mistake", [PlacedProblem(place, message)])


OPERATIONS = (
    Operation(
        "GET", "/v1/events", scope="read", run=events, other_response=ServerSentEvent,
        parameters_withheld=("subject", "tag"), is_event_stream=True, problems=("unknown-name",),
    ),
)  # fmt: skip
