"""The open event streams: they share one reader of the board, and a window with the last events.

While a stream is open, the reader reads the board after each commit, and at least every 10 seconds. It puts new events
into the window. Each stream remembers the last event and the last activity that it has sent. It takes the next events
from the window, or from the board if they are older than the window. So a stream needs no queue, and a slow client
takes no memory.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from blackboard import Blackboard, StreamPosition
from blackboard.errors import BlackboardError
from blackboard.server.access.token_checks import Caller, valid_token_keys
from blackboard.server.open_requests.commit_signal import CommitSignal
from blackboard.server.open_requests.event_stream_text import Encode, Record, StreamChoice, StreamItem, StreamText
from blackboard.server.work_threads import QueueFull, WorkThreads
from blackboard.system.log_queue import Log

log = Log("blackboard.server")

MAX_STREAM_READ_SECONDS = 10.0
"""The longest time in seconds between two readings of the board."""
MIN_STREAM_READ_SECONDS = 0.002
"""The shortest time between two readings, so that a board with many commits is not read after each commit."""
HEARTBEAT_SECONDS = 15
"""How often each stream gets a comment, which shows both ends that the connection is alive."""
TOKEN_CHECK_SECONDS = 2
"""How often the tokens of the streams are checked."""
RETRY_MILLISECONDS = 3000
"""How long a client waits before it connects again."""
EVENTS_PER_STREAM_READ = 100
"""How many events and how much activity are read together."""
WINDOW_ITEMS = 10_000
WINDOW_BYTES = 16 * 1024 * 1024
"""How much the window holds."""
CHUNK_BYTES = 64 * 1024
"""The size at which events are sent, even if there are more."""


MakeStreamText = Callable[[StreamPosition], StreamText]
"""Makes the text of a stream for the latest position."""


class _Listener:
    """An open stream, as the reader of the board knows it."""

    def __init__(self, caller: Caller | None) -> None:
        self.token_key = None if caller is None else caller.token_key
        self.news = asyncio.Event()
        """Set when there may be something to do."""
        self.is_over = False
        """Whether the stream must end."""
        self.number = 0
        """The number of the next item in the window."""


class _Interval:
    """Something that the reader does once in a number of seconds."""

    def __init__(self, seconds: float, now: float) -> None:
        self._seconds, self._next = seconds, now + seconds

    def remaining(self, now: float) -> float:
        """Return the seconds until the next time is due; at most 0 if it is due now."""
        return self._next - now

    def take_due(self, now: float) -> bool:
        """Return whether the time is due. If it is due, begin the next interval."""
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


class EventStreams:
    """The event streams of one board.

    Args:
        board: The board that the server serves.
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
        self._window: list[StreamItem] = []
        self._bytes = 0
        self._first = 0
        """The number of the first item in the window."""
        self._start = self._end = StreamPosition()
        """The positions before the first and after the last item in the window."""
        self._beats = 0
        self._is_stopped = False
        self._commits = CommitSignal()

    def stop(self) -> None:
        """End all streams soon, and open no more. Any thread may call it."""
        self._is_stopped = True
        self._commits.signal()

    async def open(
        self, caller: Caller | None, choice: StreamChoice, make_text: MakeStreamText | None = None
    ) -> AsyncGenerator[bytes]:
        """Return the text of a stream.

        Args:
            caller: The holder of the token, which must stay valid; None for a stream that needs no token.
            choice: What the client wants.
            make_text: Makes the text; by default the text of the server's own events.

        Raises:
            QueueFull: Too many streams are open.
        """
        if self._is_stopped or len(self._listeners) >= self._limit:
            raise QueueFull(f"{self._limit} event streams are open already; try again in a moment")
        newest, is_recorded = await self._threads.run(self._newest_position)
        about = self._encode({"activity": is_recorded, "streams": _names(choice)})
        is_redacted = caller is not None and caller.is_redacted
        stream = make_text(newest) if make_text is not None else StreamText(choice, newest, is_redacted=is_redacted)
        return self._texts(stream, _Listener(caller), newest, about)

    def _newest_position(self) -> tuple[StreamPosition, bool]:
        return self._board.stream_position(), self._board.deployment.activity

    async def _texts(
        self, stream: StreamText, listener: _Listener, newest: StreamPosition, about: bytes
    ) -> AsyncGenerator[bytes]:
        """Yield the text of a stream until its client leaves or the server stops."""
        self._listeners.add(listener)
        if self._reader is None:
            self._window, self._bytes, self._start, self._end = [], 0, newest, newest
            self._reader = asyncio.create_task(self._read_while_open())
        listener.number, beats = self._first, self._beats
        try:
            yield f"retry: {RETRY_MILLISECONDS}\n".encode() + stream.greeting(about)
            if stream.is_ahead(newest):
                yield stream.jump(newest)
            while not listener.is_over:
                listener.news.clear()
                async for chunk in self._pending_items(stream, listener):
                    yield chunk
                if self._beats != beats:
                    beats = self._beats
                    yield stream.comment()
                await listener.news.wait()
        except BlackboardError as error:  # when the client connects again, it gets the error
            log.warning("an event stream ended, because the board cannot be read", error=error)
        finally:
            self._listeners.discard(listener)

    async def _pending_items(self, stream: StreamText, listener: _Listener) -> AsyncIterator[bytes]:
        """Yield the items that a stream has not sent yet."""
        while not listener.is_over:
            if stream.is_behind(self._start):
                items = await self._threads.run(lambda: self._page(StreamPosition(stream.event_id, stream.activity_id)))
                if not items or not stream.is_continued_by(items):
                    yield stream.jump(self._end)
                for item in items:
                    if text := stream.take(item):
                        yield text
                continue
            chunk = bytearray()
            listener.number = max(listener.number, self._first)
            while len(chunk) < CHUNK_BYTES and listener.number < self._first + len(self._window):
                chunk += stream.take(self._window[listener.number - self._first])
                listener.number += 1
            if not chunk:
                return
            yield bytes(chunk)

    def _page(self, after: StreamPosition) -> list[StreamItem]:
        """Read what follows a position, in the order of the events."""
        marks: list[Record] = [*self._board.mark_events(after=after.event_id, limit=EVENTS_PER_STREAM_READ)]
        activity: list[Record] = [*self._board.activity(after=after.activity_id, limit=EVENTS_PER_STREAM_READ)]
        # The merge keeps the order of each list, even if the instants in a list do not rise.
        records = heapq.merge(marks, activity, key=lambda record: record.recorded_at)
        return [StreamItem(record, self._encode, self._redact) for record in records]

    async def _read_while_open(self) -> None:
        """Read the board while a stream is open."""
        clock = asyncio.get_running_loop().time
        beat, check = _Interval(HEARTBEAT_SECONDS, clock()), _Interval(TOKEN_CHECK_SECONDS, clock())
        try:
            with self._commits.attached_to(self._board) as tick_seconds:
                longest = min(tick_seconds, MAX_STREAM_READ_SECONDS)
                until_check = longest
                while self._listeners and not self._is_stopped:
                    await self._commits.wait(min(longest, until_check, beat.remaining(clock())))
                    has_news = await self._read_news()
                    now = clock()
                    is_beat = beat.take_due(now)
                    self._beats += is_beat
                    # Only a commit can revoke a token. So after a check, the next check can wait for a commit.
                    if is_checked := check.take_due(now):
                        await self._end_invalid()
                    until_check = longest if is_checked else check.remaining(now)
                    if has_news or is_beat:
                        self._wake()
                    if has_news:
                        await asyncio.sleep(MIN_STREAM_READ_SECONDS)
        except BlackboardError as error:
            log.warning("the board cannot be read, so all event streams end", error=error)
        finally:
            self._reader = None
            for listener in self._listeners:
                listener.is_over = True
            self._wake()

    async def _read_news(self) -> bool:
        """Add the news of the board to the window, and return whether there were any."""
        items = await self._reader_threads.run(self._news)
        self._add(items)
        if len(items) >= EVENTS_PER_STREAM_READ:
            self._commits.signal()  # there may be more
        return bool(items)

    def _news(self) -> list[StreamItem]:
        if self._board.stream_position() == self._end:
            return []
        items = self._page(self._end)
        for item in items:
            item.text(is_redacted=False)  # in this thread, not in the event loop
        return items

    def _add(self, items: list[StreamItem]) -> None:
        """Add items to the window, and remove the oldest from it."""
        for item in items:
            self._window.append(item)
            self._bytes += len(item.text(is_redacted=False))
            self._end = _position_after(self._end, item)
        removed = 0
        while len(self._window) - removed > WINDOW_ITEMS or self._bytes > WINDOW_BYTES:
            self._bytes -= len(self._window[removed].text(is_redacted=False))
            self._start = _position_after(self._start, self._window[removed])
            removed += 1
        del self._window[:removed]
        self._first += removed

    async def _end_invalid(self) -> None:
        """End the streams whose tokens were revoked or have expired."""
        valid = valid_token_keys(await self._reader_threads.run(self._board.tokens))
        for listener in self._listeners:
            if listener.token_key is not None and listener.token_key not in valid:
                listener.is_over = True
                listener.news.set()

    def _wake(self) -> None:
        for listener in self._listeners:
            listener.news.set()


def _names(choice: StreamChoice) -> list[str]:
    return [name for name in ("marks", "activity") if getattr(choice, name)]


def _position_after(position: StreamPosition, item: StreamItem) -> StreamPosition:
    """Return the position after an item was read at a position."""
    if item.is_mark:
        return StreamPosition(item.record.id, position.activity_id)
    return StreamPosition(position.event_id, item.record.id)
