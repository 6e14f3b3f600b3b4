"""The claims of remote agents: a program outside the daemon gets the next activation under a lease, or waits for one.

A claim absorbs and freezes marks as the claim of a daemon does.
"""

from __future__ import annotations

import json
import threading

from blackboard.board.activations.agent_claims import agent_readiness, claims
from blackboard.board.activations.agent_claims.activation_trace_spans import HandOver, hand_over
from blackboard.board.activations.agent_claims.claims import Claim, ClaimRequest
from blackboard.board.activations.agent_claims.claims_in_turns import claim_up_to
from blackboard.board.activations.agent_claims.searches_in_reads import MarksBySearch, NeedsSearches
from blackboard.board.activations.call_records import budgets
from blackboard.board.activations.run_ends import activation_recovery, activation_results
from blackboard.board.board_session import BoardSession
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.need_answers import overdue_needs
from blackboard.board.remote_work.remote_runs import is_late, remote_agent, running_of
from blackboard.board.result_types.remote_work_results import ClaimedMark, RemoteActivation
from blackboard.board.result_types.row_conversion import optional_datetime
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.crossing_detection import predicted_crossings
from blackboard.board.work_tables import agent_states
from blackboard.board.work_tables.activation_inputs import ActivationInput
from blackboard.board.worker_registry import PRESENCE_INTERVAL, REMOTE_WORKER_PREFIX
from blackboard.clock import Instant, microseconds_in, to_datetime
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.durations import DAY, MINUTE, SECOND, Duration, format_duration
from blackboard.errors import UsageError
from blackboard.store.statements import CROSSINGS, MARKS
from blackboard.system.failpoints import failpoint

DEFAULT_LEASE: Duration = 5 * MINUTE
MAX_LEASE: Duration = DAY
MIN_LEASE: Duration = SECOND
MAX_CLAIM_WAIT: Duration = DAY
DUE_AT_ONCE = 100
"""The largest number of due crossings and needs that one claim records."""


def check_lease(lease: Duration | None) -> Duration:
    """Return the length of a lease; the default for None.

    Raises:
        UsageError: The lease is too short or too long.
    """
    lease = DEFAULT_LEASE if lease is None else lease
    if not MIN_LEASE <= lease <= MAX_LEASE:
        raise UsageError(
            f"a lease lasts {format_duration(MIN_LEASE)} to {format_duration(MAX_LEASE)}, not {format_duration(lease)}"
        )
    return lease


def claim(session: BoardSession, name: str, holder: str, lease: Duration) -> RemoteActivation | None:
    """Claim the next activation of a remote agent, if there is one that nothing defers.

    Raises:
        UnknownName: There is no such agent.
        WorkError: The agent is not remote.
    """
    handed_over = HandOver(None)

    def must_write(txn: BoardTransaction) -> bool:
        agent_spec = remote_agent(txn, name)
        served_at = agent_states.get(txn, name).served_at
        is_presence_recorded = served_at is not None and served_at > txn.now - PRESENCE_INTERVAL
        return not is_presence_recorded or _may_claim(txn, agent_spec)

    def claim_one(
        txn: BoardTransaction, name: str, marks_by_search: MarksBySearch
    ) -> RemoteActivation | NeedsSearches | None:
        agent_spec = remote_agent(txn, name)
        agent_states.set_served_at(txn, name, txn.now)
        request = ClaimRequest(REMOTE_WORKER_PREFIX + holder, lease, marks_by_search)
        claimed = _claim_after_due_work(txn, agent_spec, request, session.classes)
        if not isinstance(claimed, Claim):
            return claimed
        nonlocal handed_over
        handed_over = hand_over(txn, claimed)
        return _activation(txn, claimed, handed_over.traceparent)

    if not session.read(must_write):
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
    return session.read(lambda txn: _next_instant(txn, remote_agent(txn, name)))


