"""The board's time: the latest of the clock, the last recorded instant, and the last instant that this process used.

After a step back, the board's time stands still until the clock has caught up. Another process knows only the recorded
instants.

A leap ahead beyond a limit is not believed, because marks that evaporate by a wrong clock cannot be restored. The
board's time stands still: nothing fades, crosses or evaporates, and the clock's instant is not recorded. A person
decides; see `clock_confirmation`.
"""

from __future__ import annotations

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.durations import Duration


def time_of(clock: Instant, recorded: Instant, leap: Duration | None) -> tuple[Instant, bool]:
    """Return the board's time from the last record and the clock, and whether the clock is in doubt.

    The clock is believed up to `leap` microseconds ahead of the last recorded instant; None believes every clock.
    """
    if leap is not None and clock - recorded > leap:
        return recorded, True
    return max(clock, recorded), False


def record(txn: BoardTransaction, seen: Instant, leap: Duration | None) -> None:
    """Record the latest instant that the clock showed before it stepped back, so that strengths do not rise again.

    If that instant is more than `leap` ahead of the board's time, the step corrected a leap. Then the instant is not
    recorded, even if no transaction has doubted the clock.

    Args:
        txn: The transaction.
        seen: The latest instant that the clock showed.
        leap: The largest step ahead that is believed; None if all are.
    """
    _, doubted = time_of(seen, txn.now, leap)
    at = txn.now if doubted else max(seen, txn.now)
    if txn.doubted_clock is None and at > txn.recorded:
        txn.record_time(at)
