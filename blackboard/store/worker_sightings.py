"""Whether a worker without a lock was seen so lately that it counts as living."""

from __future__ import annotations

from blackboard.clock import Instant
from blackboard.durations import MINUTE

SEEN_FOR = 2 * MINUTE
"""How long such a worker counts as living after it was seen: two leases of the default length."""


def was_seen_lately(seen_at: Instant, now: Instant) -> bool:
    """Return whether a worker that was seen at an instant still counts as living."""
    return seen_at > now - SEEN_FOR
