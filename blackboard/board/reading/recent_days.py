"""The days that figures by day are about."""

from __future__ import annotations

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant, from_datetime, to_datetime
from blackboard.durations import DAY


def first_instant_of_days(txn: BoardTransaction, days: int) -> Instant:
    """Return when the first of a number of days (UTC) up to today began."""
    first = to_datetime(txn.now - (days - 1) * DAY)
    return from_datetime(first.replace(hour=0, minute=0, second=0, microsecond=0))
