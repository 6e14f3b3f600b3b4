"""Claims: a worker leases an activation that is due again, or a new activation for an agent's strongest crossings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import NamedTuple

from blackboard.board.activations.agent_claims import crossing_selection
from blackboard.board.activations.agent_claims.additional_reads import record_reads
from blackboard.board.activations.agent_claims.agent_readiness import (
    agent_deferral,
    budget_deferral,
    has_capacity,
    is_below_concurrency,
)
from blackboard.board.activations.agent_claims.circular_wakes import quarantine_loops
from blackboard.board.activations.agent_claims.claimable_work import (
    UNSHARED_WORK,
    ClaimableWork,
    WorkSource,
    read_claimable_work,
)
from blackboard.board.activations.agent_claims.crossing_selection import Selection
from blackboard.board.activations.agent_claims.deferred_activations import next_deferred
from blackboard.board.activations.agent_claims.input_renewal import renew_inputs, searches_to_renew
from blackboard.board.activations.agent_claims.new_activations import claimed_inputs, insert_claimed
from blackboard.board.activations.agent_claims.searches_in_reads import (
    NOTHING_FOUND,
    MarksBySearch,
    NeedsSearches,
    missing_searches,
    searches_for,
)
from blackboard.board.mark_tables.mark_rows import with_shown_payload
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.waiting_crossings.crossing_order import FirstCrossings
from blackboard.board.work_tables.activation_inputs import ActivationInput, inputs_of
from blackboard.board.work_tables.activation_rows import set_state
from blackboard.clock import Instant
from blackboard.core.marks.scopes import GroupValue, group_of, scope_in
from blackboard.core.records.states import ActivationState
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.watch_spec import Per
from blackboard.durations import Duration
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS


class ClaimRequest(NamedTuple):
    """The request of a worker for an activation."""

    worker_id: str
    """The id of the worker."""
    lease: Duration
    """The length of the lease."""
    marks_by_search: MarksBySearch = NOTHING_FOUND
    """The marks that the searches have found so far."""


class RunKey(NamedTuple):
    """The key of a run: each start of an activation has a fence of its own."""

    activation_id: int
    fence: int


@dataclass(frozen=True)
class Claim:
    """An activation that a worker has leased."""

    row: ActivationRow
    agent_spec: AgentSpec
    watch: str
    inputs: tuple[ActivationInput, ...]
    reads: tuple[ActivationInput, ...]
    at: Instant
    """The instant when the marks of the activation were absorbed."""
    deployment: Deployment
    """The deployment that was active at that instant. It defines the kinds of the marks."""
    per: Per = "batch"
    """Whether the activation takes one subject or a batch, by the present setting of its watch."""

    @property
    def key(self) -> RunKey:
        """The key of the run."""
        return RunKey(self.row.id, self.row.fence)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The subjects of the marks, the subject of the strongest mark first."""
        return tuple(dict.fromkeys(item.event.subject for item in self.inputs))

    @property
    def group(self) -> GroupValue | None:
        """The value of the tag that all marks of the activation share; None if its watch does not measure groups."""
        if (group := group_of(scope_in(self.row.scope))) is None:
            return None
        if not group.is_digest:
            return group.value
        payloads = (json.loads(item.event.payload) for item in self.inputs if item.event.payload is not None)
        values = (payload.get(group.tag) for payload in payloads)
        return next((value for value in values if isinstance(value, str)), group.value)


def may_claim(txn: BoardTransaction, name: str) -> bool:
    """Return whether a claim for the agent could succeed. The test is cheap, and needs no writing transaction."""
    agent_spec = txn.deployment.agents.get(name)
    if agent_spec is None or agent_deferral(txn, name) is not None:
        return False
    work = read_claimable_work(txn, name, with_crossings=False)
    if not is_below_concurrency(work.load, agent_spec):
        return False
    return bool(work.load.has_due or _ready_watches(txn, agent_spec, work))


def claim(
    txn: BoardTransaction, agent_spec: AgentSpec, request: ClaimRequest, work_source: WorkSource = UNSHARED_WORK
) -> Claim | NeedsSearches | None:
    """Claim the next activation of an agent.

    Args:
        txn: The transaction.
        agent_spec: The agent.
        request: The worker that claims, its lease, and the results of searches.
        work_source: What finds the work of the agent; several claims of this transaction may share it.

    Returns:
        The claim; or the searches that must run first; or None if nothing is ready, or if the agent is paused, in
        cooldown or at its concurrency.
    """
    if agent_deferral(txn, agent_spec.name) is not None:
        return None
    work = work_source.take(txn, agent_spec.name)
    if not is_below_concurrency(work.load, agent_spec):
        return None
    if work.load.has_due and (row := next_deferred(txn, agent_spec, ACTIVATIONS.next_due)) is not None:
        return _restart(txn, agent_spec, row, request)
    for number, watch in enumerate(_ready_watches(txn, agent_spec, work)):
        # `work` was read before the loop. A selection may change the crossings of the watches after it, so only the
        # first watch uses them as they were read.
        first_crossings = work.first_crossings.get(watch.id) if number == 0 else None
        selected = _select_without_loops(txn, watch, first_crossings, request.marks_by_search)
        if isinstance(selected, NeedsSearches):
            return selected
        if selected is not None:
            with work_source.keep_current(agent_spec.name, work, selected.crossings):
                return _start(txn, watch, selected, request)
    return None


