"""One transaction of a board: its instant, the active deployment, and the laws that it has read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple, TypeVar, cast

from blackboard.board.transactions.active_deployment import ActiveDeployment, read_active
from blackboard.board.transactions.row_cache import RowCache
from blackboard.board.transactions.stored_laws import StoredLaws
from blackboard.clock import Instant
from blackboard.core.marks.kinds import Kind
from blackboard.core.specs.deployment import Deployment
from blackboard.store.row_types.mark_row_types import MarkRow, MarkWithEvent
from blackboard.store.statements import ACTIVATIONS, MARKS
from blackboard.store.transaction import Transaction


class CollectedChanges(ABC):
    """Changes that a transaction collects and writes at its end; each subclass for one purpose, such as sums."""

    comes_first: ClassVar[bool] = False
    """Whether this subclass is written first, because its writing collects changes for the other subclasses."""

    @abstractmethod
    def write(self, txn: BoardTransaction) -> None:
        """Write what was collected since the last call."""


class BoardPause(NamedTuple):
    """A pause of the whole board, until a person resumes it."""

    reason: str | None
    """The reason that the person gave, if any."""


Changes = TypeVar("Changes", bound=CollectedChanges)
Cache = TypeVar("Cache")


class BoardTransaction:
    """An open transaction with its instant and the deployment that is active at that instant."""

    __slots__ = (
        "_caches",
        "_collected",
        "_last_event_id",
        "active",
        "doubted_clock",
        "laws",
        "next_evaporation",
        "now",
        "pause",
        "recorded",
        "row_cache",
        "sql",
    )

    def __init__(
        self,
        transaction: Transaction,
        active: ActiveDeployment,
        *,
        laws: StoredLaws,
        now: Instant,
        last_event_id: int,
        recorded: Instant,
        next_evaporation: Instant | None,
        pause: BoardPause | None = None,
    ) -> None:
        self.sql = transaction
        """The transaction of the store: what runs the statements."""
        self.active = active
        """The active deployment."""
        self.laws = laws
        """The laws that marks refer to."""
        self.now = now
        """The board's time: the latest of the clock, the last recorded instant, and the last instant used by this
        process."""
        self.recorded = recorded
        """The last instant that the board recorded."""
        self.next_evaporation = next_evaporation
        """The earliest `evaporates_at` in the table; it may be past. None if no stored mark evaporates."""
        self.pause = pause
        """The pause of the whole board; None if it is not paused."""
        self._last_event_id = last_event_id
        self.doubted_clock: Instant | None = None
        """The instant that the clock shows if it is too far ahead to be believed; otherwise None."""
        self._collected: dict[type[CollectedChanges], CollectedChanges] = {}
        self._caches: dict[type[object], object] = {}
        self.row_cache = RowCache() if transaction.reads_together else None
        """The rows that were read together; None if that saves nothing (see `Transaction.reads_together`)."""

    @property
    def deployment(self) -> Deployment:
        """The active deployment."""
        return self.active.deployment

    @property
    def board_id(self) -> str:
        """The id of the board, which no other board has."""
        return self.sql.existing(ACTIVATIONS.board).uid

    @property
    def last_event_id(self) -> int:
        """The id of the last event; 0 on an empty board."""
        return self._last_event_id

    @property
    def has_evaporated_marks(self) -> bool:
        """Whether the table holds marks that have evaporated."""
        return self.next_evaporation is not None and self.next_evaporation <= self.now

    def last_event_before(self, at: Instant) -> int:
        """Return the id of the last event before an instant; 0 if there is none.

        Ids and instants have the same order. Only the event of a changed law may be earlier than the event before it.
        """
        low, high = 0, self.last_event_id
        while low < high:
            middle = (low + high + 1) // 2
            event = self.sql.one(MARKS.next_event, id=middle)
            if event is not None and event.recorded_at < at:
                low = max(middle, event.id)
            else:
                high = middle - 1
        return low

    def allocate_event_id(self) -> int:
        """Allocate the id of a new event."""
        self._last_event_id += 1
        return self._last_event_id

    def kind(self, name: str) -> Kind:
        """Return a registered kind.

        Raises:
            UnknownName: The kind is not registered.
        """
        return self.active.kinds.get(name) or self.deployment.kind(name)

    def marks_of_subject(self, kind: str, subject: str) -> Sequence[MarkRow]:
        """Return the stored marks of a kind and subject, evaporated or not, newest first."""
        if self.row_cache is not None and (known := self.row_cache.marks_of(kind, subject)) is not None:
            return known
        return self.sql.all(MARKS.marks_of_subject, kind=kind, subject=subject)

    def mark_with_event(self, mark_id: int) -> MarkWithEvent | None:
        """Return a mark with the event that produced its state; None if there is no such mark."""
        known = None if self.row_cache is None else self.row_cache.mark_with_event(mark_id)
        return known or self.sql.one(MARKS.mark_with_event, id=mark_id)

    def exact_until(self, kind: str) -> Instant:
        """Return the instant up to which `evaporates_at` is exact for a kind; 0 during its backfill."""
        return 0 if kind in self.active.kinds_in_backfill else self.now

    def advance_to(self, at: Instant) -> None:
        """Move the time of this transaction to a later instant. An earlier instant changes nothing."""
        self.now = max(self.now, at)

    def trust_clock(self) -> None:
        """Believe the clock: move the time of this transaction to the instant that it shows."""
        if self.doubted_clock is not None:
            self.now, self.doubted_clock = self.doubted_clock, None

    def reread_deployment(self) -> None:
        """Read the active deployment again, after this transaction has changed it."""
        self.active = read_active(self.sql)

    def begin_again(self) -> None:
        """Write the collected changes as a commit does, and read again what a new transaction reads at its start."""
        self.save()
        self._collected.clear()
        self.reread_deployment()
        self.next_evaporation = self.sql.value(MARKS.next_evaporation)

    def note_evaporation(self, evaporates_at: Instant) -> None:
        """Note when a new mark evaporates, because it may be the first mark to evaporate."""
        if self.next_evaporation is None or evaporates_at < self.next_evaporation:
            self.next_evaporation = evaporates_at

    def note_pause(self, pause: BoardPause | None) -> None:
        """Note that this transaction has paused the board, or has resumed it (None)."""
        self.pause = pause

    def drop_row_cache(self) -> None:
        """Drop the rows that were read together.

        Call this before a statement that changes such rows without telling the cache.
        """
        if self.row_cache is not None:
            self.row_cache = RowCache()

    def record_time(self, at: Instant) -> None:
        """Record an instant without an event of a mark."""
        self.sql.run(MARKS.record_time, at=at)
        self.recorded = at

    def cache_of(self, cache: type[Cache]) -> Cache:
        """Return the transaction's one cache of a class; the first call makes it, empty.

        For example, `agent_states` keeps the states of agents that it has read, in a class that only this module uses.
        """
        found = self._caches.get(cache)
        if found is None:
            found = self._caches[cache] = cache()
        return cast(Cache, found)

    def changes_of(self, changes: type[Changes]) -> Changes:
        """Return the changes of a class that this transaction has collected, to which more can be added.

        For example, `txn.changes_of(CollectedSums)` has the sums of watches that the deposits so far have changed. The
        sums are written once, at the end of the transaction.
        """
        found = self._collected.get(changes)
        if found is None:
            found = self._collected[changes] = changes()
        return cast(Changes, found)

    def save(self) -> None:
        """Write the collected changes."""
        if not self._collected:
            return  # as in most deposits
        for changes in [each for each in self._collected.values() if each.comes_first]:
            changes.write(self)
        for changes in self._collected.values():  # now with what was collected meanwhile
            if not changes.comes_first:
                changes.write(self)
