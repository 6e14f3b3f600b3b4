"""Claim an activation: choose the strongest crossings that nothing holds back, and lease them with their marks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from blackboard.board import backfill, board_totals, crossings, loop_detection, predicted_crossings, stimuli
from blackboard.board.activations import (
    close_crossing,
    insert_activation,
    insert_closed_activation,
    set_state,
)
from blackboard.board.board_transaction import BoardTransaction, Watch
from blackboard.board.inputs import ActivationInput, as_input, event_of, inputs_of, read, record_input, strength_of
from blackboard.board.readiness import blocked, ready
from blackboard.conditions import Combination, Comparison, Condition
from blackboard.deployment import AgentSpec, Deployment
from blackboard.failpoints import reach
from blackboard.forecast import value_at
from blackboard.priorities import strongest_first
from blackboard.states import ActivationState, CrossingState
from blackboard.store.rows import ActivationRow, CrossingRow, EventRow, MarkRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MARKS

__all__ = ["Choice", "Claim", "choose", "claim"]

DEFAULT_BATCH = 100
"""Most marks in one activation of a watch over subjects, where the agent sets no batch."""


@dataclass
class Choice:
    """The marks and crossings that a new activation takes."""

    crossings: list[CrossingRow] = field(default_factory=list)
    inputs: dict[int, tuple[EventRow, float]] = field(default_factory=dict)


def choose(txn: BoardTransaction, watch: Watch) -> Choice:
    """Take the strongest crossings that nothing holds back, up to the batch."""
    choice = Choice()
    batch = watch.agent.settings.batch or (None if watch.over_board else DEFAULT_BATCH)
    for crossing in _by_strength(txn, watch, batch or DEFAULT_BATCH):
        if batch is not None and len(choice.inputs) >= batch:
            break
        if _hold_back(txn, watch, crossing):
            continue
        if not watch.falling and _has_faded(txn, watch, crossing):
            _fade(txn, watch, crossing)
            continue
        inputs = _marks_behind(txn, watch, crossing)
        room = len(inputs) if batch is None else batch - len(choice.inputs)
        if choice.inputs and len(inputs) > room and watch.condition.scope == "subject":
            continue  # the marks of one subject go together
        choice.crossings.append(crossing)
        choice.inputs.update({event.mark_id: (event, strength) for event, strength in inputs[:room]})
    return choice


def _by_strength(txn: BoardTransaction, watch: Watch, batch: int) -> Iterator[CrossingRow]:
    """The crossings that wait, strongest first: mostly the first few will do; a crowd that is held back takes more."""
    seen: set[int] = set()
    for limit in (batch + 3, 2 * batch + 20):
        rows = _candidates(txn, watch, limit)
        yield from (row for row in rows if row.id not in seen)
        if len(rows) < limit:
            return
        seen.update(row.id for row in rows)


def _candidates(txn: BoardTransaction, watch: Watch, count: int) -> list[CrossingRow]:
    rows: list[CrossingRow] = []
    laws, orderly, key = 0, True, ""
    while (found := txn.tx.one(CROSSINGS.next_law_waiting, watch_id=watch.id, after=key)[0]) is not None:
        laws, key = laws + 1, found
        ordered = txn.laws.get(txn.tx, key).order_key(1.0, 0) is not None
        orderly = orderly and ordered
        limit = count if ordered else 10_000
        of_law = txn.tx.all(CROSSINGS.claimable_of_law, watch_id=watch.id, law=key, now=txn.now, limit=limit)
        rows += [CrossingRow(*values) for values in of_law]
    if orderly and laws < 2:
        return rows  # strongest first already: the order of one law is that of its keys, at every instant
    return strongest_first((_strength_behind(txn, watch, row), row.id, row) for row in rows)


def _strength_behind(txn: BoardTransaction, watch: Watch, crossing: CrossingRow) -> float:
    if crossing.mark_id:
        return max((strength for _, strength in _mark_behind(txn, crossing)), default=0.0)
    law = txn.laws.get(txn.tx, crossing.law)
    at_crossing = law.order_key(crossing.value, crossing.noticed_at)
    if at_crossing is None or crossing.order_key is None:
        return crossing.value
    # The order key is log2 of the value brought to a common instant, so differences of keys are factors of strength.
    now = law.order_key(1.0, txn.now)
    return float(2.0 ** min(1000.0, crossing.order_key - (now or 0.0)))


def _hold_back(txn: BoardTransaction, watch: Watch, crossing: CrossingRow) -> bool:
    """Whether a guard or a rest of the subject holds a crossing back; notes until when."""
    if watch.agent.settings.cooldown_per == "subject" and watch.agent.settings.cooldown:
        cooldown = txn.tx.one(ACTIVATIONS.get_subject_cooldown, agent=watch.agent.name, subject=crossing.subject)
        if cooldown is not None and cooldown[0] > txn.now:
            txn.tx.run(CROSSINGS.hold_crossing, id=crossing.id, held_by="cooldown", ready_at=cooldown[0])
            return True
    if watch.falling:
        return False  # its guard was judged at the crossing
    open_now, opens = predicted_crossings.guard_opens(txn, watch, crossing.subject)
    if not open_now:
        txn.tx.run(CROSSINGS.hold_crossing, id=crossing.id, held_by="guard", ready_at=opens)
    elif crossing.held_by is not None:
        ready = _window_end(watch, crossing)
        txn.tx.run(CROSSINGS.hold_crossing, id=crossing.id, held_by=None, ready_at=max(ready, txn.now))
        return ready > txn.now  # it still gathers: what is ready now does not wait for it
    return not open_now


def _window_end(watch: Watch, crossing: CrossingRow) -> int:
    """When a crossing is ready if nothing else holds it back."""
    settings = watch.agent.settings
    full = settings.batch is not None and crossing.marks >= settings.batch
    return crossing.noticed_at if crossing.urgent or full else crossing.noticed_at + settings.batch_window


def _has_faded(txn: BoardTransaction, watch: Watch, crossing: CrossingRow) -> bool:
    """Whether the stimuli have faded below the threshold, for an agent that then wants to be left alone."""
    if watch.agent.settings.when_faded != "drop":
        return False
    if crossing.mark_id:
        live = txn.live(txn.tx.all(MARKS.get_mark, id=crossing.mark_id))
        return not any(txn.strength(row) >= watch.threshold for row in live)
    return not crossings.still_holds(txn, watch, crossing.subject)


def _fade(txn: BoardTransaction, watch: Watch, crossing: CrossingRow) -> None:
    reason = f"{watch.condition} ({crossing.value:.4g} at the crossing) has faded"
    row = insert_closed_activation(txn, watch, crossing.subject, ActivationState.FADED, reason, crossing.crossed_at)
    close_crossing(txn, crossing, CrossingState.FADED, row)


def _marks_behind(txn: BoardTransaction, watch: Watch, crossing: CrossingRow) -> list[tuple[EventRow, float]]:
    """The marks that a crossing gives, strongest first: even if they have evaporated since, for it is a fact."""
    if crossing.mark_id:
        return _mark_behind(txn, crossing)
    if watch.falling:
        rows = _live_marks(txn, watch, crossing.subject)
    elif watch.over_board:
        rows = stimuli.stimuli_of_board(txn, watch)
    else:
        rows = _of_sides_that_hold(txn, watch, stimuli.stimuli_of_subject(txn, watch, crossing.subject))
    pairs = [(event_of(txn, row), txn.strength(row)) for row in rows]
    pairs = pairs or [(event, strength_of(txn, event)) for event in _evaporated(txn, watch, crossing)]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0].id))


def _mark_behind(txn: BoardTransaction, crossing: CrossingRow) -> list[tuple[EventRow, float]]:
    """The mark that a crossing of one mark is about: as it lies there, or as it was last."""
    if (values := txn.tx.one(MARKS.get_mark, id=crossing.mark_id)) is not None:
        row = MarkRow(*values)
        return [(event_of(txn, row), txn.strength(row))]
    last = txn.tx.one(MARKS.last_deposit, subject=crossing.subject, mark_id=crossing.mark_id)
    return [] if last is None else [(EventRow(*last), strength_of(txn, EventRow(*last)))]


def _of_sides_that_hold(txn: BoardTransaction, watch: Watch, rows: list[MarkRow]) -> list[MarkRow]:
    """`|` absorbs the sides that hold; where all have faded, or all must hold, every side."""
    fading_marks = [txn.fading(row) for row in rows]
    kinds = {
        kind
        for leaf in _holding(watch.condition, lambda leaf: leaf.is_met(value_at(leaf.measure, fading_marks, txn.now)))
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


def _evaporated(txn: BoardTransaction, watch: Watch, crossing: CrossingRow) -> list[EventRow]:
    """The marks that stood behind a crossing and have all evaporated since, whether they were moved already or not."""
    gone = [(row.id, row.subject, row.evaporates_at) for row in _stored_marks(txn, watch, crossing.subject)]
    for kind in watch.condition.kinds:
        moved = (
            EventRow(*values)
            for values in txn.tx.all(MARKS.evaporations_since, kind=kind, since=crossing.event_id or 0)
        )
        gone += [(event.mark_id, event.subject, event.evaporates_at) for event in moved]
    events = []
    for mark_id, subject, ended in gone:
        if ended is None or not crossing.crossed_at <= ended <= txn.now:
            continue
        if (crossing.subject and subject != crossing.subject) or not watch.covers(subject):
            continue
        last = txn.tx.one(MARKS.last_deposit, subject=subject, mark_id=mark_id)
        if last is not None and (watch.falling or _was_stimulus(txn, watch, EventRow(*last))):
            events.append(EventRow(*last))
    return events


def _was_stimulus(txn: BoardTransaction, watch: Watch, event: EventRow) -> bool:
    """Whether a mark that is gone since was a stimulus: what is absorbed of a mark is forgotten when it goes."""
    if txn.tx.one(ACTIVATIONS.was_input, watch_id=watch.id, mark_id=event.mark_id, event_id=event.id) is not None:
        return False
    return stimuli.is_stimulus(watch, event, stimuli.watermark(txn, watch) if watch.over_board else 0)


def _stored_marks(txn: BoardTransaction, watch: Watch, subject: str) -> list[MarkRow]:
    """Every mark of the watch's kinds that was not moved to the history yet, of one subject or of the board."""
    rows: list[MarkRow] = []
    for kind in watch.condition.kinds:
        found = (
            txn.tx.all(MARKS.marks_of_kind, kind=kind)
            if watch.over_board
            else txn.tx.all(MARKS.marks_of_subject, kind=kind, subject=subject)
        )
        rows += [MarkRow(*values) for values in found]
    return rows