def wait_and_claim(
    session: BoardSession, name: str, holder: str, lease: Duration, wait: Duration
) -> RemoteActivation | None:
    """Claim the next activation of a remote agent, and wait for one up to a length of time.

    Raises:
        UnknownName: There is no such agent.
        UsageError: The wait is too long.
        WorkError: The agent is not remote.
    """
    if not 0 <= wait <= MAX_CLAIM_WAIT:
        raise UsageError(f"a claim waits up to {format_duration(MAX_CLAIM_WAIT)}, not {format_duration(wait)}")
    found = claim(session, name, holder, lease)
    if found is not None or not wait:
        return found
    clock, heard = session.clock, threading.Event()
    end = clock.now() + wait
    with session.listen_to_commits(heard.set) as tick_seconds:
        while True:
            heard.clear()
            found = claim(session, name, holder, lease)
            if found is not None or (now := clock.now()) >= end:
                return found
            at = next_instant(session, name)
            due = end if at is None else max(at, now + 1)
            clock.wait(heard, min(end, due, now + microseconds_in(tick_seconds)))


def _activation(txn: BoardTransaction, claimed: Claim, traceparent: str | None) -> RemoteActivation:
    """Return a claimed activation as its remote agent gets it."""
    row = claimed.row
    marks = tuple(map(_mark, _readable(claimed.inputs)))
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
        reads=tuple(map(_mark, _readable(claimed.reads))),
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


def _may_claim(txn: BoardTransaction, agent_spec: AgentSpec) -> bool:
    """Return whether a claim could succeed, or would first have other work to do.

    This check needs no writing transaction.
    """
    due = (txn.sql.value(CROSSINGS.next_predicted), txn.sql.value(MARKS.next_due_need))
    return (
        any(at is not None and at <= txn.now for at in due)
        or any(is_late(txn, row) for row in running_of(txn, agent_spec))
        or agent_spec.name in agent_readiness.agents_with_suspects(txn)
        or claims.may_claim(txn, agent_spec.name)
    )


def _next_instant(txn: BoardTransaction, agent_spec: AgentSpec) -> Instant | None:
    instants = [
        agent_readiness.next_ready(txn, agent_spec.name, agent_readiness.ready_instants(txn)),
        txn.sql.value(CROSSINGS.next_predicted),
        txn.sql.value(MARKS.next_due_need),
        *(row.lease_until for row in running_of(txn, agent_spec)),
    ]
    return min((at for at in instants if at is not None), default=None)


def _claim_after_due_work(
    txn: BoardTransaction, agent_spec: AgentSpec, request: ClaimRequest, classes: MarkClasses
) -> Claim | NeedsSearches | None:
    """Claim the next activation of a remote agent for a worker.

    There may be no daemon, so the work of a daemon comes first: due crossings and needs are recorded, and expired runs
    of the agent are recovered. An activation whose marks were all erased is finished immediately.
    """
    overdue_needs.fire_due(txn, DUE_AT_ONCE, classes)
    predicted_crossings.fire_due(txn, DUE_AT_ONCE)
    for row in running_of(txn, agent_spec):
        if is_late(txn, row):
            activation_recovery.recover_remote(txn, row)
    request = request._replace(lease=min(request.lease, agent_spec.settings.timeout))
    while True:
        claimed = claims.claim_suspect(txn, agent_spec, request) or claims.claim(txn, agent_spec, request)
        if not isinstance(claimed, Claim):
            return claimed
        if claimed.row.scheduled_for is None and not _readable(claimed.inputs):
            activation_results.finish(txn, claimed.row, agent_spec, [], classes)
        elif (spent := budgets.exhausted_by_activation(txn, agent_spec, claimed.row.id)) is not None:
            activation_results.defer(txn, claimed.row, until=None, reason=spent, is_held=True)
        else:
            return claimed


def _readable(inputs: tuple[ActivationInput, ...]) -> list[ActivationInput]:
    """Return the inputs whose payloads were not erased."""
    return [item for item in inputs if item.event.payload is not None]
