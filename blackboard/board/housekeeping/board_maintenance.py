"""The maintenance of a board by a worker: evaporation, backfills, retention, the files, and the clock."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from blackboard.board.board_clock import board_time, clock_confirmation
from blackboard.board.board_session import BoardSession
from blackboard.board.deployment_effects import backfill
from blackboard.board.housekeeping import board_compaction, history_partitions, retention
from blackboard.board.housekeeping.background_throttle import BackgroundThrottle
from blackboard.board.housekeeping.history_partitions import PartitionProgress
from blackboard.board.mark_changes import mark_removals
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.need_answers import overdue_needs
from blackboard.board.search_index import index_rebuilds
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.durations import Duration
from blackboard.system.failpoints import failpoint

MAX_COMPACTED_BYTES = 512 * 1024 * 1024
"""The largest size, in bytes, of a file that a worker compacts by itself. Writers wait for some seconds for such a
file."""


STEPS_AT_ONCE = 20
"""The number of transactions for old partitions before a worker does other work."""


class BoardMaintenance:
    """The work that a worker does for the board itself, each piece in one transaction."""

    def __init__(self, session: BoardSession) -> None:
        self._session, self._database = session, session.database
        self.throttle = BackgroundThrottle(session)
        self.checkpoint_bytes = 4 * 1024 * 1024
        """When the write-ahead log has this size, a checkpoint moves it into the database file."""

    def evaporate(self, limit: int) -> int:
        """Apply due predicted crossings, deposit the marks of overdue needs, and move evaporated marks to the history.

        At most `limit` marks are moved.

        Returns:
            The amount of work that was done. If it equals `limit`, there may be more.
        """
        failpoint("evaporation.before")
        count = self.throttle.run(lambda txn: _evaporate(txn, limit, self._session.classes))
        failpoint("evaporation.after")
        return count

    def backfill(self, limit: int) -> int:
        """Apply a change of the deployment to up to `limit` marks, and return their number."""
        failpoint("backfill.before")
        count = self.throttle.run(lambda txn: _backfill(txn, limit))
        failpoint("backfill.after")
        return count

    def search(self, limit: int) -> int:
        """Put up to `limit` marks into the full-text index of a kind, or take them out of its former index.

        Returns:
            The number of these marks; 0 if there is no such work.
        """
        failpoint("backfill.before")
        count = self.throttle.run(lambda txn: _index(txn, limit))
        failpoint("backfill.after")
        return count

    def remove_history(self, keep: Mapping[str, int | None], limit: int) -> int:
        """Remove rows past their retention time, at most `limit` of each table, and return their number.

        `keep` gives the retention time of `history`, `activations`, `model_calls`, `activity` and `messages` in
        microseconds; None keeps the rows forever.
        """
        removed = self._session.write(lambda txn: retention.remove(txn, **keep, limit=limit))
        laws, since = self._session.read(lambda txn: retention.unused_laws(txn, limit))
        if laws:
            removed += self._session.write(lambda txn: retention.remove_laws(txn, laws, since))
        return removed

    def tend_partitions(self, history: Duration | None, limit: int) -> int:
        """Create the next partitions of a history on PostgreSQL, and remove old partitions in short steps.

        Args:
            history: The retention time of the history in microseconds; None keeps it forever.
            limit: The number of rows that a transaction may remove.

        Returns:
            `limit` if there is more to do now; otherwise the number of new partitions.
        """
        if not self._database.dialect.can_partition:
            return 0
        if added := history_partitions.extend(self._session):
            analyze = self._database.upkeep.analyze_history  # in a thread, because this takes seconds on a large board
            threading.Thread(target=analyze, daemon=True).start()
        if history is None:
            return added
        for _ in range(STEPS_AT_ONCE):
            if history_partitions.remove_old(self._session, history, limit) is not PartitionProgress.MORE:
                return added
        return limit

    def checkpoint(self) -> None:
        """Move a large write-ahead log into the database file, outside the commits of depositors."""
        self._database.checkpoint(self.checkpoint_bytes)

    def is_compaction_due(self) -> bool:
        """Return whether `compact` should run now; see `board_compaction.is_due`."""
        return self._session.read(board_compaction.is_due)

    def compact(self) -> bool:
        """Compact the file unless another process writes at the same time, and return whether it is done.

        A file of more than `MAX_COMPACTED_BYTES` bytes is compacted only by a person, because writers wait while it is
        replaced.
        """
        board_compaction.purge_index(self._session)
        if (self._database.place.sizes().file_bytes or 0) > MAX_COMPACTED_BYTES:
            return False
        return board_compaction.compact(self._session, insist=False)

    def ask_about_clock(self) -> None:
        """Ask a person about a clock that the board does not believe."""
        self._session.write(lambda txn: clock_confirmation.ask_about_clock(txn, self._session.classes))

    def withdraw_clock_question(self) -> bool:
        """Withdraw the question about the clock, and return whether there was one."""
        return self._session.write(clock_confirmation.withdraw_question)

    @property
    def is_clock_behind(self) -> bool:
        """Whether the clock shows an earlier instant than this process has used."""
        return self._session.is_clock_behind

    def record_time(self, seen: Instant = 0) -> None:
        """Record the last instant that this process has used or seen, for all other processes."""
        self._session.write(lambda txn: board_time.record(txn, seen, self._session.leap))


def _evaporate(txn: BoardTransaction, limit: int, classes: MarkClasses) -> int:
    count = overdue_needs.fire_due(txn, limit, classes) or mark_removals.evaporate_due(txn, limit)
    failpoint("evaporation.within")
    return count


def _index(txn: BoardTransaction, limit: int) -> int:
    count = index_rebuilds.run_batch(txn, limit)
    failpoint("backfill.within")
    return count


def _backfill(txn: BoardTransaction, limit: int) -> int:
    count = backfill.run_batch(txn, limit)
    failpoint("backfill.within")
    return count