def _live_marks(txn: BoardTransaction, watch: Watch, subject: str) -> list[MarkRow]:
    return [row for row in txn.live(_stored_marks(txn, watch, subject)) if watch.covers(row.subject)]


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


def claim(txn: BoardTransaction, agent: AgentSpec, worker: str, lease: int) -> Claim | None:
    """The next activation of an agent, or None if nothing is ready or it is paused, resting or at its concurrency."""
    if (
        blocked(txn, agent.name) is not None
        or txn.tx.one(ACTIVATIONS.count_running, agent=agent.name)[0] >= agent.settings.concurrency
    ):
        return None
    if (values := txn.tx.one(ACTIVATIONS.next_due, agent=agent.name, now=txn.now)) is not None:
        return _restart(txn, agent, ActivationRow(*values), worker, lease)
    for watch in ready(txn, agent):
        while (choice := choose(txn, watch)).crossings:
            if (fit := _without_loops(txn, watch, choice)).crossings:
                return _start(txn, watch, fit, worker, lease)
    return None


def _without_loops(txn: BoardTransaction, watch: Watch, choice: Choice) -> Choice:
    """Set aside what goes round in circles, ask a person about it, and return the rest."""
    name = watch.agent.name
    if (reason := loop_detection.too_often(txn, watch.agent)) is not None:
        _quarantine(txn, watch, choice, f"agent/{name}", reason)
        return Choice()
    events = [event for event, _ in choice.inputs.values()]
    if loop_detection.chain_length(txn, events) <= min(watch.agent.settings.max_chain, loop_detection.SHORTEST - 1):
        return choice
    fit = Choice()
    for crossing in choice.crossings:
        part = Choice([crossing], {key: pair for key, pair in choice.inputs.items() if _stands_behind(crossing, pair)})
        reason = loop_detection.circles(
            txn, watch.agent, crossing.subject, [event for event, _ in part.inputs.values()]
        )
        if reason is None:
            fit.crossings.append(crossing)
            fit.inputs.update(part.inputs)
        else:
            _quarantine(txn, watch, part, crossing.subject or f"agent/{name}", reason)
    return fit


