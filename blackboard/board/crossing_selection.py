"""Selection of crossings for an activation: the strongest that nothing holds back, with the marks that caused them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from blackboard.activation_policies import strongest_first
from blackboard.board import crossings, guards, stimuli, subject_cooldowns
from blackboard.board.activation_inputs import event_of, strength_of
from blackboard.board.activations import close_crossing, insert_closed_activation
from blackboard.board.board_transaction import BoardTransaction, RegisteredWatch
from blackboard.conditions import Combination, Comparison, Condition
from blackboard.states import ActivationState, CrossingState
from blackboard.store.rows import CrossingRow, EventRow, MarkRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MARKS
from blackboard.strength_forecast import value_at

MAX_UNORDERED = 10_000
"""How many waiting crossings a claim compares under a law without an order key. Of more, it may miss the strongest."""
MAX_EXPONENT = 1000.0
"""The largest exponent of a strength, so that 2 to its power is still a float. Above it, crossings count as equal."""
DEFAULT_BATCH = 100
"""Largest number of marks in an activation of a watch over subjects if the agent sets no batch."""


@dataclass
class Selection:
    """The crossings of a new activation, and the marks that caused them."""

    crossings: list[CrossingRow] = field(default_factory=list)
    inputs: dict[int, tuple[EventRow, float]] = field(default_factory=dict)
    """The event and the strength of each mark, by the mark's id."""

    chain_length: int = 1
    """The length of the chain of activations that ends with one on these marks; 1 if it begins the chain."""

    @property
    def events(self) -> list[EventRow]:
        """The events of the marks."""
        return [event for event, _ in self.inputs.values()]


def select(txn: BoardTransaction, watch: RegisteredWatch) -> Selection:
    """Select the strongest crossings that nothing holds back, up to the batch size.

    On the way it releases, holds and closes crossings, as their guards, cooldowns and marks now decide.
    """
    selection = Selection()
    batch = watch.agent.settings.batch or (None if watch.is_over_board else DEFAULT_BATCH)
    for crossing in _by_strength(txn, watch, batch or DEFAULT_BATCH):
        if batch is not None and len(selection.inputs) >= batch:
            break
        if not _release_or_hold(txn, watch, crossing):
            continue
        if _close_if_faded(txn, watch, crossing):
            continue
        inputs = _marks_behind(txn, watch, crossing)
        room = len(inputs) if batch is None else batch - len(selection.inputs)
        if selection.inputs and len(inputs) > room and watch.condition.over == "subject":
            continue  # the marks of one subject stay together
        selection.crossings.append(crossing)
        selection.inputs.update({event.mark_id: (event, strength) for event, strength in inputs[:room]})
    return selection


def _by_strength(txn: BoardTransaction, watch: RegisteredWatch, batch: int) -> Iterator[CrossingRow]:
    """Yield waiting crossings, strongest first.

    Usually the first few are enough. A second, longer look covers the case that many are held back.
    """
    seen: set[int] = set()
    for limit in (batch + 3, 2 * batch + 20):
        rows = _candidates(txn, watch, limit)
        yield from (row for row in rows if row.id not in seen)
        if len(rows) < limit:
            return
        seen.update(row.id for row in rows)


def _candidates(txn: BoardTransaction, watch: RegisteredWatch, limit: int) -> list[CrossingRow]:
    rows: list[CrossingRow] = []
    laws, all_ordered, key = 0, True, ""
    while (key := txn.tx.value(CROSSINGS.next_law_waiting, watch_id=watch.id, after=key)) is not None:
        ordered = txn.laws.get(txn.tx, key).order_key(1.0, 0) is not None
        laws, all_ordered = laws + 1, all_ordered and ordered
        rows += txn.tx.all(
            CROSSINGS.claimable_of_law,
            watch_id=watch.id,
            law=key,
            now=txn.now,
            limit=limit if ordered else MAX_UNORDERED,
        )
    if all_ordered and laws < 2:
        return rows  # already sorted: under one law the order of the keys is the order of strength at every instant
    return strongest_first((_strength_behind(txn, watch, row), row.id, row) for row in rows)


