"""The deposits in the windows of conditions: which of them a condition needs, and their part in a forecast.

A window counts deposits by their occurrence, even if their marks are gone. In a forecast, each deposit is a mark that
keeps its strength until it leaves the window. A decision needs only the newest deposits, as many as reach the
threshold: older deposits leave the window before these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from blackboard.clock import Instant
from blackboard.core.conditions import Condition, Count, Measure
from blackboard.core.decay import Step
from blackboard.core.reinforcement import FadingMark, FadingState
from blackboard.durations import Microseconds
from blackboard.store.rows import WindowEventRow
from blackboard.store.statements import WINDOWS
from blackboard.store.transaction import Transaction

FIRST_READ = 64
"""The number of deposits of a total that are read at first."""
READ_FACTOR = 8
"""The factor by which more deposits are read next, if these do not suffice."""
ALL = 2**62
"""A number larger than any number of deposits and any event id."""


@dataclass(frozen=True, slots=True)
class WindowReading:
    """Which deposits a reading of windows sees."""

    at: Instant
    """The instant at which the windows end. Later deposits are read too."""
    subject: str | None = None
    """The subject that windows over one subject see; None for every subject."""
    ignored: str = ""
    """The agent whose own deposits do not count."""
    up_to: int = ALL
    """The last event that counts."""
    is_whole: bool = False
    """Whether to read all deposits; otherwise only as many as a decision needs."""
    reaching: float = 0.0
    """A value above the threshold that a decision needs to know about too."""

    def enough(self, threshold: float) -> float:
        """Return the value from which on older deposits decide nothing."""
        return math.inf if self.is_whole else max(threshold, self.reaching)


def fading_events(
    sql: Transaction, condition: Condition, weights: Callable[[str], float], reading: WindowReading
) -> list[FadingMark]:
    """Return the deposits in the windows of a condition as a forecast needs them. `weights` gives those of kinds."""
    found: dict[tuple[int, int], FadingMark] = {}
    for comparison in condition.comparisons():
        within = comparison.measure.within
        if within is None:
            continue
        scope = None if comparison.measure.over == "board" else reading.subject
        span = {"after": reading.at - within, "ignored": reading.ignored, "up_to": reading.up_to}
        enough = reading.enough(comparison.threshold)
        for row in _newest(sql, comparison.measure, scope, weights, span, enough):
            state = FadingState(row.intensity, row.occurred_at, _stay(within))
            found[row.event_id, within] = FadingMark(
                row.kind, row.subject, weights(row.kind), state, row.occurred_at + within, row.occurred_at, within
            )
    return list(found.values())


def events_since(
    sql: Transaction, measure: Measure, subject: str | None, since: Instant, *, ignored: str = ""
) -> list[WindowEventRow]:
    """Return the deposits that a measure counts and that occurred since an instant, newest first of each kind."""
    span = {"after": since - 1, "ignored": ignored, "up_to": ALL}
    return [
        row
        for kind in measure.kinds
        for row in _read(sql, kind, None if measure.over == "board" else subject, span, ALL)
        if measure.covers(row.subject)
    ]


def subjects_in_windows(sql: Transaction, condition: Condition, after: str = "") -> Iterator[str]:
    """Yield, in their order, the subjects after a given subject with deposits that windows of a condition count."""
    kinds = condition.kinds_in_windows
    while True:
        following = [sql.value(WINDOWS.next_subject_in_windows, kind=kind, after=after) for kind in kinds]
        if not (subjects := [subject for subject in following if subject is not None]):
            return
        after = min(subjects)
        yield after


def _newest(
    sql: Transaction,
    measure: Measure,
    subject: str | None,
    weights: Callable[[str], float],
    span: Mapping[str, object],
    enough: float,
) -> Iterator[WindowEventRow]:
    """Yield the newest deposits of each kind until their value is high enough, or all of them."""
    for kind in measure.kinds:
        limit = ALL if enough == math.inf else math.ceil(enough) if isinstance(measure, Count) else FIRST_READ
        while True:
            rows = _read(sql, kind, subject, span, limit)
            counted = [row for row in rows if measure.covers(row.subject)]
            if len(rows) < limit or measure.value([weights(kind) * row.intensity for row in counted]) >= enough:
                break
            limit *= READ_FACTOR
        yield from counted


def _read(
    sql: Transaction, kind: str, subject: str | None, span: Mapping[str, object], limit: int
) -> list[WindowEventRow]:
    if subject is None:
        return sql.all(WINDOWS.window_of_board, kind=kind, limit=limit, **span)
    return sql.all(WINDOWS.window_of_subject, kind=kind, subject=subject, limit=limit, **span)


@lru_cache(maxsize=1024)
def _stay(within: int) -> Step:
    """Return the law of a deposit in a window."""
    return Step(Microseconds(within))
