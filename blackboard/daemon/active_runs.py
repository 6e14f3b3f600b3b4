"""What runs in this process: each activation in a thread, until it ends or is given up.

A thread that has ended an activation claims the next of the same agent in the same transaction, so that work which is
quick needs neither a second commit nor the daemon's loop. It goes on so for a while; then the loop decides whose turn
it is. What the agent publishes comes first: where it does, each run is claimed by the loop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Any

import structlog

from blackboard.agent_definition import Agent
from blackboard.board import activation_results, claims
from blackboard.board.blackboard import Blackboard
from blackboard.board.board_transaction import BoardTransaction
from blackboard.board.claims import Claim
from blackboard.daemon.activation_runner import ActivationRunner, NextClaimFailed
from blackboard.daemon.agent_threads import AgentThreads
from blackboard.errors import StoreError

__all__ = ["ActiveRuns", "Run"]

log = structlog.get_logger("blackboard")

GO_ON = 1_000_000
"""Microseconds for which a thread goes on with its agent before the loop shares out the room anew."""
MAX_RUNS = 100
"""Runs after which it does so in any case: on a clock that stands still too."""
LEFT_BEHIND = 4
"""Threads of one agent that ran past their timeout and never ended, from which it is woken no more by this process."""


@dataclass(eq=False)
class RunSequence:
    """What a thread does between being given work by the loop and having none left."""

    begun: int
    """By the time that the machine has run."""
    over: bool = False
    """Whether the loop wants the thread back at the end of its run."""
    runs: int = 0
    """Those that it has begun."""


@dataclass(eq=False)
class Run:
    """An activation that runs in a thread of this process."""

    claim: Claim
    agent: Agent
    sequence: RunSequence
    deadline: int
    """By the time that the machine has run: no step of the clock and no sleep ends an activation."""
    given_up: bool = False

    @property
    def key(self) -> tuple[int, int]:
        """Its activation's id and fence."""
        return self.claim.row.id, self.claim.row.fence


