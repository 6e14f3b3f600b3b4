"""The claims of remote agents: the next activation, at once or as soon as there is one."""

from __future__ import annotations

import json
import threading

from blackboard.board.activation_tables.activation_inputs import ActivationInput
from blackboard.board.activations.agent_claims.activation_spans import HandOver, hand_over
from blackboard.board.activations.agent_claims.additional_reads import MarksBySearch, NeedsSearches
from blackboard.board.activations.agent_claims.claims import Claim, Claimer
from blackboard.board.activations.agent_claims.claims_with_searches import claim_up_to
from blackboard.board.activations.run_ends.activation_recovery import REMOTE
from blackboard.board.board_session import BoardSession
from blackboard.board.remote_work import remote_claims, remote_runs
from blackboard.board.result_types import ClaimedMark, RemoteActivation
from blackboard.board.result_types.row_conversion import optional_datetime
from blackboard.board.transactions import agent_states
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.worker_registry import PRESENCE_INTERVAL
from blackboard.clock import Instant, microseconds_in, to_datetime
from blackboard.durations import DAY, MINUTE, SECOND, Duration, format_duration
from blackboard.errors import UsageError
from blackboard.system.failpoints import failpoint

DEFAULT_LEASE: Duration = 5 * MINUTE
MAX_LEASE: Duration = DAY
MIN_LEASE: Duration = SECOND
MAX_CLAIM_WAIT: Duration = DAY


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

    def is_worth_it(txn: BoardTransaction) -> bool:
        agent_spec = remote_runs.remote_agent(txn, name)
        seen = agent_states.get(txn, name).served_at
        is_known = seen is not None and seen > txn.now - PRESENCE_INTERVAL
        return not is_known or remote_claims.may_claim(txn, agent_spec)

    def claim_one(txn: BoardTransaction, name: str, found: MarksBySearch) -> RemoteActivation | NeedsSearches | None:
        agent_spec = remote_runs.remote_agent(txn, name)
        remote_claims.note_presence(txn, agent_spec)
        claimed = remote_claims.claim(txn, agent_spec, Claimer(REMOTE + holder, lease, found), session.classes)
        if not isinstance(claimed, Claim):
            return claimed
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
    return session.read(lambda txn: remote_claims.next_instant(txn, remote_runs.remote_agent(txn, name)))


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
    with session.listen_to_commits(heard.set) as tick:
        while True:
            heard.clear()
            found = claim(session, name, holder, lease)
            if found is not None or (now := clock.now()) >= end:
                return found
            at = next_instant(session, name)
            clock.wait(heard, min(end, now + microseconds_in(tick), max(at, now + 1) if at is not None else end))


def _activation(txn: BoardTransaction, claimed: Claim, traceparent: str | None) -> RemoteActivation:
    """Return a claimed activation as its remote agent gets it."""
    row = claimed.row
    marks = tuple(map(_mark, remote_claims.readable(claimed.inputs)))
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
        reads=tuple(map(_mark, remote_claims.readable(claimed.reads))),
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
