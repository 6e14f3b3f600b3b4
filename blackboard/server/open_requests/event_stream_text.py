"""The text of one event stream: the events that its client wants, and the position that it has reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from blackboard import ActivityRecord, StreamEvent, StreamPosition
from blackboard.core.records.event_kinds import DEPARTURES, JOINS

SHOWN = frozenset({*JOINS, *DEPARTURES})
"""The events of marks that streams show. Other events change neither the payload of a mark nor its strength."""

Record = StreamEvent | ActivityRecord
Encode = Callable[[Any], bytes]


@dataclass(frozen=True)
class StreamChoice:
    """The events that a client wants."""

    marks: bool
    """Whether the client wants events of marks."""
    activity: bool
    """Whether the client wants the activity."""
    accepts: Callable[[Record], bool]
    """Returns whether the client wants a certain event."""
    after: StreamPosition | None
    """The position that the client has reached; None to begin now."""


class StreamItem:
    """An event of a mark, or an activity, in a stream. Each of its two texts is made once.

    Args:
        record: What happened.
        encode: Returns its JSON.
        redact: Returns its JSON for tokens with `read-redacted`.
    """

    __slots__ = ("_encodings", "_texts", "is_mark", "is_shown", "record")

    def __init__(self, record: Record, encode: Encode, redact: Encode) -> None:
        self.record = record
        self.is_mark = isinstance(record, StreamEvent)
        self.is_shown = not self.is_mark or record.event in SHOWN
        self._encodings = (encode, redact)
        self._texts: list[bytes | None] = [None, None]

    def text(self, *, is_redacted: bool) -> bytes:
        """Return the JSON of the record."""
        text = self._texts[is_redacted]
        if text is None:
            text = self._texts[is_redacted] = self._encodings[is_redacted](self.record)
        return text


class StreamText:
    """The text of one stream, and the position that it has reached.

    Args:
        choice: What the client wants.
        newest: The latest position of the board when the stream begins.
        is_redacted: Whether texts are withheld from the client.
    """

    def __init__(self, choice: StreamChoice, newest: StreamPosition, *, is_redacted: bool) -> None:
        self.choice, self._is_redacted = choice, is_redacted
        after = choice.after or newest
        # The position also moves past events that the client does not want.
        self.event_id = after.event_id if choice.marks else newest.event_id
        self.activity_id = after.activity_id if choice.activity else newest.activity_id
        self._sent_position = ""

    def is_behind(self, position: StreamPosition) -> bool:
        """Return whether there is news between the client's position and a later position."""
        return self.event_id < position.event_id or self.activity_id < position.activity_id

    def is_ahead(self, newest: StreamPosition) -> bool:
        """Return whether the client's position is after the last event, because an older board was restored."""
        return self.event_id > newest.event_id or self.activity_id > newest.activity_id

    def is_continued_by(self, items: Iterable[StreamItem]) -> bool:
        """Return whether items continue right after this position. Only retention makes a gap."""
        marks, activity = [self.event_id], [self.activity_id]
        for item in items:
            (marks if item.is_mark else activity).append(item.record.id)
        return all(after == before + 1 for ids in (marks, activity) for before, after in pairwise(ids))

    def take(self, item: StreamItem) -> bytes:
        """Move past an item, and return its text; b"" if the client does not want it, or has it already."""
        number = item.record.id
        if item.is_mark:
            if number <= self.event_id:
                return b""
            self.event_id = number
        else:
            if number <= self.activity_id:
                return b""
            self.activity_id = number
        is_wanted = self.choice.marks if item.is_mark else self.choice.activity
        return self.event_of(item) if is_wanted and item.is_shown and self.choice.accepts(item.record) else b""

    def greeting(self, about: bytes) -> bytes:
        """Return the event with which the stream begins.

        Args:
            about: What the stream has, as JSON.
        """
        return self.event("ready", about)

    def event_of(self, item: StreamItem) -> bytes:
        """Return the event of an item that the client wants."""
        return self.event("marks" if item.is_mark else "activity", item.text(is_redacted=self._is_redacted))

    def jump(self, position: StreamPosition) -> bytes:
        """Skip to a position, and return the event `reset`."""
        self.event_id, self.activity_id = position.event_id, position.activity_id
        return self.event("reset", b'{"reason":"the history does not reach back to this position"}')

    def event(self, name: str, data: bytes) -> bytes:
        """Return an event with the present position."""
        self._sent_position = self._position
        return f"id: {self._sent_position}\nevent: {name}\ndata: ".encode() + data + b"\n\n"

    def comment(self) -> bytes:
        """Return a comment, with the position if the client does not know it."""
        known, self._sent_position = self._sent_position, self._position
        return b": \n\n" if known == self._sent_position else f": \nid: {self._sent_position}\n\n".encode()

    @property
    def _position(self) -> str:
        return f"{self.event_id}-{self.activity_id}"
