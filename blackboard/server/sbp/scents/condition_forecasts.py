"""Forecasts of when a condition may change by time alone: pheromones fade, and emissions leave windows.

Between two changes of the board, an aggregate only falls until the next pheromone evaporates. So bisection finds the
first instant at which the aggregate is not above a level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from blackboard import Never
from blackboard.clock import Instant, from_milliseconds
from blackboard.durations import MINUTE, Duration
from blackboard.server.sbp.scents.condition_evaluation import FadingPheromone, Observation, aggregate_pheromones
from blackboard.server.sbp.scents.scent_conditions import (
    Aggregation,
    PatternCondition,
    RateCondition,
    ScentCondition,
    ThresholdCondition,
    parts_of,
)

MAX_FORECAST: Duration = MINUTE
"""How far ahead a change is searched for. After this time, the condition is measured again in any case."""


def next_change(condition: ScentCondition, seen: Observation, now: Instant, band: float = 0.0) -> Instant | None:
    """Return the first instant after `now` at which a condition should be measured again; None if it cannot change.

    Args:
        condition: The condition of a scent.
        seen: What was seen at `now`.
        now: The instant of the last measurement.
        band: A distance around each threshold. A value that leaves this band counts as a change.
    """
    return min((at for part in parts_of(condition) for at in _changes(part, seen, now, band)), default=None)


def _changes(part: ScentCondition, seen: Observation, now: Instant, band: float) -> Iterator[Instant]:
    """Yield instants when one part may change. The earliest of them is its first change."""
    if isinstance(part, RateCondition | PatternCondition):
        length = from_milliseconds(part.window_ms)
        emissions = seen.within(part.window_ms, now)
        if emissions:
            yield emissions[0].at + length + 1
    elif isinstance(part, ThresholdCondition):
        live = [found for found in seen.measured_pheromones(part) if found.is_live(now)]
        levels = {part.value, *((part.value - band, part.value + band) if band else ())}
        change = _first_fall(part.aggregation, live, levels, now)
        if change is not None:
            yield change


def _first_fall(
    aggregation: Aggregation, live: Sequence[FadingPheromone], levels: Iterable[float], now: Instant
) -> Instant | None:
    """Return when an aggregate next reaches a level, falls below it, or loses a pheromone; None if it stays."""
    if all(isinstance(found.law, Never) for found in live):
        return None
    ends = (found.evaporates_at for found in live if found.evaporates_at is not None)
    until = min(ends, default=now + MAX_FORECAST)
    until = min(until, now + MAX_FORECAST)
    return min((fall for level in levels for fall in _falls(aggregation, live, level, now, until)), default=until)


def _falls(
    aggregation: Aggregation, live: Sequence[FadingPheromone], level: float, start: Instant, end: Instant
) -> Iterator[Instant]:
    """Yield when an aggregate that only falls from `start` to `end` reaches a level, or goes below it."""
    first, last = aggregate_pheromones(aggregation, live, start), aggregate_pheromones(aggregation, live, end - 1)
    if first > level >= last:
        yield _bisect(lambda at: aggregate_pheromones(aggregation, live, at) <= level, start, end - 1)
    elif first == level > last:
        yield _bisect(lambda at: aggregate_pheromones(aggregation, live, at) < level, start, end - 1)


def _bisect(is_reached: Callable[[Instant], bool], before: Instant, after: Instant) -> Instant:
    """Return the first instant when a statement is true that is false at `before` and true at `after`."""
    while after - before > 1:
        middle = (before + after) // 2
        if is_reached(middle):
            after = middle
        else:
            before = middle
    return after
