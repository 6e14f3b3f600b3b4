"""A worker of a board: its registration, the work that is due for it, and its claims."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from blackboard.board import worker_registry
from blackboard.board.activations.agent_claims import activation_trace_spans, claims
from blackboard.board.activations.agent_claims.claimable_work import UNSHARED_WORK, WorkSource
from blackboard.board.activations.agent_claims.claims import Claim, ClaimRequest, RunKey
from blackboard.board.activations.agent_claims.claims_in_turns import claim_up_to
from blackboard.board.activations.agent_claims.searches_in_reads import NOTHING_FOUND, MarksBySearch, NeedsSearches
from blackboard.board.activations.run_ends import activation_recovery
from blackboard.board.daemon_work.due_work import DueWork, read_due_work
from blackboard.board.daemon_work.early_window_ends import close_earliest_window
from blackboard.board.daemon_work.remaining_work import RemainingWork, has_unfinished_work
from blackboard.board.daemon_work.run_end_transactions import RunEndTransactions
from blackboard.board.deployment_effects import gone_agents
from blackboard.board.deployment_effects.program_declarations import AgentDeclaration, with_declared
from blackboard.board.deployments.deployer import Deployer
from blackboard.board.facade import Blackboard
from blackboard.board.housekeeping.board_maintenance import BoardMaintenance
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables.activation_inputs import ActivationInput
from blackboard.board.worker_registry import AgentCode
from blackboard.clock import Instant
from blackboard.core.marks.mark_model import Mark
from blackboard.core.specs.deployment import Deployment
from blackboard.durations import Duration
from blackboard.store.database_interfaces.process_interface import ProcessLock
from blackboard.store.row_types.board_row_types import WorkerRow
from blackboard.system.failpoints import failpoint


def publish_lock(board: Blackboard, seconds: float) -> ProcessLock:
    """Return the lock that serializes publishing between the daemons of a board. `seconds` is the longest wait."""
    return board.database.processes.lock("publish", seconds)


class Worker:
    """A worker of one board.

    Args:
        board: The board on which the worker registers.
        lease: The length of its leases in microseconds.
        code: The agents that the worker serves, with the digests of their code. A reload may change them.
        describe_model: Returns a text that names the provider and model in use now. This function is called again and
            again, because a key may be added or removed.
        wake: Called from other threads when there may be work.
    """

    def __init__(
        self,
        board: Blackboard,
        lease: Duration,
        code: AgentCode,
        describe_model: Callable[[], str | None] = lambda: None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.board, self.lease, self.code, self.describe_model = board, lease, code, describe_model
        self.liveness = board.database.processes.liveness(wake)
        """The proof to other workers that this worker is alive. It must be entered before `register`, because a
        registered worker without this proof counts as dead."""
        self._served_by_webhook: frozenset[str] = frozenset()
        self._session = board.session
        self.board_maintenance = BoardMaintenance(board.session)
        """The work for the board itself."""
        self.run_ends = RunEndTransactions(board.session)
        """The ends of the worker's runs."""

    @property
    def id(self) -> str:
        """The id in the leases of this worker. A forked process is another worker, with another id."""
        return self.liveness.id

    # -- life --------------------------------------------------------------------------------------------------------

    def register(self) -> None:
        """Register the worker, if it is not registered yet, and notify the other workers to watch it."""
        model = self.describe_model()
        self._session.write(lambda txn: self._register(txn, model), record_instant=True)

    def _register(self, txn: BoardTransaction, model: str | None) -> None:
        worker_registry.register(txn, self.id, self.code, model=model, lock_key=self.liveness.lock_key)

    def limit_leap(self, leap: Duration) -> None:
        """Set how far the clock may be ahead of the board's last record. A clock that is further ahead is in doubt."""
        self._session.limit_leap(leap)

    def serve(self, code: AgentCode) -> None:
        """Serve other agents from now on. `code` has them, with the digests of their code."""
        self.code = dict(code)
        self._session.write(lambda txn: worker_registry.set_code(txn, self.id, self.code))

    def count_as_served(self, agents: frozenset[str]) -> None:
        """Count these remote agents as served, because this process posts their activations to webhooks."""
        self._served_by_webhook = agents

    def deploy(self, agents: Sequence[AgentDeclaration], *, replace: bool) -> None:
        """Deploy agents of this worker, as they declare themselves.

        Raises:
            AgentInUse: Another living worker serves one of these agents with the active code, and `replace` is not set.
            ConfigurationError: An agent names a kind that is not known.
        """
        deployer = Deployer(replace=replace, new_code="unserved", worker_id=self.id)
        deployer.deploy(self._session, lambda txn: with_declared(txn.deployment, agents, ()), self.board.author)

    def unregister(self) -> None:
        """Remove the worker from the board, and record until when it served its agents."""
        self._session.write(lambda txn: worker_registry.remove_worker(txn, self.id, is_dead=False))

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
        return self._session.read(lambda txn: (worker_registry.registered_workers(txn), txn.now))

    def recover(self, dead: Sequence[str], runs: Callable[[], Collection[RunKey]], *, expired_leases: bool) -> int:
        """Extend this worker's leases, recover the activations that no worker runs any longer, and return their number.

        `runs` returns the runs of this process. An activation of this worker that is not among them stopped before its
        result was saved, and is recovered too. With `expired_leases`, activations whose lease has expired are recovered
        too.
        """
        model = self.describe_model()

        def work(txn: BoardTransaction) -> int:
            activation_recovery.extend_leases(txn, self.id, self.lease)
            if not worker_registry.record_seen(txn, self.id, model):
                self._register(txn, model)  # another worker took this worker for dead
            running = runs()  # read within the transaction, in which no thread of this worker can claim
            return activation_recovery.recover(
                txn,
                dead,
                expired=expired_leases,
                is_lost=lambda row: row.worker == self.id and RunKey(row.id, row.fence) not in running,
                expiry_is_death=self.board.database.processes.expiry_is_death,
            )

        count = self._session.write(work, record_instant=True)
        failpoint("recovery.after")
        return count

    # -- work that is due --------------------------------------------------------------------------------------------

    def due_work(self) -> DueWork:
        """Return the work that is due now for this worker."""
        return self._session.read(lambda txn: read_due_work(txn, self.code, self.board_maintenance.throttle))

    def is_quiescent(self, *, batch_api: bool) -> bool:
        """Return whether the work that remains for the worker's agents waits for a person, a budget or a new mark."""
        return self._session.read(lambda txn: not has_unfinished_work(txn, self._current(txn), batch_api=batch_api))

    def close_batch_window(self) -> bool:
        """End the earliest batch window of the worker's agents, unless something runs or is due before its end."""
        return self._session.write(lambda txn: close_earliest_window(txn, self._current(txn)), record_instant=True)

    def gone_agents(self) -> dict[str, int]:
        """Return how many crossings and activations wait for each agent that the active deployment does not have."""
        return self._session.read(gone_agents.count)

    def remaining_work(self) -> RemainingWork:
        """Return a report of the work that is left on the board for this worker."""
        return self._session.read(lambda txn: RemainingWork.of(txn, self._current(txn)))

    def _current(self, txn: BoardTransaction) -> set[str]:
        return (self.code.keys() - set(worker_registry.outdated_agents(txn, self.code))) | self._served_by_webhook

    # -- claims ------------------------------------------------------------------------------------------------------

    def claim(self, txn: BoardTransaction, name: str, work_source: WorkSource = UNSHARED_WORK) -> Claim | None:
        """Claim the next activation of an agent, if there is one that nothing defers and that needs no search.

        `work_source` finds the work of the agent; several claims of the transaction may share it.
        """
        claim = self._claim(txn, name, NOTHING_FOUND, work_source)
        return None if isinstance(claim, NeedsSearches) else claim

    def _claim(
        self, txn: BoardTransaction, name: str, marks_by_search: MarksBySearch, work_source: WorkSource = UNSHARED_WORK
    ) -> Claim | NeedsSearches | None:
        """Claim the next activation of an agent, if there is one that nothing defers.

        Nothing is claimed if another process has removed the agent from the deployment, or deployed other code for it.
        """
        if not worker_registry.is_current_code(txn, name, self.code.get(name)):
            return None
        return claims.claim(
            txn, txn.deployment.agents[name], ClaimRequest(self.id, self.lease, marks_by_search), work_source
        )

    def mark_of(self, item: ActivationInput, deployment: Deployment) -> Mark:
        """Return an input of an activation as a mark of its kind's class.

        Raises:
            InvalidMark: The payload does not fit the class.
        """
        return self._session.classes.make(item.event, item.stored, deployment)

    def waking_traceparents(self, claim: Claim) -> Sequence[str]:
        """Return the trace contexts of the latest deposits that woke an agent, latest first."""
        return self._session.read(lambda txn: activation_trace_spans.waking_traceparents(txn, claim.row.id))

    def claim_ready(self, names: Sequence[str], limit: int) -> list[Claim]:
        """Claim up to `limit` activations in one transaction; the agents take turns in this order.

        Args:
            names: The agents, in the order of their turns.
            limit: The largest number of activations, at least 1.
        """
        if not names:
            return []
        ready = self._session.read(lambda txn: [name for name in names if claims.may_claim(txn, name)])
        if not ready:
            return []
        failpoint("claim.before")
        result = claim_up_to(self._session, ready, limit, self._claim)
        failpoint("claim.after")
        return result

    def claim_suspect(self, names: Sequence[str]) -> Claim | None:
        """Claim an activation that must run alone, of the first of these agents that has one."""

        def claim_one(txn: BoardTransaction, name: str, marks_by_search: MarksBySearch) -> Claim | NeedsSearches | None:
            agent_spec = txn.deployment.agents.get(name)
            return (
                None
                if agent_spec is None
                else claims.claim_suspect(txn, agent_spec, ClaimRequest(self.id, self.lease, marks_by_search))
            )

        return next(iter(claim_up_to(self._session, names, 1, claim_one, shared=False)), None)
