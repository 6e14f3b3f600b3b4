"""Parts of the status of a board in words, for the command `status` and the page of the board's health."""

from __future__ import annotations

from datetime import datetime

from blackboard.clock import from_datetime, iso


def describe_clock(doubted: datetime | None) -> str:
    """Return what `status` says about the clock to a person; `doubted` is the time of a clock that is not believed."""
    return "ok" if doubted is None else f"not believed: it says {iso(from_datetime(doubted))}; see the inbox"
