"""A board in a temporary file with a manual clock, and agents that claim and finish on demand."""

from __future__ import annotations

import random
from collections import namedtuple
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from blackboard import Blackboard, ManualClock, Mark, agent
from blackboard.board.activations.agent_claims import claims
from blackboard.board.activations.agent_claims.claims import Claim, ClaimRequest
from blackboard.board.activations.agent_claims.searches_in_reads import NeedsSearches
from blackboard.board.activations.run_ends import activation_results
from blackboard.board.activations.run_ends.activation_results import Failure
from blackboard.board.activations.run_ends.agent_actions import AgentAction, AgentDeposit
from blackboard.board.deployment_effects import backfill, watch_reevaluation
from blackboard.board.deployment_effects.deployment_activation import activate
from blackboard.board.mark_changes import deposits, mark_removals
from blackboard.board.mark_changes.deposit_checks import check_and_register
from blackboard.board.result_types.administration_results import DeployResult
from blackboard.board.result_types.mark_results import Receipt
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.crossing_detection import predicted_crossings
from blackboard.core.marks.decay import Decay
from blackboard.core.marks.deposit_requests import DepositRequest
from blackboard.core.marks.kinds import Kind
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.core.specs.sink_spec import SinkSpec
from blackboard.durations import MINUTE
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statement_file import Statement
from tests.support.board_steps import in_transaction
from tests.support.storage import FileStorage, Storage

LEASE = 10 * MINUTE


def spec(name: str, watches: Any, **declared: Any) -> AgentSpec:
    """Return the spec of an agent, as its declaration registers it."""

    @agent(watches=watches, name=name, **declared)
    def function(marks: Any, context: Any) -> None:
        return None

    return function.spec


def kind(
    name: str,
    decay: Decay | None = None,
    *,
    weight: float = 1.0,
    floor: float = 0.0,
    on_repeat: Any = "max",
    cap: float | None = None,
    unique: str | None = None,
    tags: tuple[str, ...] = (),
) -> KindSpec:
    """Return a kind without a payload model."""
    made = Kind(name, weight=weight, floor=floor, on_repeat=on_repeat, cap=cap, unique=unique, tags=tags)
    return KindSpec.of(made if decay is None else replace(made, decay=decay))


