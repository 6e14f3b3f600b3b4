"""Streams of triggers: the response to `GET /sbp`, for one session."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response

from blackboard import Blackboard, StreamEvent, StreamPosition
from blackboard.core.records.event_kinds import HistoryEvent
from blackboard.errors import BlackboardError
from blackboard.server.access.token_checks import Caller
from blackboard.server.api_framework.response_encoding import EVENT_STREAM, EventStreamResponse
from blackboard.server.http_problems import HttpProblem
from blackboard.server.open_requests.event_stream_text import Record, StreamChoice, StreamItem, StreamText
from blackboard.server.open_requests.open_event_streams import EventStreams
from blackboard.server.sbp.sbp_callers import SbpCallers, require_read
from blackboard.server.sbp.sbp_errors import INVALID_REQUEST, SbpError, sbp_error_of
from blackboard.server.sbp.sbp_marks import Scent, ScentTrigger, fields_of, live_records
from blackboard.server.sbp.scents.scent_evaluator import ScentEvaluator
from blackboard.server.work_threads import WorkThreads

MAX_EVENT_DIGITS = 18


class TriggerStreams:
    """The streams of triggers of one board.

    Args:
        board: The board that the server serves.
        callers: Who may listen.
        evaluator: Renews the leases of the scents that sessions listen for.
        hub: The event streams of the board.
        threads: The threads that use the board.
    """

    def __init__(
        self, board: Blackboard, callers: SbpCallers, evaluator: ScentEvaluator, hub: EventStreams, threads: WorkThreads
    ) -> None:
        self._board, self._callers, self._evaluator = board, callers, evaluator
        self._hub, self._threads = hub, threads

    async def respond(self, request: Request, session: str) -> Response:
        """Open a stream. It begins after the event that the client names, or after its session asked for its scents.

        Raises:
            SbpError: The caller may not read, does not take an event stream, or too many streams are open.
        """
        if EVENT_STREAM not in request.headers.get("accept", ""):
            raise SbpError(INVALID_REQUEST, f"the header Accept must include {EVENT_STREAM}", status=406)
        if request.method == "HEAD":
            return Response(b"", headers=EventStreamResponse.HEADERS, media_type=EVENT_STREAM)
        try:
            token = self._callers.token_of(request)
            caller, after = await self._threads.run(lambda: self._begin(request, token, session))
            choice = choice_of(session, after)
            texts = await self._hub.open(
                caller if token is not None else None, choice, lambda newest: TriggerText(session, choice, newest)
            )
        except (HttpProblem, BlackboardError) as error:
            raise sbp_error_of(error) from None
        return EventStreamResponse(self._keep_leases(texts, session))

    def _begin(self, request: Request, token: str | None, session: str) -> tuple[Caller, int | None]:
        """Return the caller, and the event after which the stream begins.

        Raises:
            HttpProblem: The caller may not read.
        """
        caller = self._callers.caller_of(token)
        require_read(caller)
        last = request.headers.get("last-event-id", "")
        if last.isascii() and last.isdigit() and len(last) <= MAX_EVENT_DIGITS:
            return caller, int(last)
        positions = [fields_of(record)["sessions"].get(session) for record in live_records(self._board, Scent)]
        return caller, min((at for at in positions if at is not None), default=None)

    async def _keep_leases(self, texts: AsyncGenerator[bytes], session: str) -> AsyncIterator[bytes]:
        """Yield the text of a stream, and renew the leases of its session's scents as long as it is open."""
        self._evaluator.open(session)
        try:
            async with aclosing(texts):
                async for text in texts:
                    yield text
        finally:
            self._evaluator.close(session)


def choice_of(session: str, after: int | None) -> StreamChoice:
    """Return the choice of events for the stream of a session: the triggers that are for this session.

    Args:
        session: The id of the session.
        after: The last event that the session has received; None to begin now.
    """

    def accepts(record: Record) -> bool:
        if not isinstance(record, StreamEvent) or record.kind != ScentTrigger.kind or record.payload is None:
            return False
        sessions = record.payload["sessions"]
        return record.event == HistoryEvent.DEPOSITED and isinstance(sessions, list) and session in sessions

    return StreamChoice(
        marks=True, activity=False, accepts=accepts, after=None if after is None else StreamPosition(after)
    )


class TriggerText(StreamText):
    """The text of one stream of triggers.

    Args:
        session: The session.
        choice: The events that the session wants.
        newest: The latest position of the board when the stream begins.
    """

    def __init__(self, session: str, choice: StreamChoice, newest: StreamPosition) -> None:
        super().__init__(choice, newest, is_redacted=False)
        self._session = session

    def greeting(self, about: bytes) -> bytes:
        """Return the event with which the stream begins."""
        told = {"client_id": uuid.uuid4().hex, "session_id": self._session}
        return self.event("connected", json.dumps(told).encode())

    def event_of(self, item: StreamItem) -> bytes:
        """Return the event of a trigger."""
        assert isinstance(item.record, StreamEvent)
        assert item.record.payload is not None
        message = {"jsonrpc": "2.0", "method": "sbp/trigger", "params": item.record.payload["notification"]}
        return self.event("message", json.dumps(message).encode())

    @property
    def _position(self) -> str:
        return str(self.event_id)
