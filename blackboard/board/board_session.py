"""The transactions of one board, each at one instant under the active deployment, and listeners to their commits."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TypeVar

from blackboard.board.board_clock import board_time
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.transactions.active_deployment import (
    ActiveDeployment,
    read_active,
    read_backfills,
    read_law_changes,
)
from blackboard.board.transactions.board_transaction import BoardPause, BoardTransaction
from blackboard.board.transactions.stored_laws import StoredLaws
from blackboard.clock import Clock, Instant, ObservingClock, seconds_in
from blackboard.durations import MILLISECOND, SECOND, Duration
from blackboard.errors import ForeignFilesWarning, StoreError
from blackboard.store.database import Database
from blackboard.store.row_types.board_row_types import TransactionStart
from blackboard.store.schema import schema_upgrades
from blackboard.store.schema.schema_revisions import check_revision
from blackboard.store.schema.schema_upgrades import SchemaChange
from blackboard.store.statements import ACTIVATIONS, MARKS
from blackboard.store.transaction import Transaction, WorkEffects
from blackboard.store.unit_of_work_hints import UnitOfWorkHints
from blackboard.system.callback_lists import Listeners
from blackboard.system.failpoints import failpoint

T = TypeVar("T")

TICK: Duration = 10 * SECOND
"""The longest time between two reads of the board by a listener."""
UNNOTIFIED_TICK: Duration = SECOND
"""The same time if no process is notified of commits, as behind a pooler without a direct address."""
UNHEARD_TICK: Duration = 100 * MILLISECOND
"""The same time for a listener to every commit, if the system does not report the writes of other processes."""


class BoardSession:
    """A session of units of work in the transactions of one board.

    Closing it closes the database, whose schema is up to date.

    Args:
        database: The open database of the board.
        clock: The clock from which units of work take their instants.
        classes: The mark classes that the process uses with the board.
        leap: The largest jump ahead of the last record that is accepted, in microseconds; None accepts any.
    """

    def __init__(self, database: Database, clock: Clock, classes: MarkClasses, leap: Duration | None) -> None:
        self.database, self.clock, self.classes, self.leap = database, clock, classes, leap
        self._listeners = Listeners()
        """Called after each commit that may wake an agent."""
        self._commit_listeners = Listeners()
        """Called after every commit."""
        self._observing_clock = clock if isinstance(clock, ObservingClock) else None
        self._laws = StoredLaws()
        self._active: ActiveDeployment | None = None
        self.schema_change: SchemaChange | None = None
        """The change of the schema when the board was opened; None if there was none."""
        self._unsubscribe = database.on_rollback.subscribe(self._drop_active)

    @classmethod
    def open(
        cls,
        database: Database,
        clock: Clock,
        classes: MarkClasses,
        leap: Duration | None,
        *,
        create: bool | None,
        upgrade: bool | None,
        writes: bool,
    ) -> BoardSession:
        """Open a board, and create or upgrade it if the arguments say so; see `Blackboard.open`."""
        try:
            if (owners := database.place.owned_by_others()) is not None:
                text = f"{owners}. The owner of such a file can change the board, or lock others out"
                warnings.warn(text, ForeignFilesWarning, stacklevel=3)
            may_create = database.place.is_created_on_demand if create is None else create
            clock = database.board_clock(clock)
            change = schema_upgrades.create_or_upgrade(database, clock.now, create=may_create, upgrade=upgrade)
            database.place.apply_mode()
            session = cls(database, clock, classes, leap)
            session.schema_change = change
            database.check_access(session.now, session._ask_about_clock, writes=writes)
        except BaseException:
            database.close()
            raise
        return session

    def _ask_about_clock(self) -> None:
        """Ask a person about the clock if the board does not believe it."""
        self.write(lambda txn: None)

    def now(self) -> Instant:
        """Return the board's time: the latest of the clock, the last recorded and the last used instant."""
        return self.read(lambda txn: txn.now)

    def limit_leap(self, leap: Duration) -> None:
        """Set how far the clock may be ahead of the board's last record. A clock that is further ahead is in doubt."""
        self.leap = leap

    @property
    def is_clock_behind(self) -> bool:
        """Whether the clock shows an earlier instant than this process has used."""
        return self.clock.now() < self.clock.used.latest(self.database.location)

    def subscribe(self, callback: Callable[[], None], *, every_commit: bool = False) -> Callable[[], None]:
        """Call `callback` after each commit of this session that may wake an agent, or after every commit.

        Returns:
            A function that unsubscribes.
        """
        return (self._commit_listeners if every_commit else self._listeners).subscribe(callback)

    @contextmanager
    def listen_to_commits(self, callback: Callable[[], None], *, every_commit: bool = False) -> Iterator[float]:
        """Call a function in the context after each commit, here or in another process, that may wake an agent.

        With `every_commit`, also call it after all other commits. Yields the number of seconds after which the caller
        should read the board in any case.
        """
        processes = self.database.processes
        with ExitStack() as stack:
            stack.callback(self.subscribe(callback, every_commit=every_commit))
            is_heard = stack.enter_context(processes.hear_commits(callback))
            tick = TICK if is_heard else UNNOTIFIED_TICK
            if every_commit and not stack.enter_context(processes.hear_writes(callback)):
                tick = UNHEARD_TICK
            yield seconds_in(tick)

    def notify(self) -> None:
        """Call the subscribers, and notify the daemons in other processes."""
        self._listeners()
        failpoint("notify.before")
        self.database.processes.notify()

    def write(
        self,
        work: Callable[[BoardTransaction], T],
        *,
        record_instant: bool = False,
        shared: bool = False,
        hints: UnitOfWorkHints[T] | None = None,
    ) -> T:
        """Run a unit of work in a writing transaction at the board's time, and commit it durably.

        Args:
            work: The unit of work. It may run twice, so it must have no effect outside the transaction.
            record_instant: Whether to record the instant even if no event is written.
            shared: Whether the work may share one board transaction with the work of other threads, so that the
                statements at its start and end run once for all. Not for work that changes the deployment.
            hints: What the work says about itself; see `UnitOfWorkHints`.

        Returns:
            The result of `work`.

        Raises:
            StoreError: The database cannot be used.
        """
        effects: list[WorkEffects] = []  # of each run of the work; those of the last run count

        def run(transaction: Transaction) -> T:
            txn = transaction.shared if shared else None
            if not isinstance(txn, BoardTransaction):
                if transaction.shared is not None:
                    transaction.shared.save()  # what other work of this database transaction collected for its end
                txn = self._transaction(transaction)
                transaction.shared = txn if shared else None
            effects.append(transaction.begin_work())
            if txn.doubted_clock is not None:
                # The module needs the modules of deposits, which a reader does not need.
                from blackboard.board.board_clock import clock_confirmation

                clock_confirmation.ask_about_clock(txn, self.classes)
            result = work(txn)
            if record_instant and txn.recorded < txn.now:
                txn.record_time(txn.now)
            if not shared:
                txn.save()
            return result

        result = self.database.write(run, hints)
        self._commit_listeners()
        if effects[-1].notifies:
            self.notify()
        return result

    @property
    def last_active(self) -> ActiveDeployment | None:
        """The deployment that was active in the last transaction of this session, if it is known."""
        return self._active

    def read(self, work: Callable[[BoardTransaction], T]) -> T:
        """Run `work` on one snapshot of the board, at the board's time.

        Raises:
            StoreError: The database cannot be used.
        """
        try:
            with self.database.read() as transaction:
                return work(self._transaction(transaction))
        except StoreError:
            self._drop_active()  # the path may name another file now
            raise

    def dead_workers(self) -> frozenset[str]:
        """Return which registered workers are dead: by their locks, or because they were not seen lately."""

        def dead(txn: BoardTransaction) -> frozenset[str]:
            return frozenset(self.database.processes.dead_among(txn.sql.all(ACTIVATIONS.workers), txn.now, txn.sql))

        return self.read(dead)

    def run_and_roll_back(self, work: Callable[[BoardTransaction], T]) -> T:
        """Run `work` in a writing transaction that is always rolled back, and return its result.

        The work leaves no event, id, cache entry or notification. Other writers wait until the work ends.
        """
        with self.database.rehearsal() as transaction:
            txn = self._transaction(transaction)
            txn.laws = StoredLaws()  # a law that the work registers is not on the board afterwards
            return work(txn)

    def close(self) -> None:
        """Close the connections."""
        self._unsubscribe()
        self.database.close()

    def _drop_active(self) -> None:
        # A rollback may have taken this deployment back, and another deployment may get the same version.
        self._active = None

    def _transaction(self, transaction: Transaction) -> BoardTransaction:
        """Return the transaction of the board at its one instant, with the deployment that is active in it."""
        start, clock = self._read_start(transaction)
        check_revision(start.schema, self.database.location)
        recorded = max(start.last_recorded_at, start.last_event_at or 0)
        now, doubted = board_time.time_of(clock, recorded, self.leap)
        if doubted:
            transaction.require_lock("the clock is in doubt")
        txn = BoardTransaction(
            transaction,
            self._active_deployment(transaction, start.deployment_version),
            laws=self._laws,
            now=self.clock.used.use(self.database.location, now),
            last_event_id=start.last_event_id or 0,
            recorded=start.last_recorded_at,
            next_evaporation=start.next_evaporation,
            pause=BoardPause(start.paused_because) if start.paused else None,
        )
        if doubted:
            txn.doubted_clock = clock
        return txn

    def _read_start(self, transaction: Transaction) -> tuple[TransactionStart, Instant]:
        """Return what every transaction reads at its start, and the instant that the clock shows."""
        if self._observing_clock is None:
            return transaction.existing(MARKS.transaction_start), self.clock.now()
        sent_at = self._observing_clock.monotonic()
        start = transaction.existing(MARKS.transaction_start)
        if (clock := start.database_time) is None:
            return start, self._observing_clock.now()
        self._observing_clock.observe(clock, sent_at)
        return start, clock

    def _active_deployment(self, transaction: Transaction, version: int) -> ActiveDeployment:
        """Return the active deployment. Read it again if the board has another version, or if a backfill changes it."""
        active = self._active
        if active is None or active.deployment.version != version:
            active = read_active(transaction)
            if active.searched:
                transaction.dialect.require_full_text()
            self._active = active
        elif active.backfills:
            active = self._active = replace(
                active, law_changes=read_law_changes(transaction), backfills=read_backfills(transaction)
            )
        return active
