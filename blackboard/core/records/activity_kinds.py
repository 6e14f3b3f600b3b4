"""The kinds of entries in the activity of a board: acts of agents, people and programs."""

from __future__ import annotations

from enum import StrEnum


class ActivityEvent(StrEnum):
    """The kind of an entry. The marks have a history of their own."""

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
    """A subject was erased. The entry has the random name that replaces it."""
    CREATE_TOKEN = "create_token"
    REVOKE_TOKEN = "revoke_token"
    DEPLOYMENT = "deployment"
    """A new version of the deployment became active."""
