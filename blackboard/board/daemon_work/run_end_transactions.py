"""The ends of a worker's runs, each in one transaction."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from blackboard.board.activations import unusable_answers
from blackboard.board.activations.agent_claims.claimable_work import UNSHARED_WORK, WorkSource
from blackboard.board.activations.agent_claims.claims import Claim
from blackboard.board.activations.agent_claims.claims_after_run_ends import ClaimsAfterRunEnds
from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.run_ends import activation_results, activation_splits
from blackboard.board.activations.run_ends.activation_results import Failure
from blackboard.board.activations.run_ends.agent_actions import AgentAction
from blackboard.board.activations.unusable_answers import HeldAnswer
from blackboard.board.board_session import BoardSession
from blackboard.board.result_types.mark_results import Receipt
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.core.records.states import ActivationState
from blackboard.store.transaction import Transaction
from blackboard.store.unit_of_work_hints import UnitOfWorkHints
from blackboard.system.failpoints import failpoint

ClaimNext = Callable[[BoardTransaction, WorkSource], bool]
"""A function that claims the next activation in the transaction that ends a run. It returns whether there was one.

Its second argument finds the work of the agent; several claims of the transaction may share it.
"""


@dataclass
class FinishedRun:
    """The end of a run."""

    receipts: list[Receipt]
    resumed_models: list[str]
    """The models whose pause for the agent ended with the answer that the run used."""
    claimed_next: bool = False
    """After the commit: whether the transaction has claimed the next activation."""


class RunEndTransactions:
    """The ends of the runs of one worker.

    Args:
        session: The transactions of the board.
    """

    def __init__(self, session: BoardSession) -> None:
        self._session = session

    def finish(
        self,
        claim: Claim,
        actions: Sequence[AgentAction],
        claim_next: ClaimNext | None = None,
    ) -> FinishedRun | None:
        """End a run with success: apply the items that it returned, and claim the next activation, in one transaction.

        Returns:
            The finished run; None, without a change, if the activation is no longer this worker's.

        Raises:
            Conflict: A mark has changed since the event that a returned item names. Nothing is changed.
            BlackboardError: A returned item is refused. Nothing is changed.
        """
        classes = self._session.classes

        def read_ahead(transaction: Transaction) -> None:
            activation_results.read_ahead(transaction, self._session.last_active, claim.row, actions)

        def work(txn: BoardTransaction) -> FinishedRun | None:
            success = activation_results.finish(txn, claim.row, claim.agent_spec, actions, classes)
            if success is None:
                return None
            resumed_models = unusable_answers.end_pause(txn, claim.row) if success.used_answer else []
            finished = FinishedRun(success.receipts, resumed_models)
            if claim_next is not None:
                _claim_after(txn, claim, finished, claim_next)
            return finished

        return self._session.write(work, record_instant=True, shared=True, hints=UnitOfWorkHints(read_ahead))

    def fail(self, claim: Claim, failure: Failure, rng: random.Random) -> ActivationState | None:
        """End a run with a failure, and return the new state; None if the activation is no longer this worker's."""

        def work(txn: BoardTransaction) -> ActivationState | None:
            state = activation_results.fail(txn, claim.row, claim.agent_spec, failure, rng)
            if state is not None and failure.has_bad_answer:
                model_calls.end_as_unusable(txn, claim.row.id, failure.error)
            return state

        failpoint("failure.before")
        state = self._session.write(work, record_instant=True)
        failpoint("failure.after")
        return state

    def put_back(self, claim: Claim, conflict: str, rng: random.Random) -> ActivationState | None:
        """Put back a run whose result was in conflict with the board; see `activation_results.put_back`.

        Returns:
            The new state; None if the activation is no longer this worker's.
        """
        return self._session.write(
            lambda txn: activation_results.put_back(txn, claim.row, claim.agent_spec, conflict, rng),
            record_instant=True,
        )

    def hold_answer(self, claim: Claim, failure: Failure, rng: random.Random) -> HeldAnswer | None:
        """Hold a run whose answer is unusable, unless its marks are the cause; see `unusable_answers`.

        A failure that no retry of the same batch can mend may be mended by a smaller batch. So a batch that can be
        divided is not held: the failure counts.

        Returns:
            The held answer; None if the failure counts, or if the activation is no longer this worker's.
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
            is_held: Whether another event may end the wait before `until`, such as room in a budget.
        """
        self._session.write(
            lambda txn: activation_results.defer(txn, claim.row, until=until, reason=reason, is_held=is_held)
        )

    def hand_back(self, claim: Claim) -> None:
        """Give a run up because the worker stops. Another worker can claim it immediately."""
        self._session.write(lambda txn: activation_results.hand_back(txn, claim.row))

    def isolate(self, claim: Claim, mark_ids: Collection[int]) -> set[int] | None:
        """Move each of these marks to an activation of its own, with the marks that must stay with it.

        Returns:
            The ids of the marks that moved; None if the run is no longer this worker's.
        """
        return self._session.write(lambda txn: activation_splits.isolate(txn, claim.row, mark_ids))


def _claim_after(txn: BoardTransaction, ended: Claim, finished: FinishedRun, claim_next: ClaimNext) -> None:
    """Claim the next activation after the end of a run: now, or together with other runs after all ends."""

    def claim(work_source: WorkSource) -> None:
        finished.claimed_next = claim_next(txn, work_source)

    if txn.sql.reads_together:
        txn.changes_of(ClaimsAfterRunEnds).add(txn, ended.agent_spec.name, claim)
    else:
        claim(UNSHARED_WORK)
