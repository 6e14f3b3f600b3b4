"""One host of the cluster: a daemon in its own process, `python -m tests.cluster.host URL NAME`.

It prints its events, one per line, as `tests.support.worker_program` does.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Sequence
from typing import Any

import structlog

from blackboard import Blackboard, Mark, agent, strength
from blackboard.cli.terminal.process_signals import handle_signals
from blackboard.daemon import DaemonLoop
from blackboard.settings.sections import DaemonSection
from tests.support.worker_program import say

__all__ = ["Lead", "Reply"]

SECONDS_PER_LEAD = 0.05
"""How long the agent needs for a lead, so that a host can be lost at work."""


class Lead(Mark, kind="lead", on_repeat="separate"):
    """A lead, with the host on which it was deposited."""

    host: str


class Reply(Mark, kind="reply", on_repeat="separate"):
    """The reply to a lead, with the host that gave it."""

    lead: int
    host: str


@agent(watches=strength(Lead) >= 0.5, writes=[Reply], batch=4, retry_after="1s")
def sales(leads: Sequence[Lead], context: Any) -> list[Reply]:
    """Reply to each lead."""
    threading.Event().wait(SECONDS_PER_LEAD * len(leads))
    return [Reply(subject=lead.subject, lead=lead.id, host=sys.argv[2]) for lead in leads]


def main() -> None:
    def print_event(logger: Any, name: str, event: Any) -> Any:
        say("log", {key: str(value) for key, value in event.items()})
        raise structlog.DropEvent

    structlog.configure([print_event], wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    with Blackboard.open(sys.argv[1], author=sys.argv[2]) as board:
        daemon = DaemonLoop(board, [sales], DaemonSection.model_validate({"lease": "5s", "tick": "1s"}))
        daemon.on_event.append(say)
        with handle_signals(daemon):
            daemon.run()
    say("ended")


if __name__ == "__main__":
    main()
