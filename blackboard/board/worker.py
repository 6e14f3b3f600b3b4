"""The work of a worker on a board: its registration, its leases, claims and results, each in one transaction."""

from __future__ import annotations

import json
import os
import random
import socket
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from blackboard.board.activation_storage.additional_reads import NOTHING_FOUND, MarksBySearch, NeedsSearches
from blackboard.board.activations.agent_claims import activation_traces, agent_readiness, claims
from blackboard.board.activations.agent_claims.claim_readings import ClaimReadings, NextClaims
from blackboard.board.activations.agent_claims.claims import Claim
from blackboard.board.activations.agent_claims.claims_with_searches import claim_up_to
from blackboard.board.activations.call_handling import unusable_answers
from blackboard.board.activations.call_handling.batch_api_steps import BatchApiSteps
from blackboard.board.activations.call_handling.call_outcomes import CallOutcomes
from blackboard.board.activations.call_handling.call_steps import CallSteps
from blackboard.board.activations.call_handling.unusable_answers import HeldAnswer
from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.quiescence import Report, anything_is_left
from blackboard.board.activations.returned_items.agent_actions import AgentAction
from blackboard.board.activations.run_ends import activation_recovery, activation_results, activation_splits
from blackboard.board.activations.run_ends.activation_results import Failure
from blackboard.board.blackboard import Blackboard
from blackboard.board.deployments.deployer import Deployer
from blackboard.board.housekeeping.maintenance_work import MaintenanceWork
from blackboard.board.result_types import Receipt
from blackboard.board.rollout import gone_agents
from blackboard.board.rollout.declarations import AgentDeclaration, with_declared
from blackboard.board.transactions import pauses_and_cooldowns
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.worker_registry import served_agents
from blackboard.board.worker_registry.served_agents import Code
from blackboard.clock import Instant
from blackboard.core.records.states import ActivationState
from blackboard.durations import Duration
from blackboard.store.commits.group_commit import ServerHints
from blackboard.store.database_parts.board_processes import ProcessLock
from blackboard.store.rows import WorkerRow
from blackboard.store.schema.schema_revisions import HEAD
from blackboard.store.statements import ACTIVATIONS, CROSSINGS
from blackboard.store.transaction import Transaction
from blackboard.system.failpoints import failpoint
from blackboard.system.packaged_files import program_version

ClaimNext = Callable[[BoardTransaction, ClaimReadings | None], bool]
"""Claims the next activation, in the transaction that ends a run; returns whether it claimed one.

It is given what the claims of the transaction have read together; None if they read alone.
"""


def call_steps_of(board: Blackboard) -> CallSteps:
    """Return the steps of the model calls of a board."""
    return CallSteps(board.session)


def call_outcomes_of(board: Blackboard) -> CallOutcomes:
    """Return the outcomes of the model calls of a board, to which a daemon adds answers and refusals."""
    return CallOutcomes(board.session)


def batch_api_steps_of(board: Blackboard) -> BatchApiSteps:
    """Return the steps of the calls of a board that go through the provider's Batch API."""
    return BatchApiSteps(board.session)


def publish_lock(board: Blackboard, patience: float) -> ProcessLock:
    """Return the lock between the processes that publish from a board.

    Args:
        board: The board that the processes publish from.
        patience: The longest wait for the lock, in seconds.
    """
    return board.database.processes.lock("publish", patience)


@dataclass
class DueWork:
    """The work that is due on a board, and the instants when more work will be due."""

    has_predicted_crossing: bool = False
    """Whether a predicted crossing is due."""
    has_due_need: bool = False
    has_evaporation: bool = False
    has_backfill: bool = False
    has_search: bool = False
    delay: int = 0
    """Microseconds until background work may continue."""
    agents: set[str] = field(default_factory=set)
    """The agents with waiting work, ready or not."""
    suspects: set[str] = field(default_factory=set)
    """The agents with an activation that must run alone."""
    outdated: list[str] = field(default_factory=list)
    """The agents of the worker that the active deployment has with other code, or does not have."""
    doubted_clock: Instant | None = None
    """The instant of a clock that the board does not believe; None if the board believes it."""
    instants: list[Instant] = field(default_factory=list)
    """The known instants after now at which more work will be due, in no order: microseconds since the epoch."""

    @property
    def has_maintenance(self) -> bool:
        """Whether the board itself has work."""
        return (
            self.has_predicted_crossing
            or self.has_due_need
            or self.has_evaporation
            or self.has_backfill
            or self.has_search
        )


@dataclass
class FinishedRun:
    """The end of a run."""

    receipts: list[Receipt]
    resumed_models: list[str]
    """The models whose pause for the agent ended with the answer that the run used."""
    claimed_next: bool = False
    """Whether the transaction has claimed the next activation, once it has committed."""


