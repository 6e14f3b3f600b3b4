"""The history of a board in partitions: ranges of ids of the table `event`.

Only a board on PostgreSQL can have partitions, if it was initialized with them. `postgresql.postgresql_partitions` has
the implementation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from blackboard.clock import Instant
from blackboard.store.row_types.column_types import Id
from blackboard.store.statement_file import Statement


class Partition(NamedTuple):
    """A partition: its table, its first id (None without a lower bound), and the id after its last one."""

    name: str
    first: Id | None
    end: Id


class Carry(NamedTuple):
    """The progress of copying the events that stay when some partitions are removed."""

    first: Id | None
    """The first id of the partitions; None if there is no lower bound."""
    end: Id
    """The first id after the partitions."""
    reached: Id
    """The id below which all events were considered."""
    began_at: Instant
    deployment: int
    """The version of the deployment that was active when the copy began."""
    crossing_id: Id
    """The newest crossing that was considered; 0 without one."""
    activation_id: Id
    """The newest activation that was considered; 0 without one."""


class Partitioning(NamedTuple):
    """The settings of the partitions, and the state of their removal."""

    events: int
    """The number of ids of a new partition."""
    carried_to: Id
    """Below this id, no partition is removed as a whole. Old events there are deleted one by one."""
    carry: Carry | None
    """The copy that is under way; None if there is none."""
    version: str
    """A text that changes with the row."""


class EventPartitions(ABC):
    """The partitions of a board, in one transaction.

    A partition is removed when all its events are old. The events that stay are first copied into a table beside it,
    in many transactions. Then the table replaces the partition.
    """

    @abstractmethod
    def may_change(self) -> bool:
        """Return whether this user may create and remove partitions: the owner of the table may."""

    @abstractmethod
    def all(self) -> list[Partition]:
        """Return all partitions in the order of their ids."""

    @abstractmethod
    def state(self) -> Partitioning:
        """Return the settings of the partitions, and the state of a copy that is under way."""

    @abstractmethod
    def wait_briefly(self) -> None:
        """Let the statements that follow in the transaction fail if they have to wait for other sessions for long."""

    @abstractmethod
    def deleted_to(self) -> Id:
        """Return the id below which old events are deleted one by one.

        Partitions whose events are being copied begin at this id or later.
        """

    @abstractmethod
    def add(self, room: int, *, at: Id | None = None, up_to: Id | None = None) -> int:
        """Create partitions for at least `room` ids above those in use, and return how many were created.

        The transaction must have the lock of writers.

        Args:
            room: The number of ids.
            at: An id up to which the first new partition reaches, even if it then has more than the usual ids.
            up_to: The last id in use; by default that of the last event.
        """

    @abstractmethod
    def begin_copy(self, carry: Carry) -> None:
        """Create the table for the events that stay."""

    @abstractmethod
    def save_copy(self, carry: Carry) -> None:
        """Write the state of the copy."""

    @abstractmethod
    def copy_events(self, statement: Statement[Any], **values: Any) -> int:
        """Copy the events that a statement selects, except those that were copied before, and return their number."""

    @abstractmethod
    def erase_copied(self, subject: str, new_name: str) -> None:
        """Erase a subject in the copied events, if there are any, as in the events themselves."""

    @abstractmethod
    def exchange(self, carry: Carry) -> None:
        """Let the table with the copied events take the place of its partitions, which are dropped.

        Raises:
            the driver's error: A reader held the table for too long.
        """

    @abstractmethod
    def abandon_copy(self) -> None:
        """Drop the copied events, because a change of the schema does not reach them. The copy then begins anew."""

    @abstractmethod
    def end_copy(self, carried_to: Id) -> None:
        """Record that nothing is being copied, and that below an id no partition is removed as a whole."""
