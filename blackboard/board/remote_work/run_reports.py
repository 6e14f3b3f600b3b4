"""The reports of remote agents about their runs: a longer lease, a result, or a failure. Each is one transaction."""

from __future__ import annotations

from blackboard.board.activations.run_ends import activation_recovery
from blackboard.board.activations.run_ends.activation_results import Failure, defer
from blackboard.board.board_session import BoardSession
from blackboard.board.remote_work import remote_runs
from blackboard.board.remote_work.remote_results import RemoteResult, ReportedUsage
from blackboard.board.remote_work.remote_runs import NamedRun
from blackboard.board.result_types import RunState
from blackboard.board.result_types.row_conversion import optional_datetime
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.records.states import ActivationState
from blackboard.durations import Duration
from blackboard.errors import Conflict, LeaseLost
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.statements import MARKS
from blackboard.system import tracing
from blackboard.system.failpoints import failpoint

RECOVERED_AT_ONCE = 100
"""The most runs that one transaction recovers."""


def extend(session: BoardSession, run: NamedRun, lease: Duration) -> RunState:
    """Extend the lease of a run.

    Raises:
        LeaseLost: The worker does not have the activation, or no longer.
        NotFound: The agent has no such activation.
    """

    def work(txn: BoardTransaction) -> RunState:
        row = remote_runs.run_of(txn, run)
        until = remote_runs.extend(txn, row, lease)
        return _state(txn, row._replace(lease_until=until))

    return session.write(work, record_instant=True)


def finish(session: BoardSession, run: NamedRun, result: RemoteResult) -> RunState:
    """Finish an activation with a result; see `remote_runs.finish`. After a conflict, the activation is put back.

    Raises:
        BlackboardError: A part of the result is refused. The worker still has the activation.
        Conflict: A mark has changed since the event that the result names. The activation is ready again.
        LeaseLost: The worker does not have the activation, or no longer.
        NotFound: The agent has no such activation.
    """
    kinds = [mark.kind for mark in result.marks]
    session.classes.load(kinds)
    traceparent = tracing.current_traceparent()  # another thread may carry out the transaction

    def work(txn: BoardTransaction) -> RunState:
        with tracing.within_trace(traceparent):
            row = remote_runs.finish(txn, run, result, session.classes)
        return _state(txn, row)

    failpoint("apply.before")
    try:
        end = session.write(work, record_instant=True, shared=True)
    except Conflict as conflict:
        if not _put_back(session, run, conflict, result.usage):
            raise
        conflict.args = (
            f"{conflict.args[0]}. The activation is put back; claim it again for its marks as they are now",
        )
        raise
    failpoint("apply.after")
    return end


def _put_back(session: BoardSession, run: NamedRun, conflict: Conflict, usage: ReportedUsage) -> bool:
    """Put back a run whose result was in conflict with the board. Return False if the run was lost meanwhile."""

    def work(txn: BoardTransaction) -> bool:
        try:
            row = remote_runs.run_of(txn, run)
        except LeaseLost:  # meanwhile
            return False
        return remote_runs.put_back(txn, row, conflict, usage) is not None

    return session.write(work, record_instant=True)


def fail(session: BoardSession, run: NamedRun, failure: Failure, usage: ReportedUsage) -> RunState:
    """End a run with a failure; see `remote_runs.fail`.

    Raises:
        LeaseLost: The worker does not have the activation, or no longer.
        NotFound: The agent has no such activation.
    """
    failpoint("failure.before")
    end = session.write(
        lambda txn: _state(txn, remote_runs.fail(txn, run, failure, usage)),
        record_instant=True,
    )
    failpoint("failure.after")
    return end


def give_back(session: BoardSession, run: NamedRun, after: Duration, reason: str) -> bool:
    """Give a claim up without counting an attempt, and return whether it still ran. It is ready after some time."""

    def work(txn: BoardTransaction) -> bool:
        try:
            row = remote_runs.run_of(txn, run)
        except LeaseLost:
            return False
        return defer(txn, row, until=txn.now + after, reason=reason)

    return session.write(work, record_instant=True)


def recover(session: BoardSession) -> int:
    """Recover the runs whose leases have expired, and return their number. Without one, nothing is written."""

    def work(txn: BoardTransaction) -> int:
        rows = remote_runs.late_runs(txn)[:RECOVERED_AT_ONCE]
        for row in rows:
            activation_recovery.recover_remote(txn, row)
        return len(rows)

    count = 0
    while session.read(remote_runs.late_runs):
        count += session.write(work, record_instant=True)
    return count


def _state(txn: BoardTransaction, row: ActivationRow) -> RunState:
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
