"""The maintenance of a board: the tasks that a daemon runs in bounded steps besides its agents."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import Protocol

from blackboard.board.daemon_work import DueWork, RunKey, Worker
from blackboard.clock import Clock, Instant
from blackboard.daemon.loop.clock_jumps import ClockWatch
from blackboard.daemon.model_requests.batch_api import BatchCaller
from blackboard.durations import HOUR, MINUTE, SECOND, Duration
from blackboard.errors import StoreError
from blackboard.settings.sections import DaemonSection
from blackboard.system.log_queue import Log

log = Log("blackboard")

RETENTION_INTERVAL: Duration = HOUR
PARTITION_INTERVAL: Duration = MINUTE
RECOVERY_INTERVAL: Duration = 30 * SECOND
"""The longest time between two signs of life, which show other workers on PostgreSQL that this worker is alive."""
COMPACTION_INTERVAL: Duration = 10 * MINUTE
COMPACTION_SECONDS = 30.0
"""The longest wait for a compaction at the end of the daemon. A compaction may be interrupted at any time."""

BoundedStep = Callable[[], int]
"""Does one bounded step and returns the amount of work done, 0 if no work remains."""


class MaintenanceTask(Protocol):
    """A task of the daemon on the board."""

    def is_due(self, due: DueWork) -> bool:
        """Return whether the task should run now."""

    def run_once(self) -> int:
        """Do one bounded step and return the amount of work done, 0 if no work remains."""


class PeriodicTask:
    """A task that runs at an interval of monotonic time, on request, and right after a step that reached its limit."""

    def __init__(
        self,
        step: BoundedStep,
        clock: Clock,
        interval: Duration,
        limit: int,
        is_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        self.interval = interval
        self._step, self._clock, self._limit, self._is_requested = step, clock, limit, is_requested
        self._next = clock.monotonic()

    def is_due(self, due: DueWork) -> bool:
        """Return whether the interval is over, or the task was requested."""
        return self._is_requested() or self._clock.monotonic() >= self._next

    def run_once(self) -> int:
        """Do one bounded step."""
        due, self._next = self._next, self._clock.monotonic() + self.interval  # a step that fails waits as well
        count = self._step()
        if count >= self._limit:
            self._next = due
        return count


class BacklogTask:
    """A task that runs when the board has work for it. The instants in `DueWork` end the sleep of the daemon."""

    def __init__(self, step: BoundedStep, is_due: Callable[[DueWork], bool]) -> None:
        self._step, self._is_due = step, is_due

    def is_due(self, due: DueWork) -> bool:
        """Return whether the board has work for the task."""
        return self._is_due(due)

    def run_once(self) -> int:
        """Do one bounded step."""
        return self._step()


class Recovery:
    """The recovery of activations whose worker is dead, and the extension of this worker's leases.

    Args:
        worker: The worker of the daemon.
        runs: Returns the keys of the runs of this worker.
    """

    def __init__(self, worker: Worker, runs: Callable[[], Collection[RunKey]]) -> None:
        self._worker, self._runs = worker, runs
        self._leases_from = 0

    def ignore_expired_leases(self) -> None:
        """Ignore expired leases for the length of a lease.

        After a jump of the clock, live workers need time to extend their leases.
        """
        self._leases_from = self._worker.board.clock.monotonic() + self._worker.lease

    def run_once(self) -> int:
        """Recover activations and return their number."""
        dead = self._worker.liveness.dead_among(*self._worker.workers())
        expired = self._worker.board.clock.monotonic() >= self._leases_from
        return self._worker.recover(dead, self._runs, expired_leases=expired)


class Compaction:
    """The compaction of the file that an erasure requires, in a thread of its own."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._thread: threading.Thread | None = None

    def run_once(self) -> int:
        """Start the compaction if an erasure requires it."""
        if (self._thread is None or not self._thread.is_alive()) and self._worker.board_maintenance.is_compaction_due():
            thread = threading.Thread(target=self._compact, name="blackboard-compaction", daemon=True)
            thread.start()
            self._thread = thread
        return 0

    def close(self) -> None:
        """Wait for the compaction, for a bounded time."""
        if self._thread is not None:
            self._thread.join(COMPACTION_SECONDS)

    def _compact(self) -> None:
        try:
            if self._worker.board_maintenance.compact():
                log.info("the file was compacted after an erasure")
            else:
                log.info("the file could not be compacted while others write; 'blackboard compact' compacts it")
        except StoreError as error:
            log.warning("the file could not be compacted; the daemon will try again", error=error)


