"""The deposits in the windows of conditions: which of them a condition needs, and their part in a forecast.

A window counts deposits by their occurrence, even if their marks are gone. In a forecast, each deposit is a mark that
keeps its strength until it leaves the window. A decision needs only the newest deposits, as many as reach the
threshold: older deposits leave the window before these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from blackboard.clock import Instant
from blackboard.core.conditions.condition_types import Condition, Measure
from blackboard.core.conditions.measures import Count
from blackboard.core.marks.decay import Step
from blackboard.core.marks.fading_marks import FadingMark, FadingState
from blackboard.core.marks.measure_scopes import WHOLE_BOARD, Group, group_of, is_group
from blackboard.core.marks.tags import TagFilter, WhereClause
from blackboard.durations import Duration, Microseconds
from blackboard.store import tag_filters
from blackboard.store.rows import WindowEventRow, WindowTagRow
from blackboard.store.statement_file import Statement
from blackboard.store.statements import WINDOWS
from blackboard.store.transaction import Transaction

R = TypeVar("R")

FIRST_READ = 64
"""The number of deposits of a total that are read at first."""
READ_FACTOR = 8
"""The factor by which more deposits are read next, if these do not suffice."""
ALL = 2**62
"""A number larger than any number of deposits and any event id."""


@dataclass(frozen=True, slots=True)
class WindowReading:
    """The deposits that a reading of windows sees."""

    at: Instant
    """The instant when the windows end. Later deposits are read too."""
    scope: str = WHOLE_BOARD
    """The scope that windows see, unless they are over the board."""
    ignored: str = ""
    """The agent whose own deposits do not count."""
    up_to: int = ALL
    """The last event that counts."""
    is_whole: bool = False
    """Whether to read all deposits; otherwise only as many as a decision needs."""
    reaching: float = 0.0
    """A value above the threshold that a decision needs to know about too."""

    def enough(self, threshold: float) -> float:
        """Return the value at which older deposits no longer matter."""
        return math.inf if self.is_whole else max(threshold, self.reaching)


FilterOf = Callable[[str, Measure], TagFilter | None]
"""Returns the filter of a kind's deposits for the tags of a measure; None if it counts all of them."""


def fading_events(
    sql: Transaction, condition: Condition, weights: Callable[[str], float], filter_of: FilterOf, reading: WindowReading
) -> list[FadingMark]:
    """Return the deposits in the windows of a condition as a forecast needs them.

    `weights` returns the weight of a kind.
    """
    found: dict[tuple[int, int, WhereClause | None], FadingMark] = {}
    for comparison in condition.comparisons():
        within, where = comparison.measure.within, comparison.measure.where
        if within is None:
            continue
        scope = WHOLE_BOARD if comparison.measure.over == "board" else reading.scope
        group = scope if is_group(scope) else None
        span = {"after": reading.at - within, "ignored": reading.ignored, "up_to": reading.up_to}
        enough = reading.enough(comparison.threshold)
        for row in _newest(sql, comparison.measure, scope, weights, filter_of, span, enough):
            state = FadingState(row.intensity, row.occurred_at, _stay(within))
            found[row.event_id, within, where] = FadingMark(
                row.kind,
                row.subject,
                weights(row.kind),
                state,
                row.occurred_at + within,
                row.occurred_at,
                within,
                where=where,
                group=group,
            )
    return list(found.values())


def events_since(
    sql: Transaction, measure: Measure, scope: str, filter_of: FilterOf, since: Instant, *, ignored: str = ""
) -> list[WindowEventRow]:
    """Return the deposits that a measure counts and that occurred since an instant, newest first of each kind."""
    span = {"after": since - 1, "ignored": ignored, "up_to": ALL}
    scope = WHOLE_BOARD if measure.over == "board" else scope
    return [
        row
        for kind in measure.kinds
        for row in _read(sql, kind, scope, filter_of(kind, measure), span, ALL)
        if measure.covers(row.subject)
    ]


