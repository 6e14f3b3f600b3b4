"""Episodes: how long the condition of a watch has held, when the watch crosses, and when it may cross again.

A watch with a `Timing` measures all live marks, absorbed or not. An episode begins when its condition begins to hold.
The watch crosses when the condition has held for `held_for`, and again after each `rewake_every` while it holds. It may
cross for a new episode once the value has been beyond `clear`, which is the threshold itself if nothing else is set.

Between two changes of marks, values only fall. So each instant when time alone changes an episode can be computed from
the marks. `advance` computes the episode at the next such instant. All of this is arithmetic; it uses no board and no
clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from blackboard.clock import LAST_INSTANT, Instant
from blackboard.core.conditions.condition_types import Comparison, Condition, Not
from blackboard.core.conditions.fading_forecasts import first_true
from blackboard.core.marks.fading_marks import FadingMark
from blackboard.core.specs.watch_spec import Timing
from blackboard.durations import FOREVER

EpisodeCause = Literal["held", "rewake"]
"""Why a watch crosses: its condition has held long enough, or still holds after the interval of its rewakes."""


class Episode(NamedTuple):
    """The state of an episode, for a subject, a mark or the board."""

    began_at: Instant | None = None
    """When the condition began to hold; None if it does not hold."""
    crossed_at: Instant | None = None
    """When the watch last crossed; None after the value has been beyond `clear`, until the watch crosses again."""


class EpisodeChange(NamedTuple):
    """One step of an episode, at an instant."""

    episode: Episode
    """The episode from that instant on."""
    cause: EpisodeCause | None
    """Why the watch crosses at that instant; None if it does not."""
    next_at: Instant | None
    """The next instant when time alone changes the episode; None if it will not."""


def advance(
    condition: Condition,
    timing: Timing,
    episode: Episode,
    marks: Sequence[FadingMark],
    at: Instant,
    merge_until: Instant | None = None,
) -> EpisodeChange:
    """Return the step of an episode at an instant, for marks that only fade from then on.

    Args:
        condition: The condition of the watch.
        timing: Its timing.
        episode: The episode before the instant.
        marks: The marks that count, as they are at the instant.
        at: The instant.
        merge_until: The end of a period after `at`. All rewakes that are due in it count as one, at `at`. By default,
            each rewake is a step of its own.
    """
    forecast = _forecast(condition, timing, marks, at)
    episode = forecast.begun_or_ended(episode, at)
    cause: EpisodeCause | None = None
    due_at = due(timing, episode)
    if due_at is not None and due_at <= at:
        cause = "held" if episode.crossed_at is None else "rewake"
        last = max(at, min(at if merge_until is None else merge_until, forecast.holds_until - 1))
        every = timing.rewake_every or FOREVER
        episode = episode._replace(crossed_at=at + (last - at) // every * every)
        due_at = due(timing, episode)
    changes = [forecast.below]
    if due_at is not None and due_at < forecast.holds_until:
        changes.append(due_at)
    if episode.crossed_at is not None and not condition.is_falling:
        changes.append(forecast.below_clear)
    next_at = min((change for change in changes if change is not None and change > at), default=None)
    return EpisodeChange(episode, cause, next_at)


class _Forecast(NamedTuple):
    """A forecast of when the value of a condition falls, if the marks only fade from an instant on."""

    below: Instant | None
    """When the value is below the threshold; None for never."""
    below_clear: Instant | None
    """When the value is below `clear`."""
    is_falling: bool
    """Whether the condition holds below the threshold, not above it."""

    @property
    def holds_until(self) -> Instant:
        """The instant when a condition that holds ends by time alone."""
        return LAST_INSTANT if self.is_falling or self.below is None else self.below

    def begun_or_ended(self, episode: Episode, at: Instant) -> Episode:
        """Return an episode as it is at the instant of the forecast, before a crossing at this instant."""
        holds = (self.below == at) == self.is_falling
        is_cleared = (self.below_clear == at) != self.is_falling
        since = at if episode.began_at is None else episode.began_at
        return Episode(since if holds else None, None if is_cleared else episode.crossed_at)


def _forecast(condition: Condition, timing: Timing, marks: Sequence[FadingMark], at: Instant) -> _Forecast:
    below = first_true(condition if condition.is_falling else Not(condition), marks, at)
    below_clear = below if timing.clear is None else first_true(_below(condition, timing.clear), marks, at)
    return _Forecast(below, below_clear, condition.is_falling)


def due(timing: Timing, episode: Episode) -> Instant | None:
    """Return when a watch crosses if its condition holds until then; None if it does not cross in this episode."""
    if episode.began_at is None:
        return None
    held = episode.began_at + timing.held_for
    if episode.crossed_at is None:
        return held
    return None if timing.rewake_every is None else max(held, episode.crossed_at + timing.rewake_every)


def forecast_crossing(
    condition: Condition, timing: Timing, episode: Episode, marks: Sequence[FadingMark], at: Instant
) -> Instant | None:
    """Return the first instant from `at` on at which a watch crosses if the marks only fade; None if it does not."""
    following: Instant | None = at
    while following is not None:
        change = advance(condition, timing, episode, marks, following)
        if change.cause is not None:
            return following
        episode, following = change.episode, change.next_at
    return None


def _below(condition: Condition, threshold: float) -> Condition:
    assert isinstance(condition, Comparison)  # a combination has no single value that could be beyond `clear`
    return replace(condition, operator="<", threshold=threshold)
