"""The runs of remote agents: a longer lease, a result, a failure, and the recovery of runs whose leases have expired.

A program outside the daemon shows that it is alive by its lease alone. A daemon, a server or the claim of the next
worker recovers a run whose lease has expired. A result is checked and applied as the result of an agent in the daemon
is.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.run_ends import activation_recovery, activation_results, agent_action_checks
from blackboard.board.activations.run_ends.activation_results import Failure
from blackboard.board.board_session import BoardSession
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.remote_work.remote_result_items import actions_of, marks_of, places_of, reported_calls
from blackboard.board.result_types.remote_work_results import RunState
from blackboard.board.result_types.row_conversion import optional_datetime
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables.activation_inputs import inputs_of
from blackboard.board.work_tables.activation_rows import get_activation
from blackboard.board.worker_registry import REMOTE_WORKER_PREFIX
from blackboard.clock import Instant, iso
from blackboard.core import failure_texts
from blackboard.core.agents.remote_results import RemoteResult, ReportedUsage
from blackboard.core.records.states import ActivationState
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.durations import Duration
from blackboard.errors import Conflict, LeaseLost, NotFound, WorkError
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.statements import ACTIVATIONS, MARKS
from blackboard.system import tracing
from blackboard.system.failpoints import failpoint

RECOVERED_AT_ONCE = 100
"""The most runs that one transaction recovers."""
WEBHOOK_WORKER = "webhook"
"""The name of the worker that posts activations to a webhook."""


class NamedRun(NamedTuple):
    """The run that a worker names when it reports about it."""

    activation_id: int
    holder: str
    """The name of the worker, without the prefix that its id has in the tables."""
    agent: str | None = None
    """The agent that the activation must belong to; None for any."""
    fence: int | None = None
    """The fence of the claim; None for the run that the worker has now."""


def extend(session: BoardSession, run: NamedRun, lease: Duration) -> RunState:
    """Extend the lease of a run.

    Raises:
        LeaseLost: The worker never had the activation, or has lost it.
        NotFound: The agent has no such activation.
    """

    def work(txn: BoardTransaction) -> RunState:
        row = _run_of(txn, run)
        until = _extend_lease(txn, row, lease)
        return _run_state(txn, row._replace(lease_until=until))

    return session.write(work, record_instant=True)


def finish(session: BoardSession, run: NamedRun, result: RemoteResult) -> RunState:
    """Finish an activation with a result. After a conflict, the activation is put back.

    Raises:
        BlackboardError: A part of the result is refused. The worker still has the activation.
        Conflict: A mark has changed since the event that the result names. The activation is ready again.
        LeaseLost: The worker never had the activation, or has lost it.
        NotFound: The agent has no such activation.
    """
    kinds = [mark.kind for mark in result.marks]
    session.classes.load(kinds)
    traceparent = tracing.current_traceparent()  # another thread may carry out the transaction

    def work(txn: BoardTransaction) -> RunState:
        with tracing.within_trace(traceparent):
            row = _finish(txn, run, result, session.classes)
        return _run_state(txn, row)

    failpoint("apply.before")
    try:
        end = session.write(work, record_instant=True, shared=True)
    except Conflict as conflict:
        if not _put_back(session, run, conflict, result.usage):
            raise
        text = f"{conflict}. The activation is put back; claim it again for its marks as they are now"
        raise Conflict(text, conflict.event_id) from None
    failpoint("apply.after")
    return end


def _put_back(session: BoardSession, run: NamedRun, conflict: Conflict, usage: ReportedUsage) -> bool:
    """Put back a run whose result was in conflict with the board; return False if the run or its agent is gone."""

    def work(txn: BoardTransaction) -> bool:
        try:
            row = _run_of(txn, run)
        except LeaseLost:  # the lease of the run has ended since the conflict
            return False
        agent_spec = txn.deployment.agents.get(row.agent)
        if agent_spec is None:
            return False
        text = failure_texts.error_text(conflict)
        model_calls.record_reported(txn, row.id, agent_spec.name, row.marks_absorbed, reported_calls(usage), text)
        return activation_results.put_back(txn, row, agent_spec, text, random.Random(row.id)) is not None

    return session.write(work, record_instant=True)


def fail(session: BoardSession, run: NamedRun, failure: Failure, usage: ReportedUsage) -> RunState:
    """End a run with a failure.

    Raises:
        LeaseLost: The worker never had the activation, or has lost it.
        NotFound: The agent has no such activation.
        UnknownName: The deployment no longer has the agent.
        WorkError: The agent is no longer remote.
    """
    failpoint("failure.before")
    end = session.write(
        lambda txn: _run_state(txn, _fail(txn, run, failure, usage)),
        record_instant=True,
    )
    failpoint("failure.after")
    return end


def give_back(session: BoardSession, run: NamedRun, after: Duration, reason: str) -> bool:
    """Give a run up without counting an attempt, and return whether it still ran.

    The activation can be claimed again after the length of time `after`.

    Raises:
        NotFound: There is no such activation.
    """

    def work(txn: BoardTransaction) -> bool:
        try:
            row = _run_of(txn, run)
        except LeaseLost:
            return False
        return activation_results.defer(txn, row, until=txn.now + after, reason=reason)

    return session.write(work, record_instant=True)


def recover(session: BoardSession) -> int:
    """Recover the runs whose leases have expired, and return their number. Without such a run, nothing is written."""

    def work(txn: BoardTransaction) -> int:
        rows = _late_runs(txn)[:RECOVERED_AT_ONCE]
        for row in rows:
            activation_recovery.recover_remote(txn, row)
        return len(rows)

    count = 0
    while session.read(_late_runs):
        count += session.write(work, record_instant=True)
    return count


def _run_state(txn: BoardTransaction, row: ActivationRow) -> RunState:
    events = txn.sql.all(MARKS.events_of_activation, activation_id=row.id) if row.state == ActivationState.DONE else []
    return RunState(
        id=row.id,
        agent=row.agent,
        fence=row.fence,
        attempt=row.attempt,
        state=row.state,
        lease_until=optional_datetime(row.lease_until),
        retry_at=optional_datetime(row.retry_at),
        marks=tuple(dict.fromkeys(event.mark_id for event in events)),
    )


def remote_agent(txn: BoardTransaction, name: str) -> AgentSpec:
    """Return a remote agent.

    Raises:
        UnknownName: There is no such agent.
        WorkError: The agent is not remote.
    """
    agent_spec = txn.deployment.agent(name)
    if not agent_spec.remote:
        raise WorkError(f"the agent {name!r} is not remote: a daemon runs it", quotes_nothing=True)
    return agent_spec


def running_of(txn: BoardTransaction, agent_spec: AgentSpec) -> list[ActivationRow]:
    """Return the runs of an agent that remote workers have."""
    rows = txn.sql.all(ACTIVATIONS.running_of_agent, agent=agent_spec.name)
    return [row for row in rows if activation_recovery.is_remote(row)]


def _late_runs(txn: BoardTransaction) -> list[ActivationRow]:
    """Return the runs of remote workers whose leases have expired."""
    rows = txn.sql.all(ACTIVATIONS.running)
    return [row for row in rows if activation_recovery.is_remote(row) and is_late(txn, row)]


def is_late(txn: BoardTransaction, row: ActivationRow) -> bool:
    """Return whether the lease of a run has expired."""
    return row.lease_until is not None and row.lease_until <= txn.now


def _run_of(txn: BoardTransaction, run: NamedRun) -> ActivationRow:
    """Return the run that a worker has.

    Raises:
        LeaseLost: The worker never had the activation, or has lost it.
        NotFound: The agent has no such activation.
    """
    row = _find(txn, run)
    if row.state == ActivationState.RUNNING and _is_claim(row, run):
        if not is_late(txn, row):
            return row
        raise LeaseLost(f"the lease of activation {row.id} ended at {iso(row.lease_until)}; claim again")
    if row.state == ActivationState.RUNNING and run.fence in (None, row.fence):
        raise LeaseLost(f"activation {row.id} was claimed by another author, and only that author can end it")
    if row.state == ActivationState.RUNNING:
        raise LeaseLost(f"activation {row.id} has the fence {row.fence}, not {run.fence}; this claim has ended")
    raise LeaseLost(f"activation {row.id} is {row.state}; this claim has ended")


def _find(txn: BoardTransaction, run: NamedRun) -> ActivationRow:
    row = get_activation(txn, run.activation_id)
    if row is None or run.agent not in (None, row.agent):
        raise NotFound(f"there is no activation {run.activation_id}{'' if run.agent is None else f' of {run.agent}'}")
    return row


def _is_claim(row: ActivationRow, run: NamedRun) -> bool:
    """Return whether the present or last run of an activation belongs to a claim.

    A run that was posted to a webhook is ended by any worker that knows its fence.
    """
    if row.worker == REMOTE_WORKER_PREFIX + WEBHOOK_WORKER and run.fence == row.fence:
        return True
    return row.worker == REMOTE_WORKER_PREFIX + run.holder and run.fence in (None, row.fence)


def _extend_lease(txn: BoardTransaction, row: ActivationRow, lease: Duration) -> Instant:
    """Extend the lease of a run, and return its end. No run is longer than the timeout of its agent."""
    agent_spec = txn.deployment.agents.get(row.agent)
    until = txn.now + lease
    if agent_spec is not None and row.started_at is not None:
        until = min(until, row.started_at + agent_spec.settings.timeout)
    until = max(until, row.lease_until or 0)
    txn.sql.run(ACTIVATIONS.set_lease, id=row.id, until=until)
    return until


def _is_finished_with(row: ActivationRow, run: NamedRun, result: RemoteResult) -> bool:
    """Return whether a claim has finished an activation with this result already."""
    is_done = row.state == ActivationState.DONE and row.result_digest is not None
    return is_done and _is_claim(row, run) and row.result_digest == result.digest()


def _finish(txn: BoardTransaction, run: NamedRun, result: RemoteResult, classes: MarkClasses) -> ActivationRow:
    """Finish an activation with a result, and return its row. The same result again changes nothing.

    Raises:
        BlackboardError: A part of the result is refused. The transaction must be rolled back.
        Conflict: A mark has changed since the event that the result names. The transaction must be rolled back.
        LeaseLost: The worker never had the activation, or has lost it.
        NotFound: The agent has no such activation.
    """
    stored = _find(txn, run)
    if _is_finished_with(stored, run, result):
        return stored
    row = _run_of(txn, run)
    agent_spec = remote_agent(txn, row.agent)
    inputs, reads = inputs_of(txn, row.id)
    known = {mark.id: mark for mark in marks_of((*inputs, *reads), classes)}
    items = agent_action_checks.items_of_result(agent_spec, actions_of(txn, result, known, classes))
    places = places_of(result)
    with tracing.within_trace(tracing.current_traceparent() or row.traceparent):
        actions = agent_action_checks.prepare(agent_spec, row.id, items, places)
    activation_results.finish(txn, row, agent_spec, actions, classes, places)
    model_calls.record_reported(txn, row.id, agent_spec.name, len(inputs), reported_calls(result.usage), None)
    txn.sql.run(ACTIVATIONS.set_result_digest, id=row.id, digest=result.digest())
    return _find(txn, run)


def _fail(txn: BoardTransaction, run: NamedRun, failure: Failure, usage: ReportedUsage) -> ActivationRow:
    """End a run with a failure, and return the row of its activation. The same failure again changes nothing.

    Raises:
        LeaseLost: The worker never had the activation, or has lost it.
        NotFound: The agent has no such activation.
        UnknownName: The deployment no longer has the agent.
        WorkError: The agent is no longer remote.
    """
    stored = _find(txn, run)
    has_failed = stored.state in (ActivationState.READY, ActivationState.HELD, ActivationState.DEAD)
    if has_failed and stored.fence == run.fence and stored.error == failure.error:
        return stored
    row = _run_of(txn, run)
    agent_spec = remote_agent(txn, row.agent)
    model_calls.record_reported(txn, row.id, agent_spec.name, row.marks_absorbed, reported_calls(usage), failure.error)
    activation_results.fail(txn, row, agent_spec, failure, random.Random(row.id))
    return _find(txn, run)
