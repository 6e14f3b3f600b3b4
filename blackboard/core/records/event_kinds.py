"""The kinds of events: of entries in the activity of a board, and in the history of marks."""

from __future__ import annotations

from enum import StrEnum


class ActivityEvent(StrEnum):
    """The kind of an entry in the activity: an act of an agent, a person or a program."""

    CROSSING = "crossing"
    """A watch crossed."""
    ACTIVATION = "activation"
    """An activation began, or changed its state."""
    NEED = "need"
    """A need was asked."""
    ANSWER = "answer"
    """A need was answered."""
    PAUSE = "pause"
    RESUME = "resume"
    WAKE = "wake"
    """A crossing was woken early."""
    RETRY = "retry"
    DISCARD = "discard"
    RETRY_MESSAGE = "retry_message"
    DISCARD_MESSAGE = "discard_message"
    ASSIGN = "assign"
    """A person was named to answer a need."""
    RECORD_COST = "record_cost"
    FORGET = "forget"
    """A subject was erased. The entry has the random name that replaces the name of the subject."""
    CREATE_TOKEN = "create_token"
    REVOKE_TOKEN = "revoke_token"
    DEPLOYMENT = "deployment"
    """A new version of the deployment became active."""


class HistoryEvent(StrEnum):
    """The kind of an event of a mark: the column `event` of `mark_history`."""

    DEPOSITED = "deposited"
    """A new mark."""
    REINFORCED = "reinforced"
    """A deposit joined the mark, or strength was added without a deposit."""
    STALE = "stale"
    """A deposit occurred before the deposit that has replaced it."""
    UNCHANGED = "unchanged"
    """A weaker deposit did not change the mark. The deposit is stored because windows count it."""
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
"""The events of deposits, including those that changed no mark."""
