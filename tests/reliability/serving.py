"""A daemon that takes one turn of its loop when a test says so."""

from __future__ import annotations

import random
from typing import Any

from blackboard import Agent, Blackboard, Daemon
from blackboard.settings.sections import DaemonSettings


def served(board: Blackboard, *agents: Agent, **options: Any) -> Daemon:
    """A daemon that has begun to serve and looks when a test says so."""
    settings = DaemonSettings(**options)
    daemon = Daemon(board, agents, settings, rng=random.Random(1))
    daemon.start()
    look(daemon)
    return daemon


def look(daemon: Daemon) -> None:
    """Turns of the daemon's loop, without its sleep, until one finds nothing at work and wakes nobody."""
    woken = False

    def listen(event: str, details: dict[str, Any]) -> None:
        nonlocal woken
        woken = woken or event == "claimed"

    daemon.on_event.append(listen)
    try:
        while True:
            # Looked at before the turn: what ends while it lasts leaves room for what the turn could not start.
            at_work, woken = bool(daemon.runs), False
            daemon.run_once(until_quiescent=False)
            if not (at_work or woken):
                return
            if daemon.runs:
                assert daemon.wake.wait(10)
            daemon.wake.clear()
    finally:
        daemon.on_event.remove(listen)
