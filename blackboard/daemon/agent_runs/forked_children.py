"""Forked children: a child process that an agent's code forks ends where that code ends.

If the child returned to the daemon, it would act as the daemon: end the activation of its parent, and serve the board
in its name.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from types import coroutine
from typing import Any, Never, TypeVar

from blackboard.system.error_descriptions import describe_error, frame_places

T = TypeVar("T")

CHILD_FLUSH_SECONDS = 1.0
"""The longest wait for the output of the child; a thread of the parent may have been writing at the fork."""


def call(work: Callable[[], T]) -> T:
    """Call code that may fork. If it forks, the child ends after the code and does not return to the caller."""
    pid = os.getpid()
    try:
        result = work()
    except BaseException as error:
        if os.getpid() != pid:
            end(error)
        raise
    if os.getpid() != pid:
        end()
    return result


async def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that may fork. If a step forks, the child ends after it and does not return to the loop."""
    result: T = await _step_by_step(work)
    return result


def end(error: BaseException | None = None) -> Never:
    """End this process immediately, as Python would: with the exit code of SystemExit, or with a traceback.

    The message of an error may hold words of a payload, so it is left out unless the log shows all messages.
    """
    code = 0
    if isinstance(error, SystemExit):
        if isinstance(error.code, int):
            code = error.code & 0xFF
        elif error.code is not None:
            code = 1
            _complain(describe_error(error))
    elif error is not None and not isinstance(error, StopIteration):
        code = 1
        _complain("\n".join([*frame_places(error), describe_error(error)]))
    flush = threading.Thread(target=_flush, daemon=True)
    with contextlib.suppress(RuntimeError):
        flush.start()
        flush.join(CHILD_FLUSH_SECONDS)
    os._exit(code)


@coroutine
def _step_by_step(work: Coroutine[Any, Any, T]) -> Any:
    """Run a coroutine, and make each of its steps through `call`, which notices a fork."""
    step: Callable[[], Any] = lambda: work.send(None)  # noqa: E731
    while True:
        try:
            awaited = call(step)
        except StopIteration as end_of_work:
            return end_of_work.value
        try:
            value = yield awaited
        except GeneratorExit:
            work.close()
            raise
        except BaseException as error:
            step = _throw_step(work, error)
        else:
            step = _send_step(work, value)


def _send_step(work: Coroutine[Any, Any, Any], value: Any) -> Callable[[], Any]:
    return lambda: work.send(value)


def _throw_step(work: Coroutine[Any, Any, Any], error: BaseException) -> Callable[[], Any]:
    return lambda: work.throw(error)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _complain(text: str) -> None:
    with contextlib.suppress(OSError):
        # An error may quote a mark. So its lines are indented, unlike lines of the log, and cannot control a terminal.
        lines = ("".join(sign if sign.isprintable() else "?" for sign in line) for line in text.splitlines())
        os.write(2, ("\n    ".join(lines) + "\n").encode("utf-8", "replace"))
