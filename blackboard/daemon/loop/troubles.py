"""Troubles that prevent the work of a daemon: a board that cannot be used, a system without threads, a bug.

The beginning of a trouble is logged once, and so is its end. In between, some work may succeed: a full disk refuses one
write, accepts a smaller one, and refuses the next.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from blackboard.clock import Clock, Instant
from blackboard.durations import MINUTE, Duration
from blackboard.errors import StoreBusy, StoreError, StoreExhausted
from blackboard.system.error_descriptions import describe_error
from blackboard.system.log_queue import Log

log = Log("blackboard")

QUIET_TIME: Duration = MINUTE
"""The time without errors after which a trouble is over, if some work may succeed during the trouble."""
MAX_LOGGED_ERRORS = 10
"""The largest number of different errors that are logged for one trouble."""


@dataclass(frozen=True)
class Trouble:
    """A kind of trouble: the log lines for its beginning and its end."""

    begins: str
    ends: str


BOARD_TROUBLE = Trouble("the board cannot be used; each tick tries again", "the board can be used again")
THREADS_TROUBLE = Trouble("no further thread can be started; each tick tries again", "threads can be started again")
OTHER_TROUBLE = Trouble(
    "an error kept the daemon from its work; each tick tries again", "the daemon works without errors again"
)


@dataclass
class _Course:
    """The course of a trouble so far."""

    last: Instant
    """The monotonic time when the trouble was noticed last."""
    quiet: Duration
    """The time without errors after which the trouble is over."""
    errors: set[str] = field(default_factory=set)
    """The errors that were logged."""


class Troubles:
    """The present troubles of one daemon. Any thread may report an error.

    Args:
        clock: Measures the time without a trouble.
        report: Called with a line for people when a trouble begins, and with None when the last trouble has ended.
    """

    def __init__(self, clock: Clock, report: Callable[[str | None], None]) -> None:
        self._clock, self._report = clock, report
        self._lock = threading.Lock()
        self._courses: dict[Trouble, _Course] = {}

    def note(self, error: BaseException, trouble: Trouble | None = None) -> None:
        """Report an error, and log it if its trouble or its text is new. Never fails."""
        with contextlib.suppress(Exception):  # memory may be used up
            trouble = trouble or trouble_of(error)
            text = describe_error(error)
            with self._lock:
                course = self._courses.setdefault(trouble, _Course(0, 0))
                course.last, course.quiet = self._clock.monotonic(), max(course.quiet, _quiet(error))
                if text in course.errors or len(course.errors) >= MAX_LOGGED_ERRORS:
                    return
                course.errors.add(text)
            log.error(trouble.begins, error=text)
            self._report(f"{trouble.begins.partition(';')[0]}: {text}")

    def end(self) -> None:
        """Log the end of each trouble that is over. Called after the daemon has done all due work without an error."""
        now = self._clock.monotonic()
        with self._lock:
            ended = [trouble for trouble, course in self._courses.items() if now >= course.last + course.quiet]
            for trouble in ended:
                del self._courses[trouble]
            has_others = bool(self._courses)
        for trouble in ended:
            log.info(trouble.ends)
        if ended and not has_others:
            self._report(None)

    def next_end(self) -> Instant | None:
        """Return the monotonic time when the next trouble may be over; None if there is none."""
        with self._lock:
            return min((course.last + course.quiet for course in self._courses.values()), default=None)


def trouble_of(error: BaseException) -> Trouble:
    """Return the trouble that an error belongs to."""
    if isinstance(error, StoreError):
        return BOARD_TROUBLE
    return THREADS_TROUBLE if is_without_thread(error) else OTHER_TROUBLE


def is_without_thread(error: BaseException) -> bool:
    """Return whether the system could not start a thread. Python has no class for this error."""
    return isinstance(error, RuntimeError) and "start new thread" in str(error)


def is_bug(error: BaseException) -> bool:
    """Return whether an error shows a bug in the program, not a lack of resources."""
    return trouble_of(error) is OTHER_TROUBLE and not isinstance(error, OSError | MemoryError)


def _quiet(error: BaseException) -> Duration:
    """Return the microseconds without errors after which a trouble is over; 0 for a missing or foreign file."""
    comes_and_goes = not isinstance(error, StoreError) or isinstance(error, StoreBusy | StoreExhausted)
    return QUIET_TIME if comes_and_goes else 0
