"""The call that follows the events of a board: how its stream is read, and how it is resumed after a failure.

This module does no input or output. So both clients, synchronous and asynchronous, use the same code.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from blackboard.board.result_types.mark_results import StreamEvent
from blackboard.board.result_types.work_results import ActivityRecord
from blackboard.client.request_attempts import FIRST_DELAY, Delay, NoResponse, failure_of
from blackboard.client.requests_and_responses import HttpRequest, HttpResponse, decode_response, get_request, tags_of
from blackboard.core.backoff import backoff
from blackboard.core.marks.mark_model import Mark
from blackboard.core.marks.tags import Where
from blackboard.durations import SECOND, Duration
from blackboard.errors import UsageError

SILENT_SECONDS = 30.0
"""How long a stream may be silent, in addition to the timeout of the client. A server sends a comment every 15 s."""
MAX_PAUSE: Duration = 30 * SECOND
"""The longest pause before a stream is opened again."""
SERVER_FAILED = 500
"""The lowest status of a server that fails."""

StreamName = Literal["marks", "activity"]
EventName = Literal["ready", "marks", "activity", "reset"]
_SHAPES: Mapping[str, Any] = {"ready": None, "reset": None, "marks": StreamEvent, "activity": ActivityRecord}


@dataclass(frozen=True)
class BoardEvent:
    """One event of a stream."""

    id: str
    """The position after this event: a stream with `after=event.id` continues from there."""
    name: EventName
    """`marks` or `activity`; `ready` for the first event; or `reset`, if the board no longer has the next events.
    """
    record: StreamEvent | ActivityRecord | None
    """The event of a mark, or the entry of the activity; None for `ready` and `reset`."""


@dataclass(frozen=True)
class Feed:
    """The events that a program wants."""

    request: HttpRequest
    """The request for the stream."""
    after: str | None
    """The position after which the events begin; None for the events from now on."""

    def request_after(self, position: str | None) -> HttpRequest:
        """Return the request for the events after a position."""
        query = () if position is None else (("after", position),)
        return replace(self.request, query=(*self.request.query, *query))


class ReadLine:
    """A request for the next line of a stream."""


NEXT_LINE = ReadLine()

Following: TypeAlias = Generator[
    HttpRequest | ReadLine | Delay | BoardEvent, HttpResponse | NoResponse | str | None, None
]
"""The steps of following events: a stream to open, a line to read, a pause, or an event for the program."""


def events(
    *,
    streams: StreamName | Iterable[StreamName] = ("marks", "activity"),
    kind: str | type[Mark] | Iterable[str | type[Mark]] | None = None,
    where: Where | None = None,
    subject: str | None = None,
    agent: str | Iterable[str] | None = None,
    after: str | None = None,
) -> Feed:
    """Follow what happens on the board, from now on or after a position, until the client is closed.

    The first event is `ready`. If the connection ends, the client tries to connect until it succeeds, and continues
    after the last event: no event is missing, and none comes twice.

    Args:
        streams: `marks`, `activity` or both: the events of marks, and what agents, people and programs did.
        kind: Only events of marks of this kind, or of one of several kinds.
        where: Only events of marks with these tags.
        subject: Only events about a subject that matches this pattern, such as `lead/*`.
        agent: Only what this agent, or one of several agents, did, and the marks that it changed.
        after: The `id` of an event; the stream continues after it.

    Raises:
        AccessDenied: The token is not valid, or was revoked.
        ServerUnreachable: The first stream cannot be opened, even after further attempts.
        UnknownName: There is no such kind or tag.
    """
    kinds = [] if kind is None else [kind] if isinstance(kind, str | type) else kind
    if (tags := tags_of(where)) is None:
        raise UsageError("a tag in 'where' has no value, so no event would match; give a value, or leave the tag out")
    request = get_request(
        "/v1/events",
        streams=",".join([streams] if isinstance(streams, str) else streams),
        kind=[item.kind if isinstance(item, type) else item for item in kinds],
        tag=tags,
        subject=subject,
        agent=[agent] if isinstance(agent, str) else None if agent is None else [*agent],
    )
    return Feed(replace(request, accepts="text/event-stream", wait_seconds=SILENT_SECONDS), after)


def follow_feed(feed: Feed, retries: int, rng: random.Random) -> Following:
    """Yield the steps of following events.

    Args:
        feed: The events.
        retries: How often the first stream is tried again.
        rng: The source of jitter.
    """
    position, attempt, has_begun = feed.after, 0, False
    while True:
        outcome = yield feed.request_after(position)
        delay = 0
        if isinstance(outcome, HttpResponse) and outcome.status == 200:
            last = yield from _read_stream(has_begun=has_begun)
            if last is not None:
                position, attempt, has_begun = last.id, 0, True
        elif isinstance(outcome, HttpResponse | NoResponse):
            failure = failure_of(outcome)
            is_server_down = isinstance(outcome, HttpResponse) and outcome.status >= SERVER_FAILED
            if not (failure.may_pass or (has_begun and is_server_down)) or (not has_begun and attempt >= retries):
                raise failure.error
            delay = failure.delay
        attempt += 1
        yield Delay(max(delay, min(MAX_PAUSE, backoff(FIRST_DELAY, attempt, rng))))


class EventParser:
    """A parser of server-sent events, which reads one line at a time."""

    def __init__(self) -> None:
        self._id = self._name = ""
        self._data: list[str] = []

    def read(self, line: str) -> BoardEvent | None:
        """Read a line, and return the event that it completes; None if there is none, or its name is unknown."""
        if line:
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "id":
                self._id = value
            elif field == "event":
                self._name = value
            elif field == "data":
                self._data.append(value)
            return None
        name, data = self._name, "\n".join(self._data)
        self._name, self._data = "", []
        if name not in _SHAPES:
            return None
        shape = _SHAPES[name]
        record = None if shape is None else decode_response(shape, data.encode())
        return BoardEvent(self._id, name, record)  # type: ignore[arg-type]


def _read_stream(
    *, has_begun: bool
) -> Generator[HttpRequest | ReadLine | Delay | BoardEvent, HttpResponse | NoResponse | str | None, BoardEvent | None]:
    """Yield the events of an open stream, and return the last one; None if it had none.

    The event `ready` is passed on only from the first stream, when following has not yet begun.
    """
    parser, last = EventParser(), None
    while isinstance(line := (yield NEXT_LINE), str):
        if (event := parser.read(line)) is None:
            continue
        if event.name != "ready" or not has_begun:
            yield event
        last, has_begun = event, True
    return last
