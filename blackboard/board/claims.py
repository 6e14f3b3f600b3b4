"""Claim an activation: choose the strongest crossings that nothing holds back, and lease them with their marks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from blackboard.board import backfill, board_totals, crossings, loop_detection, predicted_crossings
from blackboard.board.board_transaction import BoardTransaction, Watch
from blackboard.board.inputs import ActivationInput, as_input, event_of, inputs_of, read, record_input, strength_of
from blackboard.board.readiness import blocked, ready
from blackboard.conditions import Combination, Comparison, Condition
from blackboard.deployment import AgentSpec, Deployment
from blackboard.failpoints import reach
from blackboard.forecast import value_at
from blackboard.priorities import strongest_first
from blackboard.store import activations as A
from blackboard.store import marks as M
from blackboard.store import watching as W
from blackboard.store.rows import ActivationRow, CrossingRow, EventRow, MarkRow

__all__ = ["Choice", "Claim", "choose", "claim"]

DEFAULT_BATCH = 100
"""Most marks in one activation of a watch over subjects, where the agent sets no batch."""


@dataclass
class Choice:
    """The marks and crossings that a new activation takes."""

    crossings: list[CrossingRow] = field(default_factory=list)
    inputs: dict[int, tuple[EventRow, float]] = field(default_factory=dict)


def choose(m: BoardTransaction, watch: Watch) -> Choice:
    """Take the strongest crossings that nothing holds back, up to the batch."""
    choice = Choice()
    batch = watch.agent.settings.batch or (None if watch.over_board else DEFAULT_BATCH)
    looked_at = 0
    for crossing in _by_strength(m, watch, batch or DEFAULT_BATCH):
        if batch is not None and len(choice.inputs) >= batch:
            break
        looked_at += 1
        if _hold_back(m, watch, crossing):
            continue
        if not watch.falling and _has_faded(m, watch, crossing):
            _fade(m, watch, crossing)
            continue
        inputs = _marks_behind(m, watch, crossing)
        room = len(inputs) if batch is None else batch - len(choice.inputs)
        if choice.inputs and len(inputs) > room and watch.condition.scope == "subject":
            continue  # the marks of one subject go together
        choice.crossings.append(crossing)
        choice.inputs.update({event.mark_id: (event, strength) for event, strength in inputs[:room]})
    if looked_at and not choice.crossings:
        m.notifies = True  # all that was looked at is held back, but there may be more
    return choice


def _by_strength(m: BoardTransaction, watch: Watch, batch: int) -> Iterator[CrossingRow]:
    """The crossings that wait, strongest first: mostly the first few will do; a crowd that is held back takes more."""
    seen: set[int] = set()
    for limit in (batch + 3, 2 * batch + 20):
        rows = _candidates(m, watch, limit)
        yield from (row for row in rows if row.id not in seen)
        if len(rows) < limit:
            return
        seen.update(row.id for row in rows)


def _candidates(m: BoardTransaction, watch: Watch, most: int) -> list[CrossingRow]:
    rows: list[CrossingRow] = []
    laws, orderly, key = 0, True, ""
    while (found := m.tx.one(W.NEXT_LAW_WAITING, watch_id=watch.id, after=key)[0]) is not None:
        laws, key = laws + 1, found
        ordered = m.laws.get(m.tx, key).order_key(1.0, 0) is not None
        orderly = orderly and ordered
        limit = most if ordered else 10_000
        of_law = m.tx.all(W.CANDIDATES_OF_LAW, watch_id=watch.id, law=key, now=m.now, limit=limit)
        rows += [CrossingRow(*values) for values in of_law]
    if orderly and laws < 2:
        return rows  # strongest first already: the order of one law is that of its keys, at every instant
    return strongest_first((_strength_behind(m, watch, row), row.id, row) for row in rows)


def _strength_behind(m: BoardTransaction, watch: Watch, crossing: CrossingRow) -> float:
    if crossing.mark_id:
        return max((strength for _, strength in _mark_behind(m, crossing)), default=0.0)
    law = m.laws.get(m.tx, crossing.law)
    at_crossing = law.order_key(crossing.value, crossing.noticed_at)
    if at_crossing is None or crossing.order_key is None:
        return crossing.value
    # The order key is log2 of the value brought to a common instant, so differences of keys are factors of strength.
    now = law.order_key(1.0, m.now)
    return float(2.0 ** min(1000.0, crossing.order_key - (now or 0.0)))


def _hold_back(m: BoardTransaction, watch: Watch, crossing: CrossingRow) -> bool:
    """Whether a guard or a rest of the subject holds a crossing back; notes until when."""
    if watch.agent.settings.cooldown_per == "subject" and watch.agent.settings.cooldown:
        rest = m.tx.one(A.COOLDOWN_OF, agent=watch.agent.name, subject=crossing.subject)
        if rest is not None and rest[0] > m.now:
            m.tx.run(W.HOLD_CROSSING, key=crossing.id, held_by="cooldown", ready_at=rest[0])
            return True
    if watch.falling:
        return False  # its guard was judged at the crossing
    open_now, opens = predicted_crossings.guard_opens(m, watch, crossing.subject)
    if not open_now:
        m.tx.run(W.HOLD_CROSSING, key=crossing.id, held_by="guard", ready_at=opens)
    elif crossing.held_by is not None:
        ready = _gathered_at(watch, crossing)
        m.tx.run(W.HOLD_CROSSING, key=crossing.id, held_by=None, ready_at=max(ready, m.now))
        return ready > m.now  # it still gathers: what is ready now does not wait for it
    return not open_now


def _gathered_at(watch: Watch, crossing: CrossingRow) -> int:
    """When a crossing is ready if nothing else holds it back."""
    settings = watch.agent.settings
    full = settings.batch is not None and crossing.marks >= settings.batch
    return crossing.noticed_at if crossing.urgent or full else crossing.noticed_at + settings.batch_window


def _has_faded(m: BoardTransaction, watch: Watch, crossing: CrossingRow) -> bool:
    """Whether the stimuli have faded below the threshold, for an agent that then wants to be left alone."""
    if watch.agent.settings.when_faded != "drop":
        return False
    if crossing.mark_id:
        live = m.live(m.tx.all(M.GET_MARK, id=crossing.mark_id))
        return not any(m.strength(row) >= watch.threshold for row in live)
    return not crossings.still_holds(m, watch, crossing.subject)


def _fade(m: BoardTransaction, watch: Watch, crossing: CrossingRow) -> None:
    reason = f"{watch.condition} ({crossing.value:.4g} at the crossing) has faded"
    row = predicted_crossings.closed_activation(m, watch, crossing.subject, "faded", reason, crossing.crossed_at)
    m.tx.run(A.INSERT_ACTIVATION, **row)
    m.tx.run(
        W.CLOSE_CROSSING,
        key=crossing.id,
        state="faded",
        activation_id=m.tx.one(A.LAST_ACTIVATION)[0],
        closed_at=m.now,
    )


def _marks_behind(m: BoardTransaction, watch: Watch, crossing: CrossingRow) -> list[tuple[EventRow, float]]:
    """The marks that a crossing gives, strongest first: even if they have evaporated since, for it is a fact."""
    if crossing.mark_id:
        return _mark_behind(m, crossing)
    if watch.falling:
        rows = _live_marks(m, watch, crossing.subject)
    elif watch.over_board:
        rows = board_totals.stimuli_of_board(m, watch)
    else:
        rows = _of_sides_that_hold(m, watch, crossings.stimuli_of_subject(m, watch, crossing.subject))
    pairs = [(event_of(m, row), m.strength(row)) for row in rows]
    pairs = pairs or [(event, strength_of(m, event)) for event in _evaporated(m, watch, crossing)]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0].id))


def _mark_behind(m: BoardTransaction, crossing: CrossingRow) -> list[tuple[EventRow, float]]:
    """The mark that a crossing of one mark is about: as it lies there, or as it was last."""
    if (found := m.tx.one(M.GET_MARK, id=crossing.mark_id)) is not None:
        row = MarkRow(*found)
        return [(event_of(m, row), m.strength(row))]
    last = m.tx.one(M.LAST_DEPOSIT, subject=crossing.subject, mark_id=crossing.mark_id)
    return [] if last is None else [(EventRow(*last), strength_of(m, EventRow(*last)))]


def _of_sides_that_hold(m: BoardTransaction, watch: Watch, rows: list[MarkRow]) -> list[MarkRow]:
    """`|` absorbs the sides that hold; where all have faded, or all must hold, every side."""
    fading_marks = [m.fading(row) for row in rows]
    kinds = {
        kind
        for leaf in _holding(watch.condition, lambda leaf: leaf.met(value_at(leaf.measure, fading_marks, m.now)))
        for kind in leaf.measure.kinds
    }
    return [row for row in rows if row.kind in kinds] or rows


def _holding(condition: Condition, decide: Callable[[Comparison], bool]) -> Iterator[Comparison]:
    """The comparisons that make a condition true: of `|`, those of the sides that hold."""
    if condition.truth(decide):
        if isinstance(condition, Combination):
            for part in condition.parts:
                yield from _holding(part, decide)
        else:
            yield from condition.leaves()


def _evaporated(m: BoardTransaction, watch: Watch, crossing: CrossingRow) -> list[EventRow]:
    """The marks that stood behind a crossing and have all evaporated since, whether they were moved already or not."""
    gone = [(row.id, row.subject, row.evaporates_at) for row in _stored_marks(m, watch, crossing.subject)]
    for kind in watch.condition.kinds:
        moved = (EventRow(*values) for values in m.tx.all(M.GONE_SINCE, kind=kind, since=crossing.event_id or 0))
        gone += [(event.mark_id, event.subject, event.evaporates_at) for event in moved]
    events = []
    for mark_id, subject, ended in gone:
        if ended is None or not crossing.crossed_at <= ended <= m.now:
            continue
        if (crossing.subject and subject != crossing.subject) or not watch.covers(subject):
            continue
        last = m.tx.one(M.LAST_DEPOSIT, subject=subject, mark_id=mark_id)
        if last is not None and (watch.falling or _was_stimulus(m, watch, EventRow(*last))):
            events.append(EventRow(*last))
    return events


def _was_stimulus(m: BoardTransaction, watch: Watch, event: EventRow) -> bool:
    """Whether a mark that is gone since was a stimulus: what is absorbed of a mark is forgotten when it goes."""
    if event.author == watch.not_author or (watch.over_board and event.id <= board_totals.watermark(m, watch)):
        return False
    return m.tx.one(A.INPUT_BEFORE, watch_id=watch.id, mark_id=event.mark_id, event_id=event.id) is None


def _stored_marks(m: BoardTransaction, watch: Watch, subject: str) -> list[MarkRow]:
    """Every mark of the watch's kinds that was not moved to the history yet, of one subject or of the board."""
    rows: list[MarkRow] = []
    for kind in watch.condition.kinds:
        found = (
            m.tx.all(M.MARKS_OF_KIND, kind=kind)
            if watch.over_board
            else m.tx.all(M.MARKS_OF_SUBJECT, kind=kind, subject=subject)
        )
        rows += [MarkRow(*values) for values in found]
    return rows


