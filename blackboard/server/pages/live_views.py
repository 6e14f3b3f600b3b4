"""The content of open pages, kept up to date: each page is rendered once for all viewers with equal rights.

A view is a page with its parameters, for all viewers who have the same rights. While a browser shows it, the view is
rendered anew when the board has changed, at most four times a second. It is also rendered every five seconds, because
marks fade by time alone. Only the parts that differ are sent. A browser that reads slowly skips rounds and is then sent
all parts, so the server keeps nothing for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from blackboard import Blackboard, StreamPosition
from blackboard.errors import BlackboardError
from blackboard.server.access.token_checks import Caller
from blackboard.server.open_requests.commit_signal import CommitSignal
from blackboard.server.open_requests.event_hub import HEARTBEAT_SECONDS, TOKEN_CHECK_SECONDS
from blackboard.server.pages.page_rendering import encoded, static_version
from blackboard.server.problems import HttpProblem
from blackboard.server.work_threads import QueueFull, WorkThreads
from blackboard.system.log_queue import Log

log = Log("blackboard.server")

MIN_RENDERING_INTERVAL_SECONDS = 0.25
"""The shortest time between two renderings of a view."""
MIN_VIEW_READ_SECONDS = 0.06
"""The shortest time between two reads of the board, however many commits there are."""
RELOAD_INTERVAL_SECONDS = 5
"""The longest time between them: for what changes by time alone, and for boards without activity."""
PAUSE_FACTOR = 3
"""After a rendering that took one second, a view waits at least this many seconds for the next."""
KEPT_ROUNDS = 20
"""How many rounds a browser may be behind before it is sent all parts."""


@dataclass(frozen=True)
class Picture:
    """A view at one time."""

    parts: Mapping[str, str]
    """The HTML of its live parts by name."""
    drawn: Mapping[str, object] = field(default_factory=dict)
    """What scripts draw, without the items."""
    items: Mapping[int, object] = field(default_factory=dict)
    """The items that they draw, by id."""

    def message(self) -> bytes:
        """Return the event with everything."""
        drawing = {"drawn": self.drawn, "items": list(self.items.values()), "gone": ()} if self.drawn else {}
        return _event("all", {"version": static_version(), "parts": self.parts, **drawing})

    def changes_from(self, old: Picture) -> bytes:
        """Return the event with what differs from an older picture; b"" if nothing does."""
        parts = _differences(self.parts, old.parts)
        drawn = _differences(self.drawn, old.drawn)
        items = {key: item for key, item in self.items.items() if old.items.get(key) != item}
        gone = [key for key in old.items if key not in self.items]
        drawing = {"drawn": drawn, "items": list(items.values()), "gone": gone} if drawn or items or gone else {}
        return _event("changes", {"parts": parts, **drawing}) if parts or drawing else b""


def _differences(new: Mapping[str, object], old: Mapping[str, object]) -> dict[str, object]:
    """Return what is new or other than before. All pictures of a view have the same names."""
    return {name: value for name, value in new.items() if name not in old or old[name] != value}


def _event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {encoded(data)}\n\n".encode("utf-8", "replace")


class _View:
    """A page with its parameters, for all viewers who have the same rights."""

    def __init__(self, paint: Callable[[], Picture], every: float) -> None:
        self.paint, self.every = paint, every
        self.watchers: set[_Watcher] = set()
        self.picture: Picture | None = None
        self.round = 0
        self.messages: deque[bytes] = deque(maxlen=KEPT_ROUNDS)
        """The messages of the last rounds, oldest first. `round` is the number of the last."""
        self.position: StreamPosition | None = None
        """The position of the board that it shows."""
        self.next_at = 0.0
        self.reload_at = 0.0
        self.is_being_painted = False

    def rest(self, position: StreamPosition, now: float) -> float:
        """Return in how many seconds it is rendered again, if the board stays at a position; 0 or less for now."""
        if self.is_being_painted:
            return MIN_VIEW_READ_SECONDS
        has_changed = self.picture is None or self.position != position
        return (self.next_at if has_changed else max(self.next_at, self.reload_at)) - now


class _Watcher:
    """A browser that shows a view."""

    def __init__(self, caller: Caller) -> None:
        self.token = (caller.token.name, caller.token.created_at)
        self.news = asyncio.Event()
        self.is_over = False


class LiveViews:
    """The views that browsers show.

    Args:
        board: The board that the server serves.
        threads: The threads that render views.
        limit: How many browsers may watch.
    """

    def __init__(self, board: Blackboard, threads: WorkThreads, limit: int) -> None:
        self._board, self._threads, self._limit = board, threads, limit
        self._views: dict[tuple[object, ...], _View] = {}
        self._loop_task: asyncio.Task[None] | None = None
        self._painting: set[asyncio.Task[None]] = set()
        self._is_stopped = False
        self._commits = CommitSignal()

    def stop(self) -> None:
        """End all streams soon, and open no more. Any thread may call it."""
        self._is_stopped = True
        self._commits.signal()

    async def watch(
        self,
        caller: Caller,
        key: tuple[object, ...],
        paint: Callable[[], Picture],
        every: float = MIN_RENDERING_INTERVAL_SECONDS,
    ) -> AsyncIterator[bytes]:
        """Return the stream of a view: first all of it, then what changes.

        Args:
            caller: Who watches.
            key: What makes two views equal: the page, its parameters and the rights of the viewer.
            paint: Renders the view, in a thread.
            every: The shortest time in seconds between two renderings.

        Raises:
            QueueFull: Too many browsers watch already.
        """
        if self._is_stopped or sum(len(view.watchers) for view in self._views.values()) >= self._limit:
            raise QueueFull(f"{self._limit} pages are open already; try again in a moment")
        stream = self._messages(_Watcher(caller), key, _View(paint, every))
        await anext(stream)  # from here on, the stream counts towards the limit until it is closed
        return stream

    async def _messages(self, watcher: _Watcher, key: tuple[object, ...], fresh: _View) -> AsyncGenerator[bytes]:
        """Yield the changes of a page to one browser, until it leaves. The first text is empty."""
        view = self._views.setdefault(key, fresh)
        view.watchers.add(watcher)
        if view.picture is not None:
            watcher.news.set()
        if self._loop_task is None:
            self._loop_task = asyncio.create_task(self._follow())
        self._commits.signal()
        shown: int | None = None
        try:
            yield b""
            yield b"retry: 1000\n: \n\n"
            while not watcher.is_over:
                try:
                    await asyncio.wait_for(watcher.news.wait(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield b": \n\n"
                watcher.news.clear()
                if view.picture is None or watcher.is_over:
                    continue
                missed = None if shown is None else view.round - shown
                messages = list(view.messages)
                shown = view.round
                if missed is None or missed > len(messages):
                    yield view.picture.message()
                elif missed:
                    yield b"".join(messages[-missed:])
        finally:
            view.watchers.discard(watcher)
            if not view.watchers and self._views.get(key) is view:
                del self._views[key]

    async def _follow(self) -> None:
        """Read the board while a page is open, and render the changes."""
        loop = asyncio.get_running_loop()
        check_tokens_at = loop.time() + TOKEN_CHECK_SECONDS
        try:
            with self._commits.attached_to(self._board) as tick:
                while self._views and not self._is_stopped:
                    position = await self._threads.run(self._board.stream_position)
                    now = loop.time()
                    for view in self._views.values():
                        if view.rest(position, now) <= 0:
                            view.is_being_painted = True
                            task = asyncio.create_task(self._paint(view, position))
                            self._painting.add(task)
                            task.add_done_callback(self._painting.discard)
                    if now >= check_tokens_at:
                        check_tokens_at = now + TOKEN_CHECK_SECONDS
                        await self._end_invalid()
                    await asyncio.sleep(MIN_VIEW_READ_SECONDS)
                    rests = [view.rest(position, loop.time()) for view in self._views.values()]
                    await self._commits.wait(min([tick, *rests]))
        except BlackboardError as error:
            log.warning("the board cannot be read for the pages, which connect again", error=error)
        finally:
            self._loop_task = None
            for view in self._views.values():
                for watcher in view.watchers:
                    watcher.is_over = True
                    watcher.news.set()

    async def _paint(self, view: _View, position: StreamPosition) -> None:
        """Render a page once for all its viewers, and wake them if it has changed."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            picture = await self._threads.run(view.paint)
        except (BlackboardError, HttpProblem) as problem:  # the next round tries again
            log.info("a page could not be rendered", problem=getattr(problem, "name", type(problem).__name__))
            picture = None
        except Exception as error:  # a bug must not end the streams of others
            log.error("a page could not be rendered", error=error)
            picture = None
        finally:
            view.is_being_painted = False
            ended = loop.time()
            view.next_at = began + max(view.every, PAUSE_FACTOR * (ended - began))
            view.reload_at = ended + RELOAD_INTERVAL_SECONDS
        if picture is None:
            return
        old, view.picture, view.position = view.picture, picture, position
        message = b"" if old is None else picture.changes_from(old)
        if message:
            view.round += 1
            view.messages.append(message)
        if message or old is None:
            for watcher in view.watchers:
                watcher.news.set()

    async def _end_invalid(self) -> None:
        """End the streams whose tokens were revoked or have expired."""
        tokens = await self._threads.run(self._board.tokens)
        valid = {(token.name, token.created_at) for token in tokens if token.state == "valid"}
        for view in self._views.values():
            for watcher in view.watchers:
                if watcher.token not in valid:
                    watcher.is_over = True
                    watcher.news.set()