def _strength_behind(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> float:
    if crossing.is_per_mark:
        return max((strength for _, strength in _mark_behind(txn, crossing)), default=0.0)
    law = txn.laws.get(txn.tx, crossing.law)
    if crossing.order_key is None or law.order_key(crossing.value, crossing.noticed_at) is None:
        return crossing.value
    # An order key is log2 of the value at a common instant, so a difference of keys is a factor of strength.
    now = law.order_key(1.0, txn.now)
    return float(2.0 ** min(MAX_EXPONENT, crossing.order_key - (now or 0.0)))


def _release_or_hold(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> bool:
    """Release a crossing or hold it back, as the subject's cooldown and the guard decide.

    Returns whether it can be claimed.
    """
    until = subject_cooldowns.end_of(txn, watch.agent, crossing.subject)
    if until is not None:
        txn.tx.run(CROSSINGS.hold_crossing, id=crossing.id, held_by="cooldown", ready_at=until)
        return False
    if watch.falling:
        return True  # its guard was decided at the crossing
    is_open, opens_at = guards.opens(txn, watch, crossing.subject)
    if not is_open:
        txn.tx.run(CROSSINGS.hold_crossing, id=crossing.id, held_by="guard", ready_at=opens_at)
        return False
    if crossing.held_by is None:
        return True
    window_end = watch.batch_window_end(crossing.noticed_at, crossing.marks, urgent=bool(crossing.urgent))
    txn.tx.run(CROSSINGS.hold_crossing, id=crossing.id, held_by=None, ready_at=max(window_end, txn.now))
    return window_end <= txn.now  # its batch window may still be open; other crossings do not wait for it


def _close_if_faded(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> bool:
    """Close a crossing whose stimuli have faded, if the agent does not wake for such; return whether it was closed."""
    if watch.falling or watch.agent.settings.when_faded != "drop" or _still_holds(txn, watch, crossing):
        return False
    reason = f"{watch.condition} ({crossing.value:.4g} at the crossing) has faded"
    row = insert_closed_activation(txn, watch, crossing.subject, ActivationState.FADED, reason, crossing.crossed_at)
    close_crossing(txn, crossing, CrossingState.FADED, row)
    return True


def _still_holds(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> bool:
    if not crossing.is_per_mark:
        return crossings.still_holds(txn, watch, crossing.subject)
    live = txn.live(txn.tx.all(MARKS.get_mark, id=crossing.mark_id))
    return any(watch.comparison.holds_at(txn.strength(row)) for row in live)


# -- the marks behind a crossing ---------------------------------------------------------------------------------------


def _marks_behind(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> list[tuple[EventRow, float]]:
    """Return the marks that caused a crossing, strongest first.

    Marks that have evaporated since are included if no live mark is left: the crossing remains a fact.
    """
    if crossing.is_per_mark:
        return _mark_behind(txn, crossing)
    if watch.falling:
        rows = [row for row in txn.live(_stored_marks(txn, watch, crossing.subject)) if watch.covers(row.subject)]
    elif watch.is_over_board:
        rows = stimuli.stimuli_of(txn, watch)
    else:
        rows = _of_sides_that_hold(txn, watch, stimuli.stimuli_of(txn, watch, crossing.subject))
    pairs = [(event_of(txn, row), txn.strength(row)) for row in rows]
    pairs = pairs or [(event, strength_of(txn, event)) for event in _evaporated(txn, watch, crossing)]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0].id))


def _mark_behind(txn: BoardTransaction, crossing: CrossingRow) -> list[tuple[EventRow, float]]:
    """Return the mark of a crossing that concerns a single mark: its present state, or its last one."""
    if (row := txn.tx.one(MARKS.get_mark, id=crossing.mark_id)) is not None:
        return [(event_of(txn, row), txn.strength(row))]
    event = txn.tx.one(MARKS.last_deposit, subject=crossing.subject, mark_id=crossing.mark_id)
    return [] if event is None else [(event, strength_of(txn, event))]


def _of_sides_that_hold(txn: BoardTransaction, watch: RegisteredWatch, rows: list[MarkRow]) -> list[MarkRow]:
    """Select the marks of those sides of an `|` that hold; all marks for an `&`, or if no side holds."""
    fading_marks = [txn.fading(row) for row in rows]
    kinds = {
        kind
        for comparison in _holding(
            watch.condition, lambda comparison: comparison.holds_at(value_at(comparison.measure, fading_marks, txn.now))
        )
        for kind in comparison.measure.kinds
    }
    return [row for row in rows if row.kind in kinds] or rows


def _holding(condition: Condition, decide: Callable[[Comparison], bool]) -> Iterator[Comparison]:
    """Yield the comparisons that make a condition true: under `|`, only those of the sides that hold."""
    if condition.holds_if(decide):
        if isinstance(condition, Combination):
            for part in condition.parts:
                yield from _holding(part, decide)
        else:
            yield from condition.comparisons()


def _evaporated(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> list[EventRow]:
    """Return the last events of marks that caused a crossing and evaporated since.

    They may already be in the history, or still be stored as marks.
    """
    ended = [(row.id, row.subject, row.evaporates_at) for row in _stored_marks(txn, watch, crossing.subject)]
    for kind in watch.condition.kinds:
        events = txn.tx.all(MARKS.evaporations_since, kind=kind, since=crossing.event_id or 0)
        ended += [(event.mark_id, event.subject, event.evaporates_at) for event in events]
    result = []
    for mark_id, subject, ended_at in ended:
        if ended_at is None or not crossing.crossed_at <= ended_at <= txn.now:
            continue
        if (not crossing.is_over_board and subject != crossing.subject) or not watch.covers(subject):
            continue
        event = txn.tx.one(MARKS.last_deposit, subject=subject, mark_id=mark_id)
        if event is not None and (watch.falling or _was_stimulus(txn, watch, event)):
            result.append(event)
    return result


def _was_stimulus(txn: BoardTransaction, watch: RegisteredWatch, event: EventRow) -> bool:
    """Return whether an evaporated mark was a stimulus.

    What a watch absorbed of a mark is deleted with the mark, so the inputs of past activations decide. A record of a
    deposit that was no news stays while a crossing waits.
    """
    counted: int | None = event.id
    if event.author == watch.ignored_author:
        values = {"subject": event.subject, "mark_id": event.mark_id, "author": watch.ignored_author}
        counted = txn.tx.value(MARKS.last_deposit_of_others, **values)
    absorbed = txn.tx.value(ACTIVATIONS.last_absorbed_event, watch_id=watch.id, mark_id=event.mark_id) or 0
    return counted is not None and counted > max(absorbed, stimuli.absorbed_through(txn, watch, event.mark_id))


def _stored_marks(txn: BoardTransaction, watch: RegisteredWatch, subject: str) -> list[MarkRow]:
    """Return the stored marks of the watch's kinds, of one subject or of the board, evaporated or not."""
    return txn.stored_marks(watch.kinds, None if watch.is_over_board else subject)
