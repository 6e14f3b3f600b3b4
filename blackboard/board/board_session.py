"""The transactions of a board: each at one instant, under what is in force then. What is done in them is elsewhere."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from blackboard.board import (
    board_clock,
    board_totals,
    redeployment,
)
from blackboard.board.board_transaction import ActiveDeployment, BoardTransaction, Laws, read_active, read_law_changes
from blackboard.board.mark_classes import MarkClasses
from blackboard.board.notify import Notifier
from blackboard.clock import Clock, Instant, SystemClock, from_datetime, parse_instant
from blackboard.deployment import Deployment
from blackboard.errors import InvalidMark, StoreError
from blackboard.marks import Mark
from blackboard.store import schema
from blackboard.store.database import Database
from blackboard.store.statements import MARKS
from blackboard.store.transaction import Transaction

__all__ = ["BoardSession", "When"]

T = TypeVar("T")
When = str | Instant | Any


class BoardSession:
    """Opens a board, and runs work in its transactions."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        author: str,
        models: MarkClasses,
        on_notify: Callable[[], None] | None = None,
    ) -> None:
        self.database, self.clock, self.author, self.models = database, clock, author, models
        self.on_notify = on_notify or (lambda: None)
        self.leap: int | None = board_clock.LEAP
        self._notifier = Notifier(database.path)
        self._laws = Laws()
        self._active: ActiveDeployment | None = None
        database.on_rollback.subscribe(self._forget)

    @classmethod
    def open(
        cls,
        url: str | Path = "sqlite:///board.db",
        *,
        author: str | None = None,
        clock: Clock | None = None,
        kinds: Iterable[type[Mark]] = (),
        create: bool | None = None,
        leap: int | None = board_clock.LEAP,
    ) -> Self:
        """Open a board; an embedded database is created or upgraded as needed.

        Args:
            url: an SQLAlchemy URL, such as `sqlite:///board.db`, or the path of an SQLite file.
            author: who this process is: it signs every deposit. Default: `person:` and the user's name.
            clock: where the time comes from.
            kinds: mark classes to make known beforehand; a deposit makes its own known.
            create: whether a database may be created or upgraded; by default, an embedded one may.
            leap: microseconds ahead of the board's last record from which the clock is not believed; None believes any.

        Raises:
            ConfigurationError: the URL cannot be used.
            StoreError: the database cannot be opened, is foreign, damaged, or newer than this program.
        """
        clock = clock or SystemClock()
        database = Database(url)
        try:
            schema.ensure(database, clock.now(), create=database.embedded if create is None else create)
        except BaseException:
            database.close()
            raise
        board = cls(database, clock, author or f"person:{_user()}", MarkClasses(kinds))
        board.leap = leap
        board.write(lambda txn: None)  # fails here, not at the first deposit, if the file cannot be written
        return board

    def now(self) -> Instant:
        """The board's time: the larger of the clock and the last time it recorded."""
        return self.read(lambda txn: txn.now)

    def write(self, work: Callable[[BoardTransaction], T], *, record: bool = False, shared: bool = False) -> T:
        """Run `work` in a writing transaction at the board's time, commit it durably, and wake whom it concerns.

        It may run twice and must have no effect outside the transaction.

        Args:
            work: what to do.
            record: note the instant even where no event of a mark does.
            shared: work of other threads in the same transaction may go on in the same moment, so that what a
                transaction begins and ends with is done once for all. Not for what changes the deployment.
        """
        notifies = False

        def run(tx: Transaction) -> T:
            nonlocal notifies
            txn: BoardTransaction = tx.shared if shared and tx.shared is not None else self._begin(tx)
            tx.begin_work()
            if txn.doubted is not None:
                board_clock.ask(self._registered(txn, "need"))
            result = work(txn)
            notifies = tx.notifies
            if record and txn.recorded < txn.now:
                tx.run(MARKS.record_time, at=txn.now)
                txn.recorded = txn.now
            if not shared:
                self._end(tx)
            return result

        result = self.database.write(run)
        if notifies:
            self.on_notify()
            self._notifier.notify()
        return result

    def read(self, work: Callable[[BoardTransaction], T]) -> T:
        """Run `work` on one snapshot of the board, at the board's time."""
        try:
            with self.database.read() as tx:
                return work(self._transaction(tx))
        except StoreError:
            self._forget()  # another file may come to lie there
            raise

    def rehearse(self, work: Callable[[BoardTransaction], T]) -> T:
        """Run `work` in a writing transaction that is always rolled back, and return its result.

        Nothing of it stays: no event, no id, no cache, no notification. Other writers wait meanwhile.
        """
        with self.database.rehearsal() as tx:
            txn = self._transaction(tx)
            txn.laws = Laws()  # a law that it registers is not on the board afterwards
            return work(txn)

    def _forget(self) -> None:
        """What is in force may be what was taken back, and another have taken its version: read it again."""
        self._active = None

    def _begin(self, tx: Transaction) -> BoardTransaction:
        """A moment of one's own, after all that others have kept back in the same transaction."""
        self._end(tx)
        txn = tx.shared = self._transaction(tx)
        tx.at_end = lambda: self._end(tx)
        return txn

    def _end(self, tx: Transaction) -> None:
        if tx.shared is not None:
            board_totals.save(tx.shared)
            tx.shared = None

    def _transaction(self, tx: Transaction) -> BoardTransaction:
        version, last_recorded_at, event_id, event_at, next_end = tx.one(MARKS.transaction_start)
        clock = self.clock.now()
        now, doubted = board_clock.time_of(clock, max(last_recorded_at, event_at or 0), self.leap)
        active = self._active
        if active is None or active.deployment.version != version:
            active = self._active = read_active(tx)
        elif active.law_changes:
            active = self._active = replace(active, law_changes=read_law_changes(tx))
        txn = BoardTransaction(tx, active, self._laws, now, event_id or 0, last_recorded_at, next_end)
        if doubted:
            txn.doubted = clock
        return txn

    def _instant(self, when: When) -> Instant:
        if isinstance(when, int):
            return when
        try:
            return parse_instant(when) if isinstance(when, str) else from_datetime(when)
        except (ValueError, TypeError, AttributeError):
            raise InvalidMark(
                f"{when!r} is not a time; write it like 2027-01-31 or 2027-01-31T15:00:00+01:00"
            ) from None

    def close(self) -> None:
        """Close the connections."""
        self._notifier.close()
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def deployment(self) -> Deployment:
        """What is in force now."""
        return self.read(lambda txn: txn.deployment)

    def _registered(self, txn: BoardTransaction, kind: str) -> BoardTransaction:
        """A class that this process knows and the board does not is registered as it declares itself."""
        if kind not in txn.deployment.kinds and (model := self.models.known().get(kind)) is not None:
            redeployment.register(txn, txn.deployment.with_kinds({kind: model.defaults}))
            txn.active = self._active = read_active(txn.tx)
        return txn


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
