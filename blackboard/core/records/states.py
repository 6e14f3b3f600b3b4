"""The states of activations, crossings, model calls and messages, and the transitions between them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

MAX_REASON_CHARACTERS = 20_000
"""The longest reason of a failure that is stored. The rest of a longer reason is cut off."""


class ActivationState(StrEnum):
    """The state of an activation."""

    READY = "ready"
    RUNNING = "running"
    HELD = "held"
    DONE = "done"
    DEAD = "dead"
    FADED = "faded"
    SKIPPED = "skipped"
    QUARANTINED = "quarantined"
    DISCARDED = "discarded"


class CrossingState(StrEnum):
    """The state of a crossing."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    DONE = "done"
    FADED = "faded"
    SKIPPED = "skipped"
    DISCARDED = "discarded"
    WITHDRAWN = "withdrawn"


class HeldBy(StrEnum):
    """The reasons that hold a crossing.

    If an agent, a budget or an error holds the crossing, results and views show a text instead of one of these values.
    """

    GUARD = "guard"
    COOLDOWN = "cooldown"
    """The crossing waits for the end of the cooldown of its subject."""
    RATE = "rate"
    """The agent has woken as often in an hour as it may."""
    RETEST = "retest"
    """The watch has changed, and the crossing is about to be retested."""
    BATCH_WINDOW = "batch_window"
    """The crossing waits for more marks. This reason is shown, but never stored."""
    RETRY = "retry"
    """The crossing is in an activation that waits for its next attempt. This reason is shown, but never stored."""


class CallState(StrEnum):
    """The state of a model call."""

    PLANNED = "planned"
    SENT = "sent"
    ANSWERED = "answered"
    APPLIED = "applied"
    FAILED = "failed"
    REJECTED = "rejected"
    UNUSABLE = "unusable"
    UNKNOWN = "unknown"
    COST_RECORDED = "cost_recorded"


CallApi = Literal["messages", "batch", "reported"]
"""`messages`: answered immediately. `batch`: the Message Batches API, cheaper and answered within a day. `reported`: a
call that a remote worker made itself, with the cost that the worker reported.
"""


class MessageState(StrEnum):
    """The state of a message in the outbox."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    """Every attempt failed, or the deployment no longer has its sink."""
    GONE = "gone"
    """The receiver has answered that it is gone for good."""
    DISCARDED = "discarded"
    """A person gave it up."""


UNDELIVERED = (MessageState.WAITING, MessageState.FAILED, MessageState.GONE)
"""The states of messages that were not delivered, and that nobody has given up."""

_A, _X, _C, _M = ActivationState, CrossingState, CallState, MessageState

INITIAL: dict[type[StrEnum], tuple[StrEnum, ...]] = {
    ActivationState: (_A.RUNNING, _A.READY, _A.FADED, _A.SKIPPED, _A.QUARANTINED),
    CrossingState: (_X.WAITING,),
    CallState: (_C.PLANNED, _C.APPLIED, _C.UNUSABLE),  # remote agents report calls that have ended
    MessageState: (_M.WAITING,),
}
"""The states that a row may be inserted in."""

_OUTCOMES = (_C.ANSWERED, _C.UNUSABLE, _C.FAILED, _C.REJECTED, _C.UNKNOWN)

TRANSITIONS: dict[type[StrEnum], dict[StrEnum, tuple[StrEnum, ...]]] = {
    ActivationState: {
        _A.READY: (_A.RUNNING, _A.READY, _A.DISCARDED),
        _A.RUNNING: (_A.DONE, _A.READY, _A.HELD, _A.DEAD, _A.QUARANTINED, _A.SKIPPED),
        _A.HELD: (_A.RUNNING, _A.READY, _A.DISCARDED),
        _A.DEAD: (_A.READY, _A.DISCARDED),
        _A.QUARANTINED: (_A.READY, _A.DISCARDED),
    },
    CrossingState: {
        _X.WAITING: (_X.CLAIMED, _X.FADED, _X.SKIPPED, _X.WITHDRAWN),
        _X.CLAIMED: (_X.DONE, _X.SKIPPED, _X.DISCARDED),
    },
    CallState: {
        _C.PLANNED: (_C.SENT, _C.FAILED),
        _C.SENT: (_C.PLANNED, *_OUTCOMES),
        _C.ANSWERED: (_C.APPLIED, _C.UNUSABLE),
        # The outcome may still become known: the thread that sent the call may outlive the lease of its activation.
        _C.UNKNOWN: (_C.PLANNED, *_OUTCOMES, _C.COST_RECORDED),
        _C.COST_RECORDED: (_C.PLANNED, *_OUTCOMES, _C.COST_RECORDED),
        _C.REJECTED: (_C.FAILED,),
        _C.UNUSABLE: (_C.UNUSABLE,),
        _C.FAILED: (_C.FAILED,),
    },
    MessageState: {
        _M.WAITING: tuple(_M),
        _M.DELIVERED: (_M.WAITING,),
        _M.FAILED: (_M.WAITING, _M.DISCARDED),
        _M.GONE: (_M.WAITING, _M.DISCARDED),
        _M.DISCARDED: (_M.WAITING,),
    },
}
"""The states that may follow each state. A state without an entry is final."""

UNFINISHED = (_A.READY, _A.RUNNING, _A.HELD, _A.DEAD, _A.QUARANTINED)
"""The states of activations that can still change, in the order of the partial index."""

WITH_FINISHED_AT = (_A.DONE, _A.DEAD, _A.FADED, _A.SKIPPED, _A.QUARANTINED, _A.DISCARDED)
"""The states of activations that have `finished_at`: no run is under way, and none follows unless a person retries.

A dead or quarantined activation can be retried, so these two states are also in `UNFINISHED`.
"""

RETRIABLE = (_A.DEAD, _A.HELD, _A.QUARANTINED)
"""The states of an activation that waits for a person, who may retry or discard it."""

SUSPECT_DEATHS = 2
"""After this number of deaths of workers in a row, an activation runs alone. After one more, it has failed."""

OPEN_CALLS = (_C.PLANNED, _C.SENT, _C.ANSWERED, _C.UNKNOWN)
"""The states of calls that are planned, under way, or not yet used or paid for, in the order of the partial index."""


class IllegalTransition(RuntimeError):
    """A change of state that `TRANSITIONS` does not allow. This error shows a bug of the program."""


def check_initial(state: StrEnum) -> None:
    """Check that a row may begin in a state.

    Raises:
        IllegalTransition: No row may begin in this state.
    """
    if state not in INITIAL[type(state)]:
        raise IllegalTransition(f"{type(state).__name__}: a row cannot begin as {state}")


def check_transition(old: str, new: StrEnum) -> None:
    """Check that a row may change from one state to another.

    Raises:
        IllegalTransition: This transition is not allowed.
    """
    states = type(new)
    if new not in TRANSITIONS[states].get(states(old), ()):
        raise IllegalTransition(f"{states.__name__}: {old} cannot become {new}")


def one_of_states(column: str, states: Iterable[StrEnum]) -> str:
    """Return the SQL condition that a column has one of the states."""
    return f"{column} IN ({', '.join(repr(str(state)) for state in states)})"
