"""Recovery of activations whose workers died, and detection of activations that kill workers."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from blackboard.board import worker_registry
from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.run_ends import activation_results, run_end_steps
from blackboard.board.activations.run_ends.activation_results import Failure
from blackboard.board.activations.run_ends.activation_splits import divisible_parts, halve_batch
from blackboard.board.activations.run_ends.run_end_steps import INTERRUPTED, count_failure, end_run, evaluate_unclaimed
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables.activation_rows import recount_marks
from blackboard.clock import seconds_in
from blackboard.core.failure_texts import with_quotation
from blackboard.core.marks.scopes import scope_in, subject_of
from blackboard.core.records.states import SUSPECT_DEATHS, ActivationState
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.durations import Duration
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.statements import ACTIVATIONS
from blackboard.system.failpoints import failpoint


def recover(
    txn: BoardTransaction,
    dead: Sequence[str],
    *,
    expired: bool,
    is_lost: Callable[[ActivationRow], bool] = lambda row: False,
    expiry_is_death: bool = False,
) -> int:
    """Recover the activations that no worker runs any longer, and return their number.

    An activation is recovered if its worker is among the `dead`, or if `is_lost` returns true: the worker lives, and
    does not run the activation. With `expired`, an activation whose lease has expired is also recovered. With
    `expiry_is_death`, as on PostgreSQL, an expired lease counts as the death of the worker. `is_lost` is called after
    the running activations were read.
    """
    count = 0
    for row in txn.sql.all(ACTIVATIONS.running):
        late = expired and row.lease_until is not None and row.lease_until <= txn.now
        if late and is_remote(row):
            recover_remote(txn, row)
            count += 1
        elif row.worker in dead or late or is_lost(row):
            _recover_one(txn, row, died=row.worker in dead or (late and expiry_is_death))
            count += 1
    failpoint("recovery.within")
    for worker in dead:
        worker_registry.remove_worker(txn, worker, is_dead=True)
    return count


def extend_leases(txn: BoardTransaction, worker: str, lease: Duration) -> None:
    """Extend the leases of the activations that a worker runs."""
    txn.sql.run(ACTIVATIONS.extend_leases, worker=worker, until=txn.now + lease)


def is_remote(row: ActivationRow) -> bool:
    """Return whether a remote worker runs an activation, or ran it last."""
    return row.worker is not None and row.worker.startswith(worker_registry.REMOTE_WORKER_PREFIX)


def recover_remote(txn: BoardTransaction, row: ActivationRow) -> None:
    """Recover an activation whose remote worker let the lease expire: the worker died, or ran until the timeout.

    The lease is the only sign of a remote worker's life. A run until the timeout is a failure.
    """
    agent_spec = txn.deployment.agents.get(row.agent)
    if (
        agent_spec is not None
        and row.started_at is not None
        and txn.now >= row.started_at + agent_spec.settings.timeout
    ):
        error = f"it ran past its timeout of {seconds_in(agent_spec.settings.timeout):g} s"
        activation_results.fail(txn, row, agent_spec, Failure(error), random.Random(row.id))
    else:
        _recover_one(txn, row, died=True)


def _recover_one(txn: BoardTransaction, row: ActivationRow, *, died: bool) -> None:
    """Make an interrupted activation ready again.

    If a model call had no answer yet and the agent's setting is `on_unknown = "hold"`, the activation is held for a
    person. An activation may be the reason why its workers died. After several deaths in a row it runs alone, and one
    more death is a failure.
    """
    agent_spec = txn.deployment.agents.get(row.agent)
    deaths = (row.deaths or 0) + died
    row = row._replace(interruptions=row.interruptions + 1, deaths=deaths or None)
    attempt = row.attempt - 1
    is_unknown = model_calls.end_as_unknown(txn, row.id, INTERRUPTED)
    if is_unknown and agent_spec is not None and agent_spec.settings.on_unknown == "hold":
        held = with_quotation("the outcome of a call is unknown", f"{INTERRUPTED}; retry or discard it")
        end_run(txn, row, ActivationState.HELD, error=held, attempt=attempt)
    elif died and deaths > SUSPECT_DEATHS:
        _blame(txn, row, agent_spec, attempt)
    else:
        error = f"{_deaths(row)}; it runs alone" if deaths >= SUSPECT_DEATHS else row.error
        end_run(txn, row, ActivationState.READY, error=error, retry_at=txn.now, attempt=attempt)


def _blame(txn: BoardTransaction, row: ActivationRow, agent_spec: AgentSpec | None, attempt: int) -> None:
    """Fail an activation that ran alone when its worker died: split its marks, or quarantine a single mark.

    The parts run alone from the start, so one further death is enough to show which part is the cause.
    """
    if agent_spec is not None:
        count_failure(txn, row, agent_spec)
    parts = divisible_parts(txn, row)
    if len(parts) > 1:
        error = f"{_deaths(row)}; its marks were split"
        halve_batch(txn, row._replace(deaths=SUSPECT_DEATHS), parts, attempt=attempt, error=error)
        return
    scope = recount_marks(txn, row)
    error = f"{_deaths(row)}; the last time it ran alone"
    end_run(txn, row, ActivationState.QUARANTINED, error=error, attempt=attempt)
    evaluate_unclaimed(txn, row)
    run_end_steps.ask_about_quarantine(
        txn, subject_of(scope_in(scope)) or f"agent/{row.agent}", f"activation {row.id} of {row.agent}: {error}"
    )


def _deaths(row: ActivationRow) -> str:
    return f"its worker died {row.deaths} times in a row during the run"
