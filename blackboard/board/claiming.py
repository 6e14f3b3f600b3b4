"""Waking an agent: an activation is claimed under a lease, with exactly the marks that it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from blackboard.board import following, loops, rising, totals
from blackboard.board.choosing import Choice, choose
from blackboard.board.giving import GivenRow, as_given, give, given_to, read
from blackboard.board.moment import Moment, Watch
from blackboard.board.readiness import ready, resting
from blackboard.deployment import AgentSpec, Deployment
from blackboard.failpoints import reach
from blackboard.store import activations as A
from blackboard.store import marks as M
from blackboard.store import watching as W
from blackboard.store.rows import ActivationRow, CrossingRow, EventRow, MarkRow

__all__ = ["Claim", "claim"]


@dataclass(frozen=True)
class Claim:
    """An activation that this worker now runs."""

    row: ActivationRow
    agent: AgentSpec
    watch: str
    given: tuple[GivenRow, ...]
    reads: tuple[GivenRow, ...]
    at: int
    """The instant its marks were taken."""
    deployment: Deployment
    """What was in force then: it says what kinds of marks they are."""


def claim(m: Moment, agent: AgentSpec, worker: str, lease: int) -> Claim | None:
    """The next activation of an agent, or None if nothing is ready or it is paused, resting or at its concurrency."""
    if resting(m, agent.name) is not None or m.tx.one(A.RUNNING_OF, agent=agent.name)[0] >= agent.settings.concurrency:
        return None
    if (found := m.tx.one(A.READY_TO_RETRY, agent=agent.name, now=m.now)) is not None:
        return _again(m, agent, ActivationRow(*found), worker, lease)
    for watch in ready(m, agent):
        while (choice := choose(m, watch)).crossings:
            if (fit := _without_loops(m, watch, choice)).crossings:
                return _begin(m, watch, fit, worker, lease)
    return None


def _without_loops(m: Moment, watch: Watch, choice: Choice) -> Choice:
    """Set aside what goes round in circles, ask a person about it, and return the rest."""
    name = watch.agent.name
    if (reason := loops.too_often(m, watch.agent)) is not None:
        _set_aside(m, watch, choice, f"agent/{name}", reason)
        return Choice()
    events = [event for event, _ in choice.given.values()]
    if loops.depth(m, events) <= min(watch.agent.settings.max_depth, loops.SHORTEST - 1):
        return choice
    fit = Choice()
    for crossing in choice.crossings:
        part = Choice([crossing], {key: pair for key, pair in choice.given.items() if _stands_behind(crossing, pair)})
        reason = loops.circles(m, watch.agent, crossing.subject, [event for event, _ in part.given.values()])
        if reason is None:
            fit.crossings.append(crossing)
            fit.given.update(part.given)
        else:
            _set_aside(m, watch, part, crossing.subject or f"agent/{name}", reason)
    return fit


def _stands_behind(crossing: CrossingRow, pair: tuple[EventRow, float]) -> bool:
    event, _ = pair
    if crossing.mark_id:
        return event.mark_id == crossing.mark_id
    return not crossing.subject or event.subject == crossing.subject


def _set_aside(m: Moment, watch: Watch, choice: Choice, subject: str, reason: str) -> None:
    row = _new(m, watch, choice, state="aside", finished_at=m.now, error=reason)
    read(m, watch.agent, row.id, tuple(as_given(m, event, strength) for event, strength in choice.given.values()))
    loops.ask(m, subject, reason, row.id)
    m.wakes = True


def _begin(m: Moment, watch: Watch, choice: Choice, worker: str, lease: int) -> Claim:
    row = _new(
        m,
        watch,
        choice,
        state="running",
        started_at=m.now,
        attempt=1,
        worker=worker,
        lease_until=m.now + lease,
        fence=1,
    )
    given = tuple(as_given(m, event, strength) for event, strength in choice.given.values())
    reads = read(m, watch.agent, row.id, given)
    return Claim(row, watch.agent, watch.spec.name, given, reads, m.now, m.deployment)


def _new(m: Moment, watch: Watch, choice: Choice, **state: Any) -> ActivationRow:
    """Record an activation with the crossings and marks that it takes."""
    lead = choice.crossings[0]
    subjects = {crossing.subject for crossing in choice.crossings}
    sign = "<" if watch.falling else ">="
    more = f" and {len(choice.crossings) - 1} more" if len(choice.crossings) > 1 else ""
    row = ActivationRow(
        id=(m.tx.one(A.LAST_ACTIVATION)[0] or 0) + 1,
        agent=watch.agent.name,
        watch_id=watch.id,
        subject=subjects.pop() or None if len(subjects) == 1 else None,
        state="",
        reason=f"{watch.condition}: {lead.value:.4g} {sign} {lead.threshold:.4g}{more}",
        crossed_at=min(crossing.crossed_at for crossing in choice.crossings),
        created_at=m.now,
        started_at=None,
        finished_at=None,
        retry_at=None,
        attempt=0,
        interruptions=0,
        error=None,
        worker=None,
        lease_until=None,
        fence=0,
        depth=loops.depth(m, (event for event, _ in choice.given.values())),
        marks_absorbed=len(choice.given),
        marks_left=0,
    )._replace(**state)
    values = row._asdict()
    m.tx.run(A.INSERT_ACTIVATION, **{name: value for name, value in values.items() if name != "id"})
    row = row._replace(id=m.tx.one(A.LAST_ACTIVATION)[0])
    for crossing in choice.crossings:
        m.tx.run(W.CLOSE_CROSSING, key=crossing.id, state="claimed", activation_id=row.id, closed_at=None)
    reach("claim.within")
    _absorb(m, watch, row.id, choice)
    return row


def _absorb(m: Moment, watch: Watch, activation_id: int, choice: Choice) -> None:
    whole_board = watch.over_board and not watch.falling
    if whole_board:
        stimuli = {row.id: row for row in totals.stimuli_of_board(m, watch)}
        everything = set(stimuli) <= set(choice.given)
        if everything:
            for mark_id, (event, strength) in choice.given.items():
                give(m, activation_id, mark_id, event, strength, None)
            m.tx.run(W.SET_WATERMARK, key=watch.id, watermark=m.last_event)
            m.tx.run(W.DROP_ABSORBED_UPTO, watch_id=watch.id, watermark=m.last_event)
            totals.forget(m, watch)
            return
        if totals.keeps_totals(watch):
            for mark_id in choice.given.keys() & stimuli.keys():
                totals.add(m, watch, _as_counted(m, stimuli[mark_id]), -1)
    for mark_id, (event, strength) in choice.given.items():
        before = None if watch.falling else rising.absorb(m, watch, mark_id, event.id, activation_id)
        give(m, activation_id, mark_id, event, strength, before)


def _as_counted(m: Moment, row: MarkRow) -> MarkRow:
    """The mark as the sums have it: there, one that is to follow a change stands under its old law. It follows now."""
    if row.kind not in m.in_force.moving:
        return row
    return following.follow(m, MarkRow(*m.tx.one(M.GET_MARK, id=row.id)))


def _again(m: Moment, agent: AgentSpec, row: ActivationRow, worker: str, lease: int) -> Claim:
    """Start an activation that failed, was interrupted or was handed back, with the same marks."""
    row = row._replace(
        state="running",
        started_at=m.now,
        attempt=row.attempt + 1,
        worker=worker,
        lease_until=m.now + lease,
        fence=row.fence + 1,
        retry_at=None,
    )
    m.tx.run(
        A.START_ACTIVATION,
        key=row.id,
        state=row.state,
        started_at=row.started_at,
        attempt=row.attempt,
        worker=worker,
        lease_until=row.lease_until,
        fence=row.fence,
        retry_at=None,
    )
    given, reads = given_to(m, row.id)
    watch = m.in_force.watches.get(row.watch_id)
    return Claim(row, agent, watch.spec.name if watch else "", given, reads, row.created_at, m.deployment)
