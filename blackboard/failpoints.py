"""Named places in the program at which it can be made to die at once, so that tests can kill it there. It does nothing
else, and nothing at all unless one is armed.

    BLACKBOARD_FAILPOINT=commit.before blackboard run       # dies at the first commit
    BLACKBOARD_FAILPOINT=commit.before:3 blackboard run     # dies at the third

Death is SIGKILL to itself: no handler runs, no buffer is flushed, nothing is handed back.
"""

from __future__ import annotations

import os
import signal

from blackboard.errors import ConfigurationError, Mistake, UnknownName

__all__ = ["NAMES", "VARIABLE", "arm", "disarm", "reach"]

VARIABLE = "BLACKBOARD_FAILPOINT"

NAMES = (
    # the database
    "migration.begun",
    "migration.made",
    "migration.committed",
    "transaction.begun",
    "commit.before",
    "commit.after",
    "notify.before",
    "checkpoint.before",
    "checkpoint.after",
    # a worker's life
    "worker.locked",
    "worker.registered",
    "recovery.within",
    "recovery.after",
    # an activation
    "claim.before",
    "claim.within",
    "claim.after",
    "agent.before",
    "agent.after",
    "apply.before",
    "apply.within",
    "apply.after",
    "failure.before",
    "failure.after",
    # a model call
    "call.planned",
    "call.sent",
    "call.answered",
    "call.kept",
    "spool.kept",
    # the cheap lane
    "batch_api.reserved",
    "batch_api.submitted",
    "batch_api.named",
    "batch_api.kept",
    # what follows from fading and from changes
    "evaporation.before",
    "evaporation.within",
    "evaporation.after",
    "backfill.before",
    "backfill.within",
    "backfill.after",
    # what follows outside the database
    "publish.before",
    "publish.written",
    "publish.after",
)
"""Every place, in the order of a life."""

_armed: str | None = None
_left = 0


def reach(name: str) -> None:
    """The program has come to this place: die here, if it is armed and this is the time for it."""
    if _armed is not None:
        _reached(name)


def arm(name: str, times: int = 1) -> None:
    """Die when the place is reached for the `times`-th time.

    Raises:
        UnknownName: there is no such place.
    """
    global _armed, _left
    if name not in NAMES:
        raise UnknownName("failpoint", name, NAMES)
    _armed, _left = name, times


def disarm() -> None:
    """Die nowhere."""
    global _armed
    _armed = None


def _reached(name: str) -> None:
    global _left
    if name == _armed:
        _left -= 1
        if _left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _from_environment(text: str) -> None:
    name, _, times = text.partition(":")
    if times and not times.isdecimal():
        raise ConfigurationError([Mistake(VARIABLE, f"{text!r} is not a name, or name:times")])
    arm(name, int(times or 1))


if VARIABLE in os.environ:
    _from_environment(os.environ[VARIABLE])
