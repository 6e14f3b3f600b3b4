"""The scopes in which a changed watch would have crossed at the instant of an earlier crossing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from blackboard.board.mark_tables.watch_scopes import scope_of
from blackboard.board.mark_tables.window_events import scopes_in_windows
from blackboard.board.watches.waiting_crossings.marks_at_crossing import MarksAtCrossing, PastMark
from blackboard.board.watches.waiting_crossings.measured_crossings import Measurement
from blackboard.core.conditions.fading_forecasts import fallen_side, first_true, met_side, value_at
from blackboard.core.marks.scopes import WHOLE_BOARD, group_of


class MetScope(NamedTuple):
    """A scope in which a new watch would have crossed, and the id of the mark; 0 if it measures all marks together."""

    scope: str
    mark_id: int
    measured: Measurement


def met_scopes(past: MarksAtCrossing) -> Iterator[MetScope]:
    """Yield each scope or mark of the old crossing where the new watch would also have crossed."""
    watch = past.watch
    if watch.condition.is_falling and watch.condition.spans_subjects and not _has_same_scope(past):
        return  # the strength of one subject does not determine the strength of the board or of a group
    before = past.txn.active.retests.get(watch.id, frozenset())
    counted = not before.isdisjoint(watch.condition.kinds_in_windows)
    for scope, mark_id, marks in _marks_by_scope(past):
        is_concerned = counted or any(mark.row.kind in before for mark in marks)
        measured = _measured(past, scope, marks) if is_concerned else None
        if measured is not None and (not watch.drops or _guard_was_open(past, scope)):
            yield MetScope(scope, mark_id, measured)


def _marks_by_scope(past: MarksAtCrossing) -> Iterator[tuple[str, int, list[PastMark]]]:
    """Yield each scope that the new watch measures, with its marks; or each mark with its id, for a `strength`."""
    watch, crossing = past.watch, past.crossing
    if watch.condition.is_per_mark:
        for mark in past.measured():
            if not crossing.is_per_mark or mark.row.id == crossing.mark_id:
                yield mark.row.subject, mark.row.id, [mark]
        return
    by_scope: dict[str | None, list[PastMark]] = {WHOLE_BOARD: []} if watch.condition.is_over_board else {}
    for mark in past.measured():
        by_scope.setdefault(scope_of(past.txn, watch, mark.row), []).append(mark)
    for scope in _scopes_in_windows(past):
        by_scope.setdefault(scope, [])
    yield from ((scope, 0, marks) for scope, marks in by_scope.items() if scope is not None)


def _has_same_scope(past: MarksAtCrossing) -> bool:
    """Return whether the crossing is about the board or a group as the new watch measures it."""
    group = group_of(past.crossing.scope)
    if past.watch.condition.by is None:
        return past.crossing.is_over_board
    return group is not None and group.tag == past.watch.condition.by


def _guard_was_open(past: MarksAtCrossing, scope: str) -> bool:
    """Return whether the guard of the new watch was met at the crossing.

    If not, a watch whose guard drops would not have crossed.
    """
    if (guard := past.watch.spec.guard) is None:
        return True
    marks = past.of_guard(guard, scope)
    return guard.is_met(lambda measure: value_at(measure, marks, past.at, scope))


def _measured(past: MarksAtCrossing, scope: str, marks: list[PastMark]) -> Measurement | None:
    """Return the value of the new watch at the crossing; None if it would not have crossed."""
    condition, fading = past.watch.condition, [mark.fading for mark in marks]
    fading += past.deposits(condition, scope, ignored=past.watch.ignored_in_windows)
    if past.watch.condition.is_falling:
        is_below = first_true(condition, fading, past.at) == past.at
        side = fallen_side(condition, fading, past.at, past.at) if is_below else None
    else:
        side = met_side(condition, fading, past.at)
    if side is None:
        return None
    strongest = max((mark.strength(past.at) for mark in fading), default=0.0)
    return Measurement(side.value, len(fading), [mark.row for mark in marks], strongest, comparison=side.comparison)


def _scopes_in_windows(past: MarksAtCrossing) -> Iterator[str]:
    """Yield the scopes without marks that the new watch may measure."""
    if not past.watch.condition.has_window or past.watch.condition.is_over_board:
        return
    group = group_of(past.crossing.scope)
    if (
        _has_same_scope(past)
        if past.watch.condition.by is not None
        else group is None and not past.crossing.is_over_board
    ):
        yield past.crossing.scope
    else:
        yield from scopes_in_windows(past.txn.sql, past.watch.condition)
