"""A limit on the pace of background work, so that deposits get most of the time of the database."""

from __future__ import annotations

from collections.abc import Callable

from blackboard.board.board_session import BoardSession
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.durations import Duration

DELAY_FACTOR = 4
"""The pause after a piece of work, as a multiple of its duration."""


class BackgroundThrottle:
    """The rule for pauses between pieces of background work. There is no pause while no other thread writes.

    A thread that waits for the board during a piece writes right after it. So the events that the next piece finds
    show whether other threads write. With a clock that stands still during the work, the pause is 0.
    """

    def __init__(self, session: BoardSession) -> None:
        self._session, self._clock = session, session.clock
        self._resume_at = 0
        self._last_event_id = 0
        self._crowded = False

    def run(self, step: Callable[[BoardTransaction], int]) -> int:
        """Run a piece of work in a transaction, and return its result."""

        def work(txn: BoardTransaction) -> tuple[int, int, int]:
            before = txn.last_event_id
            return step(txn), before, txn.last_event_id

        started = self._clock.monotonic()
        result, before, after = self._session.write(work)
        ended = self._clock.monotonic()
        self._crowded, self._last_event_id = before != self._last_event_id, after
        self._resume_at = ended + DELAY_FACTOR * (ended - started)
        return result

    def delay(self, last_event_id: int) -> Duration:
        """Return how long the next piece must wait. `last_event_id` is the id of the board's last event at present."""
        if not self._crowded and last_event_id == self._last_event_id:
            return 0
        return max(0, self._resume_at - self._clock.monotonic())
