"""A daemon that runs its loop once when a test asks for it, and one whose process seems to have died."""

from __future__ import annotations

import random
from typing import Any

from blackboard import Agent, Blackboard
from blackboard.daemon import DaemonEventDetails, DaemonLoop
from blackboard.settings.sections import DaemonSection
from tests.support.board_waits import wait_until
from tests.support.bounds import BOUND_SECONDS


def served(board: Blackboard, *agents: Agent, **options: Any) -> DaemonLoop:
    """Start a daemon that runs its loop on demand."""
    settings = DaemonSection(**options)
    daemon = DaemonLoop(board, agents, settings, rng=random.Random(1))
    daemon.start()
    wait_until(board, lambda: daemon.worker.liveness.is_proven)  # on PostgreSQL, it claims only after that
    run_until_idle(daemon)
    return daemon


def lose(daemon: DaemonLoop) -> None:
    """Make a daemon dead for its board, as the end of its process does. Its worker stays registered.

    A database server ends the session of a process, and with it the lock of the worker, a moment after the process.
    """
    board = daemon.board
    daemon.worker.liveness.release()
    wait_until(board, lambda: daemon.worker.id in board.session.dead_workers())


def run_until_idle(daemon: DaemonLoop) -> None:
    """Run the loop of the daemon without its sleep until no work runs and no agent wakes."""
    woken = False

    def listen(event: str, details: DaemonEventDetails) -> None:
        nonlocal woken
        woken = woken or event == "claimed"

    daemon.on_event.append(listen)
    try:
        while True:
            # Read before the iteration: a run that ends during it frees a thread for work that could not start before.
            at_work, woken = bool(daemon.runs), False
            daemon.run_once(until_quiescent=False)
            if not (at_work or woken):
                return
            if daemon.runs:
                assert daemon.wake.wait(BOUND_SECONDS)
            daemon.wake.clear()
    finally:
        daemon.on_event.remove(listen)
