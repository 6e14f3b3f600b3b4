"""The activations that run in this process. Each runs in a thread until it ends or times out.

A thread that ends an activation claims the agent's next activation in the same transaction. Quick work therefore needs
neither a second commit nor the daemon's loop. After a while the loop decides again which agent is next. An agent that
publishes must publish before its next run, so the loop claims each of its runs.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence, Set
from dataclasses import dataclass

from blackboard.board.daemon_work import BoardTransaction, Claim, RunKey, Worker, WorkSource
from blackboard.clock import Instant
from blackboard.core.agents.agent_definition import Agent
from blackboard.daemon.agent_runs.activation_runner import ActivationRunner, NextClaimFailed
from blackboard.daemon.agent_runs.agent_event_loop import NoEventLoop
from blackboard.daemon.agent_runs.agent_threads import AgentThreads
from blackboard.daemon.agent_set import AgentSet
from blackboard.daemon.daemon_events import DaemonEvent, DaemonEventDetails
from blackboard.daemon.loop.life_cycle import LoopHandle
from blackboard.daemon.loop.troubles import THREADS_TROUBLE
from blackboard.durations import SECOND, Duration
from blackboard.errors import StoreError
from blackboard.settings.sections import DaemonSection
from blackboard.system.log_queue import Log

log = Log("blackboard")

MAX_SEQUENCE_TIME: Duration = SECOND
"""How long a thread continues with its agent, before the loop chooses again which agents run."""
MAX_SEQUENCE_RUNS = 100
"""The number of runs after which the loop chooses again, even if the clock does not advance."""
MAX_HANGING_THREADS = 4
"""When an agent has this many threads past their timeout, this process stops waking it."""


@dataclass(eq=False)
class RunSequence:
    """The consecutive runs of one thread, from its start by the loop."""

    started: Instant
    """The start, on the monotonic clock."""
    is_ending: bool = False
    """Whether the thread must stop after its current run."""
    runs: int = 0

    def must_end(self, monotonic: Instant) -> bool:
        """Return whether the loop must choose the next run, at a time of the monotonic clock."""
        is_long = self.runs >= MAX_SEQUENCE_RUNS or monotonic >= self.started + MAX_SEQUENCE_TIME
        return self.is_ending or is_long


@dataclass(eq=False)
class Run:
    """An activation that runs in a thread of this process."""

    claim: Claim
    agent: Agent
    sequence: RunSequence
    deadline: Instant
    """A time of the monotonic clock, so that neither a jump of the clock nor a sleep of the machine ends a run."""
    timed_out: bool = False
    runs_alone: bool = False
    """Whether no other activation may run at the same time, because the workers of this one died during the run."""

    @property
    def key(self) -> RunKey:
        """The key of its claim."""
        return self.claim.key


class ActiveRuns:
    """The runs of one daemon.

    Args:
        worker: Claims and ends activations.
        runner: Runs activations.
        agents: The agents of the daemon. After a run, its thread also calls the agent's `publish`.
        settings: The number of threads that may be busy, and the tick, after which an activation that got no thread
            may be claimed again.
        loop: The loop of the daemon. When a thread has no work left, it wakes the loop.
    """

    def __init__(
        self,
        worker: Worker,
        runner: ActivationRunner,
        agents: AgentSet,
        settings: DaemonSection,
        loop: LoopHandle,
    ) -> None:
        self.worker, self.runner = worker, runner
        self._agents, self._settings, self._loop = agents, settings, loop
        self._clock = worker.board.clock
        self._threads = AgentThreads()
        self._lock = threading.Lock()
        self._runs: dict[RunKey, Run] = {}
        self._hanging: set[str] = set()
        self._last_started: str | None = None

    def __len__(self) -> int:
        """Return the number of runs that have not ended, including runs that timed out."""
        return len(self._runs)

    def current(self) -> list[Run]:
        """Return the runs that have not timed out."""
        with self._lock:
            return [run for run in self._runs.values() if not run.timed_out]

    def busy_threads(self) -> int:
        """Return the number of busy threads, without those that timed out.

        Consecutive runs of one sequence share a thread.
        """
        return len({run.sequence for run in self.current()})

    def keys(self) -> Set[RunKey]:
        """Return the keys of the runs that have not timed out."""
        return {run.key for run in self.current()}

    # -- called by the loop ------------------------------------------------------------------------------------------

    def start_ready(self, waiting: Set[str], suspects: Set[str]) -> bool:
        """Claim and start activations while threads are free; return whether any was started.

        Args:
            waiting: The agents with waiting work.
            suspects: The agents with an activation that must run alone. Such an activation starts once all other runs
                have ended.
        """
        free = self._settings.workers - self.busy_threads()
        if not self._loop.life_cycle.is_serving or free <= 0 or any(run.runs_alone for run in self.current()):
            return False
        self._note_hanging(waiting)
        if names := self._names_in_turn(suspects - self._hanging):
            return self._start_alone(names)
        claims = self.worker.claim_ready(self._names_in_turn(waiting - self._hanging), free)
        for claim in claims:
            self._start(claim)
        return bool(claims)

    def _start_alone(self, names: Sequence[str]) -> bool:
        if self.current():
            self.end_sequences()
            return False
        if (claim := self.worker.claim_suspect(names)) is None:
            return False
        log.warning("an activation whose workers died runs alone", activation=claim.row.id, agent=claim.agent_spec.name)
        self._start(claim, alone=True)
        return True

    def _names_in_turn(self, chosen: Set[str]) -> list[str]:
        """Return the chosen agents in the order of their turns, which begins after the agent that was started last."""
        names = list(self._agents)
        start = names.index(self._last_started) + 1 if self._last_started in names else 0
        return [name for name in names[start:] + names[:start] if name in chosen]

    def _start(self, claim: Claim, *, alone: bool = False) -> None:
        agent = self._agents[claim.agent_spec.name]
        self._last_started = agent.name
        run = self._add(agent, claim, RunSequence(self._clock.monotonic(), is_ending=alone))
        run.runs_alone = alone
        self._emit_claimed(run)
        try:
            self._threads.submit(lambda: self._serve(run))
        except RuntimeError as error:  # the system cannot start another thread
            self.remove(run)
            self._defer(claim, error)

    def _defer(self, claim: Claim, error: Exception) -> None:
        """Defer an activation because the system had no thread for it. No attempt is counted."""
        self._loop.troubles.note(error, THREADS_TROUBLE)
        try:
            self.worker.run_ends.defer(claim, str(error), self.worker.now() + self._settings.tick)
        except StoreError as failure:  # this worker's next recovery makes it ready
            self._loop.troubles.note(failure)

    def end_sequences(self) -> None:
        """Stop each thread after its current run."""
        with self._lock:
            for run in self._runs.values():
                run.sequence.is_ending = True

    def fail_overdue(self) -> None:
        """End the runs that are past their deadline. Their results are refused.

        The run of an asynchronous agent is cancelled. Other threads keep running: Python cannot end a thread.
        """
        monotonic = self._clock.monotonic()
        for run in self.current():
            if run.deadline <= monotonic:
                run.timed_out = True
                try:
                    self.runner.time_out(run.claim)
                finally:
                    self.runner.cancel(run.claim)

    def hand_back_all(self) -> None:
        """Hand back every run, so that other workers can claim the activations immediately."""
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            self.worker.run_ends.hand_back(run.claim)

    def close(self) -> None:
        """End each thread after its current work. The daemon has ended, so no other run starts."""
        self.runner.close()
        self._threads.close()

    # -- in the threads ----------------------------------------------------------------------------------------------

    def _serve(self, run: Run) -> None:
        next_run: Run | None = run
        try:
            while next_run is not None:
                next_run = self._run(next_run)
                if next_run is not None and (next_run.sequence.is_ending or not self._loop.life_cycle.is_serving):
                    self._hand_back(next_run)
                    next_run = None
        finally:
            self._loop.wake()

    def _run(self, run: Run) -> Run | None:
        """Run an activation to its end, and return the next run if it was claimed in the same transaction."""
        next_run = _NextRun(self, run)
        claimed_next = False
        try:
            claimed_next = self.runner.run(run.agent, run.claim, next_run.claim)
            self._agents.publisher.publish(run.agent)
        except NoEventLoop as error:
            self._defer(run.claim, error)
        except Exception as error:
            # The result was not saved. This worker's next recovery makes the activation ready.
            self._loop.troubles.note(error)
        finally:
            self.remove(run)
            if not claimed_next:
                next_run.release()
        if next_run.run is not None:
            self._emit_claimed(next_run.run)
        return next_run.run

    def _hand_back(self, run: Run) -> None:
        try:
            self.worker.run_ends.hand_back(run.claim)
        except StoreError as error:  # this worker's next recovery makes it ready
            self._loop.troubles.note(error)
        finally:
            self.remove(run)

    def claim_next(self, txn: BoardTransaction, run: Run, work_source: WorkSource) -> Run | None:
        """Claim the agent's next activation in the transaction that ends a run, unless the loop must decide.

        `work_source` finds the work of the agent; several claims of the transaction may share it.
        """
        if not self._loop.life_cycle.is_serving or run.sequence.must_end(self._clock.monotonic()):
            return None
        # Publishing may be slow, and must come before the agent's next run.
        if run.timed_out or run.agent.publish is not None or self._hangs(run.agent.name):
            return None
        claim = self.worker.claim(txn, run.agent.name, work_source)
        # Add it before the commit: recovery makes activations ready that this worker has claimed but does not run.
        return None if claim is None else self._add(run.agent, claim, run.sequence)

    def _note_hanging(self, names: Set[str]) -> None:
        for name in names:
            if not self._hangs(name):
                self._hanging.discard(name)
            elif name not in self._hanging:
                self._hanging.add(name)
                log.error("an agent's threads hang; it is not woken until a thread ends", agent=name)

    def _hangs(self, name: str) -> bool:
        """Return whether at least MAX_HANGING_THREADS threads of the agent are past their timeout."""
        with self._lock:
            return sum(run.timed_out and run.agent.name == name for run in self._runs.values()) >= MAX_HANGING_THREADS

    def _add(self, agent: Agent, claim: Claim, sequence: RunSequence) -> Run:
        run = Run(claim, agent, sequence, self._clock.monotonic() + claim.agent_spec.settings.timeout)
        sequence.runs += 1
        with self._lock:
            self._runs[run.key] = run
        return run

    def remove(self, run: Run) -> None:
        """Remove a run that has ended, or whose claim was rolled back."""
        with self._lock:
            if self._runs.get(run.key) is run:
                del self._runs[run.key]

    def _emit_claimed(self, run: Run) -> None:
        row, marks = run.claim.row, len(run.claim.inputs)
        details: DaemonEventDetails = {"id": row.id, "agent": run.agent.name, "marks": marks, "watch": run.claim.watch}
        self._loop.emit(DaemonEvent.CLAIMED, details)


class _NextRun:
    """A run that is claimed in the transaction that ends the previous run."""

    def __init__(self, runs: ActiveRuns, previous: Run) -> None:
        self._runs, self._previous = runs, previous
        self.run: Run | None = None

    def claim(self, txn: BoardTransaction, work_source: WorkSource) -> bool:
        self.release()  # the transaction may have been rolled back and repeated
        try:
            self.run = self._runs.claim_next(txn, self._previous, work_source)
        except Exception as error:
            raise NextClaimFailed(str(error)) from error
        return self.run is not None

    def release(self) -> None:
        if self.run is not None:
            self._runs.remove(self.run)
            self.run = None
