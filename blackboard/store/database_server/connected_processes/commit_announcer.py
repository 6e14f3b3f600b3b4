"""The announcer of commits: it notifies the other processes on a server of the commits of this process."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from blackboard.store.connections.reader_pool import ReaderPool
from blackboard.store.database_server.connected_processes.listening_connection import notify_statements


class CommitAnnouncer:
    """Announces commits after they were made, one notification at a time for all threads.

    Args:
        pool: Idle connections. One of them sends.
        connect: Opens another connection.
        sender: The name of this process, which ignores its own notifications.
    """

    def __init__(self, pool: ReaderPool, connect: Callable[[], Any], sender: str) -> None:
        self._pool, self._connect, self._sender = pool, connect, sender
        self._sending = threading.Lock()
        self._has_commit = False
        """Whether a commit was made that has not been announced."""

    def announce(self) -> None:
        """Notify the other processes. Never fails: they also look at the board at each tick.

        While one thread sends, the commits of the others are collected, and it announces them together.
        """
        self._has_commit = True
        while self._has_commit and self._sending.acquire(blocking=False):
            try:
                self._has_commit = False
                if not self._send():
                    self._pool.close()  # a server that ended one idle connection has probably ended all
                    self._send()
            finally:
                self._sending.release()

    def _send(self) -> bool:
        """Send a notification, and return whether that succeeded."""
        with contextlib.suppress(Exception), self._pool.lend(self._connect) as connection:
            connection.cursor().execute(notify_statements(self._sender), prepare=False)
            return True
        return False