def _stands_behind(crossing: CrossingRow, pair: tuple[EventRow, float]) -> bool:
    event, _ = pair
    if crossing.mark_id:
        return event.mark_id == crossing.mark_id
    return not crossing.subject or event.subject == crossing.subject


def _quarantine(txn: BoardTransaction, watch: Watch, choice: Choice, subject: str, reason: str) -> None:
    row = _new(txn, watch, choice, ActivationState.QUARANTINED, finished_at=txn.now, error=reason)
    read(txn, watch.agent, row.id, tuple(as_input(txn, event, strength) for event, strength in choice.inputs.values()))
    loop_detection.ask(txn, subject, reason, row.id)


def _start(txn: BoardTransaction, watch: Watch, choice: Choice, worker: str, lease: int) -> Claim:
    row = _new(
        txn,
        watch,
        choice,
        ActivationState.RUNNING,
        started_at=txn.now,
        attempt=1,
        worker=worker,
        lease_until=txn.now + lease,
        fence=1,
    )
    inputs = tuple(as_input(txn, event, strength) for event, strength in choice.inputs.values())
    reads = read(txn, watch.agent, row.id, inputs)
    return Claim(row, watch.agent, watch.spec.name, inputs, reads, txn.now, txn.deployment)


def _new(txn: BoardTransaction, watch: Watch, choice: Choice, state: ActivationState, **columns: Any) -> ActivationRow:
    """Insert an activation with the crossings and marks that it takes."""
    lead = choice.crossings[0]
    subjects = {crossing.subject for crossing in choice.crossings}
    sign = "<" if watch.falling else ">="
    more = f" and {len(choice.crossings) - 1} more" if len(choice.crossings) > 1 else ""
    row = ActivationRow(
        id=0,
        agent=watch.agent.name,
        watch_id=watch.id,
        subject=subjects.pop() or None if len(subjects) == 1 else None,
        state=state,
        reason=f"{watch.condition}: {lead.value:.4g} {sign} {lead.threshold:.4g}{more}",
        crossed_at=min(crossing.crossed_at for crossing in choice.crossings),
        created_at=txn.now,
        chain_length=loop_detection.chain_length(txn, (event for event, _ in choice.inputs.values())),
        marks_absorbed=len(choice.inputs),
    )
    row = insert_activation(txn, row._replace(**columns), state)
    for crossing in choice.crossings:
        close_crossing(txn, crossing, CrossingState.CLAIMED, row)
    reach("claim.within")
    _absorb(txn, watch, row.id, choice)
    return row


