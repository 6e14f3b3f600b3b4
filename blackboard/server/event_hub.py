"""Event streams: one reader of the board for all of them, and a window of the last events that they share.

The reader looks at the board ten times a second while anybody listens. What it finds goes into the window. A stream
remembers the last event and the last activity that it has passed. It takes what follows from the window, or from the
board if that is older than the window. So no stream has a queue, and a slow client holds no memory.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from blackboard import ActivityRecord, Blackboard, StreamEvent, StreamPosition
from blackboard.errors import BlackboardError
from blackboard.server.token_checks import Caller
from blackboard.server.work_threads import QueueFull, WorkThreads
from blackboard.system.log_queue import Log

log = Log("blackboard.server")

LOOK_SECONDS = 0.1
"""How often the reader looks at the board."""
BEAT_SECONDS = 15
"""How often each stream gets a comment, so that both ends know that the other is there."""
TOKEN_SECONDS = 2
"""How often the tokens of the streams are checked."""
RETRY_MILLISECONDS = 3000
"""How long a client waits before it connects again."""
PAGE = 100
"""How many events and how much activity are read at once."""
WINDOW_ITEMS = 10_000
WINDOW_BYTES = 16 * 1024 * 1024
"""How much the window holds."""
CHUNK_BYTES = 64 * 1024
"""The size from which events are sent, although more are there."""
SHOWN = frozenset({"deposited", "reinforced", "evaporated", "withdrawn"})
"""The events of marks that streams show. The others change neither what a mark says nor its strength."""

Record = StreamEvent | ActivityRecord
Encode = Callable[[Any], bytes]


@dataclass(frozen=True)
class Choice:
    """The events that a client wants.

    Attributes:
        marks: Whether it wants events of marks.
        activity: Whether it wants the activity.
        accepts: Returns whether it wants a certain event.
        after: The position that it has reached; None to begin now.
    """

    marks: bool
    activity: bool
    accepts: Callable[[Record], bool]
    after: StreamPosition | None


class Item:
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


class Writer:
    """The text of one stream, and the position up to which it has come.

    Args:
        choice: What the client wants.
        newest: The position after all that has happened.
        is_redacted: Whether the client may not read texts.
    """

    def __init__(self, choice: Choice, newest: StreamPosition, *, is_redacted: bool) -> None:
        self.choice, self._is_redacted = choice, is_redacted
        after = choice.after or newest
        # What the client does not want is passed already.
        self.marks = after.marks if choice.marks else newest.marks
        self.activity = after.activity if choice.activity else newest.activity
        self._told = ""

    def is_behind(self, position: StreamPosition) -> bool:
        """Return whether something that the client wants lies between it and a position."""
        return self.marks < position.marks or self.activity < position.activity

    def is_ahead(self, newest: StreamPosition) -> bool:
        """Return whether the client has seen what never happened on this board: an older copy was restored."""
        return self.marks > newest.marks or self.activity > newest.activity

    def follows(self, items: Iterable[Item]) -> bool:
        """Return whether items begin right after this position, without a gap. Only retention makes gaps."""
        marks, activity = [self.marks], [self.activity]
        for item in items:
            (marks if item.is_mark else activity).append(item.record.id)
        return all(after == before + 1 for ids in (marks, activity) for before, after in pairwise(ids))

    def take(self, item: Item) -> bytes:
        """Pass an item, and return its text; b"" if the client does not want it, or has it already."""
        number = item.record.id
        if item.is_mark:
            if number <= self.marks:
                return b""
            self.marks = number
        else:
            if number <= self.activity:
                return b""
            self.activity = number
        is_wanted = self.choice.marks if item.is_mark else self.choice.activity
        if not (is_wanted and item.is_shown and self.choice.accepts(item.record)):
            return b""
        return self.event("marks" if item.is_mark else "activity", item.text(is_redacted=self._is_redacted))

    def jump(self, position: StreamPosition) -> bytes:
        """Go to a position without what happened before, and return the event that says so."""
        self.marks, self.activity = position.marks, position.activity
        return self.event("reset", b'{"reason":"the history does not reach back to this position"}')

    def event(self, name: str, data: bytes) -> bytes:
        """Return an event with the present position."""
        self._told = self._position
        return f"id: {self._told}\nevent: {name}\ndata: ".encode() + data + b"\n\n"

    def comment(self) -> bytes:
        """Return a comment, with the position if the client does not know it."""
        known, self._told = self._told, self._position
        return b": \n\n" if known == self._told else f": \nid: {self._told}\n\n".encode()

    @property
    def _position(self) -> str:
        return f"{self.marks}-{self.activity}"


class _Listener:
    """A stream, as the reader knows it."""

    def __init__(self, caller: Caller) -> None:
        self.token = (caller.token.name, caller.token.created_at)
        self.news = asyncio.Event()
        """Set when there may be something to do."""
        self.is_over = False
        """Whether the stream ends."""
        self.number = 0
        """The number of the next item in the window."""


class EventHub:
    """The event streams of one board.

    Args:
        board: The board.
        threads: The threads that read it.
        limit: How many streams may be open.
        encode: Returns the JSON of a record.
        redact: Returns its JSON for tokens with `read-redacted`.
    """

    def __init__(self, board: Blackboard, threads: WorkThreads, limit: int, encode: Encode, redact: Encode) -> None:
        self._board, self._threads, self._limit = board, threads, limit
        self._encode, self._redact = encode, redact
        self._reader_threads = WorkThreads(1)
        self._reader: asyncio.Task[None] | None = None
        self._listeners: set[_Listener] = set()
        self._window: list[Item] = []
        self._bytes = 0
        self._first = 0
        """The number of the first item in the window."""
        self._start = self._end = StreamPosition()
        """The positions before the first and after the last item in the window."""
        self._beats = 0
        self._is_stopped = False

    def stop(self) -> None:
        """End all streams soon, and open no more. Any thread may call it."""
        self._is_stopped = True

    async def open(self, caller: Caller, choice: Choice) -> AsyncIterator[bytes]:
        """Return the text of a stream.

        Raises:
            QueueFull: Too many streams are open.
        """
        if self._is_stopped or len(self._listeners) >= self._limit:
            raise QueueFull(f"{self._limit} event streams are open already; try again in a moment")
        newest, is_recorded = await self._threads.run(self._look)
        about = self._encode({"activity": is_recorded, "streams": _names(choice)})
        return self._texts(caller, choice, newest, about)

    def _look(self) -> tuple[StreamPosition, bool]:
        return self._board.stream_position(), self._board.deployment.activity

    async def _texts(
        self, caller: Caller, choice: Choice, newest: StreamPosition, about: bytes
    ) -> AsyncIterator[bytes]:
        writer, listener = Writer(choice, newest, is_redacted=caller.is_redacted), _Listener(caller)
        self._listeners.add(listener)
        if self._reader is None:
            self._window, self._bytes, self._start, self._end = [], 0, newest, newest
            self._reader = asyncio.create_task(self._read_along())
        listener.number, beats = self._first, self._beats
        try:
            yield f"retry: {RETRY_MILLISECONDS}\n".encode() + writer.event("ready", about)
            if writer.is_ahead(newest):
                yield writer.jump(newest)
            while not listener.is_over:
                listener.news.clear()
                async for chunk in self._pending(writer, listener):
                    yield chunk
                if self._beats != beats:
                    beats = self._beats
                    yield writer.comment()
                await listener.news.wait()
        except BlackboardError as error:  # the client connects again, and is told what is wrong
            log.warning("an event stream ends", error=error)
        finally:
            self._listeners.discard(listener)

    async def _pending(self, writer: Writer, listener: _Listener) -> AsyncIterator[bytes]:
        """Yield what a stream has not passed yet."""
        while not listener.is_over:
            if writer.is_behind(self._start):
                items = await self._threads.run(lambda: self._page(StreamPosition(writer.marks, writer.activity)))
                if not items or not writer.follows(items):
                    yield writer.jump(self._end)
                for item in items:
                    if text := writer.take(item):
                        yield text
                continue
            chunk = bytearray()
            listener.number = max(listener.number, self._first)
            while len(chunk) < CHUNK_BYTES and listener.number < self._first + len(self._window):
                chunk += writer.take(self._window[listener.number - self._first])
                listener.number += 1
            if not chunk:
                return
            yield bytes(chunk)

    def _page(self, after: StreamPosition) -> list[Item]:
        """Read what follows a position, in the order in which it happened."""
        marks: list[Record] = [*self._board.mark_events(after=after.marks, limit=PAGE)]
        activity: list[Record] = [*self._board.activity(after=after.activity, limit=PAGE)]
        # Each of the two stays in its order, even where instants are not.
        records = heapq.merge(marks, activity, key=lambda record: record.recorded_at)
        return [Item(record, self._encode, self._redact) for record in records]

    async def _read_along(self) -> None:
        """Read the board while anybody listens."""
        looks = 0
        try:
            while self._listeners and not self._is_stopped:
                await asyncio.sleep(LOOK_SECONDS)
                looks += 1
                items = await self._reader_threads.run(self._news)
                self._add(items)
                is_beat = looks % round(BEAT_SECONDS / LOOK_SECONDS) == 0
                self._beats += is_beat
                if looks % round(TOKEN_SECONDS / LOOK_SECONDS) == 0:
                    await self._end_invalid()
                if items or is_beat:
                    self._wake()
        except BlackboardError as error:
            log.warning("the board cannot be read for event streams, which end", error=error)
        finally:
            self._reader = None
            for listener in self._listeners:
                listener.is_over = True
            self._wake()

    def _news(self) -> list[Item]:
        if self._board.stream_position() == self._end:
            return []
        items = self._page(self._end)
        for item in items:
            item.text(is_redacted=False)  # here, not in the loop that serves all requests
        return items

    def _add(self, items: list[Item]) -> None:
        """Add items to the window, and remove the oldest from it."""
        for item in items:
            self._window.append(item)
            self._bytes += len(item.text(is_redacted=False))
            self._end = _after(self._end, item)
        removed = 0
        while len(self._window) - removed > WINDOW_ITEMS or self._bytes > WINDOW_BYTES:
            self._bytes -= len(self._window[removed].text(is_redacted=False))
            self._start = _after(self._start, self._window[removed])
            removed += 1
        del self._window[:removed]
        self._first += removed

    async def _end_invalid(self) -> None:
        """End the streams whose tokens were revoked or have expired."""
        tokens = await self._reader_threads.run(self._board.tokens)
        valid = {(token.name, token.created_at) for token in tokens if token.state == "valid"}
        for listener in self._listeners:
            if listener.token not in valid:
                listener.is_over = True
                listener.news.set()

    def _wake(self) -> None:
        for listener in self._listeners:
            listener.news.set()


def _names(choice: Choice) -> list[str]:
    return [name for name in ("marks", "activity") if getattr(choice, name)]


def _after(position: StreamPosition, item: Item) -> StreamPosition:
    """Return the position after an item that follows a position."""
    if item.is_mark:
        return StreamPosition(item.record.id, position.activity)
    return StreamPosition(position.marks, item.record.id)
