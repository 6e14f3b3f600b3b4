"""The event loop of a daemon's asynchronous agents: one loop in one thread, so that activations may share clients.

A function that blocks the loop delays all activations. So a second thread watches the loop, and the log names the
function.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import socket
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from pathlib import Path
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

from blackboard.daemon.agent_runs import forked_children
from blackboard.daemon.agent_runs.agent_threads import AgentThreads
from blackboard.system.error_descriptions import class_name, place_of
from blackboard.system.log_queue import Log

log = Log("blackboard")

MAX_BLOCKING_SECONDS = 1.0
"""How long a function may block the loop, in seconds, before the log names it."""
PROBE_INTERVAL_SECONDS = 0.1
"""Seconds between two probes. If a probe has no answer for the rest of `MAX_BLOCKING_SECONDS`, the loop is blocked."""
MAX_CLEAN_UP_SECONDS = 2.0
"""The longest wait for cancelled activations to clean up when the daemon ends."""

_agent: ContextVar[str | None] = ContextVar("agent", default=None)


class NoEventLoop(Exception):
    """The system has no thread or no descriptor left for the event loop."""


class AgentLoop:
    """A loop that is started by the first asynchronous activation. Its threads end with `close`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._busy = threading.Event()
        """An event that is set while an activation is on the loop, so that an idle loop is not probed."""
        self._runs: dict[object, Future[Any]] = {}
        self._agents: WeakKeyDictionary[asyncio.Task[Any], str] = WeakKeyDictionary()

    def run(self, key: object, agent: str, awaitable: Awaitable[Any]) -> Any:
        """Await the result of an agent on the loop, and return it; called in the thread of an activation.

        Args:
            key: Names the activation for `cancel`.
            agent: The agent, for the log.
            awaitable: The result of its function.

        Raises:
            NoEventLoop: The loop cannot be started, so the agent has not begun.
            BaseException: The exception of the agent; `concurrent.futures.CancelledError` if it was cancelled.
        """
        context = copy_context()
        context.run(_agent.set, agent)
        with self._lock:
            if self._closed.is_set():
                raise RuntimeError("the daemon has ended")
            loop = self._loop or self._start(awaitable)
            future = context.run(asyncio.run_coroutine_threadsafe, _outcome(awaitable), loop)
            self._runs[key] = future
            self._busy.set()
        try:
            result, error = future.result()
        finally:
            with self._lock:
                del self._runs[key]
                if not self._runs:
                    self._busy.clear()
        if error is not None:
            raise error
        return result

    def cancel(self, key: object) -> None:
        """Cancel an activation, if it is on the loop."""
        with self._lock:
            future = self._runs.get(key)
        if future is not None:
            future.cancel()

    def close(self) -> None:
        """Cancel every activation, and wait a bounded time until they have cleaned up, which ends the loop."""
        with self._lock:
            self._closed.set()
            self._busy.set()  # ends the wait of the watcher
            loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            asyncio.run_coroutine_threadsafe(self._cancel_all(loop), loop)
        thread.join(MAX_CLEAN_UP_SECONDS)

    def _start(self, awaitable: Awaitable[Any]) -> asyncio.AbstractEventLoop:
        """Start the loop for an awaitable. If the start fails, drop the awaitable."""
        loop: asyncio.AbstractEventLoop | None = None
        try:
            _check_descriptors()
            loop = asyncio.new_event_loop()
            loop.set_task_factory(self._create_task)
            loop.set_default_executor(DaemonExecutor())
            loop.set_exception_handler(_log_failure)
            thread = threading.Thread(target=self._serve, args=(loop,), name="blackboard-async", daemon=True)
            thread.start()
        except (OSError, RuntimeError) as error:
            if loop is not None:
                loop.close()
            if asyncio.iscoroutine(awaitable):
                awaitable.close()
            raise NoEventLoop(str(error)) from None
        with contextlib.suppress(RuntimeError):  # agents also run without the watcher
            threading.Thread(target=self._watch, args=(loop,), name="blackboard-async-watch", daemon=True).start()
        self._loop, self._thread = loop, thread
        return loop

    def _create_task(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(forked_children.run(coro), loop=loop, **options)
        if (agent := _agent.get()) is not None:
            self._agents[task] = agent
        return task

    # -- the thread of the loop --------------------------------------------------------------------------------------

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        while True:
            try:
                loop.run_forever()
                break
            except BaseException as error:  # a task that an agent left behind raised SystemExit or the like
                log.error("a task of an agent tried to end the event loop", error=error)
        loop.close()

    async def _cancel_all(self, loop: asyncio.AbstractEventLoop) -> None:
        tasks = asyncio.all_tasks(loop) - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await loop.shutdown_asyncgens()
        loop.stop()

    # -- the thread that watches it ----------------------------------------------------------------------------------

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._busy.wait() and not self._closed.wait(PROBE_INTERVAL_SECONDS):
            answered = threading.Event()
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                loop.call_soon_threadsafe(answered.set)
            # The last short wait is for a machine that was suspended: the loop then also needs a moment.
            if answered.wait(MAX_BLOCKING_SECONDS - 2 * PROBE_INTERVAL_SECONDS) or answered.wait(
                PROBE_INTERVAL_SECONDS
            ):
                continue
            self._report(loop)
            while not answered.wait(MAX_BLOCKING_SECONDS) and not self._closed.is_set():
                pass

    def _report(self, loop: asyncio.AbstractEventLoop) -> None:
        assert self._thread is not None
        task = asyncio.current_task(loop)
        frames = _own_frames(sys._current_frames().get(self._thread.ident or 0))  # noqa: SLF001 -- documented
        places = [place for frame in frames if (place := place_of(frame)) is not None]
        log.warning(
            "a function blocks the event loop of all asynchronous agents",
            agent=None if task is None else self._agents.get(task),
            function=places[0] if places else None,
            blocked_in=places[-1] if places else None,
        )


class DaemonExecutor(ThreadPoolExecutor):
    """The executor behind `asyncio.to_thread`. Its threads start immediately and do not delay the process's end."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)  # it starts none of its own threads
        self._agent_threads = AgentThreads()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a function in a thread of its own."""
        future: Future[Any] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(forked_children.call(lambda: fn(*args, **kwargs)))
            except BaseException as error:
                future.set_exception(error)

        self._agent_threads.submit(work)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001 -- of Executor
        """End free threads now and busy threads after their function, without waiting."""
        self._agent_threads.close()


def _log_failure(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log an error of a task that nobody awaits, without its message. The loop's own handler would log the message."""
    error = context.get("exception")
    if error is not None and error.__traceback__ is None:  # made by an agent and never raised, as in a future
        error = class_name(type(error))
    log.error("a task that an agent left behind failed", error=error)


def _check_descriptors() -> None:
    """Check that enough file descriptors for a loop are free.

    With too few, asyncio creates half of a loop and prints a traceback.

    Raises:
        OSError: Too few descriptors are free.
    """
    with selectors.DefaultSelector():
        for end in socket.socketpair():
            end.close()


async def _outcome(awaitable: Awaitable[Any]) -> tuple[Any, BaseException | None]:
    """Await a result, and return it with an error. A task that raises SystemExit would end the loop."""
    try:
        return await awaitable, None
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        return None, error


def _own_frames(frame: FrameType | None) -> list[FrameType]:
    """Return the frames of a stack that are above the frames of the loop, the outermost first."""
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    files = (asyncio.__file__, threading.__file__, __file__, forked_children.__file__)
    skipped = {str(Path(file).parent) for file in files}
    frames.reverse()
    while frames and str(Path(frames[0].f_code.co_filename).parent) in skipped:
        frames.pop(0)
    return frames
