"""What the parent tells the processes of a host while they run: the steps of its clock, and the end of the work."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from blackboard import SystemClock
from blackboard.clock import Instant

__all__ = ["SharedState"]


class SharedState:
    """Memory that the parent shares with the processes that it forks.

    Args:
        hosts: The number of hosts.
    """

    def __init__(self, hosts: int) -> None:
        self._memory = mmap.mmap(-1, 8 * (hosts + 1))

    def shift(self, host: int) -> int:
        """Return how far the clock of a host is ahead, in microseconds."""
        return int(struct.unpack_from("q", self._memory, 8 * host)[0])

    def set_shift(self, host: int, microseconds: int) -> None:
        """Set the clock of a host."""
        struct.pack_into("q", self._memory, 8 * host, microseconds)

    @property
    def deposits_end(self) -> bool:
        """Whether depositors are to end."""
        return self._memory[-1] == 1

    @property
    def deposits_pause(self) -> bool:
        """Whether depositors are to wait."""
        return self._memory[-3] == 1

    @contextmanager
    def pause_deposits(self) -> Iterator[None]:
        """Let depositors wait in this block."""
        self._memory[-3] = 1
        try:
            yield
        finally:
            self._memory[-3] = 0

    @property
    def claims_end(self) -> bool:
        """Whether claimers are to end."""
        return self._memory[-2] == 1

    def end_deposits(self) -> None:
        """Tell depositors to end."""
        self._memory[-1] = 1

    def end_claims(self) -> None:
        """Tell claimers to end."""
        self._memory[-2] = 1

    def move_clock(self, host: int) -> None:
        """Let this process have the clock of a host."""
        now = SystemClock.now

        def shifted_now(clock: SystemClock) -> Instant:
            return now(clock) + self.shift(host)

        setattr(SystemClock, "now", shifted_now)  # noqa: B010 (mypy takes an assignment for a mistake)
