"""Failpoints: named places where tests can kill the process.

    BLACKBOARD_FAILPOINT=commit.before blackboard run       # dies at the first commit
    BLACKBOARD_FAILPOINT=commit.before:3 blackboard run     # dies at the third

The process sends itself SIGKILL, so no handler runs and no buffer is flushed. Commands read the variable when they
start. Without it, failpoints do nothing.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
from collections.abc import Callable, Iterator, Mapping

from blackboard.errors import ConfigurationError, Mistake, UnknownName

VARIABLE = "BLACKBOARD_FAILPOINT"

NAMES = (
    "migration.begun", "migration.made", "migration.committed", "transaction.begun", "commit.before", "commit.after",
    "optimistic.decided", "notify.before", "checkpoint.before", "checkpoint.after",
    "worker.locked", "worker.registered", "recovery.within", "recovery.after",
    "claim.before", "claim.within", "claim.after", "agent.before", "agent.after",
    "apply.before", "apply.within", "apply.after", "failure.before", "failure.after",
    "call.planned", "call.sent", "call.answered", "call.kept", "spool.kept",
    "batch_api.reserved", "batch_api.submitted", "batch_api.named", "batch_api.kept",
    "evaporation.before", "evaporation.within", "evaporation.after",
    "backfill.before", "backfill.within", "backfill.after",
    "partition.extended", "partition.begun", "partition.copied", "partition.settled", "partition.swapping",
    "partition.swapped",
    "publish.before", "publish.written", "publish.after",
    "outbox.leased", "outbox.sent", "outbox.settled",
)  # fmt: skip
"""All failpoints: of the database, workers, activations, calls, the Batch API, maintenance, publishing, messages."""

_handler: Callable[[str], None] | None = None
"""Called with the name of each failpoint that is reached; None while none is armed or observed."""


def failpoint(name: str) -> None:
    """Kill the process here if this failpoint is armed and has been reached often enough."""
    if _handler is not None:
        _handler(name)


def arm(name: str, times: int = 1) -> None:
    """Make the process die when it reaches a failpoint the `times`-th time.

    Raises:
        UnknownName: There is no such failpoint.
    """
    global _handler
    if name not in NAMES:
        raise UnknownName("failpoint", name, NAMES)
    remaining = itertools.count(times, -1)

    def kill(reached: str) -> None:
        if reached == name and next(remaining) <= 1:
            os.kill(os.getpid(), signal.SIGKILL)

    _handler = kill


@contextlib.contextmanager
def observe(handler: Callable[[str], None]) -> Iterator[None]:
    """Call a function, instead of killing, at each failpoint that a thread of this process reaches in the block.

    Args:
        handler: Called with the name of the failpoint, in the thread that has reached it.
    """
    global _handler
    before, _handler = _handler, handler
    try:
        yield
    finally:
        _handler = before


def arm_from_environment(environ: Mapping[str, str]) -> None:
    """Arm the failpoint that the environment of a command names, if it names one.

    Raises:
        ConfigurationError: The number of times is not valid.
        UnknownName: There is no such failpoint.
    """
    if (text := environ.get(VARIABLE)) is None:
        return
    name, _, times = text.partition(":")
    if times and not times.isdecimal():
        raise ConfigurationError([Mistake(VARIABLE, f"{text!r} is not valid; write name or name:times")])
    arm(name, int(times or 1))