def _live_marks(m: BoardTransaction, watch: Watch, subject: str) -> list[MarkRow]:
    return [row for row in m.live(_stored_marks(m, watch, subject)) if watch.covers(row.subject)]


@dataclass(frozen=True)
class Claim:
    """An activation that this worker now runs."""

    row: ActivationRow
    agent: AgentSpec
    watch: str
    inputs: tuple[ActivationInput, ...]
    reads: tuple[ActivationInput, ...]
    at: int
    """The instant its marks were taken."""
    deployment: Deployment
    """What was in force then: it says what kinds of marks they are."""


def claim(m: BoardTransaction, agent: AgentSpec, worker: str, lease: int) -> Claim | None:
    """The next activation of an agent, or None if nothing is ready or it is paused, resting or at its concurrency."""
    if blocked(m, agent.name) is not None or m.tx.one(A.RUNNING_OF, agent=agent.name)[0] >= agent.settings.concurrency:
        return None
    if (found := m.tx.one(A.READY_TO_RETRY, agent=agent.name, now=m.now)) is not None:
        return _restart(m, agent, ActivationRow(*found), worker, lease)
    for watch in ready(m, agent):
        while (choice := choose(m, watch)).crossings:
            if (fit := _without_loops(m, watch, choice)).crossings:
                return _start(m, watch, fit, worker, lease)
    return None


