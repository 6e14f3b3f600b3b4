"""A daemon that takes one turn of its loop when a test says so."""

from __future__ import annotations

import random
from typing import Any

from blackboard import Agent, Blackboard, Daemon
from blackboard.settings import DaemonSettings


def served(board: Blackboard, *agents: Agent, **options: Any) -> Daemon:
    """A daemon that has begun to serve and looks when a test says so."""
    settings = DaemonSettings(**options)
    daemon = Daemon(board, agents, settings, chance=random.Random(1))
    daemon._enter()
    look(daemon)
    return daemon


def look(daemon: Daemon) -> None:
    """One turn of the daemon's loop, without its sleep, until the agents that it woke have ended."""
    daemon.turn(until_quiescent=False)
    while daemon._runs:
        assert daemon._wake.wait(10)
        daemon._wake.clear()
        daemon.turn(until_quiescent=False)