def _absorb(txn: BoardTransaction, watch: Watch, activation_id: int, choice: Choice) -> None:
    whole_board = watch.over_board and not watch.falling
    if whole_board:
        candidates = {row.id: row for row in stimuli.stimuli_of_board(txn, watch)}
        everything = set(candidates) <= set(choice.inputs)
        if everything:
            for mark_id, (event, strength) in choice.inputs.items():
                record_input(txn, activation_id, mark_id, event, strength)
            txn.tx.run(CROSSINGS.set_watermark, id=watch.id, watermark=txn.last_event)
            txn.tx.run(CROSSINGS.delete_absorbed_up_to, watch_id=watch.id, watermark=txn.last_event)
            board_totals.reset(txn, watch)
            return
        if watch.keeps_totals:
            for mark_id in choice.inputs.keys() & candidates.keys():
                board_totals.add(txn, watch, _as_counted(txn, candidates[mark_id]), -1)
    for mark_id, (event, strength) in choice.inputs.items():
        if not watch.falling:
            stimuli.absorb(txn, watch, mark_id, event.id, activation_id)
        record_input(txn, activation_id, mark_id, event, strength)


def _as_counted(txn: BoardTransaction, row: MarkRow) -> MarkRow:
    """The mark as the sums have it: there, one that is to follow a change stands under its old law. It follows now."""
    if row.kind not in txn.active.migrating:
        return row
    return backfill.migrate(txn, MarkRow(*txn.tx.one(MARKS.get_mark, id=row.id)))


def _restart(txn: BoardTransaction, agent: AgentSpec, row: ActivationRow, worker: str, lease: int) -> Claim:
    """Start an activation that failed, was interrupted or was handed back, with the same marks."""
    row = set_state(
        txn,
        row,
        ActivationState.RUNNING,
        started_at=txn.now,
        attempt=row.attempt + 1,
        worker=worker,
        lease_until=txn.now + lease,
        fence=row.fence + 1,
        retry_at=None,
    )
    inputs, reads = inputs_of(txn, row.id)
    watch = txn.active.watches.get(row.watch_id)
    return Claim(row, agent, watch.spec.name if watch else "", inputs, reads, row.created_at, txn.deployment)