def scopes_in_windows(sql: Transaction, condition: Condition, after: str = "") -> Iterator[str]:
    """Yield, in their order, the subjects or groups after a given one with deposits that windows count."""
    kinds = condition.kinds_in_windows
    while True:
        following = [_next_scope(sql, kind, condition.by, after) for kind in kinds]
        if not (scopes := [scope for scope in following if scope is not None]):
            return
        after = min(scopes)
        yield after


def _next_scope(sql: Transaction, kind: str, by: str | None, after: str) -> str | None:
    if by is None:
        return sql.value(WINDOWS.next_subject_in_windows, kind=kind, after=after)
    group = group_of(after)
    key = sql.value(WINDOWS.next_group_in_windows, kind=kind, tag=by, after="" if group is None else group.key)
    return None if key is None else Group(by, key).scope


def _newest(
    sql: Transaction,
    measure: Measure,
    scope: str,
    weights: Callable[[str], float],
    filter_of: FilterOf,
    span: Mapping[str, object],
    enough: float,
) -> Iterator[WindowEventRow]:
    """Yield the newest deposits of each kind until their value is high enough, or all of them."""
    for kind in measure.kinds:
        limit = ALL if enough == math.inf else math.ceil(enough) if isinstance(measure, Count) else FIRST_READ
        while True:
            rows = _read(sql, kind, scope, filter_of(kind, measure), span, limit)
            counted = [row for row in rows if measure.covers(row.subject)]
            if len(rows) < limit or measure.value([weights(kind) * row.intensity for row in counted]) >= enough:
                break
            limit *= READ_FACTOR
        yield from counted


def record(sql: Transaction, row: WindowEventRow, keys: Mapping[str, Iterable[str]]) -> None:
    """Record a deposit for the windows that count its kind, with the keys of the tags by which they find it."""
    sql.put(WINDOWS.insert_window_event, row)
    for name, values in keys.items():
        add_tag(sql, row, name, values)


def add_tag(sql: Transaction, row: WindowEventRow, name: str, values: Iterable[str]) -> None:
    """Record the values that a tag of a deposit has, so that windows find the deposit by them."""
    for value in values:
        sql.put(
            WINDOWS.insert_window_tag,
            WindowTagRow(row.kind, name, value, row.occurred_at, row.event_id, row.subject),
        )


def keys_of(sql: Transaction, event_id: int) -> dict[str, frozenset[str]]:
    """Return the keys of the tags by which windows find a deposit."""
    keys: dict[str, frozenset[str]] = {}
    for row in sql.all(WINDOWS.tags_of_deposit, event_id=event_id):
        keys[row.name] = keys.get(row.name, frozenset()) | {row.value}
    return keys


def with_filter(
    sql: Transaction, statement: Statement[R], tags: TagFilter | None
) -> tuple[Statement[R], dict[str, object]]:
    """Return a statement over deposits that filters by tags, and the parameters of the filter."""
    if tags is None:
        return statement, {}
    filters = tag_filters.parts("has_tag", len(tags.keys))
    return statement.using(filter_deposits=filters), tag_filters.parameters(sql, tags.keys)


def _read(
    sql: Transaction,
    kind: str,
    scope: str,
    tags: TagFilter | None,
    span: Mapping[str, object],
    limit: int,
) -> list[WindowEventRow]:
    """Return the deposits of a kind in a scope and a span of time."""
    values: dict[str, object] = {}
    statement = WINDOWS.window_of_board
    if (group := group_of(scope)) is not None:
        statement = WINDOWS.window_of_group
        values = {"tag": group.tag, "key": group.key}
    elif scope != WHOLE_BOARD:
        statement = WINDOWS.window_of_subject
        values = {"subject": scope}
    statement, filters = with_filter(sql, statement, tags)
    return sql.all(statement, kind=kind, limit=limit, **span, **values, **filters)


@lru_cache(maxsize=1024)
def _stay(within: Duration) -> Step:
    """Return the law of a deposit in a window."""
    return Step(Microseconds(within))
