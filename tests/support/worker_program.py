"""A daemon in its own process for tests: `python -m tests.support.worker_program URL [waits] [patient]`.

It prints its events, one per line. With `waits`, its agent waits for an input line before it ends. With `patient`,
leases and ticks are longer than any test waits, so that what it notices, it was told. With `an-hour-ahead`, the
clock of its machine is off.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from typing import Any

import structlog

from blackboard import Blackboard, Exponential, Mark, Overdue, SystemClock, agent, strength, watch
from blackboard.cli.terminal.process_signals import handle_signals
from blackboard.daemon import DaemonLoop
from blackboard.settings.sections import DaemonSection

PATIENT = {"lease": "1h", "tick": "1h"}
HASTY = {"lease": "1s", "tick": "1s"}


class Task(Mark, kind="job", on_repeat="separate"):
    """A job."""

    n: int


class Done(Mark, kind="done", on_repeat="separate"):
    """The result of a job, with the worker."""

    n: int
    by: str


class Ember(Mark, kind="ember", on_repeat="separate", decay=Exponential("200ms"), floor=0.0001):
    """A mark that fades."""


class Cold(Mark, kind="cold", on_repeat="separate"):
    """The result of a cold ember."""


class Lamp(Mark, kind="lamp"):
    """A mark that must last."""


class Lit(Mark, kind="lit", on_repeat="separate"):
    """The result of a lamp that lasted."""


class Told(Mark, kind="told", on_repeat="separate"):
    """The result of a need that is overdue."""

    need: int


def say(event: str, details: Any = None) -> None:
    sys.stdout.write(json.dumps([event, details]) + "\n")
    sys.stdout.flush()


waits = "waits" in sys.argv


@agent(watches=strength(Task) >= 0.5, writes=[Done], retry_after="1s")
def laborer(marks: Sequence[Task], context: Any) -> list[Done]:
    """Do each job; wait for an input line if requested."""
    if waits:
        say("at work", context.activation_id)
        sys.stdin.readline()
    return [
        Done(subject=mark.subject, n=mark.n, by="one that waited" if waits else "one that did not") for mark in marks
    ]


@agent(watches=strength(Ember) < 0.5, writes=[Cold])
def warden(marks: Sequence[Ember], context: Any) -> list[Cold]:
    """Record each cold ember."""
    return [Cold(subject=mark.subject) for mark in marks]


@agent(watches=watch(strength(Lamp) >= 0.5, held_for="1s"), writes=[Lit], per="subject")
def keeper(marks: Sequence[Lamp], context: Any) -> list[Lit]:
    """Record each lamp that has been lit for a second."""
    return [Lit(subject=mark.subject) for mark in marks]


@agent(watches=strength(Overdue) >= 0.5, writes=[Told], batch=1)
def reminder(marks: Sequence[Overdue], context: Any) -> list[Told]:
    """Record each need that is overdue."""
    return [Told(subject=mark.subject, need=mark.need) for mark in marks]


def set_clock_ahead() -> None:
    """Make the clock of this machine an hour ahead."""
    hour, now = 3_600_000_000, SystemClock.now
    setattr(SystemClock, "now", lambda clock: now(clock) + hour)  # noqa: B010


def main() -> None:
    if "an-hour-ahead" in sys.argv:
        set_clock_ahead()

    def print_event(logger: Any, name: str, event: Any) -> Any:
        say("log", {key: str(value) for key, value in event.items()})
        raise structlog.DropEvent

    structlog.configure([print_event], wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    with Blackboard.open(sys.argv[1], author="worker") as board:
        daemon = DaemonLoop(
            board,
            [laborer, warden, keeper, reminder],
            DaemonSection.model_validate(PATIENT if "patient" in sys.argv else HASTY),
        )
        daemon.on_event.append(say)
        with handle_signals(daemon):
            daemon.run()
    say("ended")


if __name__ == "__main__":
    main()
