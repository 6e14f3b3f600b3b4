"""Queries about work: the agenda, schedules and activations."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Literal, NamedTuple

from blackboard.board.activations.agent_claims.agent_readiness import agent_deferral, budget_deferral, held_by_or_window
from blackboard.board.deployment_effects import gone_agents
from blackboard.board.result_types.row_conversion import optional_datetime, result_of
from blackboard.board.result_types.work_results import (
    ActivationRecord,
    AgendaItem,
    EndingDeferral,
    Prediction,
    ScheduleRecord,
)
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.waiting_crossings import scheduled_crossings
from blackboard.board.watches.waiting_crossings.crossing_order import waiting_with_strengths
from blackboard.clock import Instant, iso, seconds_in, to_datetime
from blackboard.core.records.states import ActivationState, HeldBy
from blackboard.errors import UsageError, nearest
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS


def agenda(txn: BoardTransaction, limit: int | None = None, *, agent: str | None = None) -> list[AgendaItem]:
    """Return the crossings that wait or whose activation is deferred, strongest first, each with the reason.

    Args:
        txn: A transaction.
        limit: The largest number of crossings.
        agent: Only crossings of this agent.
    """
    items = [*_deferred_items(txn, limit, agent), *_waiting_items(txn, limit, agent)]
    return [item for _, item in sorted(items, key=lambda pair: (-pair[0], pair[1].id))[:limit]]


def _deferred_items(txn: BoardTransaction, limit: int | None, agent: str | None) -> Iterator[tuple[float, AgendaItem]]:
    """Yield the crossings whose activation is deferred, and those of agents that are gone, each with its strength."""
    # The statements do not filter by agent, so a limit applies after the filter.
    is_all = limit is None or agent is not None
    deferred, gone = ACTIVATIONS.deferred_crossings, CROSSINGS.waiting_for_gone
    for row in txn.sql.all(deferred) if is_all else txn.sql.all(deferred.using("limit"), limit=limit):
        if agent not in (None, row.agent):
            continue
        deferral = agent_deferral(txn, row.agent)
        held_by, retry_at = (deferral.reason if deferral else row.error), row.retry_at
        if gone_agents.is_gone(txn, row.agent):
            held_by, retry_at = gone_agents.HELD_REASON, None
        names = _WatchNames(row.agent, row.watch, row.condition)
        yield row.crossing.value, _agenda_item(row.crossing, names, "deferred", held_by, retry_at)
    for held in txn.sql.all(gone) if is_all else txn.sql.all(gone.using("limit"), limit=limit):
        if agent in (None, held.agent):
            names = _WatchNames(held.agent, held.watch, held.condition)
            yield held.crossing.value, _agenda_item(held.crossing, names, "waiting", gone_agents.HELD_REASON, None)


def _waiting_items(txn: BoardTransaction, limit: int | None, agent: str | None) -> Iterator[tuple[float, AgendaItem]]:
    """Yield the first crossings that wait for each watch, with their strengths."""
    for watch in txn.active.watches.values():
        if agent not in (None, watch.agent_spec.name):
            continue
        deferral = agent_deferral(txn, watch.agent_spec.name) or budget_deferral(txn, watch)
        names = _WatchNames(watch.agent_spec.name, watch.spec.name, str(watch.condition))
        for crossing, strength in waiting_with_strengths(txn, watch, limit):
            held_by = crossing.held_by or (deferral.reason if deferral else held_by_or_window(txn, crossing))
            yield strength, _agenda_item(crossing, names, "waiting", held_by, crossing.ready_at)


def schedules(txn: BoardTransaction, limit: int) -> list[ScheduleRecord]:
    """Return each schedule with up to `limit` of its next instants, in their order."""
    result = []
    for watch in txn.active.watches.values():
        if not watch.condition.is_schedule:
            continue
        crossing, last = scheduled_crossings.waiting_crossing(txn, watch), scheduled_crossings.last(txn, watch)
        deferral = agent_deferral(txn, watch.agent_spec.name) or budget_deferral(txn, watch)
        held_by = None if crossing is None else crossing.held_by or (deferral.reason if deferral else None)
        result.append(
            ScheduleRecord(
                agent=watch.agent_spec.name,
                watch=watch.spec.name,
                schedule=str(watch.condition),
                catch_up=watch.catch_up,
                scheduled_from=to_datetime(watch.scheduled_from),
                next_at=optional_datetime(scheduled_crossings.next_stored(txn, watch)),
                waits_since=None if crossing is None else to_datetime(crossing.crossed_at),
                held_by=held_by,
                last_at=None if last is None else to_datetime(last.crossed_at),
                last_late_seconds=None if last is None else seconds_in(last.noticed_at - last.crossed_at),
                upcoming=tuple(map(to_datetime, scheduled_crossings.upcoming_instants(txn, watch, limit))),
            )
        )
    return sorted(result, key=lambda row: (row.upcoming[:1], row.agent, row.watch))


def predictions(txn: BoardTransaction, limit: int) -> list[Prediction]:
    """Return the next instants when watches are tested because of time alone, soonest first."""
    result = []
    for row in txn.sql.all(CROSSINGS.next_predictions, limit=limit):
        watch = txn.active.watches.get(row.watch_id)
        if watch is not None:
            names = {"agent": watch.agent_spec.name, "watch": watch.spec.name, "condition": str(watch.condition)}
            result.append(result_of(Prediction, row, **names))
    return result


def ending_deferrals(txn: BoardTransaction, limit: int) -> list[EndingDeferral]:
    """Return the deferrals of crossings that end next by time alone, soonest first.

    Of the activations that wait for a retry, only those of the strongest crossings are read.
    """
    deferrals: list[EndingDeferral] = []
    for watch in txn.active.watches.values():
        names = {"agent": watch.agent_spec.name, "watch": watch.spec.name, "condition": str(watch.condition)}
        rows = txn.sql.all(CROSSINGS.ending_deferrals, watch_id=watch.id, now=txn.now, limit=limit)
        for row in rows:
            held_by = HeldBy(row.held_by or HeldBy.BATCH_WINDOW)
            deferrals.append(result_of(EndingDeferral, row, **names, held_by=held_by, ends_at=row.ready_at))
    for waiting in txn.sql.all(ACTIVATIONS.deferred_crossings.using("limit"), limit=limit):
        if waiting.retry_at is not None and waiting.retry_at > txn.now:
            names = {"agent": waiting.agent, "watch": waiting.watch, "condition": waiting.condition}
            deferrals.append(
                result_of(EndingDeferral, waiting.crossing, **names, held_by=HeldBy.RETRY, ends_at=waiting.retry_at)
            )
    return sorted(deferrals, key=lambda deferral: deferral.ends_at)[:limit]


class _WatchNames(NamedTuple):
    agent: str
    watch: str
    condition: str


def _agenda_item(
    row: CrossingRow,
    names: _WatchNames,
    state: Literal["waiting", "deferred"],
    held_by: str | None,
    ready_at: Instant | None,
) -> AgendaItem:
    """Return a crossing that waits, as the agenda shows it."""
    return result_of(
        AgendaItem,
        row,
        **names._asdict(),
        state=state,
        reason=f"{names.condition}: {_measured_value(row)}",
        late_seconds=seconds_in(row.noticed_at - row.crossed_at),
        ready_at=ready_at,
        held_by=held_by,
    )


def _measured_value(row: CrossingRow) -> str:
    """Return the measured value of a crossing, or the instant of the schedule that caused it."""
    if row.is_scheduled:
        return f"due at {iso(row.crossed_at)}"
    return f"{'' if row.measure is None else f'{row.measure} = '}{row.value}"


def activations(
    txn: BoardTransaction,
    *,
    agent: str | None = None,
    states: Collection[str] | None = None,
    limit: int = 20,
    before: int | None = None,
) -> list[ActivationRecord]:
    """Return activations, newest first: all, or only those of an agent, in some states, or older than `before`.

    Raises:
        UnknownName: There is no such agent, and there never was one.
        UsageError: There is no such state.
    """
    options: dict[str, Any] = {} if before is None else {"before": before}
    watches = txn.sql.all(CROSSINGS.all_watches)
    if agent is not None:
        if all(row.agent != agent for row in watches):
            txn.deployment.agent(agent)
        options["agent"] = agent
    if states is not None:
        known = [str(state) for state in ActivationState]
        if unknown := sorted(set(states) - set(known)):
            raise UsageError(f"{unknown[0]!r} is not a state of activations{nearest(unknown[0], known)}")
        options["states"] = txn.sql.list_of(map(str, states))
    rows = txn.sql.all(ACTIVATIONS.newest.using(*options), limit=limit, **options)
    names = {watch.id: watch.name for watch in watches}
    return [activation_record(txn, row, names.get(row.watch_id)) for row in rows]


def activation_record(txn: BoardTransaction, row: ActivationRow, watch_name: str | None) -> ActivationRecord:
    """Return an activation as it is shown."""
    return result_of(
        ActivationRecord,
        gone_agents.shown_to_people(txn, row),
        watch=watch_name,
        scheduled_for=optional_datetime(row.scheduled_for),
        mark_ids=tuple(txn.sql.all(ACTIVATIONS.absorbed_marks, activation_id=row.id)),
    )
