"""Jumps of the clock, after it was set or the machine slept. Gradual NTP corrections are below the threshold."""

from __future__ import annotations

from blackboard.board.daemon_work import Worker
from blackboard.clock import Instant, iso, seconds_in
from blackboard.durations import SECOND, Duration
from blackboard.system.log_queue import Log

log = Log("blackboard")

MIN_JUMP: Duration = SECOND
"""The smallest difference between clock and monotonic time that counts as a jump."""


class ClockWatch:
    """The reactions of a worker to jumps of the clock."""

    doubting: bool | None
    """Whether the board does not believe the clock; None before the first check."""

    def __init__(self, worker: Worker) -> None:
        self._maintenance, self._clock = worker.board_maintenance, worker.board.clock
        self.start()

    def start(self) -> None:
        """Ignore all jumps before now."""
        self._latest, self._monotonic = self._clock.now(), self._clock.monotonic()
        self._previous = self._latest
        self._behind = False
        self.doubting = None

    def check(self) -> Duration:
        """Log a jump of the clock since the last check, and return it in microseconds; 0 if it is under a second."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        jump = (now - self._latest) - (monotonic - self._monotonic)
        self._previous, self._latest, self._monotonic = self._latest, now, monotonic
        if abs(jump) < MIN_JUMP:
            return 0
        if jump < 0:
            log.warning(
                "the clock stepped back; strengths do not fade until it has caught up", seconds=seconds_in(-jump)
            )
        else:
            log.warning("the clock stepped forward, or the machine slept", seconds=seconds_in(jump))
        return jump

    def update_board(self, jump: Duration, doubted: Instant | None) -> None:
        """If the clock stepped back, record the time before. If the board does not believe the clock, ask a person.

        A step back of any length is noticed when the clock is behind an instant that this process has used.

        Args:
            jump: The jump of the clock since the last check.
            doubted: The instant of a clock that the board does not believe; None if the board believes it.
        """
        was_behind, self._behind = self._behind, self._maintenance.is_clock_behind
        if (jump < 0 or (self._behind and not was_behind)) and not self.doubting:
            self._maintenance.record_time(self._previous)
        if doubted is not None:
            if not self.doubting:
                log.error(
                    "the clock leapt ahead and is not believed; the board's time stands still", clock=iso(doubted)
                )
                self._maintenance.ask_about_clock()
        elif self.doubting is not False and self._maintenance.withdraw_clock_question():
            log.info("the clock is believed again")
        self.doubting = doubted is not None
