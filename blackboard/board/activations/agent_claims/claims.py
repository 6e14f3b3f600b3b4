"""Claims: the lease of an activation for the strongest crossings of an agent, and the absorption of their marks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Unpack

from blackboard.board.activation_tables.activation_inputs import ActivationInput, InputRole, as_input, inputs_of
from blackboard.board.activation_tables.activation_rows import get_activation, insert_activation, set_marks, set_state
from blackboard.board.activation_tables.additional_reads import (
    NOTHING_FOUND,
    MarksBySearch,
    NeedsSearches,
    missing_searches,
    record_reads,
    searches_for,
)
from blackboard.board.activation_tables.crossing_rows import close_crossing
from blackboard.board.activations.agent_claims.absorption import absorb
from blackboard.board.activations.agent_claims.agent_readiness import (
    ClaimReading,
    agent_deferral,
    has_capacity,
    read_for_claim,
    ready_watches,
)
from blackboard.board.activations.agent_claims.claim_readings import ClaimReadings
from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.run_ends import activation_splits, loop_detection, renewed_inputs
from blackboard.board.transactions.active_deployment import RegisteredWatch
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.row_columns import AttemptColumns
from blackboard.board.transactions.shown_payloads import with_shown_payload
from blackboard.board.watches.selection import crossing_selection, subject_cooldowns
from blackboard.board.watches.selection.crossing_selection import Selection
from blackboard.board.watches.waiting_crossings import scheduled_crossings
from blackboard.board.watches.waiting_crossings.measured_crossings import reason_of
from blackboard.clock import Instant
from blackboard.core.marks.measure_scopes import WHOLE_BOARD, GroupValue, group_of, is_group, nullable_scope, subject_of
from blackboard.core.records.states import ActivationState, CrossingState
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.watch_spec import Per
from blackboard.durations import Duration
from blackboard.store.rows import ActivationRow, CrossingRow, EventRow
from blackboard.store.statement_file import Statement
from blackboard.store.statements import ACTIVATIONS
from blackboard.system.failpoints import failpoint


class Claimer(NamedTuple):
    """The worker that claims, the length of its lease in microseconds, and what its searches have found."""

    worker: str
    lease: Duration
    found: MarksBySearch


@dataclass(frozen=True)
class Claim:
    """An activation that a worker has leased."""

    row: ActivationRow
    agent: AgentSpec
    watch: str
    inputs: tuple[ActivationInput, ...]
    reads: tuple[ActivationInput, ...]
    at: Instant
    """The instant when its marks were absorbed."""
    deployment: Deployment
    """The deployment that was active then. It defines the kinds of the marks."""
    per: Per = "batch"
    """Whether the activation takes one subject or a batch, by the present setting of its watch."""

    @property
    def key(self) -> tuple[int, int]:
        """The id and the fence of the activation, which together identify the run."""
        return self.row.id, self.row.fence

    @property
    def subjects(self) -> tuple[str, ...]:
        """The subjects of the marks, the subject of the strongest mark first."""
        return tuple(dict.fromkeys(item.event.subject for item in self.inputs))

    @property
    def group(self) -> GroupValue | None:
        """The value of the tag that its marks share, if its watch measures groups; else None."""
        if (group := group_of(self.row.scope)) is None:
            return None
        if not group.is_digest:
            return group.value
        payloads = (json.loads(item.event.payload) for item in self.inputs if item.event.payload is not None)
        values = (payload.get(group.tag) for payload in payloads)
        return next((value for value in values if isinstance(value, str)), group.value)


def claim(
    txn: BoardTransaction,
    agent: AgentSpec,
    worker: str,
    lease: Duration,
    found: MarksBySearch = NOTHING_FOUND,
    readings: ClaimReadings | None = None,
) -> Claim | NeedsSearches | None:
    """Claim the next activation of an agent.

    Args:
        txn: The transaction.
        agent: The agent.
        worker: The id of the worker that claims.
        lease: The length of the lease in microseconds.
        found: The results of the searches that have run.
        readings: What several claims of this transaction have read together; None if this one reads alone.

    Returns:
        The claim; or the searches that must run first; or None if nothing is ready, or if the agent is paused, in
        cooldown or at its concurrency.
    """
    claimer = Claimer(worker, lease, found)
    if (reading := _reading(txn, agent, readings)) is None:
        return None
    if reading.load.has_due and (row := _next_deferred(txn, agent, ACTIVATIONS.next_due)) is not None:
        return _restart(txn, agent, row, claimer)
    first_crossings = reading.first_crossings
    for watch in ready_watches(txn, agent, reading):
        first = first_crossings.get(watch.id)
        first_crossings = {}  # the selection may change the crossings of every watch
        while (selection := crossing_selection.select(txn, watch, first)).crossings:
            first = None
            events = (with_shown_payload(txn, event) for event, _ in selection.inputs.values())
            if missing := missing_searches(watch.agent, searches_for(watch.agent, events), found):
                return missing
            if (accepted := _quarantine_loops(txn, watch, selection, found)).crossings:
                is_current = readings is not None and readings.is_current
                claimed = _start(txn, watch, accepted, claimer)
                if readings is not None and is_current:
                    readings.keep(agent.name, reading, accepted.crossings)
                return claimed
    return None


def _reading(txn: BoardTransaction, agent: AgentSpec, readings: ClaimReadings | None) -> ClaimReading | None:
    """Return the data that a claim needs, read before or now; None if the agent may run no further activation."""
    reading = None if readings is None else readings.take(agent.name)
    if reading is None:
        return read_for_claim(txn, agent)
    is_held = agent_deferral(txn, agent.name) is not None
    return None if is_held or reading.load.running >= agent.settings.concurrency else reading


def claim_suspect(
    txn: BoardTransaction, agent: AgentSpec, worker: str, lease: Duration, found: MarksBySearch = NOTHING_FOUND
) -> Claim | NeedsSearches | None:
    """Claim an activation of an agent that the worker must run alone, because its workers died during the run.

    The arguments and the result are those of `claim`.
    """
    if not has_capacity(txn, agent):
        return None
    row = _next_deferred(txn, agent, ACTIVATIONS.next_suspect)
    return None if row is None else _restart(txn, agent, row, Claimer(worker, lease, found))


# -- loops -------------------------------------------------------------------------------------------------------------


def _quarantine_loops(
    txn: BoardTransaction, watch: RegisteredWatch, selection: Selection, found: MarksBySearch
) -> Selection:
    """Quarantine the crossings that would continue a loop, ask a person, and return the other crossings."""
    agent = watch.agent
    selection.chain_length = loop_detection.chain_length(txn, selection.events)
    if (reason := loop_detection.rate_problem(txn, agent)) is not None:
        _quarantine(txn, watch, selection, f"agent/{agent.name}", reason, found)
        return Selection()
    if not loop_detection.may_loop(agent, selection.chain_length):
        return selection
    accepted = Selection()
    for crossing in selection.crossings:
        inputs = {key: pair for key, pair in selection.inputs.items() if _is_behind(pair[0], crossing)}
        part = Selection([crossing], inputs)
        part.chain_length = loop_detection.chain_length(txn, part.events)
        reason = loop_detection.loop_problem(txn, agent, crossing.scope, part.events, part.chain_length)
        if reason is None:
            accepted.crossings.append(crossing)
            accepted.inputs.update(inputs)
            accepted.chain_length = max(accepted.chain_length, part.chain_length)
        else:
            _quarantine(txn, watch, part, subject_of(crossing.scope) or f"agent/{agent.name}", reason, found)
    return accepted


def _is_behind(event: EventRow, crossing: CrossingRow) -> bool:
    if crossing.is_per_mark:
        return event.mark_id == crossing.mark_id
    # An activation about a group has no other crossing.
    return crossing.is_over_board or is_group(crossing.scope) or event.subject == crossing.scope


def _quarantine(
    txn: BoardTransaction, watch: RegisteredWatch, selection: Selection, subject: str, reason: str, found: MarksBySearch
) -> None:
    row = _insert(txn, watch, selection, ActivationState.QUARANTINED, finished_at=txn.now, error=reason)
    record_reads(txn, watch.agent, row.id, _as_inputs(txn, selection), found)
    loop_detection.ask_about_quarantine(txn, subject, reason)


# -- starting ----------------------------------------------------------------------------------------------------------


def _start(txn: BoardTransaction, watch: RegisteredWatch, selection: Selection, claimer: Claimer) -> Claim:
    """Insert the activation of a selection as running under a lease, and read what its agent reads."""
    row = _insert(
        txn,
        watch,
        selection,
        ActivationState.RUNNING,
        started_at=txn.now,
        attempt=1,
        worker=claimer.worker,
        lease_until=txn.now + claimer.lease,
        fence=1,
    )
    inputs = _as_inputs(txn, selection)
    reads = record_reads(txn, watch.agent, row.id, inputs, claimer.found)
    per = watch.agent.per_of(watch.spec)
    return Claim(row, watch.agent, watch.spec.name, inputs, reads, txn.now, txn.deployment, per)


def _restart(txn: BoardTransaction, agent: AgentSpec, row: ActivationRow, claimer: Claimer) -> Claim | NeedsSearches:
    """Start an activation that failed, was interrupted or was handed back, with the same marks.

    After a conflict, it receives its marks as they are now.
    """
    read_at = row.read_at
    if row.reads_again:
        if missing := missing_searches(agent, renewed_inputs.searches_to_renew(txn, agent, row), claimer.found):
            return missing
        renewed_inputs.renew(txn, agent, row, claimer.found)
        row = _reread(txn, row)
        read_at = txn.now
    row = set_state(
        txn,
        row,
        ActivationState.RUNNING,
        started_at=txn.now,
        attempt=row.attempt + 1,
        worker=claimer.worker,
        lease_until=txn.now + claimer.lease,
        fence=row.fence + 1,
        retry_at=None,
        reads_again=0,
        read_at=read_at,
    )
    inputs, reads = inputs_of(txn, row.id)
    watch_name, per = _watch_of(txn, agent, row)
    at = row.created_at if read_at is None else read_at
    return Claim(row, agent, watch_name, inputs, reads, at, txn.deployment, per)


def _watch_of(txn: BoardTransaction, agent: AgentSpec, row: ActivationRow) -> tuple[str, Per]:
    """Return the name of the watch of an activation, and whether it takes a subject or a batch."""
    watch = txn.active.watches.get(row.watch_id)
    if watch is None:
        return "", "subject"  # of a watch that is gone, one subject is the safe choice
    return watch.spec.name, agent.per_of(watch.spec)


def _next_deferred(txn: BoardTransaction, agent: AgentSpec, due: Statement[ActivationRow]) -> ActivationRow | None:
    """Return the first due activation with a subject that is not in cooldown. Marks of other subjects are split off."""
    while (due_row := txn.sql.one(due, agent=agent.name, now=txn.now)) is not None:
        ready_row = _split_off_cooldowns(txn, agent, _keep_strongest_subject(txn, due_row))
        if ready_row is not None:
            return ready_row
    return None


def _keep_strongest_subject(txn: BoardTransaction, row: ActivationRow) -> ActivationRow:
    """Split off all marks except the marks of the strongest subject, and return the activation.

    Only an activation of a watch that wakes its agent per subject is split; it has several subjects if the watch took
    batches earlier. It stays whole while an answer about all its marks is awaited or unused.
    """
    watch = txn.active.watches.get(row.watch_id)
    if watch is None or not watch.is_per_subject:
        return row
    others = list(_marks_by_subject(txn, row).values())[1:]
    if not others or model_calls.awaits_or_has_answer(txn, row.id):
        return row
    for marks in others:
        activation_splits.split(txn, row, marks, attempt=row.attempt, error=row.error)
    set_marks(txn, row)
    return _reread(txn, row)


def _reread(txn: BoardTransaction, row: ActivationRow) -> ActivationRow:
    return get_activation(txn, row.id) or row


def _marks_by_subject(txn: BoardTransaction, row: ActivationRow) -> dict[str, list[int]]:
    """Return the ids of the marks of an activation by subject, or under one key if it measures a group or the board."""
    scope = _shared_scope(txn, row)
    marks: dict[str, list[int]] = {}
    for mark in txn.sql.all(ACTIVATIONS.inputs, activation_id=row.id):
        if mark.role == InputRole.ABSORBED and mark.event is not None:
            marks.setdefault(mark.event.subject if scope is None else scope, []).append(mark.mark_id)
    return marks


def _shared_scope(txn: BoardTransaction, row: ActivationRow) -> str | None:
    """Return the group or the board that an activation is about; None if it is about subjects."""
    watch = txn.active.watches.get(row.watch_id)
    if watch is not None and watch.condition.is_over_board:
        return WHOLE_BOARD
    return row.scope if is_group(row.scope) else None


def _split_off_cooldowns(txn: BoardTransaction, agent: AgentSpec, row: ActivationRow) -> ActivationRow | None:
    """Split off the marks of subjects that are in cooldown, and return the activation with the others.

    Returns None after deferring the activation. This happens if all its subjects are in cooldown. It also happens if an
    answer about all its marks is awaited or unused, because a paid answer is not given up.
    """
    marks = _marks_by_subject(txn, row) if subject_cooldowns.has_cooldowns(agent) else {}
    ends = {subject: subject_cooldowns.end_of(txn, agent, subject) for subject in marks}
    cooling = {subject: end for subject, end in ends.items() if end is not None}
    if not cooling:
        return row
    has_answer = model_calls.awaits_or_has_answer(txn, row.id)
    if has_answer or len(cooling) == len(marks):
        at = max(cooling.values()) if has_answer else min(cooling.values())
        txn.sql.run(ACTIVATIONS.defer_until, id=row.id, at=at, reason="its subject is in cooldown")
        return None
    for subject, end in cooling.items():
        activation_splits.split(
            txn, row, marks[subject], attempt=row.attempt, error=row.error or "its subject is in cooldown", retry_at=end
        )
    set_marks(txn, row)
    return _reread(txn, row)


def _common_scope(crossings: Iterable[CrossingRow]) -> str:
    """Return the scope that all these crossings have; the whole board if they have several."""
    scopes = {crossing.scope for crossing in crossings}
    return scopes.pop() if len(scopes) == 1 else WHOLE_BOARD


def _insert(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    selection: Selection,
    state: ActivationState,
    **columns: Unpack[AttemptColumns],
) -> ActivationRow:
    """Insert an activation with its crossings and marks."""
    lead = selection.crossings[0]
    more = f" and {len(selection.crossings) - 1} more" if len(selection.crossings) > 1 else ""
    row = ActivationRow(
        id=0,
        agent=watch.agent.name,
        watch_id=watch.id,
        subject=nullable_scope(_common_scope(selection.crossings)),
        state=state,
        reason=f"{reason_of(watch, lead)}{more}",
        crossed_at=min(crossing.crossed_at for crossing in selection.crossings),
        created_at=txn.now,
        chain_length=selection.chain_length,
        marks_absorbed=len(selection.inputs),
        scheduled_for=lead.crossed_at if watch.condition.is_schedule else None,
    )
    row = insert_activation(txn, row._replace(**columns), state)
    for crossing in selection.crossings:
        close_crossing(txn, crossing, CrossingState.CLAIMED, row)
    if watch.condition.is_schedule:
        scheduled_crossings.follow(txn, watch, lead)
    failpoint("claim.within")
    absorb(txn, watch, row.id, selection)
    return row


def _as_inputs(txn: BoardTransaction, selection: Selection) -> tuple[ActivationInput, ...]:
    return tuple(as_input(txn, event, strength) for event, strength in selection.inputs.values())
