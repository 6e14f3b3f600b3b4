"""The work of remote agents, for programs that claim it: each act is one transaction."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from blackboard.board.activations import remote_runs
from blackboard.board.activations.agent_claims.activation_traces import HandOver, hand_over
from blackboard.board.activations.agent_claims.claims import Claim
from blackboard.board.activations.run_ends import activation_recovery
from blackboard.board.activations.run_ends.activation_results import Failure, defer
from blackboard.board.board_session import BoardSession
from blackboard.board.claims_with_searches import claim_up_to
from blackboard.board.remote_results import RemoteResult, Usage
from blackboard.board.result_types import ClaimedMark, RemoteActivation, RunState
from blackboard.board.result_types.result_rows import optional_datetime
from blackboard.board.transactions import agent_state
from blackboard.board.transactions.activation_inputs import ActivationInput, Searches
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.worker_registry.commit_listener import commits_heard, writes_heard
from blackboard.board.worker_registry.served_agents import PRESENCE_INTERVAL
from blackboard.clock import Instant, microseconds_in, seconds_in, to_datetime
from blackboard.core.states import ActivationState
from blackboard.durations import DAY, MILLISECOND, MINUTE, SECOND, Duration, format_duration
from blackboard.errors import Conflict, LeaseLost, UsageError
from blackboard.store.rows import ActivationRow
from blackboard.store.statements import MARKS
from blackboard.system import tracing
from blackboard.system.failpoints import failpoint

WEBHOOK_WORKER = remote_runs.WEBHOOK_WORKER
DEFAULT_LEASE: Duration = 5 * MINUTE
MAX_LEASE: Duration = DAY
MIN_LEASE: Duration = SECOND
MAX_WAIT: Duration = DAY
TICK: Duration = 10 * SECOND
"""The longest time between two reads of the board by a claim that waits."""
SERVER_TICK: Duration = SECOND
"""The same on a database server, which notifies nobody."""
UNHEARD_TICK: Duration = 100 * MILLISECOND
"""The same for a reader of every commit, where the system does not tell of the writes of other processes."""

RECOVERED_AT_ONCE = 100
"""The most runs that one transaction recovers."""


def check_lease(lease: Duration | None) -> Duration:
    """Return the length of a lease; the default for None.

    Raises:
        UsageError: It is too short or too long.
    """
    lease = DEFAULT_LEASE if lease is None else lease
    if not MIN_LEASE <= lease <= MAX_LEASE:
        raise UsageError(
            f"a lease lasts {format_duration(MIN_LEASE)} to {format_duration(MAX_LEASE)}, not {format_duration(lease)}"
        )
    return lease


# -- claims ------------------------------------------------------------------------------------------------------------


def claim(session: BoardSession, name: str, holder: str, lease: Duration) -> RemoteActivation | None:
    """Claim the next activation of a remote agent, if there is one that nothing defers.

    Raises:
        UnknownName: There is no such agent.
        WorkError: The agent is not remote.
    """
    handed_over = HandOver(None)

    def is_worth_it(txn: BoardTransaction) -> bool:
        agent = remote_runs.remote_agent(txn, name)
        seen = agent_state.get(txn, name).served_at
        is_known = seen is not None and seen > txn.now - PRESENCE_INTERVAL
        return not is_known or remote_runs.may_claim(txn, agent)

    def claim_one(txn: BoardTransaction, name: str, searches: Searches) -> RemoteActivation | None:
        agent = remote_runs.remote_agent(txn, name)
        remote_runs.note_presence(txn, agent)
        claimed = remote_runs.claim(txn, agent, holder, lease, searches, session.classes)
        if claimed is None:
            return None
        nonlocal handed_over
        handed_over = hand_over(txn, claimed)
        return _activation(txn, claimed, handed_over.traceparent)

    if not session.read(is_worth_it):
        return None
    failpoint("claim.before")
    claimed = claim_up_to(session, [name], 1, claim_one)
    handed_over.end()
    failpoint("claim.after")
    return next(iter(claimed), None)


def next_instant(session: BoardSession, name: str) -> Instant | None:
    """Return the next instant when time alone may make a claim possible; None if there is none.

    Raises:
        UnknownName: There is no such agent.
        WorkError: The agent is not remote.
    """
    return session.read(lambda txn: remote_runs.next_instant(txn, remote_runs.remote_agent(txn, name)))


@contextmanager
def hear(session: BoardSession, wake: Callable[[], None], *, every_commit: bool = False) -> Iterator[float]:
    """Call `wake` in the context after each commit, here or in another process, that may wake an agent.

    With `every_commit`, also after every other commit. Yields the number of seconds after which the caller should read
    the board in any case.
    """
    database = session.database
    with ExitStack() as stack:
        stack.callback(session.subscribe(wake, every_commit=every_commit))
        is_heard = stack.enter_context(commits_heard(database, wake))
        tick = TICK if is_heard else SERVER_TICK
        if every_commit and not stack.enter_context(writes_heard(database.path, wake)):
            tick = UNHEARD_TICK
        yield seconds_in(tick)


def wait_and_claim(
    session: BoardSession, name: str, holder: str, lease: Duration, wait: Duration
) -> RemoteActivation | None:
    """Claim the next activation of a remote agent, and wait for one up to a length of time.

    Raises:
        UnknownName: There is no such agent.
        UsageError: The wait is too long.
        WorkError: The agent is not remote.
    """
    if not 0 <= wait <= MAX_WAIT:
        raise UsageError(f"a claim waits up to {format_duration(MAX_WAIT)}, not {format_duration(wait)}")
    found = claim(session, name, holder, lease)
    if found is not None or not wait:
        return found
    clock, heard = session.clock, threading.Event()
    end = clock.now() + wait
    with hear(session, heard.set) as tick:
        while True:
            heard.clear()
            found = claim(session, name, holder, lease)
            if found is not None or (now := clock.now()) >= end:
                return found
            at = next_instant(session, name)
            clock.wait(heard, min(end, now + microseconds_in(tick), max(at, now + 1) if at is not None else end))


# -- runs --------------------------------------------------------------------------------------------------------------


def extend(
    session: BoardSession, activation_id: int, agent: str | None, fence: int | None, holder: str, lease: Duration
) -> RunState:
    """Extend the lease of a run.

    Raises:
        LeaseLost: The worker does not have the activation, or no longer.
        NotFound: The agent has no such activation.
    """

    def work(txn: BoardTransaction) -> RunState:
        row = remote_runs.run_of(txn, activation_id, agent, fence, holder)
        until = remote_runs.extend(txn, row, lease)
        return _end(txn, row._replace(lease_until=until))

    return session.write(work, record_instant=True)


def finish(
    session: BoardSession,
    activation_id: int,
    agent: str | None,
    fence: int | None,
    holder: str,
    result: RemoteResult,
) -> RunState:
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
        with tracing.within(traceparent):
            row = remote_runs.finish(txn, activation_id, agent, fence, holder, result, session.classes)
        return _end(txn, row)

    failpoint("apply.before")
    try:
        end = session.write(work, record_instant=True, shared=True)
    except Conflict as conflict:
        if not _put_back(session, activation_id, agent, fence, holder, conflict, result.usage):
            raise
        conflict.args = (
            f"{conflict.args[0]}. The activation is put back; claim it again for its marks as they are now",
        )
        raise
    failpoint("apply.after")
    return end


def _put_back(
    session: BoardSession,
    activation_id: int,
    agent: str | None,
    fence: int | None,
    holder: str,
    conflict: Conflict,
    usage: Usage,
) -> bool:
    """Put a run back whose result was in conflict with the board; returns False if it was lost meanwhile."""

    def work(txn: BoardTransaction) -> bool:
        try:
            row = remote_runs.run_of(txn, activation_id, agent, fence, holder)
        except LeaseLost:  # meanwhile
            return False
        return remote_runs.put_back(txn, row, conflict, usage) is not None

    return session.write(work, record_instant=True)


def fail(
    session: BoardSession,
    activation_id: int,
    agent: str | None,
    fence: int | None,
    holder: str,
    failure: Failure,
    usage: Usage,
) -> RunState:
    """End a run with a failure; see `remote_runs.fail`.

    Raises:
        LeaseLost: The worker does not have the activation, or no longer.
        NotFound: The agent has no such activation.
    """
    failpoint("failure.before")
    end = session.write(
        lambda txn: _end(txn, remote_runs.fail(txn, activation_id, agent, fence, holder, failure, usage)),
        record_instant=True,
    )
    failpoint("failure.after")
    return end


def give_back(session: BoardSession, activation_id: int, fence: int, holder: str, after: Duration, reason: str) -> bool:
    """Give a claim up without counting an attempt, and return whether it still ran. It is ready after some time."""

    def work(txn: BoardTransaction) -> bool:
        try:
            row = remote_runs.run_of(txn, activation_id, None, fence, holder)
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


# -- shapes ------------------------------------------------------------------------------------------------------------


def _activation(txn: BoardTransaction, claimed: Claim, traceparent: str | None) -> RemoteActivation:
    """Return a claimed activation as its remote agent gets it."""
    row = claimed.row
    marks = tuple(map(_mark, remote_runs.readable(claimed.inputs)))
    subjects = tuple(dict.fromkeys(mark.subject for mark in marks))
    is_single = claimed.per == "subject" and len(subjects) == 1 and claimed.group is None
    return RemoteActivation(
        id=row.id,
        agent=row.agent,
        fence=row.fence,
        attempt=row.attempt,
        lease_until=to_datetime(row.lease_until or txn.now),
        lease_seconds=((row.lease_until or txn.now) - txn.now) / SECOND,
        watch=claimed.watch,
        reason=row.reason,
        now=to_datetime(claimed.at),
        scheduled_for=optional_datetime(row.scheduled_for),
        subject=subjects[0] if is_single else None,
        subjects=subjects,
        group=claimed.group,
        board_id=txn.board_id,
        error=row.error,
        marks=marks,
        reads=tuple(map(_mark, remote_runs.readable(claimed.reads))),
        traceparent=traceparent,
    )


def _mark(item: ActivationInput) -> ClaimedMark:
    """Return a mark as a remote agent gets it."""
    event = item.event
    return ClaimedMark(
        id=event.mark_id,
        event_id=event.id,
        kind=event.kind,
        subject=event.subject,
        payload=json.loads(event.payload or "{}"),
        author=event.author,
        strength=item.strength,
        relevance=item.relevance,
        occurred_at=to_datetime(event.occurred_at),
        deposited_at=to_datetime(item.deposited_at),
        reinforced_at=to_datetime(item.reinforced_at),
        reinforcements=item.reinforcements,
    )


def _end(txn: BoardTransaction, row: ActivationRow) -> RunState:
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
