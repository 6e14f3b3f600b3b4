"""The recovery of remote agents' activations whose leases have expired, while no daemon runs."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from blackboard import Blackboard
from blackboard.system.log_queue import Log

log = Log("blackboard.server")

RECOVERY_SECONDS = 5.0
"""How often the board is searched for expired leases."""


class LeaseRecovery:
    """A thread that recovers activations. As a context manager, it runs until the context ends.

    Without this thread, a dead worker would be noticed only at the next claim, and nobody would be told of a dead
    activation.

    Args:
        board: The board that the server serves.
    """

    def __init__(self, board: Blackboard) -> None:
        self._board, self._stopping = board, threading.Event()
        self._thread = threading.Thread(target=self._run, name="blackboard-leases", daemon=True)
        self._has_failed = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(RECOVERY_SECONDS):
            self._recover()

    def _recover(self) -> None:
        """Recover activations once. If the board cannot be used, report the first of these failures only."""
        try:
            count = self._board.recover_leases()
        except Exception as error:  # nobody would notice that the thread has ended
            if not self._has_failed:
                log.warning("expired leases could not be recovered; trying again", error=error)
            self._has_failed = True
            return
        self._has_failed = False
        if count:
            log.info("leases of remote workers have expired", activations=count)
