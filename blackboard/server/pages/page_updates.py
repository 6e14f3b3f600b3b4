"""Updates of open pages: each page is rendered once for all viewers with equal rights, and they get what differs.

While a browser shows a page, the page is rendered again when the board has changed, at most four times a second. It is
also rendered every 5 seconds, because marks fade by time alone. Browsers are sent only the parts that differ. A
browser that reads slowly skips rounds and is then sent all parts, so the server needs no queue for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from blackboard import Blackboard, StreamPosition
from blackboard.errors import BlackboardError
from blackboard.server.access.token_checks import Caller, valid_token_keys
from blackboard.server.http_problems import HttpProblem
from blackboard.server.open_requests.commit_signal import CommitSignal
from blackboard.server.open_requests.open_event_streams import HEARTBEAT_SECONDS, TOKEN_CHECK_SECONDS
from blackboard.server.pages.page_rendering import html_safe_json, static_version
from blackboard.server.work_threads import QueueFull, WorkThreads
from blackboard.system.log_queue import Log

log = Log("blackboard.server")

MIN_RENDERING_INTERVAL_SECONDS = 0.25
"""The shortest time between two renderings of a page."""
MIN_PAGE_READ_SECONDS = 0.06
"""The shortest time between two reads of the board, however many commits there are."""
RELOAD_INTERVAL_SECONDS = 5
"""The longest time between two renderings of a page: marks fade by time alone, and a board may record no activity."""
PAUSE_FACTOR = 3
"""Renderings of a page are apart by at least this many times the length of a rendering."""
KEPT_ROUNDS = 20
"""How many rounds a browser may be behind before it is sent all parts."""


@dataclass(frozen=True)
class PageState:
    """The content of an open page at one time."""

    parts: Mapping[str, str]
    """The HTML of its live parts by name."""
    drawn: Mapping[str, object] = field(default_factory=dict)
    """What scripts draw, without the items."""
    items: Mapping[int, object] = field(default_factory=dict)
    """The items that scripts draw, by id."""

    def message(self) -> bytes:
        """Return the event with the whole state."""
        drawing = {"drawn": self.drawn, "items": list(self.items.values()), "gone": ()} if self.drawn else {}
        return _event("all", {"version": static_version(), "parts": self.parts, **drawing})

    def changes_from(self, old: PageState) -> bytes:
        """Return the event with the differences from an older state; b"" if there are none."""
        parts = _differences(self.parts, old.parts)
        drawn = _differences(self.drawn, old.drawn)
        items = {key: item for key, item in self.items.items() if old.items.get(key) != item}
        gone = [key for key in old.items if key not in self.items]
        drawing = {"drawn": drawn, "items": list(items.values()), "gone": gone} if drawn or items or gone else {}
        return _event("changes", {"parts": parts, **drawing}) if parts or drawing else b""


def _differences(new: Mapping[str, object], old: Mapping[str, object]) -> dict[str, object]:
    """Return the entries that are new or have changed. None disappears: all states of a page have the same names."""
    return {name: value for name, value in new.items() if name not in old or old[name] != value}


def _event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {html_safe_json(data)}\n\n".encode("utf-8", "replace")


class _OpenPage:
    """A page with its parameters, for all viewers who have the same rights."""

    def __init__(self, render: Callable[[], PageState], every: float) -> None:
        self.render, self.every = render, every
        self.browsers: set[_Browser] = set()
        self.state: PageState | None = None
        self.round = 0
        self.messages: deque[bytes] = deque(maxlen=KEPT_ROUNDS)
        """The messages of the last rounds, oldest first. `round` is the number of the last."""
        self.position: StreamPosition | None = None
        """The position of the board that the page shows."""
        self.next_at = 0.0
        self.reload_at = 0.0
        self.is_being_rendered = False

    def seconds_to_rendering(self, position: StreamPosition, now: float) -> float:
        """Return the seconds until the next rendering, if the board is at a position; at most 0 if it is due."""
        if self.is_being_rendered:
            return MIN_PAGE_READ_SECONDS
        has_changed = self.state is None or self.position != position
        return (self.next_at if has_changed else max(self.next_at, self.reload_at)) - now


class _Browser:
    """A browser that shows a page."""

    def __init__(self, caller: Caller) -> None:
        self.token_key = caller.token_key
        self.news = asyncio.Event()
        self.is_over = False


class PageUpdates:
    """The pages that browsers show.

    Args:
        board: The board that the server serves.
        threads: The threads that render pages.
        limit: How many browsers may watch.
    """

    def __init__(self, board: Blackboard, threads: WorkThreads, limit: int) -> None:
        self._board, self._threads, self._limit = board, threads, limit
        self._pages: dict[tuple[object, ...], _OpenPage] = {}
        self._loop_task: asyncio.Task[None] | None = None
        self._rendering: set[asyncio.Task[None]] = set()
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
        render: Callable[[], PageState],
        every: float = MIN_RENDERING_INTERVAL_SECONDS,
    ) -> AsyncIterator[bytes]:
        """Return the stream of an open page: first all of it, then what changes.

        Args:
            caller: Who watches.
            key: What makes two pages equal: the page, its parameters and the rights of the viewer.
            render: Renders the page, in a thread.
            every: The shortest time in seconds between two renderings.

        Raises:
            QueueFull: Too many browsers watch already.
        """
        if self._is_stopped or sum(len(page.browsers) for page in self._pages.values()) >= self._limit:
            raise QueueFull(f"{self._limit} pages are open already; try again in a moment")
        stream = self._messages(_Browser(caller), key, _OpenPage(render, every))
        await anext(stream)  # from here on, the stream counts towards the limit until it is closed
        return stream

    async def _messages(self, browser: _Browser, key: tuple[object, ...], fresh: _OpenPage) -> AsyncGenerator[bytes]:
        """Yield the changes of a page to one browser, until it leaves. The first text is empty."""
        page = self._pages.setdefault(key, fresh)
        page.browsers.add(browser)
        if page.state is not None:
            browser.news.set()
        if self._loop_task is None:
            self._loop_task = asyncio.create_task(self._render_changes())
        self._commits.signal()
        shown: int | None = None
        try:
            yield b""
            yield b"retry: 1000\n: \n\n"
            while not browser.is_over:
                try:
                    await asyncio.wait_for(browser.news.wait(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield b": \n\n"
                browser.news.clear()
                if page.state is None or browser.is_over:
                    continue
                missed = None if shown is None else page.round - shown
                messages = list(page.messages)
                shown = page.round
                if missed is None or missed > len(messages):
                    yield page.state.message()
                elif missed:
                    yield b"".join(messages[-missed:])
        finally:
            page.browsers.discard(browser)
            if not page.browsers and self._pages.get(key) is page:
                del self._pages[key]

    async def _render_changes(self) -> None:
        """Read the board while a page is open, and render the changes."""
        loop = asyncio.get_running_loop()
        check_tokens_at = loop.time() + TOKEN_CHECK_SECONDS
        try:
            with self._commits.attached_to(self._board) as tick_seconds:
                while self._pages and not self._is_stopped:
                    position = await self._threads.run(self._board.stream_position)
                    now = loop.time()
                    self._begin_due(position, now)
                    if now >= check_tokens_at:
                        check_tokens_at = now + TOKEN_CHECK_SECONDS
                        await self._end_invalid()
                    await asyncio.sleep(MIN_PAGE_READ_SECONDS)
                    pauses = [page.seconds_to_rendering(position, loop.time()) for page in self._pages.values()]
                    await self._commits.wait(min([tick_seconds, *pauses]))
        except BlackboardError as error:
            log.warning(
                "the board cannot be read, so the streams of open pages end; browsers connect again", error=error
            )
        finally:
            self._loop_task = None
            for page in self._pages.values():
                for browser in page.browsers:
                    browser.is_over = True
                    browser.news.set()

    def _begin_due(self, position: StreamPosition, now: float) -> None:
        """Begin to render the pages that are due, each in a task of its own."""
        for page in self._pages.values():
            if page.seconds_to_rendering(position, now) <= 0:
                page.is_being_rendered = True
                task = asyncio.create_task(self._render(page, position))
                self._rendering.add(task)
                task.add_done_callback(self._rendering.discard)

    async def _render(self, page: _OpenPage, position: StreamPosition) -> None:
        """Render a page once for all its viewers, and wake them if it has changed."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            state = await self._threads.run(page.render)
        except (BlackboardError, HttpProblem) as problem:  # the next round tries again
            log.info("a page could not be rendered", problem=getattr(problem, "name", type(problem).__name__))
            state = None
        except Exception as error:  # a bug must not end the streams of other pages
            log.error("a page could not be rendered", error=error)
            state = None
        finally:
            page.is_being_rendered = False
            ended = loop.time()
            page.next_at = began + max(page.every, PAUSE_FACTOR * (ended - began))
            page.reload_at = ended + RELOAD_INTERVAL_SECONDS
        if state is None:
            return
        old, page.state, page.position = page.state, state, position
        message = b"" if old is None else state.changes_from(old)
        if message:
            page.round += 1
            page.messages.append(message)
        if message or old is None:
            for browser in page.browsers:
                browser.news.set()

    async def _end_invalid(self) -> None:
        """End the streams whose tokens were revoked or have expired."""
        valid = valid_token_keys(await self._threads.run(self._board.tokens))
        for page in self._pages.values():
            for browser in page.browsers:
                if browser.token_key not in valid:
                    browser.is_over = True
                    browser.news.set()
