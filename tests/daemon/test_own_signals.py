"""A program stops its daemon on SIGTERM in the way that docs/agents.md shows."""

from __future__ import annotations

import signal
import threading
from typing import Any

from blackboard import Blackboard, Daemon, Mark, agent, strength
from tests.support.bounds import BOUND_SECONDS


class Task(Mark, kind="task"):
    """A mark without payload."""


def test_sigterm_lets_a_running_activation_finish(board_url: str) -> None:
    stopping = threading.Event()

    @agent(watches=strength(Task) >= 0.5)
    def work(tasks: list[Task], context: Any) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        assert stopping.wait(BOUND_SECONDS)

    with Blackboard.open(board_url) as board:
        daemon = Daemon(board, [work])

        def stop() -> None:
            daemon.stop()
            stopping.set()

        before = signal.signal(signal.SIGTERM, lambda number, frame: threading.Thread(target=stop).start())
        try:
            board.deploy(work)
            board.deposit(Task(subject="s"))
            daemon.run()
        finally:
            signal.signal(signal.SIGTERM, before)
        assert [activation.state for activation in board.activations()] == ["done"]