class Maintenance:
    """All maintenance of one daemon.

    Args:
        worker: The worker that does the maintenance.
        runs: Returns the keys of the runs of this worker.
        batch_api: The Batch API that the worker serves, if any.
        settings: Intervals and limits.
    """

    def __init__(
        self,
        worker: Worker,
        runs: Callable[[], Collection[RunKey]],
        batch_api: BatchCaller | None,
        settings: DaemonSection,
    ) -> None:
        self.recovery = Recovery(worker, runs)
        """Recovers the activations of dead workers."""
        self.clock_watch = ClockWatch(worker)
        """Watches the clock for jumps."""
        self._compaction = Compaction(worker)
        self.upkeep = _upkeep_tasks(worker, self.recovery, self._compaction, settings)
        """The tasks for the board's files and for other workers, in the order of their runs."""
        self.periodic = _periodic_tasks(worker, batch_api, settings)
        """The tasks for the board's contents that run at intervals."""
        self.backlog = _backlog_tasks(worker, settings.evaporation_batch)
        """The tasks that run while the board has work for them."""

    def check_clock(self, doubted: Instant | None) -> None:
        """Check for a jump of the clock, and adapt the leases and the board to it; see `ClockWatch.update_board`."""
        jump = self.clock_watch.check()
        if jump > 0:
            self.recovery.ignore_expired_leases()
        self.clock_watch.update_board(jump, doubted)

    def close(self) -> None:
        """Wait for a compaction, for a bounded time."""
        self._compaction.close()


def _upkeep_tasks(
    worker: Worker, recovery: Recovery, compaction: Compaction, settings: DaemonSection
) -> list[MaintenanceTask]:
    clock, limit = worker.board.clock, settings.evaporation_batch

    def checkpoint() -> int:
        worker.board_maintenance.checkpoint()
        return 0

    recovery_interval = min(settings.lease // 3, RECOVERY_INTERVAL)
    return [
        PeriodicTask(recovery.run_once, clock, recovery_interval, limit, worker.liveness.check_peers),
        PeriodicTask(checkpoint, clock, settings.checkpoint, limit),
        PeriodicTask(compaction.run_once, clock, COMPACTION_INTERVAL, limit),
    ]


def _periodic_tasks(worker: Worker, batch_api: BatchCaller | None, settings: DaemonSection) -> list[MaintenanceTask]:
    """Return the maintenance that is due at intervals, not because of what happens on the board."""
    clock, limit = worker.board.clock, settings.evaporation_batch
    keep = {
        "history": settings.keep_history,
        "activations": settings.keep_activations,
        "model_calls": settings.keep_model_calls,
        "activity": settings.keep_activity,
        "messages": settings.keep_messages,
    }

    def remove_history() -> int:
        if count := worker.board_maintenance.remove_history(keep, limit):
            log.info("old history was removed", rows=count)
        return count

    def tend_partitions() -> int:
        return worker.board_maintenance.tend_partitions(settings.keep_history, limit)

    def serve_batch_api() -> int:
        if batch_api is not None:
            batch_api.start()
        return 0

    return [
        PeriodicTask(remove_history, clock, RETENTION_INTERVAL, limit),
        PeriodicTask(tend_partitions, clock, PARTITION_INTERVAL, limit),
        PeriodicTask(serve_batch_api, clock, settings.batch_api_interval, limit),
    ]


def _backlog_tasks(worker: Worker, limit: int) -> list[MaintenanceTask]:
    return [
        BacklogTask(
            lambda: worker.board_maintenance.evaporate(limit),
            lambda due: due.has_predicted_crossing or due.has_due_need or (due.has_evaporation and not due.delay),
        ),
        BacklogTask(lambda: worker.board_maintenance.backfill(limit), lambda due: due.has_backfill and not due.delay),
        BacklogTask(lambda: worker.board_maintenance.search(limit), lambda due: due.has_search and not due.delay),
    ]
