"""The text of a stream of triggers for one session, as the protocol sends them."""

from __future__ import annotations

import json
import uuid

from blackboard import StreamEvent, StreamPosition
from blackboard.core.records.event_kinds import HistoryEvent
from blackboard.server.open_requests.stream_text import Record, StreamChoice, StreamItem, StreamText
from blackboard.server.sbp.stored_marks.sbp_marks import ScentTrigger


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
        choice: What it wants.
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
        return str(self.marks)
