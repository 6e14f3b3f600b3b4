"""The deployer: makes a deployment active for a program or a worker, and runs its backfill.

If another living worker serves an agent, the deployer removes the agent only if `replace` is set.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Literal

from blackboard.board import operator_actions, worker_registry
from blackboard.board.board_session import BoardSession
from blackboard.board.deployment_effects import backfill, deployment_activation, program_declarations
from blackboard.board.deployment_effects.program_declarations import AgentDeclaration
from blackboard.board.housekeeping.background_throttle import BackgroundThrottle
from blackboard.board.result_types.administration_results import DeployResult
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core import failure_texts
from blackboard.core.authors import BOARD
from blackboard.core.built_in_marks import BUILT_IN_KINDS
from blackboard.core.marks.mark_model import Mark
from blackboard.core.records.states import ActivationState
from blackboard.core.specs.agent_spec import check_agents
from blackboard.core.specs.deployment import Deployment
from blackboard.errors import AgentInUse, UnreadableMark, UsageError
from blackboard.plurals import counted
from blackboard.store.row_types.board_row_types import WorkerRow
from blackboard.store.statements import ACTIVATIONS

MARKS_PER_BACKFILL_TRANSACTION = 500
"""The number of marks in one transaction of a backfill, during which other writers wait."""


@dataclass(frozen=True, kw_only=True)
class Deployer:
    """A program that deploys, and its rights against living workers."""

    replace: bool = False
    """Whether the program may remove or replace agents that another living worker serves."""
    new_code: Literal["always", "unserved", "never"] = "always"
    """Whether it may give an agent other code: "always" (`init`), "unserved" (a daemon at its start: only if no living
    worker serves the active code), or "never" (a reload)."""
    worker_id: str | None = None
    """The id of the worker that deploys; None for other programs. A worker may take agents from itself."""

    def deploy(
        self, session: BoardSession, make: Callable[[BoardTransaction], Deployment], author: str
    ) -> DeployResult:
        """Deploy what `make` returns, and run the backfill at a pace that leaves time for other writers.

        The activity names the author as the person who deployed.

        Raises:
            AgentInUse: A living worker serves an agent that would be removed or replaced.
        """
        dead = session.dead_workers()

        def register(txn: BoardTransaction) -> DeployResult:
            new = make(txn)
            if (objection := self.objection(txn, new, dead)) is not None:
                raise AgentInUse(objection)
            return activate_and_retry(txn, new.with_kinds(BUILT_IN_KINDS), author)

        result = session.write(register, record_instant=True)
        throttle = BackgroundThrottle(session)
        while throttle.run(lambda txn: backfill.run_batch(txn, MARKS_PER_BACKFILL_TRANSACTION)):
            delay = throttle.delay(session.read(lambda txn: txn.last_event_id))
            session.clock.wait(threading.Event(), session.clock.now() + delay)
        return result

    def objection(self, txn: BoardTransaction, new: Deployment, dead: Collection[str]) -> str | None:
        """Return the reason why living workers do not let this deployer deploy; None if it may.

        Args:
            txn: The transaction.
            new: What would be deployed.
            dead: Registered workers that are known to be dead.
        """
        if self.replace:
            return None
        old = txn.deployment.agents
        removed = [name for name in old if name not in new.agents]
        changed = [name for name in new.agents if name in old and new.agents[name].code != old[name].code]
        if changed and self.new_code == "never":
            return (
                f"the active deployment has other code than this process for {', '.join(changed)}; restart this process"
                " with that code"
            )
        workers = txn.sql.all(ACTIVATIONS.workers)
        others = (row for row in workers if row.id != self.worker_id and row.id not in dead)
        objections = (self._objection_of(txn, row, removed, changed) for row in others)
        return next((objection for objection in objections if objection is not None), None)

    def _objection_of(
        self, txn: BoardTransaction, worker: WorkerRow, removed: Sequence[str], changed: Sequence[str]
    ) -> str | None:
        """Return why the agents of a worker may not be removed or get other code; None if they may."""
        code = worker_registry.code_of(worker)
        if gone := [name for name in removed if name in code]:
            return (
                f"worker {worker.id} serves {', '.join(gone)}, which would be removed; stop that worker, or use"
                " --replace (in Python: replace=True)"
            )
        active = [name for name in changed if name in code and worker_registry.is_current_code(txn, name, code[name])]
        if active and self.new_code == "unserved":
            return (
                f"worker {worker.id} serves {', '.join(active)} with the active code, and this process has other code;"
                " stop that worker, or use --replace (in Python: replace=True)"
            )
        return None


def deploy(
    session: BoardSession,
    items: Sequence[AgentDeclaration | Deployment],
    kinds: Sequence[type[Mark]],
    author: str,
    *,
    replace: bool,
) -> DeployResult:
    """Deploy agents and kinds as they declare themselves, or a whole deployment; see `Blackboard.deploy`."""
    agents = [item for item in items if not isinstance(item, Deployment)]
    check_agents(agents, "deploy()")
    deployments = [item for item in items if isinstance(item, Deployment)]
    if deployments and (len(items) > 1 or kinds):
        raise UsageError("deploy() takes one whole deployment, or agents and kinds, but not both")
    session.classes.add(kinds, replace=True)
    session.classes.add(mark_class for agent in agents for mark_class in agent.kinds.values())

    def make(txn: BoardTransaction) -> Deployment:
        return deployments[0] if deployments else program_declarations.with_declared(txn.deployment, agents, kinds)

    return Deployer(replace=replace).deploy(session, make, author)


def activate_and_retry(txn: BoardTransaction, new: Deployment, author: str = BOARD) -> DeployResult:
    """Make a deployment active, and retry the dead activations whose unreadable marks its classes may now read.

    If a class still cannot read a mark, its activation dies again, without a call of the agent.
    """
    former = txn.deployment.kinds
    result = deployment_activation.activate(txn, new, author)
    changed = {
        name
        for name, spec in new.kinds.items()
        if name in former and spec.payload_schema != former[name].payload_schema
    }
    retried = _retry_unreadable(txn, changed) if changed else {}
    texts = (
        f"kind {kind}: {counted(count, 'activation')} to be tried again" for kind, count in sorted(retried.items())
    )
    return replace(result, changed=(*result.changed, *texts))


def _retry_unreadable(txn: BoardTransaction, kinds: Set[str]) -> Mapping[str, int]:
    """Retry the dead activations with an unreadable mark and a mark of these kinds; return their number by kind."""
    retried: Counter[str] = Counter()
    for row in txn.sql.all(ACTIVATIONS.in_state, state=ActivationState.DEAD):
        if failure_texts.is_error_text(row.error, UnreadableMark):
            events = (item.event for item in txn.sql.all(ACTIVATIONS.inputs, activation_id=row.id))
            if mended := kinds & {event.kind for event in events if event is not None}:
                operator_actions.start_over(txn, row)
                retried.update(mended)
    return retried
