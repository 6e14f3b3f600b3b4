"""The iterations of the daemon's loop: each starts ready activations, and does the maintenance that is due."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import partial

from blackboard.board.daemon_work import DueWork, Worker
from blackboard.clock import Instant
from blackboard.daemon.agent_runs.active_runs import ActiveRuns
from blackboard.daemon.agent_set import AgentSet
from blackboard.daemon.loop.life_cycle import LoopHandle
from blackboard.daemon.loop.maintenance import Maintenance, MaintenanceTask
from blackboard.daemon.service_manager import ServiceManager
from blackboard.errors import StoreError


class LoopState(Enum):
    """The state of the loop after its latest step."""

    WORKING = "working"
    """There was no error since the iteration began."""
    FAILED = "failed"
    """There was an error. The next iteration, at the tick, tries again."""
    BOARD_LOST = "board lost"
    """The board could not be used. The next iteration registers the worker again before any other work."""


class LoopIterations:
    """The iterations of one daemon's loop.

    Args:
        worker: The worker of the daemon.
        agents: The agents of the daemon.
        runs: The activations that run in this process.
        maintenance: The upkeep of the board.
        loop: Receives errors, and has the phase of the daemon.
        service_manager: Learns of each step that the loop is alive.
    """

    def __init__(
        self,
        worker: Worker,
        agents: AgentSet,
        runs: ActiveRuns,
        maintenance: Maintenance,
        loop: LoopHandle,
        service_manager: ServiceManager,
    ) -> None:
        self._worker, self._agents, self._runs, self._maintenance = worker, agents, runs, maintenance
        self._life_cycle, self._troubles, self._service_manager = loop.life_cycle, loop.troubles, service_manager
        self.state = LoopState.WORKING
        """The state of the loop."""
        self._known_instants: Sequence[Instant] | None = None
        """The instants when the board will have work, if nothing was done since they were read."""

    def begin_iteration(self) -> None:
        """Begin an iteration of the loop. If the board was lost, register again and recover first.

        Raises:
            StoreError: The board still cannot be used.
        """
        if self.state is LoopState.BOARD_LOST:
            self._worker.reconnect()
            self._maintenance.recovery.run_once()
        self.state = LoopState.WORKING

    def end_iteration(self) -> None:
        """End an iteration of the loop. If there was no error, the troubles that are over end."""
        if self.state is LoopState.WORKING:
            self._troubles.end()

    def note_failure(self, error: Exception) -> None:
        """Report an error of the loop. A lost board stays lost until an iteration has begun with it."""
        if self.state is not LoopState.BOARD_LOST:
            self.state = LoopState.BOARD_LOST if isinstance(error, StoreError) else LoopState.FAILED
        self._troubles.note(error)

    def do_due(self, upkeep: Sequence[MaintenanceTask]) -> None:
        """Do all work that is due, in steps. The tasks of `upkeep` come first.

        Raises:
            Exception: A step failed. If several failed, this is the first error.
        """
        self._known_instants = None
        while self._do_step(upkeep) and self._life_cycle.is_serving:
            pass

    def _do_step(self, upkeep: Sequence[MaintenanceTask]) -> bool:
        """Start ready activations, run one step of each due maintenance task, and return whether more may be due.

        Periodic tasks come before activations. So the calls that activations plan now for the Batch API are submitted
        together, at its next interval. If one step fails, such as a checkpoint without a free descriptor, the others
        still run.
        """
        self._service_manager.report_alive()
        due = self._worker.due_work()
        self._known_instants = None if due.agents or due.has_maintenance or self._runs.current() else due.instants
        self._maintenance.check_clock(due.doubted_clock)  # before an expired lease counts
        self._agents.note_outdated(set(due.outdated))
        first = [*upkeep, *self._maintenance.periodic]
        steps = [*(partial(self._run_task, task, due) for task in first), partial(self._start_ready, due)]
        steps += (partial(self._run_task, task, due) for task in self._maintenance.backlog)
        busy, failures = False, []
        for step in steps:
            try:
                busy = step() or busy
            except Exception as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return busy

    def _run_task(self, task: MaintenanceTask, due: DueWork) -> bool:
        """Run one step of a task if it is due, and return whether it did work."""
        if not self._life_cycle.is_serving or not task.is_due(due):
            return False
        self._known_instants = None
        return task.run_once() > 0

    def _start_ready(self, due: DueWork) -> bool:
        if not self._worker.liveness.is_proven:
            return False  # other workers may count this worker as dead; it continues when it holds its lock again
        return self._runs.start_ready(due.agents, due.suspects)

    def next_instants(self, now: Instant) -> list[Instant]:
        """Return the instants when work will be due. After a failure there are none, and the loop waits for the tick.

        The board is read again only if the last step of `do_due` did something.
        """
        if self.state is not LoopState.WORKING:
            return []
        known = self._known_instants
        monotonic = self._worker.board.clock.monotonic()
        instants = [now + max(0, run.deadline - monotonic) for run in self._runs.current()]
        if (end := self._troubles.next_end()) is not None:
            instants.append(now + max(0, end - monotonic))
        if not self._maintenance.clock_watch.doubting:
            instants += self._worker.due_work().instants if known is None else known
        return instants
