"""The response to `GET /sbp`: a stream of the triggers for one session."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response

from blackboard import Blackboard
from blackboard.errors import BlackboardError
from blackboard.server.access.token_checks import Caller
from blackboard.server.open_requests.event_hub import EventHub
from blackboard.server.problems import HttpProblem
from blackboard.server.request_handling.encoded_responses import EventStream
from blackboard.server.request_handling.request_reading import EVENT_STREAM
from blackboard.server.sbp.rpc.sbp_callers import SbpCallers, require_read
from blackboard.server.sbp.rpc.sbp_errors import INVALID_REQUEST, SbpError, error_of, error_of_problem
from blackboard.server.sbp.scent_triggers.scent_evaluator import ScentEvaluator
from blackboard.server.sbp.scent_triggers.trigger_stream import TriggerText, choice_of
from blackboard.server.sbp.stored_marks.sbp_marks import Scent, fields_of, live_marks
from blackboard.server.work_threads import WorkThreads

MAX_EVENT_DIGITS = 18


class TriggerRoute:
    """The streams of triggers of one board.

    Args:
        board: The board that the server serves.
        callers: Who may listen.
        evaluator: Renews the leases of the scents that sessions listen for.
        hub: The event streams of the board.
        threads: The threads that use the board.
    """

    def __init__(
        self, board: Blackboard, callers: SbpCallers, evaluator: ScentEvaluator, hub: EventHub, threads: WorkThreads
    ) -> None:
        self._board, self._callers, self._evaluator = board, callers, evaluator
        self._hub, self._threads = hub, threads

    async def respond(self, request: Request, session: str) -> Response:
        """Open a stream, after the event that the client names, or after the event at which it asked for its scents.

        Raises:
            SbpError: The caller may not read, does not take an event stream, or too many streams are open.
        """
        if EVENT_STREAM not in request.headers.get("accept", ""):
            raise SbpError(INVALID_REQUEST, f"the header Accept must include {EVENT_STREAM}", status=406)
        if request.method == "HEAD":
            return Response(b"", headers=EventStream.HEADERS, media_type=EVENT_STREAM)
        try:
            token = self._callers.token_of(request)
            caller, after = await self._threads.run(lambda: self._begin(request, token, session))
            choice = choice_of(session, after)
            texts = await self._hub.open(
                caller if token is not None else None, choice, lambda newest: TriggerText(session, choice, newest)
            )
        except HttpProblem as problem:
            raise error_of_problem(problem) from None
        except BlackboardError as error:
            raise error_of(error) from None
        return EventStream(self._listened(texts, session))

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
        positions = [fields_of(record)["sessions"].get(session) for record in live_marks(self._board, Scent)]
        return caller, min((at for at in positions if at is not None), default=None)

    async def _listened(self, texts: AsyncGenerator[bytes], session: str) -> AsyncIterator[bytes]:
        """Yield the text of a stream, and renew the leases of its session's scents as long as it is open."""
        self._evaluator.open(session)
        try:
            async with aclosing(texts):
                async for text in texts:
                    yield text
        finally:
            self._evaluator.close(session)
