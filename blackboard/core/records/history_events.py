"""The events in the history of marks."""

from __future__ import annotations

from enum import StrEnum


class HistoryEvent(StrEnum):
    """The events of a mark, as the column `event` of `mark_history` says it."""

    DEPOSITED = "deposited"
    """A new mark."""
    REINFORCED = "reinforced"
    """A deposit joined the mark, or strength was added without a deposit."""
    STALE = "stale"
    """A deposit occurred before the deposit that has replaced it."""
    UNCHANGED = "unchanged"
    """A weaker deposit left the mark as it is. It is stored because a window counts it."""
    EVAPORATED = "evaporated"
    WITHDRAWN = "withdrawn"
    ALREADY_GONE = "already_gone"
    """An agent acted on a mark that had left the board."""
    ASSIGNED = "assigned"
    """A person was named to answer a need."""
    LAW_CHANGED = "law_changed"
    """The mark follows a new law of its kind."""


JOINS = (HistoryEvent.DEPOSITED, HistoryEvent.REINFORCED)
"""The events after which a mark is as strong as a deposit has made it."""
DEPARTURES = (HistoryEvent.EVAPORATED, HistoryEvent.WITHDRAWN)
"""The events by which a mark leaves the live board."""
DEPOSITS = (*JOINS, HistoryEvent.STALE, HistoryEvent.UNCHANGED)
"""The events of deposits, also of those that changed no mark."""