def _without_loops(m: BoardTransaction, watch: Watch, choice: Choice) -> Choice:
    """Set aside what goes round in circles, ask a person about it, and return the rest."""
    name = watch.agent.name
    if (reason := loop_detection.too_often(m, watch.agent)) is not None:
        _quarantine(m, watch, choice, f"agent/{name}", reason)
        return Choice()
    events = [event for event, _ in choice.inputs.values()]
    if loop_detection.chain_length(m, events) <= min(watch.agent.settings.max_chain, loop_detection.SHORTEST - 1):
        return choice
    fit = Choice()
    for crossing in choice.crossings:
        part = Choice([crossing], {key: pair for key, pair in choice.inputs.items() if _stands_behind(crossing, pair)})
        reason = loop_detection.circles(m, watch.agent, crossing.subject, [event for event, _ in part.inputs.values()])
        if reason is None:
            fit.crossings.append(crossing)
            fit.inputs.update(part.inputs)
        else:
            _quarantine(m, watch, part, crossing.subject or f"agent/{name}", reason)
    return fit


def _stands_behind(crossing: CrossingRow, pair: tuple[EventRow, float]) -> bool:
    event, _ = pair
    if crossing.mark_id:
        return event.mark_id == crossing.mark_id
    return not crossing.subject or event.subject == crossing.subject