def _select_without_loops(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    first_crossings: FirstCrossings | None,
    marks_by_search: MarksBySearch,
) -> Selection | NeedsSearches | None:
    """Select the crossings of a watch that one activation takes. Those that would continue a loop are quarantined.

    Returns:
        The crossings; or the searches that must run first; or None if no crossing is left.
    """
    while (selection := crossing_selection.update_and_select(txn, watch, first_crossings)).crossings:
        events = (with_shown_payload(txn, event) for event in selection.events)
        if missing := missing_searches(watch.agent_spec, searches_for(watch.agent_spec, events), marks_by_search):
            return missing
        if (accepted := quarantine_loops(txn, watch, selection, marks_by_search)).crossings:
            return accepted
        first_crossings = None  # all selected crossings are quarantined now, so other crossings come first
    return None


def claim_suspect(txn: BoardTransaction, agent_spec: AgentSpec, request: ClaimRequest) -> Claim | NeedsSearches | None:
    """Claim an activation of an agent that the worker must run alone, because its workers died during the run.

    The arguments and the result are those of `claim`.
    """
    if not has_capacity(txn, agent_spec):
        return None
    row = next_deferred(txn, agent_spec, ACTIVATIONS.next_suspect)
    return None if row is None else _restart(txn, agent_spec, row, request)


def _start(txn: BoardTransaction, watch: RegisteredWatch, selection: Selection, request: ClaimRequest) -> Claim:
    """Insert the activation of a selection as running under a lease, and read what its agent reads."""
    row = insert_claimed(
        txn,
        watch,
        selection,
        ActivationState.RUNNING,
        started_at=txn.now,
        attempt=1,
        worker=request.worker_id,
        lease_until=txn.now + request.lease,
        fence=1,
    )
    inputs = claimed_inputs(txn, selection)
    reads = record_reads(txn, watch.agent_spec, row.id, inputs, request.marks_by_search)
    per = watch.agent_spec.per_of(watch.spec)
    return Claim(
        row=row,
        agent_spec=watch.agent_spec,
        watch=watch.spec.name,
        inputs=inputs,
        reads=reads,
        at=txn.now,
        deployment=txn.deployment,
        per=per,
    )


def _restart(
    txn: BoardTransaction, agent_spec: AgentSpec, row: ActivationRow, request: ClaimRequest
) -> Claim | NeedsSearches:
    """Start an activation that failed, was interrupted or was handed back, with the same marks.

    After a conflict, it receives its marks as they are now.
    """
    read_at = row.read_at
    if row.reads_again:
        if missing := missing_searches(agent_spec, searches_to_renew(txn, agent_spec, row), request.marks_by_search):
            return missing
        row = renew_inputs(txn, agent_spec, row, request.marks_by_search)
        read_at = txn.now
    row = set_state(
        txn,
        row,
        ActivationState.RUNNING,
        started_at=txn.now,
        attempt=row.attempt + 1,
        worker=request.worker_id,
        lease_until=txn.now + request.lease,
        fence=row.fence + 1,
        retry_at=None,
        reads_again=0,
        read_at=read_at,
    )
    inputs, reads = inputs_of(txn, row.id)
    watch_name, per = _watch_of(txn, agent_spec, row)
    at = row.created_at if read_at is None else read_at
    return Claim(
        row=row,
        agent_spec=agent_spec,
        watch=watch_name,
        inputs=inputs,
        reads=reads,
        at=at,
        deployment=txn.deployment,
        per=per,
    )


def _watch_of(txn: BoardTransaction, agent_spec: AgentSpec, row: ActivationRow) -> tuple[str, Per]:
    """Return the name of an activation's watch, and whether the activation takes one subject or a batch."""
    watch = txn.active.watches.get(row.watch_id)
    if watch is None:
        return "", "subject"  # if the watch is gone, one subject is the safe choice
    return watch.spec.name, agent_spec.per_of(watch.spec)


def _ready_watches(txn: BoardTransaction, agent_spec: AgentSpec, work: ClaimableWork) -> list[RegisteredWatch]:
    """Return the agent's watches with a ready crossing. The longest ready comes first, so that none starves."""
    ready: list[tuple[int, int, RegisteredWatch]] = []
    for watch in txn.active.watches_by_agent.get(agent_spec.name, ()):
        if watch.id in work.ready_since:
            since = work.ready_since[watch.id]
        else:
            since = txn.sql.value(CROSSINGS.first_ready, watch_id=watch.id, now=txn.now)
        if since is None and _has_full_batch(txn, watch):
            since = txn.now
        if since is not None and (not work.load.has_held or budget_deferral(txn, watch) is None):
            ready.append((since, watch.id, watch))
    return [watch for _, _, watch in sorted(ready, key=lambda entry: entry[:2])]


def _has_full_batch(txn: BoardTransaction, watch: RegisteredWatch) -> bool:
    if watch.batch is None or not watch.agent_spec.settings.batch_window:
        return False
    if watch.is_per_subject:
        return crossing_selection.full_scope(txn, watch) is not None
    return txn.sql.value(CROSSINGS.count_waiting_marks, watch_id=watch.id, limit=watch.batch) >= watch.batch