class ActiveRuns:
    """The runs of one daemon.

    Args:
        worker: the name in which the daemon claims.
        lease: microseconds for which a claim holds.
        tell: who listens to what the daemon does.
        ended: called in the run's thread after each end.
        free: called when a thread has nothing left to do.
    """

    def __init__(
        self,
        board: Blackboard,
        runner: ActivationRunner,
        worker: str,
        lease: int,
        *,
        emit: Callable[[str, dict[str, Any]], None],
        ended: Callable[[Agent], None],
        free: Callable[[], None],
    ) -> None:
        self.board, self.runner, self.worker, self.lease = board, runner, worker, lease
        self.over = False
        """Nothing more is begun."""
        self._emit, self._ended, self._free = emit, ended, free
        self._threads = AgentThreads()
        self._lock = threading.Lock()
        self._runs: dict[tuple[int, int], Run] = {}
        self._abandoned: set[str] = set()

    def __len__(self) -> int:
        """How many there are, with those that were given up and have not ended."""
        return len(self._runs)

    def current(self) -> list[Run]:
        """Those that were not given up."""
        with self._lock:
            return [run for run in self._runs.values() if not run.given_up]

    def busy(self) -> int:
        """How many threads work on them. A run that ends and the one that is claimed with its end are in one thread."""
        return len({run.sequence for run in self.current()})

    def keys(self) -> Set[tuple[int, int]]:
        """The ids and fences of those that were not given up."""
        return {run.key for run in self.current()}

    def claims(self) -> list[Claim]:
        """The claims of all."""
        with self._lock:
            return [run.claim for run in self._runs.values()]

    def claim(self, txn: BoardTransaction, name: str) -> Claim | None:
        """The next activation of an agent, if there is one and nothing holds it back."""
        agent = txn.deployment.agents.get(name)  # another process may just have taken it out of the deployment
        return None if agent is None else claims.claim(txn, agent, self.worker, self.lease)

    def start(self, agent: Agent, claim: Claim) -> None:
        """Run what was claimed.

        Raises:
            RuntimeError: the system gives no more threads.
        """
        run = self._enter(agent, claim, RunSequence(self.board.clock.running()))
        self._emit_claimed(run)
        try:
            self._threads.take_up(lambda: self._serve(run))
        except RuntimeError:
            self._forget(run)
            raise

    def end_sequences(self) -> None:
        """Have no thread go on after the run that it is at."""
        with self._lock:
            for run in self._runs.values():
                run.sequence.over = True

    def give_up_overdue(self, now: int) -> list[Run]:
        """Give up those that are past their deadline, and return them; their threads are left behind."""
        overdue = [run for run in self.current() if run.deadline <= now]
        for run in overdue:
            run.given_up = True
        return overdue

    def hangs(self, name: str) -> bool:
        """Whether so many threads of the agent hang that another one would only be one more."""
        with self._lock:
            hanging = sum(1 for run in self._runs.values() if run.given_up and run.agent.name == name)
        if hanging < LEFT_BEHIND:
            self._abandoned.discard(name)
            return False
        if name not in self._abandoned:
            self._abandoned.add(name)
            log.error("an agent's threads hang; it is woken again when one of them ends", agent=name, threads=hanging)
        return True

    def dismiss(self) -> None:
        """Let the threads end, each when it has done what it does."""
        self.over = True
        self._threads.dismiss()

    def _serve(self, run: Run) -> None:
        following: Run | None = run
        while following is not None:
            following = self._run(following)
            if following is not None and (self.over or following.sequence.over):
                self._hand_back(following)
                following = None
        self._free()

    def _hand_back(self, run: Run) -> None:
        """Give back what was claimed and is not to be begun any more."""
        try:
            self.board.write(lambda txn: activation_results.hand_back(txn, run.claim.row))
        except StoreError as error:  # the next look at what this worker has lost takes it up
            log.error("an activation could not be handed back", activation=run.claim.row.id, error=str(error))
        finally:
            self._forget(run)

    def _run(self, run: Run) -> Run | None:
        """Run one to its end; returns the one that was claimed with it."""
        taken: list[Run] = []

        def claim_next(txn: BoardTransaction) -> bool:
            while taken:  # by a transaction that was taken back and is begun anew
                self._forget(taken.pop())
            try:
                claim = self._next(txn, run)
            except Exception as error:
                raise NextClaimFailed(str(error)) from error
            if claim is not None:
                # Known here before it is committed: what this worker has claimed and does not run would be taken up.
                taken.append(self._enter(run.agent, claim, run.sequence))
            return bool(taken)

        claimed_next = False
        try:
            claimed_next = self.runner.run(run.agent, run.claim, claim_next)
            self._ended(run.agent)
        except Exception as error:
            # Its end is not in the database: the next look at what this worker has lost takes it up again.
            log.error("an activation could not be ended", activation=run.claim.row.id, error=str(error))
        finally:
            for item in (run, *(() if claimed_next else taken)):
                self._forget(item)
        if not claimed_next:
            return None
        self._emit_claimed(taken[0])
        return taken[0]

    def _next(self, txn: BoardTransaction, run: Run) -> Claim | None:
        sequence = run.sequence
        if (
            self.over
            or sequence.over
            or sequence.runs >= MAX_RUNS
            or self.board.clock.running() >= sequence.begun + GO_ON
        ):
            return None
        # What follows from an agent's marks outside the database comes before its next run, and may take its time.
        if run.given_up or run.agent.publish is not None or self.hangs(run.agent.name):
            return None
        return self.claim(txn, run.agent.name)

    def _enter(self, agent: Agent, claim: Claim, sequence: RunSequence) -> Run:
        run = Run(claim, agent, sequence, self.board.clock.running() + claim.agent.settings.timeout)
        sequence.runs += 1
        with self._lock:
            self._runs[run.key] = run
        return run

    def _forget(self, run: Run) -> None:
        with self._lock:
            if self._runs.get(run.key) is run:
                del self._runs[run.key]

    def _emit_claimed(self, run: Run) -> None:
        claim = run.claim
        self._emit(
            "claimed",
            {"id": claim.row.id, "agent": run.agent.name, "marks": len(claim.inputs), "watch": claim.watch},
        )
