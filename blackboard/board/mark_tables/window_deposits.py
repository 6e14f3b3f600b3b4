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
from typing import NamedTuple, TypeVar

from blackboard.clock import Instant
from blackboard.core.conditions.condition_types import Condition
from blackboard.core.conditions.measures import Count, Measure
from blackboard.core.marks.decay import Step
from blackboard.core.marks.fading_marks import FadingMark, FadingState
from blackboard.core.marks.scopes import WHOLE_BOARD, Group, group_of, is_group
from blackboard.core.marks.tags import TagFilter, WhereClause
from blackboard.durations import Duration, Microseconds
from blackboard.store import tag_and_text_filters
from blackboard.store.row_types.mark_row_types import WindowEventRow, WindowTagRow
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
    """The instant from which the windows reach back. Later deposits are also read: an activation is given those that
    came after its crossing."""
    scope: str = WHOLE_BOARD
    """The scope that windows see, unless they are over the board."""
    ignored: str = ""
    """The agent whose own deposits do not count."""
    up_to: int = ALL
    """The last event that counts."""
    is_whole: bool = False
    """Whether to read all deposits; otherwise only as many as a decision needs."""
    reaching: float = 0.0
    """A second threshold of a decision. Deposits are read up to the higher of the two."""

    def enough(self, threshold: float) -> float:
        """Return the value at which older deposits no longer matter."""
        return math.inf if self.is_whole else max(threshold, self.reaching)


FilterOf = Callable[[str, Measure], TagFilter | None]
"""Returns the filter of a kind's deposits for the tags of a measure; None if it counts all of them."""


class _WindowDeposits(NamedTuple):
    """The deposits in the window of a measure over a scope."""

    transaction: Transaction
    measure: Measure
    scope: str
    filter_of: FilterOf
    after: Instant
    """The instant before the window begins."""
    ignored: str = ""
    """The agent whose own deposits do not count."""
    up_to: int = ALL
    """The last event that counts."""

    def newest(self, weights: Callable[[str], float], enough: float) -> Iterator[WindowEventRow]:
        """Yield the newest deposits of each kind until their value is high enough, or all of them."""
        measure = self.measure
        for kind in measure.kinds:
            limit = ALL if enough == math.inf else math.ceil(enough) if isinstance(measure, Count) else FIRST_READ
            while True:
                rows = self._read(kind, limit)
                counted = [row for row in rows if measure.covers(row.subject)]
                if len(rows) < limit or measure.value([weights(kind) * row.intensity for row in counted]) >= enough:
                    break
                limit *= READ_FACTOR
            yield from counted

    def all(self) -> list[WindowEventRow]:
        """Return the deposits that the measure counts, newest first of each kind."""
        covers = self.measure.covers
        return [row for kind in self.measure.kinds for row in self._read(kind, ALL) if covers(row.subject)]

    def _read(self, kind: str, limit: int) -> list[WindowEventRow]:
        """Return the newest deposits of a kind."""
        values: dict[str, object] = {}
        statement = WINDOWS.window_of_board
        if (group := group_of(self.scope)) is not None:
            statement = WINDOWS.window_of_group
            values = {"tag": group.tag, "key": group.key}
        elif self.scope != WHOLE_BOARD:
            statement = WINDOWS.window_of_subject
            values = {"subject": self.scope}
        statement, filters = with_filter(self.transaction, statement, self.filter_of(kind, self.measure))
        return self.transaction.all(
            statement, kind=kind, limit=limit, after=self.after, ignored=self.ignored, up_to=self.up_to, **values,
            **filters,
        )  # fmt: skip


def fading_deposits(
    transaction: Transaction,
    condition: Condition,
    weights: Callable[[str], float],
    filter_of: FilterOf,
    reading: WindowReading,
) -> list[FadingMark]:
    """Return the deposits in the windows of a condition as a forecast needs them.

    `weights` returns the weight of a kind.
    """
    marks: dict[tuple[int, int, WhereClause | None], FadingMark] = {}
    for comparison in condition.comparisons():
        within, where = comparison.measure.within, comparison.measure.where
        if within is None:
            continue
        scope = WHOLE_BOARD if comparison.measure.over == "board" else reading.scope
        group = scope if is_group(scope) else None
        deposits = _WindowDeposits(
            transaction, comparison.measure, scope, filter_of, reading.at - within, reading.ignored, reading.up_to
        )
        for row in deposits.newest(weights, reading.enough(comparison.threshold)):
            state = FadingState(row.intensity, row.occurred_at, _stay(within))
            marks[row.event_id, within, where] = FadingMark(
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
    return list(marks.values())


def deposits_since(
    transaction: Transaction, measure: Measure, scope: str, filter_of: FilterOf, since: Instant, *, ignored: str = ""
) -> list[WindowEventRow]:
    """Return the deposits that a measure counts and that occurred since an instant, newest first of each kind."""
    scope = WHOLE_BOARD if measure.over == "board" else scope
    return _WindowDeposits(transaction, measure, scope, filter_of, since - 1, ignored).all()


def scopes_in_windows(transaction: Transaction, condition: Condition, after: str = "") -> Iterator[str]:
    """Yield the subjects or groups with deposits that windows count, in order, starting after `after`."""
    kinds = condition.kinds_in_windows
    while True:
        following = [_next_scope(transaction, kind, condition.by, after) for kind in kinds]
        if not (scopes := [scope for scope in following if scope is not None]):
            return
        after = min(scopes)
        yield after


def _next_scope(transaction: Transaction, kind: str, by: str | None, after: str) -> str | None:
    if by is None:
        return transaction.value(WINDOWS.next_subject_in_windows, kind=kind, after=after)
    group = group_of(after)
    key = transaction.value(WINDOWS.next_group_in_windows, kind=kind, tag=by, after="" if group is None else group.key)
    return None if key is None else Group(by, key).scope


def record(transaction: Transaction, row: WindowEventRow, keys: Mapping[str, Iterable[str]]) -> None:
    """Record a deposit for the windows that count its kind, with the keys of the tags by which they find it."""
    transaction.put(WINDOWS.insert_window_event, row)
    for name, values in keys.items():
        add_tag(transaction, row, name, values)


def add_tag(transaction: Transaction, row: WindowEventRow, name: str, values: Iterable[str]) -> None:
    """Record the values that a tag of a deposit has, so that windows find the deposit by them."""
    for value in values:
        transaction.put(
            WINDOWS.insert_window_tag,
            WindowTagRow(row.kind, name, value, row.occurred_at, row.event_id, row.subject),
        )


def keys_of(transaction: Transaction, event_id: int) -> dict[str, frozenset[str]]:
    """Return the keys of the tags by which windows find a deposit."""
    keys: dict[str, frozenset[str]] = {}
    for row in transaction.all(WINDOWS.tags_of_deposit, event_id=event_id):
        keys[row.name] = keys.get(row.name, frozenset()) | {row.value}
    return keys


def with_filter(
    transaction: Transaction, statement: Statement[R], tags: TagFilter | None
) -> tuple[Statement[R], dict[str, object]]:
    """Return a statement over deposits that filters by tags, and the parameters of the filter."""
    if tags is None:
        return statement, {}
    filters = tag_and_text_filters.tag_filter_text("has_tag", len(tags.keys))
    return statement.using(filter_deposits=filters), tag_and_text_filters.tag_filter_parameters(transaction, tags.keys)


@lru_cache(maxsize=1024)
def _stay(within: Duration) -> Step:
    """Return the law of a deposit in a window."""
    return Step(Microseconds(within))