class Worker:
    """A worker of one board.

    Args:
        board: The board on which the worker registers.
        lease: The length of its leases in microseconds.
        code: The agents that it serves, with the digests of its code. A reload may change them.
        describe_model: Returns a text that names the provider and model in use now. It is called again because a key
            may be added or removed.
        wake: Called from other threads when there may be work.

    Attributes:
        liveness: The proof to other workers that this one is alive. It must be entered before `register`, because a
            registered worker without this proof counts as dead.
    """

    def __init__(
        self,
        board: Blackboard,
        lease: Duration,
        code: Code,
        describe_model: Callable[[], str | None] = lambda: None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.board, self.lease, self.code, self.describe_model = board, lease, code, describe_model
        self.liveness = board.database.processes.liveness(wake)
        self._posted: frozenset[str] = frozenset()
        self._session = board.session
        self.board_maintenance = MaintenanceWork(board.session)

    @property
    def id(self) -> str:
        """The name that it claims in. A process that was forked from this one is another worker."""
        return self.liveness.id

    # -- life --------------------------------------------------------------------------------------------------------

    def register(self) -> None:
        """Register the worker, if it is not registered yet, and notify the other workers to watch it."""
        model = self.describe_model()
        self._session.write(lambda txn: self._register(txn, model), record_instant=True)

    def _register(self, txn: BoardTransaction, model: str | None) -> None:
        """Write the row of this worker, unless there is one."""
        if self.id in _worker_ids(txn):
            return
        txn.sql.run(
            ACTIVATIONS.insert_worker,
            id=self.id,
            pid=os.getpid(),
            host=socket.gethostname(),
            started_at=txn.now,
            seen_at=txn.now,
            version=program_version(),
            agents=json.dumps(self.code),
            schema=HEAD,
            model=model,
            lock_key=self.liveness.lock_key,
        )

    def limit_leap(self, leap: Duration) -> None:
        """From now on, do not believe the clock if it is further ahead of the board's last record than this."""
        self._session.leap = leap

    def serve(self, code: Code) -> None:
        """Serve these agents, with the code of these digests, instead of the former agents."""
        self.code = dict(code)
        self._session.write(lambda txn: served_agents.set_code(txn, self.id, self.code))

    def serve_posted(self, agents: frozenset[str]) -> None:
        """Count these remote agents as served, because this process posts their activations to webhooks."""
        self._posted = agents

    def deploy(self, agents: Sequence[AgentDeclaration], *, replace: bool) -> None:
        """Deploy agents of this worker, as they declare themselves.

        Raises:
            AgentInUse: Another living worker serves one of these agents with the active code, and `replace` is not set.
            ConfigurationError: An agent names a kind that is not known.
        """
        deployer = Deployer(replace, "unserved", self.id)
        deployer.deploy(self._session, lambda txn: with_declared(txn.deployment, agents, ()), self.board.author)

    def unregister(self) -> None:
        """Remove the worker from the board, and record until when it served its agents."""
        self._session.write(lambda txn: served_agents.remove_worker(txn, self.id, is_dead=False))

    def reconnect(self) -> None:
        """Register again on a board that could not be used for a while.

        Raises:
            StoreError: The board still cannot be used, or the file is no longer a board of this version.
        """
        self._session.now()  # checks the file and its schema; a writing connection would create a file that is gone
        self.register()

    def now(self) -> Instant:
        """Return the board's time."""
        return self._session.now()

    def workers(self) -> tuple[list[WorkerRow], Instant]:
        """Return all registered workers, and the board's time."""
        return self._session.read(lambda txn: (txn.sql.all(ACTIVATIONS.workers), txn.now))

    def recover(
        self, dead: Sequence[str], runs: Callable[[], Collection[tuple[int, int]]], *, expired_leases: bool
    ) -> int:
        """Extend this worker's leases, recover the activations that no worker runs any longer, and return their number.

        Also recovers activations leased to this worker that stopped before their result could be saved: `runs` returns
        the id and fence of each activation that it runs. With `expired_leases`, an expired lease of any worker counts.
        """
        model = self.describe_model()

        def work(txn: BoardTransaction) -> int:
            txn.sql.run(ACTIVATIONS.extend_leases, worker=self.id, until=txn.now + self.lease)
            if not txn.sql.changed(ACTIVATIONS.see_worker, id=self.id, seen_at=txn.now, model=model):
                self._register(txn, model)  # another worker took this one for dead
            running = runs()  # read within the transaction, in which no thread of this worker can claim
            return activation_recovery.recover(
                txn,
                dead,
                expired=expired_leases,
                is_lost=lambda row: row.worker == self.id and (row.id, row.fence) not in running,
                expiry_is_death=self.board.database.processes.expiry_is_death,
            )

        count = self._session.write(work, record_instant=True)
        failpoint("recovery.after")
        return count

    # -- work that is due --------------------------------------------------------------------------------------------

    def due_work(self) -> DueWork:
        """Return the work that is due now for this worker."""
        return self._session.read(self._due_work)

    def _due_work(self, txn: BoardTransaction) -> DueWork:
        """Return the work that is due now, and the instants when more work will be due."""
        instants = txn.sql.existing(CROSSINGS.due_instants)
        crossing, need = instants.next_predicted, instants.next_need
        evaporation = txn.next_end  # every transaction has read it already

        def is_due(at: Instant | None) -> bool:
            return at is not None and at <= txn.now

        due = DueWork(
            has_predicted_crossing=is_due(crossing),
            has_due_need=is_due(need),
            has_evaporation=is_due(evaporation) and not txn.active.law_changes,
            has_backfill=bool(instants.has_backfill),
            has_search=bool(instants.has_search),
            doubted_clock=txn.doubted,
            instants=[at for at in (crossing, need, evaporation) if at is not None and not is_due(at)],
        )
        if due.has_evaporation or due.has_backfill or due.has_search:
            due.delay = self.board_maintenance.pace.delay(txn.last_event)
            due.instants.append(txn.now + due.delay)
        due.outdated = served_agents.outdated(txn, self.code)
        current = self.code.keys() - set(due.outdated)
        work = agent_readiness.waiting_work(txn)
        due.agents = work.keys() & current
        if due.agents:
            due.suspects = agent_readiness.agents_with_suspects(txn) & current
        pauses_and_cooldowns.read_all(txn, due.agents)
        for name in due.agents & txn.deployment.agents.keys():
            if (at := agent_readiness.next_ready(txn, name, work)) is not None:
                due.instants.append(at)
        return due

    def is_quiescent(self, *, batch_api: bool) -> bool:
        """Return whether the work that remains for its agents waits for a person, a budget or a new mark."""
        return self._session.read(lambda txn: not anything_is_left(txn, self._current(txn), batch_api=batch_api))

    def close_batch_window(self) -> bool:
        """End the earliest batch window of its agents, if nothing runs and nothing else is due before its end."""
        return self._session.write(
            lambda txn: agent_readiness.close_earliest_window(txn, self._current(txn)), record_instant=True
        )

    def gone_agents(self) -> dict[str, int]:
        """Return how many crossings and activations wait for each agent that the active deployment does not have."""
        return self._session.read(gone_agents.count)

    def report(self) -> Report:
        """Return a report of the work that is left on the board for this worker."""
        return self._session.read(lambda txn: Report.of(txn, self._current(txn)))

    def _current(self, txn: BoardTransaction) -> set[str]:
        return (self.code.keys() - set(served_agents.outdated(txn, self.code))) | self._posted

    # -- claims ------------------------------------------------------------------------------------------------------

    def claim(self, txn: BoardTransaction, name: str, readings: ClaimReadings | None = None) -> Claim | None:
        """Claim the next activation of an agent, if there is one that nothing defers and that searches nothing.

        `readings` is what several claims of the transaction have read together.
        """
        claim = self._claim(txn, name, NOTHING_FOUND, readings)
        return None if isinstance(claim, NeedsSearches) else claim

    def _claim(
        self, txn: BoardTransaction, name: str, found: MarksBySearch, readings: ClaimReadings | None = None
    ) -> Claim | NeedsSearches | None:
        """Claim the next activation of an agent, if there is one that nothing defers.

        Another process may have removed the agent from the deployment, or deployed other code for it.
        """
        if not served_agents.is_current(txn, name, self.code.get(name)):
            return None
        return claims.claim(txn, txn.deployment.agents[name], self.id, self.lease, found, readings)

    def waking_traceparents(self, claim: Claim) -> Sequence[str]:
        """Return the trace contexts of the latest deposits that woke an agent, latest first."""
        return self._session.read(lambda txn: activation_traces.waking_traceparents(txn, claim.row.id))

    def claim_ready(self, names: Iterable[str], limit: int) -> list[Claim]:
        """Claim up to `limit` activations in one transaction; the agents take turns in this order.

        Args:
            names: The agents, in the order of their turns.
            limit: The largest number of activations, at least 1.
        """
        if not (agents := [*names]):
            return []
        ready = self._session.read(lambda txn: [name for name in agents if agent_readiness.may_claim(txn, name)])
        if not ready:
            return []
        failpoint("claim.before")
        result = claim_up_to(self._session, ready, limit, self._claim)
        failpoint("claim.after")
        return result

    def claim_suspect(self, names: Iterable[str]) -> Claim | None:
        """Claim an activation that must run alone, of the first of these agents that has one."""

        def claim_one(txn: BoardTransaction, name: str, found: MarksBySearch) -> Claim | NeedsSearches | None:
            agent = txn.deployment.agents.get(name)
            return None if agent is None else claims.claim_suspect(txn, agent, self.id, self.lease, found)

        return next(iter(claim_up_to(self._session, names, 1, claim_one, shared=False)), None)

    # -- the ends of runs --------------------------------------------------------------------------------------------

    def finish(
        self,
        claim: Claim,
        actions: Sequence[AgentAction],
        claim_next: ClaimNext | None = None,
    ) -> FinishedRun | None:
        """End a run with success: apply the items that it returned, and claim the next activation, in one transaction.

        Returns None, and changes nothing, if the activation is no longer this worker's.

        Raises:
            Conflict: A mark has changed since the event that a returned item names. Nothing is changed.
            BlackboardError: A returned item is refused. Nothing is changed.
        """
        classes = self._session.classes

        def ask(sql: Transaction) -> None:
            activation_results.ask_ahead(sql, self._session.last_active, claim.row, actions)

        def work(txn: BoardTransaction) -> FinishedRun | None:
            success = activation_results.finish(txn, claim.row, claim.agent, actions, classes)
            if success is None:
                return None
            resumed_models = unusable_answers.clear(txn, claim.row) if success.used_answer else []
            finished = FinishedRun(success.receipts, resumed_models)
            if claim_next is not None:
                _claim_after(txn, claim, finished, claim_next)
            return finished

        return self._session.write(work, record_instant=True, shared=True, hints=ServerHints(ask))

    def fail(self, claim: Claim, failure: Failure, rng: random.Random) -> ActivationState | None:
        """End a run with a failure, and return the new state; None if the activation is no longer this worker's."""

        def work(txn: BoardTransaction) -> ActivationState | None:
            state = activation_results.fail(txn, claim.row, claim.agent, failure, rng)
            if state is not None and failure.has_bad_answer:
                model_calls.mark_unusable(txn, claim.row.id, failure.error)
            return state

        failpoint("failure.before")
        state = self._session.write(work, record_instant=True)
        failpoint("failure.after")
        return state

    def put_back(self, claim: Claim, conflict: str, rng: random.Random) -> ActivationState | None:
        """Put back a run whose result was in conflict with the board; see `activation_results.put_back`.

        Returns the new state; None if the activation is no longer this worker's.
        """
        return self._session.write(
            lambda txn: activation_results.put_back(txn, claim.row, claim.agent, conflict, rng), record_instant=True
        )

    def hold_answer(self, claim: Claim, failure: Failure, rng: random.Random) -> HeldAnswer | None:
        """Hold a run whose answer is unusable, unless its marks are the cause; see `unusable_answers`.

        After a hopeless failure, a smaller batch may succeed. So a batch that can be divided is not held. Returns
        None if the failure counts.
        """

        def work(txn: BoardTransaction) -> HeldAnswer | None:
            if failure.is_hopeless and activation_splits.is_divisible(txn, claim.row):
                return None
            return unusable_answers.judge(txn, claim.row, failure.error, rng)

        return self._session.write(work, record_instant=True)

    def defer(self, claim: Claim, reason: str, until: Instant | None, *, is_held: bool = False) -> None:
        """Defer a run, without counting a failure.

        Args:
            claim: A run of this worker that has not ended.
            reason: A text for people.
            until: Microseconds since the epoch; None if no instant ends the wait.
            is_held: Whether the run stays deferred after `until`, until a person or another event releases it.
        """
        self._session.write(
            lambda txn: activation_results.defer(txn, claim.row, until=until, reason=reason, is_held=is_held)
        )

    def hand_back(self, claim: Claim) -> None:
        """Give a run up because the worker stops. Another worker can claim it at once."""
        self._session.write(lambda txn: activation_results.hand_back(txn, claim.row))

    def isolate(self, claim: Claim, marks: Collection[int]) -> set[int] | None:
        """Move each of these marks to an activation of its own, with the marks that must stay with it.

        Returns the marks that moved; None if the run is no longer this worker's.
        """
        return self._session.write(lambda txn: activation_splits.isolate(txn, claim.row, marks))


def _claim_after(txn: BoardTransaction, ended: Claim, finished: FinishedRun, claim_next: ClaimNext) -> None:
    """Claim the next activation after the end of a run: at once or, on a server, after all ends of the transaction."""

    def claim(readings: ClaimReadings | None) -> None:
        finished.claimed_next = claim_next(txn, readings)

    if txn.sql.ahead is not None:
        txn.collected(NextClaims).add(txn, ended.agent.name, claim)
    else:
        claim(None)


def _worker_ids(txn: BoardTransaction) -> list[str]:
    return [row.id for row in txn.sql.all(ACTIVATIONS.workers)]
