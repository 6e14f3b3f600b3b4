"""Hints of a unit of work about itself: the reads that it will make, and whether its result can be renumbered.

These hints save time on PostgreSQL, where each message costs a round trip. A file ignores them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from blackboard.store.transaction import Transaction

T = TypeVar("T")


class UnitOfWorkHints(NamedTuple, Generic[T]):
    """The hints of a unit of work, which save time if the database can use them."""

    prefetch: Callable[[Transaction], None]
    """Sends the reads of the work ahead; see `Transaction.prefetch`. It is called for all work that commits
    together, so that one message has the reads of all."""
    renumber: Callable[[T, Callable[[int], int]], T] | None = None
    """Takes the result of the work and a function from old to new event ids, and returns the result with the new ids.
    The presence of this function is a permission: the work may run without the lock of writers, and runs again if
    another transaction changes what it has read. None for other work."""
