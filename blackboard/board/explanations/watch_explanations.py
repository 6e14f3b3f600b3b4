"""The explanations of a watch: what it measures now, what it waits for, and what waits for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from blackboard.board.explanations.waking_verdicts import (
    verdict_of_episode,
    verdict_of_prediction,
    verdict_of_schedule,
    verdict_of_values,
    verdict_of_waiting,
)
from blackboard.board.mark_tables.mark_states import fading_mark, live_rows
from blackboard.board.mark_tables.marks_in_scopes import fading_marks, stored_marks
from blackboard.board.mark_tables.watch_scopes import scopes_of
from blackboard.board.result_types.explanation_results import (
    MeasuredValue,
    OwnLaw,
    WaitingCrossing,
    WatchEpisode,
    WatchExplanation,
)
from blackboard.board.result_types.row_conversion import optional_datetime, result_of
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.crossing_detection import episode_crossings, predicted_crossings
from blackboard.board.watches.measurements import stimuli, watch_states, watch_totals
from blackboard.board.watches.measurements.watch_states import rows_behind, states_of_scope
from blackboard.board.watches.waiting_crossings import dropped_crossings, scheduled_crossings, watch_guards
from blackboard.board.watches.waiting_crossings.crossing_deferrals import deferral_of
from blackboard.clock import LAST_INSTANT, Instant
from blackboard.core.conditions.condition_types import Comparison
from blackboard.core.conditions.fading_forecasts import first_true, value_at
from blackboard.core.marks.fading_marks import FadingMark
from blackboard.core.marks.scopes import WHOLE_BOARD, Group, group_of
from blackboard.core.marks.tags import TagChoice
from blackboard.core.records.states import HeldBy
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.row_types.watch_row_types import CrossingKey, CrossingRow, PredictedCrossingRow
from blackboard.store.statements import CROSSINGS, MARKS

MAX_LISTED_CROSSINGS = 20
"""The number of waiting crossings, and of needs, that an explanation lists."""


def explain_watch(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    subject: str | None,
    value: TagChoice | None,
    dead: Collection[str],
) -> Iterator[WatchExplanation]:
    """Yield the explanations of a watch: of each scope with its values now, or of all crossings that wait."""
    scopes = _scopes(txn, watch, subject, value)
    for scope in scopes:
        rows = txn.sql.all(CROSSINGS.waiting_of_scope, watch_id=watch.id, scope=scope)
        explanation = _explanation(txn, watch, subject, rows, dead)
        group = group_of(scope)
        explanation = replace(explanation, group=None if group is None else group.value)
        yield _add_values(txn, watch, scope, explanation)
    if scopes or (watch.condition.by is not None and value is not None):
        return
    if subject is None:
        yield _explanation(txn, watch, subject, txn.sql.all(CROSSINGS.waiting_of_watch, watch_id=watch.id), dead)
    else:
        verdict = f"no live mark of this subject has one value of the tag {watch.condition.by!r}"
        yield replace(_explanation(txn, watch, subject, [], dead), verdict=verdict)


def _scopes(txn: BoardTransaction, watch: RegisteredWatch, subject: str | None, value: TagChoice | None) -> list[str]:
    """Return the scopes of a watch for a subject or for a value of its tag.

    The list is empty if the subject has no group. Without a subject or group, only a watch over the board has a scope.
    """
    if watch.condition.is_over_board:
        return [WHOLE_BOARD]
    if watch.condition.by is not None and value is not None:
        keys = {
            key
            for kind in watch.condition.kinds
            for keys in txn.kind(kind).tag_schema.filter({watch.condition.by: value}).keys.values()
            for key in keys
        }
        return [Group(watch.condition.by, key).scope for key in sorted(keys)]
    if subject is None:
        return []
    if watch.condition.by is None:
        return [subject]
    return [*scopes_of(txn, watch, live_rows(txn, stored_marks(txn, watch.condition.kinds, subject)))]


def _explanation(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    subject: str | None,
    rows: Sequence[CrossingRow],
    dead: Collection[str],
) -> WatchExplanation:
    """Explain why these crossings of a watch wait; the values of its scope are not known here."""
    waiting = tuple(_waiting(txn, watch, row) for row in rows[:MAX_LISTED_CROSSINGS])
    guard = watch.spec.guard
    verdict = verdict_of_waiting(txn, watch, waiting[0], dead) if waiting else "nothing waits"
    return WatchExplanation(
        watch=watch.spec.name,
        condition=str(watch.condition),
        guard=None if guard is None else str(guard),
        waiting=waiting,
        waiting_count=len(rows),
        verdict=verdict,
        own_laws=_own_laws(txn, watch, subject),
        per=watch.agent_spec.per_of(watch.spec),
        on_guard=watch.agent_spec.on_guard_of(watch.spec),
        group_tag=watch.condition.by,
        group=None,
    )


def _waiting(txn: BoardTransaction, watch: RegisteredWatch, row: CrossingRow) -> WaitingCrossing:
    """Return a waiting crossing with what holds it now, as a claim would find it."""
    deferral = deferral_of(txn, watch, row)
    held_by = deferral.held_by
    if held_by is None and deferral.ready_at is not None and deferral.ready_at > txn.now:
        held_by = HeldBy.BATCH_WINDOW
    return result_of(WaitingCrossing, row, held_by=held_by, ready_at=deferral.ready_at)


def _add_values(
    txn: BoardTransaction, watch: RegisteredWatch, scope: str, explanation: WatchExplanation
) -> WatchExplanation:
    """Add the values of the watch and its guard for one scope, and the verdict if nothing waits."""
    values = () if watch.condition.is_schedule else _measured_values(txn, watch, scope)
    live_marks = None
    if not watch.condition.is_falling and not watch.condition.is_over_board and not watch.condition.has_window:
        live_marks = len(fading_marks(txn, watch.condition, scope))
    guard_opens_at = None if watch.spec.guard is None else watch_guards.find_opening(txn, watch, scope)
    predicted = _predicted_instants(txn, watch, scope) if watch.timing is not None or not watch.absorbs else None
    episodes = () if watch.timing is None else _episodes(txn, watch, scope)
    if explanation.waiting:
        verdict = explanation.verdict
    elif watch.condition.is_schedule:
        verdict = verdict_of_schedule(predicted)
    elif episodes and (over_time := verdict_of_episode(watch, episodes[0])) is not None:
        verdict = over_time
    elif predicted:
        verdict = verdict_of_prediction(txn, watch, scope, predicted[0])
    else:
        verdict = verdict_of_values(values, live_marks) + _dropped_text(txn, watch, scope)
    return replace(
        explanation,
        verdict=verdict,
        values=values,
        live_marks=live_marks,
        guard_open=None if watch.spec.guard is None else guard_opens_at == txn.now,
        guard_opens_at=optional_datetime(guard_opens_at),
        predicted_at=None if predicted is None else tuple(map(optional_datetime, predicted)),
        episodes=episodes,
    )


def _dropped_text(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> str:
    """Return a text about the marks whose crossings the guard dropped; empty if there are none."""
    count = len(dropped_crossings.dropped_marks(txn, watch, scope))
    if not count:
        return ""
    return f"; the guard dropped the crossings of {count} of them; a deposit on these counts when the guard is open"


def _predicted_instants(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> list[Instant | None]:
    """Return the next instants when a schedule is due, or when a falling watch falls in a scope; None means never."""
    if watch.condition.is_schedule:
        return [*scheduled_crossings.upcoming_instants(txn, watch)]
    rows = txn.sql.all(CROSSINGS.predicted_of_scope, watch_id=watch.id, scope=scope)
    instants = [
        predicted_crossings.forecast(txn, watch, PredictedCrossingRow(watch.id, scope, row.mark_id, row.due_at))
        for row in rows
    ]
    return sorted(instants, key=lambda at: LAST_INSTANT if at is None else at)


def _episodes(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> tuple[WatchEpisode, ...]:
    """Return the stored states of a watch over time in a scope, the next to cross first."""
    states = [(episode_crossings.forecast(txn, watch, state), state) for state in states_of_scope(txn, watch, scope)]
    states.sort(key=lambda pair: LAST_INSTANT if pair[0] is None else pair[0])
    return tuple(
        WatchEpisode(
            state.mark_id or None,
            optional_datetime(state.began_at),
            optional_datetime(state.crossed_at),
            optional_datetime(crosses_at),
        )
        for crosses_at, state in states[:MAX_LISTED_CROSSINGS]
    )


def _own_laws(txn: BoardTransaction, watch: RegisteredWatch, subject: str | None) -> tuple[OwnLaw, ...]:
    """Return the first live marks that the watch or its guard measures and that have a law of their own."""
    guard_kinds = () if watch.spec.guard is None else watch.spec.guard.kinds
    rows: list[MarkRow] = []
    for kind in dict.fromkeys((*watch.condition.kinds, *guard_kinds)):
        values = {"kind": kind, "now": txn.now, "limit": MAX_LISTED_CROSSINGS - len(rows)}
        if subject is None:
            rows += txn.sql.all(MARKS.marks_with_own_law, **values)
        else:
            rows += txn.sql.all(MARKS.marks_with_own_law.using("subject"), subject=subject, **values)
    return tuple(result_of(OwnLaw, row, mark_id=row.id) for row in rows)


def _measured_values(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> tuple[MeasuredValue, ...]:
    """Return the value of each side of a watch's condition in a scope, over the marks that can make it cross."""
    if watch.condition.has_window:
        marks = watch_states.measured_marks(txn, watch, CrossingKey(watch.id, scope), whole=True)
        return tuple(_measured_at(txn, comparison, marks) for comparison in watch.condition.comparisons())
    if watch.condition.is_over_board and not watch.condition.is_falling and watch.timing is None:
        return (_measured(watch.comparison, *watch_totals.measure_marks(txn, watch)),)
    if watch.condition.is_falling:
        marks = fading_marks(txn, watch.condition, scope)
    elif watch.timing is not None:
        marks = [fading_mark(txn, row) for row in live_rows(txn, rows_behind(txn, watch, CrossingKey(watch.id, scope)))]
    else:
        marks = [fading_mark(txn, row) for row in stimuli.stimuli_of(txn, watch, scope)]
    return tuple(_measured_at(txn, comparison, marks) for comparison in watch.condition.comparisons())


def _measured_at(txn: BoardTransaction, comparison: Comparison, marks: Sequence[FadingMark]) -> MeasuredValue:
    """Return the value of one side of a condition now and, for a window, when it will fall."""
    measure = comparison.measure
    behind = [
        mark
        for mark in marks
        if mark.kind in measure.kinds and mark.within == measure.within and mark.has_tags(measure.where)
    ]
    if measure.within is not None:
        behind = [deposit for deposit in behind if measure.covers(deposit.subject)]
    measured = _measured(comparison, value_at(measure, behind, txn.now), len(behind))
    if measure.within is None:
        return measured
    falls_at = first_true(replace(comparison, operator="<"), behind, txn.now)
    if falls_at == txn.now:
        falls_at = min((mark.evaporates_at for mark in behind if mark.evaporates_at is not None), default=None)
    return replace(measured, counts="deposits", falls_at=optional_datetime(falls_at))


def _measured(comparison: Comparison, value: float, marks: int) -> MeasuredValue:
    return MeasuredValue(str(comparison.measure), value, comparison.threshold, comparison.is_met_at(value), marks)
