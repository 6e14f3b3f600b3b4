"""Maintenance passes: each a small object with an interval, a limit, and one bounded piece of work that it does."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

import structlog

from blackboard.board import activation_results, backfill, evaporation, retention
from blackboard.board.blackboard import Blackboard
from blackboard.board.board_transaction import BoardTransaction
from blackboard.board.pace_limit import Pace
from blackboard.daemon.liveness import WorkerLiveness
from blackboard.failpoints import reach
from blackboard.store.rows import ActivationRow
from blackboard.store.statements import ACTIVATIONS

__all__ = ["Backfills", "Checkpoint", "Evaporation", "MaintenanceTask", "Recovery", "Retention"]

log = structlog.get_logger("blackboard")


class MaintenanceTask(Protocol):
    """A maintenance pass."""

    interval: int
    """Microseconds between looks; 0 for at every look of the daemon."""

    def run_once(self) -> int:
        """Do one bounded piece; returns how much was done, 0 when there is nothing left."""


@dataclass
class Backfills:
    """Lets marks follow a change of the deployment."""

    board: Blackboard
    limit: int
    pace: Pace
    interval: int = 0

    def run_once(self) -> int:
        def work(txn: BoardTransaction) -> tuple[int, int, int]:
            found = txn.last_event
            count = backfill.run_batch(txn, self.limit)
            reach("backfill.within")
            return count, found, txn.last_event

        reach("backfill.before")
        count = self.pace.piece(lambda: self.board.write(work))
        reach("backfill.after")
        return count


@dataclass
class Evaporation:
    """Moves evaporated marks to the history, in batches small enough that depositors hardly wait."""

    board: Blackboard
    limit: int
    pace: Pace
    interval: int = 0

    def run_once(self) -> int:
        def work(txn: BoardTransaction) -> tuple[int, int, int]:
            found = txn.last_event
            count = evaporation.evaporate_due(txn, self.limit)
            reach("evaporation.within")
            return count, found, txn.last_event

        reach("evaporation.before")
        count = self.pace.piece(lambda: self.board.write(work))
        reach("evaporation.after")
        return count


@dataclass
class Recovery:
    """Takes up what dead workers left behind, keeps this worker's leases, and notes that it was seen.

    What bears this worker's name and does not run any more, because its end could not be written, is taken up too.
    """

    board: Blackboard
    liveness: WorkerLiveness
    runs: Callable[[], Collection[tuple[int, int]]]
    """What this worker runs: ids and fences."""
    lease: int
    interval: int
    _leases_from: int = 0

    def trust_leases_from(self, running: int) -> None:
        """After a step of the clock: take no lease to have run out before the machine has run so long."""
        self._leases_from = running

    def run_once(self) -> int:
        expired = self.board.clock.running() >= self._leases_from
        workers = self.board.read(lambda txn: [row[0] for row in txn.tx.all(ACTIVATIONS.workers)])
        dead = self.liveness.dead_among(workers)

        def work(txn: BoardTransaction) -> int:
            txn.tx.run(ACTIVATIONS.extend_leases, worker=self.liveness.id, until=txn.now + self.lease)
            txn.tx.run(ACTIVATIONS.see_worker, id=self.liveness.id, seen_at=txn.now)
            runs = self.runs()  # asked for here, where nobody else claims
            return activation_results.recover(txn, dead, expired=expired, lost=lambda row: self._lost(row, runs))

        count = self.board.write(work, record=True)
        reach("recovery.after")
        return count

    def _lost(self, row: ActivationRow, runs: Collection[tuple[int, int]]) -> bool:
        return row.worker == self.liveness.id and (row.id, row.fence) not in runs


@dataclass
class Retention:
    """Removes history that is older than it is kept for."""

    board: Blackboard
    history: int | None
    activations: int | None
    model_calls: int | None
    limit: int
    interval: int

    def run_once(self) -> int:
        removed = self.board.write(
            lambda txn: retention.remove(
                txn, history=self.history, activations=self.activations, model_calls=self.model_calls, limit=self.limit
            )
        )
        laws, since = self.board.read(lambda txn: retention.unused_laws(txn, self.limit))
        if laws:
            removed += self.board.write(lambda txn: retention.remove_laws(txn, laws, since))
        if removed:
            log.info("removed what is kept no longer", rows=removed)
        return removed


@dataclass
class Checkpoint:
    """Moves the write-ahead log into the database file, outside every depositor's commit."""

    board: Blackboard
    interval: int
    at_bytes: int = 4 * 1024 * 1024

    def run_once(self) -> int:
        path = self.board.database.path
        if path is None:
            return 0
        try:
            size = os.stat(f"{path}-wal").st_size
        except OSError:
            return 0
        if size >= self.at_bytes:
            self.board.database.checkpoint()
        return 0
