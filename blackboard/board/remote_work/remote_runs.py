"""The runs of remote agents: programs outside the daemon claim an activation under a lease, and end it.

A claim absorbs and freezes marks as the claim of a daemon does, and the result is checked and applied in the same way.
A program shows that it is alive by its lease alone. A daemon, a server or the claim of the next worker recovers a run
whose lease has expired.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from blackboard.board.activation_storage.activation_inputs import ActivationInput, inputs_of
from blackboard.board.activation_storage.activation_rows import get_activation
from blackboard.board.activation_storage.additional_reads import MarksBySearch, NeedsSearches
from blackboard.board.activations.agent_claims import agent_readiness, claims
from blackboard.board.activations.agent_claims.claims import Claim
from blackboard.board.activations.call_records import budgets, model_calls
from blackboard.board.activations.call_records.model_calls import CallCost, ReportedCall
from blackboard.board.activations.returned_items import item_checks
from blackboard.board.activations.run_ends import activation_recovery, activation_results
from blackboard.board.activations.run_ends.activation_recovery import REMOTE
from blackboard.board.activations.run_ends.activation_results import Failure
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.need_answers import overdue_needs
from blackboard.board.remote_work.remote_results import RemoteResult, ReportedUsage, ReturnedMark
from blackboard.board.transactions import pauses_and_cooldowns
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.crossing_detection import predicted_crossings
from blackboard.clock import Instant, iso
from blackboard.core.agents.mark_actions import Action, Reinforce, Withdraw
from blackboard.core.marks.mark_model import Mark
from blackboard.core.records.micro_dollars import from_usd
from blackboard.core.records.states import ActivationState
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.durations import Duration
from blackboard.errors import BlackboardError, Conflict, InvalidMark, LeaseLost, NotFound, WorkError
from blackboard.store.rows import ActivationRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MARKS
from blackboard.system import tracing

WEBHOOK_WORKER = "webhook"
"""The name of the worker that posts activations to a webhook."""
DUE_AT_ONCE = 100
"""The largest number of due crossings and needs that one claim records."""


class NamedRun(NamedTuple):
    """The run that a worker names when it reports about it."""

    activation_id: int
    holder: str
    """The worker."""
    agent: str | None = None
    """The agent that the activation must belong to; None for any."""
    fence: int | None = None
    """The fence of the claim; None for the run that the worker has now."""


def remote_agent(txn: BoardTransaction, name: str) -> AgentSpec:
    """Return a remote agent.

    Raises:
        UnknownName: There is no such agent.
        WorkError: The agent is not remote.
    """
    agent = txn.deployment.agent(name)
    if not agent.remote:
        error = WorkError(f"the agent {name!r} is not remote: a daemon runs it")
        error.quotes_nothing = True
        raise error
    return agent


# -- claims ------------------------------------------------------------------------------------------------------------


def may_claim(txn: BoardTransaction, agent: AgentSpec) -> bool:
    """Return whether a claim could succeed, or would first have other work to do. It needs no writing transaction."""
    due = (txn.sql.value(CROSSINGS.next_predicted), txn.sql.value(MARKS.next_due_need))
    return (
        any(at is not None and at <= txn.now for at in due)
        or any(_is_late(txn, row) for row in _runs(txn, agent))
        or agent.name in agent_readiness.agents_with_suspects(txn)
        or agent_readiness.may_claim(txn, agent.name)
    )


def next_instant(txn: BoardTransaction, agent: AgentSpec) -> Instant | None:
    """Return the next instant when time alone may make a claim possible; None if there is none."""
    instants = [
        agent_readiness.next_ready(txn, agent.name, agent_readiness.waiting_work(txn)),
        txn.sql.value(CROSSINGS.next_predicted),
        txn.sql.value(MARKS.next_due_need),
        *(row.lease_until for row in _runs(txn, agent)),
    ]
    return min((at for at in instants if at is not None), default=None)


def note_presence(txn: BoardTransaction, agent: AgentSpec) -> None:
    """Record that a worker claims or waits for an agent now."""
    pauses_and_cooldowns.set_served_at(txn, agent.name, txn.now)


def claim(
    txn: BoardTransaction, agent: AgentSpec, holder: str, lease: Duration, found: MarksBySearch, classes: MarkClasses
) -> Claim | NeedsSearches | None:
    """Claim the next activation of a remote agent for a worker.

    First do the work of a daemon, because none may be running: record due crossings and needs, and recover the runs of
    the agent whose leases have expired. An activation whose marks were all erased is finished at once.
    """
    overdue_needs.fire_due(txn, DUE_AT_ONCE, classes)
    predicted_crossings.fire_due(txn, DUE_AT_ONCE)
    for row in _runs(txn, agent):
        if _is_late(txn, row):
            activation_recovery.recover_remote(txn, row)
    worker, lease = REMOTE + holder, min(lease, agent.settings.timeout)
    while True:
        claimed = claims.claim_suspect(txn, agent, worker, lease, found) or claims.claim(
            txn, agent, worker, lease, found
        )
        if not isinstance(claimed, Claim):
            return claimed
        if claimed.row.scheduled_for is None and not readable(claimed.inputs):
            activation_results.finish(txn, claimed.row, agent, [], classes)
        elif (spent := budgets.exhausted_by_activation(txn, agent, claimed.row.id)) is not None:
            activation_results.defer(txn, claimed.row, until=None, reason=spent, is_held=True)
        else:
            return claimed


def readable(inputs: tuple[ActivationInput, ...]) -> list[ActivationInput]:
    """Return the inputs whose payloads were not erased."""
    return [item for item in inputs if item.event.payload is not None]


def _runs(txn: BoardTransaction, agent: AgentSpec) -> list[ActivationRow]:
    rows = txn.sql.all(ACTIVATIONS.running_of_agent, agent=agent.name)
    return [row for row in rows if activation_recovery.is_remote(row)]


def late_runs(txn: BoardTransaction) -> list[ActivationRow]:
    """Return the runs of remote workers whose leases have expired."""
    rows = txn.sql.all(ACTIVATIONS.running)
    return [row for row in rows if activation_recovery.is_remote(row) and _is_late(txn, row)]


def _is_late(txn: BoardTransaction, row: ActivationRow) -> bool:
    return row.lease_until is not None and row.lease_until <= txn.now


# -- runs --------------------------------------------------------------------------------------------------------------


def run_of(txn: BoardTransaction, run: NamedRun) -> ActivationRow:
    """Return the run that a worker has.

    Raises:
        LeaseLost: The worker does not have it, or no longer.
        NotFound: The agent has no such activation.
    """
    row = _find(txn, run)
    if row.state == ActivationState.RUNNING and _is_claim(row, run):
        if not _is_late(txn, row):
            return row
        raise LeaseLost(f"the lease of activation {row.id} ended at {iso(row.lease_until)}; claim again")
    if row.state == ActivationState.RUNNING:
        raise LeaseLost(f"activation {row.id} was claimed again, with the fence {row.fence}; this claim has ended")
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
    if row.worker == REMOTE + WEBHOOK_WORKER and run.fence == row.fence:
        return True
    return row.worker == REMOTE + run.holder and run.fence in (None, row.fence)


def extend(txn: BoardTransaction, row: ActivationRow, lease: Duration) -> Instant:
    """Extend the lease of a run, and return its end. No run is longer than the timeout of its agent."""
    agent = txn.deployment.agents.get(row.agent)
    until = txn.now + lease
    if agent is not None and row.started_at is not None:
        until = min(until, row.started_at + agent.settings.timeout)
    until = max(until, row.lease_until or 0)
    txn.sql.run(ACTIVATIONS.set_lease, id=row.id, until=until)
    return until


def is_finished_with(row: ActivationRow, run: NamedRun, result: RemoteResult) -> bool:
    """Return whether a claim has finished an activation with this result already."""
    is_done = row.state == ActivationState.DONE and row.result_digest is not None
    return is_done and _is_claim(row, run) and row.result_digest == result.digest()


def finish(txn: BoardTransaction, run: NamedRun, result: RemoteResult, classes: MarkClasses) -> ActivationRow:
    """Finish an activation with a result, and return its row. The same result again changes nothing.

    Raises:
        BlackboardError: A part of the result is refused. The transaction must be rolled back.
        Conflict: A mark has changed since the event that the result names. The transaction must be rolled back.
        LeaseLost: The worker does not have the activation, or no longer.
        NotFound: The agent has no such activation.
    """
    if is_finished_with(stored := _find(txn, run), run, result):
        return stored
    row = run_of(txn, run)
    spec = remote_agent(txn, row.agent)
    inputs, reads = inputs_of(txn, row.id)
    known = {mark.id: mark for mark in _marks(txn, (*inputs, *reads), classes)}
    items = item_checks.collect(spec, _actions(txn, result, known, classes))
    with tracing.within(tracing.current_traceparent() or row.traceparent):
        actions = item_checks.prepare(spec, row.id, items, places := _places(result))
    activation_results.finish(txn, row, spec, actions, classes, places)
    model_calls.record_reported(txn, row.id, spec.name, len(inputs), _reported(result.usage), None)
    txn.sql.run(ACTIVATIONS.set_result_digest, id=row.id, digest=result.digest())
    return _find(txn, run)


def put_back(
    txn: BoardTransaction, row: ActivationRow, conflict: Conflict, usage: ReportedUsage
) -> ActivationState | None:
    """Put back a run whose result was in conflict with the board; see `activation_results.put_back`."""
    agent = txn.deployment.agents.get(row.agent)
    if agent is None:
        return None
    text = f"{type(conflict).__name__}: {conflict}"
    model_calls.record_reported(txn, row.id, agent.name, row.marks_absorbed, _reported(usage), text)
    return activation_results.put_back(txn, row, agent, text, random.Random(row.id))


def fail(txn: BoardTransaction, run: NamedRun, failure: Failure, usage: ReportedUsage) -> ActivationRow:
    """End a run with a failure, and return the row of its activation. The same failure again changes nothing.

    Raises:
        LeaseLost: The worker does not have the activation, or no longer.
        NotFound: The agent has no such activation.
    """
    stored = _find(txn, run)
    has_failed = stored.state in (ActivationState.READY, ActivationState.HELD, ActivationState.DEAD)
    if has_failed and stored.fence == run.fence and stored.error == failure.error:
        return stored
    row = run_of(txn, run)
    spec = remote_agent(txn, row.agent)
    model_calls.record_reported(txn, row.id, spec.name, row.marks_absorbed, _reported(usage), failure.error)
    activation_results.fail(txn, row, spec, failure, random.Random(row.id))
    return _find(txn, run)


# -- results -----------------------------------------------------------------------------------------------------------


def _marks(txn: BoardTransaction, inputs: tuple[ActivationInput, ...], classes: MarkClasses) -> Iterator[Mark]:
    """Yield the marks of inputs. A mark that does not fit its class is not checked, because it is not read here."""
    for item in inputs:
        yield classes.make_stand_in(item.event, item.stored)


def _actions(
    txn: BoardTransaction, result: RemoteResult, known: dict[int, Mark], classes: MarkClasses
) -> Iterator[Action]:
    """Yield the items of a result in the order in which they are applied, the order of `_places`."""
    places = iter(_places(result))
    for withdrawal in result.withdrawals:
        yield Withdraw(_known(known, withdrawal.mark, next(places)), withdrawal.if_event)
    for reinforcement in result.reinforcements:
        yield Reinforce(_known(known, reinforcement.mark, next(places)), reinforcement.by, reinforcement.if_event)
    for returned, place in zip(result.marks, places, strict=True):
        try:
            yield _mark(txn, returned, classes)
        except BlackboardError as error:
            error.place = place
            raise


def _places(result: RemoteResult) -> list[str]:
    """Return the name of each item of a result in errors: its list, and its number there."""
    lists = {"withdrawals": result.withdrawals, "reinforcements": result.reinforcements, "marks": result.marks}
    return [f"{name}, item {number}" for name, items in lists.items() for number in range(1, len(items) + 1)]


def _known(known: dict[int, Mark], mark_id: int, place: str) -> Mark:
    if mark_id not in known:
        error = InvalidMark(f"the agent was not given mark {mark_id} and has not read it")
        error.place = place
        raise error
    return known[mark_id]


def _mark(txn: BoardTransaction, returned: ReturnedMark, classes: MarkClasses) -> Mark:
    mark = classes.new_mark(returned.kind, returned.payload, returned.subject, returned.intensity, txn.deployment)
    mark = mark.with_options(
        key=returned.key,
        decay=returned.decay,  # type: ignore[arg-type]
        until=returned.until,
        occurred_at=returned.occurred_at,
        if_event=returned.if_event,
    )
    return mark if returned.or_else is None else mark.or_else(_mark(txn, returned.or_else, classes))


def _reported(usage: ReportedUsage) -> list[ReportedCall]:
    return [
        ReportedCall(
            call.model,
            CallCost(
                call.input_tokens,
                call.cache_read_tokens,
                call.cache_write_tokens,
                call.output_tokens,
                from_usd(call.usd),
            ),
        )
        for call in usage
    ]
