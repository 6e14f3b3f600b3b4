"""The locks that prove that workers are alive: advisory locks of the database server, one for each worker.

The database server frees a lock when the connection of its worker ends, so a lock that stays free shows that its worker
is dead.
"""

from __future__ import annotations

from typing import Any

from blackboard.clock import Clock, Instant, SystemClock
from blackboard.durations import SECOND, Duration
from blackboard.store.dialects.postgresql_dialect import HELD_LOCKS

GRACE: Duration = 3 * SECOND
"""How long a worker's lock is missing before the worker counts as dead. The worker may only be connecting again."""

_FREE_LOCKS = f"SELECT lock_key FROM worker WHERE lock_key IS NOT NULL AND lock_key NOT IN ({HELD_LOCKS})"
"""The query for the locks of registered workers that nobody holds."""


class WorkerLocks:
    """The locks of the workers on one board, as one connection after another sees them.

    Args:
        clock: Measures how long a lock has been free.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.wanted: set[int] = set()
        """The numbers of the locks that this process holds. After a lost connection, the next one takes them again."""
        self._clock = clock or SystemClock()
        self._taken: set[int] = set()
        """The numbers of the locks that the present connection has."""
        self._free_since: dict[int, Instant] = {}
        """Since when the lock of each registered worker is free, in monotonic time."""
        self._reported: set[int] = set()
        """The locks of workers whose death was noticed."""
        self._has_new_death = False

    def is_taken(self, key: int) -> bool:
        """Return whether the present connection has a lock."""
        return key in self._taken

    def is_dead(self, key: int) -> bool:
        """Return whether the lock of a registered worker has been free for long enough."""
        since = self._free_since.get(key)
        return since is not None and self._clock.monotonic() - since >= GRACE

    def take_news_of_death(self) -> bool:
        """Return whether another worker has died since the last call."""
        news, self._has_new_death = self._has_new_death, False
        return news

    def take(self, cursor: Any) -> None:
        """Take the locks that are missing. An earlier connection may hold one until PostgreSQL notices its end."""
        for key in self.wanted - self._taken:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", (key,))
            if cursor.fetchone()[0]:
                self._taken.add(key)
        for key in self._taken - self.wanted:
            cursor.execute("SELECT pg_advisory_unlock(%s)", (key,))
            self._taken.discard(key)

    def look_for_dead(self, cursor: Any) -> bool:
        """Note which locks of registered workers are free, and return whether another worker now counts as dead."""
        cursor.execute(_FREE_LOCKS)
        free, now = {row[0] for row in cursor.fetchall()} - self.wanted, self._clock.monotonic()
        self._free_since = {key: self._free_since.get(key, now) for key in free}
        dead = {key for key in free if self.is_dead(key)}
        is_new = not dead <= self._reported
        self._reported = dead
        self._has_new_death = self._has_new_death or is_new
        return is_new

    def lose_connection(self) -> None:
        """Note that the connection and its locks have ended, and forget which locks of other workers were free."""
        self._taken, self._free_since = set(), {}