def _quarantine(m: BoardTransaction, watch: Watch, choice: Choice, subject: str, reason: str) -> None:
    row = _new(m, watch, choice, state="quarantined", finished_at=m.now, error=reason)
    read(m, watch.agent, row.id, tuple(as_input(m, event, strength) for event, strength in choice.inputs.values()))
    loop_detection.ask(m, subject, reason, row.id)
    m.notifies = True


def _start(m: BoardTransaction, watch: Watch, choice: Choice, worker: str, lease: int) -> Claim:
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
    inputs = tuple(as_input(m, event, strength) for event, strength in choice.inputs.values())
    reads = read(m, watch.agent, row.id, inputs)
    return Claim(row, watch.agent, watch.spec.name, inputs, reads, m.now, m.deployment)


def _new(m: BoardTransaction, watch: Watch, choice: Choice, **state: Any) -> ActivationRow:
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
        chain_length=loop_detection.chain_length(m, (event for event, _ in choice.inputs.values())),
        marks_absorbed=len(choice.inputs),
        marks_deposited=0,
    )._replace(**state)
    values = row._asdict()
    m.tx.run(A.INSERT_ACTIVATION, **{name: value for name, value in values.items() if name != "id"})
    row = row._replace(id=m.tx.one(A.LAST_ACTIVATION)[0])
    for crossing in choice.crossings:
        m.tx.run(W.CLOSE_CROSSING, key=crossing.id, state="claimed", activation_id=row.id, closed_at=None)
    reach("claim.within")
    _absorb(m, watch, row.id, choice)
    return row


def _absorb(m: BoardTransaction, watch: Watch, activation_id: int, choice: Choice) -> None:
    whole_board = watch.over_board and not watch.falling
    if whole_board:
        stimuli = {row.id: row for row in board_totals.stimuli_of_board(m, watch)}
        everything = set(stimuli) <= set(choice.inputs)
        if everything:
            for mark_id, (event, strength) in choice.inputs.items():
                record_input(m, activation_id, mark_id, event, strength)
            m.tx.run(W.SET_WATERMARK, key=watch.id, watermark=m.last_event)
            m.tx.run(W.DROP_ABSORBED_UP_TO, watch_id=watch.id, watermark=m.last_event)
            board_totals.reset(m, watch)
            return
        if board_totals.keeps_totals(watch):
            for mark_id in choice.inputs.keys() & stimuli.keys():
                board_totals.add(m, watch, _as_counted(m, stimuli[mark_id]), -1)
    for mark_id, (event, strength) in choice.inputs.items():
        if not watch.falling:
            crossings.absorb(m, watch, mark_id, event.id, activation_id)
        record_input(m, activation_id, mark_id, event, strength)


def _as_counted(m: BoardTransaction, row: MarkRow) -> MarkRow:
    """The mark as the sums have it: there, one that is to follow a change stands under its old law. It follows now."""
    if row.kind not in m.active.migrating:
        return row
    return backfill.migrate(m, MarkRow(*m.tx.one(M.GET_MARK, id=row.id)))


def _restart(m: BoardTransaction, agent: AgentSpec, row: ActivationRow, worker: str, lease: int) -> Claim:
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
    inputs, reads = inputs_of(m, row.id)
    watch = m.active.watches.get(row.watch_id)
    return Claim(row, agent, watch.spec.name if watch else "", inputs, reads, row.created_at, m.deployment)
