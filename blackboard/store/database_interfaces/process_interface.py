"""The processes on a board: which workers are alive, and how a process is notified of the commits of other processes.

A board in a file and a board on PostgreSQL differ in this. `sqlite.local_processes` and
`postgresql.connected_processes` have the two implementations.
"""

from __future__ import annotations

import os
import secrets
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar, Protocol

from blackboard.clock import Instant
from blackboard.durations import MINUTE, Duration
from blackboard.store.row_types.board_row_types import WorkerRow
from blackboard.store.transaction import Transaction

MAX_SILENCE: Duration = 2 * MINUTE
"""How long a worker whose lock cannot be read counts as living after it was seen: two leases of the default length."""


class Liveness(Protocol):
    """The liveness of one worker, from `enter` to `release`."""

    id: str
    """The id of the worker. A forked child has another id."""
    lock_key: int | None
    """The number of its lock on PostgreSQL; None without one."""

    @property
    def is_proven(self) -> bool:
        """Whether other workers can see that this worker is alive. If not, it must claim nothing."""

    def enter(self) -> None:
        """Show from now on that the worker is alive, and listen for commits."""

    def dead_among(self, workers: Iterable[WorkerRow], now: Instant) -> list[str]:
        """Return which of these workers are dead."""

    def check_peers(self) -> bool:
        """Return whether another worker has died since the last call."""

    def release(self) -> None:
        """Stop showing that the worker is alive, and stop listening."""


class ProcessLock(Protocol):
    """A lock that one process of a board holds at a time."""

    def hold(self) -> AbstractContextManager[None]:
        """Hold the lock.

        Raises:
            StoreBusy: Other processes held it for too long.
            StoreError: The lock cannot be taken.
        """

    def close(self) -> None:
        """Free what the lock needs while it is not held."""


class BoardProcesses(ABC):
    """The processes on one board."""

    expiry_is_death: ClassVar[bool]
    """Whether an expired lease proves the death of a worker. Where a lock shows each death immediately, only the lock
    counts."""

    @abstractmethod
    def liveness(self, wake: Callable[[], None]) -> Liveness:
        """Return the liveness of a new worker. `wake` is called from other threads when there may be work."""

    @abstractmethod
    def dead_among(self, workers: Sequence[WorkerRow], now: Instant, transaction: Transaction) -> set[str]:
        """Return which of the registered workers are dead.

        Args:
            workers: The workers.
            now: The board's time.
            transaction: The transaction in which they were read.
        """

    @abstractmethod
    def is_served(self) -> bool:
        """Return whether a lock shows that any worker is alive, registered or not.

        Raises:
            StoreError: The locks cannot be read.
        """

    @abstractmethod
    def notify(self) -> None:
        """Notify the other processes of a commit. Never fails: they also look at the board at each tick."""

    @abstractmethod
    def hear_commits(self, wake: Callable[[], None]) -> AbstractContextManager[bool]:
        """Call `wake` in the context after each commit of another process that may wake an agent.

        Yields whether the process is notified. If it is not, the caller reads the board from time to time.

        Raises:
            StoreError: The process cannot listen.
        """

    @abstractmethod
    def hear_writes(self, wake: Callable[[], None]) -> AbstractContextManager[bool]:
        """Call `wake` in the context after every commit of any process, within about a second.

        Yields whether the process is notified.
        """

    @abstractmethod
    def lock(self, name: str, seconds: float) -> ProcessLock:
        """Return a lock between the processes of the board.

        Args:
            name: The name of the lock: lower-case letters.
            seconds: The longest wait in seconds.
        """

    def close(self) -> None:  # noqa: B027
        """Close what notifications need."""


def new_worker_id() -> str:
    """Return an id that no other worker has."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def was_seen_lately(seen_at: Instant, now: Instant) -> bool:
    """Return whether a worker that was seen at an instant still counts as living."""
    return seen_at > now - MAX_SILENCE