class World:
    """A board and the operations of a test on it."""

    storage: ClassVar[Storage] = FileStorage()
    """The storage of new boards; the fixture of the same name sets it for a test."""

    def __init__(self, path: Path, clock: ManualClock | None = None, *, url: str | None = None) -> None:
        self.path = path
        self.clock = clock or ManualClock()
        self.borrowed = url is not None
        self.url = url or self.storage.create(path)
        self.board = Blackboard.open(self.url, author="person:ada", clock=self.clock)
        self.deployment = Deployment()
        self.rng = random.Random(1)

    def close(self) -> None:
        self.board.close()
        if not self.borrowed:
            self.storage.remove(self.url)

    # -- the deployment

    def deploy(
        self,
        kinds: dict[str, KindSpec] | None = None,
        *agents: AgentSpec,
        trust: dict[str, float] | None = None,
        sinks: dict[str, SinkSpec] | None = None,
    ) -> DeployResult:
        """Deploy kinds and agents; other kinds stay unchanged."""
        self.deployment = Deployment(
            kinds={**self.deployment.kinds, **(kinds or {})},
            agents={item.name: item for item in agents},
            trust=trust or {},
            sinks=sinks or {},
        )
        return self.board.deploy(self.deployment)

    def register(self, kinds: dict[str, KindSpec] | None = None, *agents: AgentSpec) -> DeployResult:
        """Register a deployment without its backfill."""
        self.deployment = Deployment(
            kinds={**self.deployment.kinds, **(kinds or {})}, agents={item.name: item for item in agents}
        )
        return self.board.session.write(lambda txn: activate(txn, self.deployment), record_instant=True)

    def run_backfill(self, limit: int = 1000) -> int:
        """Run backfills until none remains, and return the number of their batches."""
        batches = 0
        while in_transaction(self.board, backfill.run_batch, limit):
            batches += 1
            assert batches < 10_000
        return batches

    # -- marks

    def put(self, kind: str, subject: str = "s", intensity: float = 1.0, **options: Any) -> Receipt:
        """Deposit a mark as the author of the board, by default without a payload."""
        payload = options.pop("payload", {})
        return self.board.deposit(kind, subject=subject, payload=payload, intensity=intensity, **options)

    def sign(self, author: str, kind: str, subject: str = "s", intensity: float = 1.0) -> Receipt:
        """Deposit a mark signed by an agent, as only an activation of the agent can do."""
        return self.board.session.write(
            lambda txn: deposits.deposit(txn, prepared(txn, self.board, kind, subject, {}, intensity, author, 0))
        )

    def strengths(self, **narrowed: Any) -> dict[str, list[float]]:
        result: dict[str, list[float]] = {}
        for mark in self.board.marks(**narrowed):
            result.setdefault(mark.subject, []).append(mark.strength)
        return result

    def advance(self, microseconds: float) -> int:
        return self.clock.advance(timedelta(microseconds=int(microseconds)))

    def evaporate(self, limit: int = 1000) -> int:
        """Record predicted crossings and move evaporated marks to the history until no work remains."""
        count = 0
        while done := in_transaction(self.board, mark_removals.evaporate_due, limit):
            count += done
            assert count < 100_000
        return count

    def fire_due(self) -> int:
        """Record the predicted crossings that are due in one batch, and return their number."""

        def work(txn: BoardTransaction) -> int:
            watch_reevaluation.evaluate_before_firing(txn, predicted_crossings.PREDICTIONS_PER_QUERY)
            return predicted_crossings.fire_due(txn)

        return self.board.session.write(work)

    def fire_all_due(self) -> int:
        """Record all predicted crossings that are due, and return their number."""
        count = 0
        while fired := self.fire_due():
            count += fired
            assert count < 100_000
        return count

    # -- agents

    def claim(self, name: str, worker: str = "worker") -> Claim | None:
        """Claim the next activation of an agent, as a worker does. The result is None if the agent does not wake."""
        found = self.board.session.write(
            lambda txn: claims.claim(txn, txn.deployment.agent(name), ClaimRequest(worker, LEASE))
        )
        assert not isinstance(found, NeedsSearches)
        return found

    def claimed(self, name: str, worker: str = "worker") -> Claim:
        """Claim the next activation of an agent, which must wake."""
        claim = self.claim(name, worker)
        assert claim is not None
        return claim

    def finish(
        self, claim: Claim, *marks: tuple[str, str, float], actions: Sequence[AgentAction] = ()
    ) -> list[Receipt] | None:
        """Finish an activation with the marks that its agent returned, each as its kind, subject and intensity.

        The result is None if the worker has lost the activation.
        """
        classes = self.board.session.classes

        def work(txn: BoardTransaction) -> list[Receipt] | None:
            made = [
                AgentDeposit(
                    prepared(txn, self.board, kind, subject, {}, intensity, claim.agent_spec.name, claim.row.id)
                )
                for kind, subject, intensity in marks
            ]
            success = activation_results.finish(txn, claim.row, claim.agent_spec, [*made, *actions], classes)
            return None if success is None else success.receipts

        return self.board.session.write(work)

    def fail(self, claim: Claim, error: str = "it broke") -> str | None:
        return in_transaction(
            self.board, activation_results.fail, claim.row, claim.agent_spec, Failure(error), self.rng
        )

    def woken(self, name: str) -> list[int] | None:
        """Claim and finish once; return the ids of the input marks, or None if the agent did not wake."""
        if (claim := self.claim(name)) is None:
            return None
        assert self.finish(claim) is not None
        return inputs(claim)

    def work_off(self, name: str) -> None:
        """Claim and finish until the agent has no work."""
        for _ in range(10_000):
            if self.woken(name) is None:
                return
        raise AssertionError(f"there is always work for {name}")

    def waiting(self, name: str) -> int:
        return sum(1 for row in self.board.agenda() if row.agent == name)

    # -- internals of the board

    def rows(self, statement: Statement[Any], **values: Any) -> list[Any]:
        return self.board.session.read(lambda txn: txn.sql.all(statement, **values))

    def sql(self, text: str, *values: Any) -> list[Any]:
        """Return the rows of a query as named tuples."""
        text = text.replace("?", self.storage.placeholder)

        def query(txn: BoardTransaction) -> list[Any]:
            cursor = txn.sql.cursor.execute(text, values)
            row = namedtuple("Row", [column[0] for column in cursor.description], rename=True)  # type: ignore[misc]
            return [row(*values) for values in cursor]

        return self.board.session.read(query)

    def crossings(self, state: str | None = None) -> list[CrossingRow]:
        columns = ", ".join(CrossingRow._fields)
        result = [CrossingRow(*row) for row in self.sql(f"SELECT {columns} FROM crossing ORDER BY id")]
        return [row for row in result if state is None or row.state == state]

    def mark(self, mark_id: int) -> MarkRow:
        return MarkRow(*self.sql(f"SELECT {', '.join(MarkRow._fields)} FROM mark WHERE id = ?", mark_id)[0])


def prepared(
    txn: BoardTransaction,
    board: Blackboard,
    kind: str,
    subject: str,
    payload: dict[str, Any],
    intensity: float,
    author: str,
    activation_id: int | None,
) -> DepositRequest:
    """Return a checked deposit of an activation."""
    request = DepositRequest(kind, subject, payload, author, intensity, activation_id=activation_id)
    return check_and_register(txn, request, board.session.classes)


def inputs(claim: Claim) -> list[int]:
    return [item.event.mark_id for item in claim.inputs]


class Smoke(Mark, kind="smoke"):
    """A mark with a payload."""

    detail: str = ""
