"""The rows of the tables for watches: what they have absorbed, their sums, their states and their crossings."""

from __future__ import annotations

from typing import NamedTuple

from blackboard.clock import Instant
from blackboard.core.marks.scopes import WHOLE_BOARD
from blackboard.store.row_types.column_types import Flag, Id


class WatchRow(NamedTuple):
    """A row of `watch`."""

    id: int
    agent: str
    name: str
    condition: str
    active: int
    watermark: Id
    """For a watch over the board: every event up to this id is absorbed."""
    scheduled_from: Instant | None = None
    """For a schedule: the instant of its first deployment; an interval counts from it."""


class AbsorbedRow(NamedTuple):
    """A row of `absorbed`: the event up to which a watch has absorbed a mark."""

    watch_id: int
    mark_id: Id
    event_id: Id
    activation_id: Id
    given_event_id: Id | None = None
    """The last event of the mark when its agent was last given the mark, or when a guard dropped the crossing."""


class WatchTotalRow(NamedTuple):
    """A row of `watch_total`: sums that give the total and count of a watch in a scope without a scan."""

    watch_id: int
    scope: str
    """The group, or "" for the board."""
    kind: str
    law: str
    marks: int
    sum0: float
    """The first of the two sums of `Decay.sums`, for the anchor."""
    sum1: float
    """The second of the two sums, for the anchor."""
    anchor: Instant
    evaporated_through: Instant
    """The sums exclude marks that evaporated up to this instant."""
    error0: float | None
    """The largest rounding error of the first sum; None if it is unknown."""
    error1: float | None
    """The largest rounding error of the second sum; None if it is unknown."""


class CrossingKey(NamedTuple):
    """The key of a waiting crossing: the watch, and the scope that it measures or, if it is per mark, a single mark.

    A prediction and a state have such a key too. No part is ever NULL, because rows with NULL do not count as equal.
    """

    watch_id: int
    scope: str
    """A subject, a group, or "" for the whole board."""
    mark_id: Id = 0
    """0 unless the watch is per mark."""


class PredictedCrossingRow(NamedTuple):
    """A row of `predicted_crossing`: the next instant when time alone affects a watch, unless a mark changes.

    A falling watch will cross then, a schedule is due, or the `WatchStateRow` of a watch changes.
    """

    watch_id: int
    scope: str
    """With `mark_id`, what it concerns: see `CrossingKey`."""
    mark_id: Id
    due_at: Instant | None

    @property
    def key(self) -> CrossingKey:
        """The key of the crossing."""
        return CrossingKey(self.watch_id, self.scope, self.mark_id)

    @property
    def is_per_mark(self) -> bool:
        """Whether it concerns a single mark."""
        return self.mark_id != 0


class WatchStateRow(NamedTuple):
    """A row of `watch_state`: the stored state of a watch over time (see `episodes.Episode`).

    A rising watch whose condition does not hold, and which may cross, has no row. A falling watch has no row until its
    value has been at or above the threshold.
    """

    watch_id: int
    scope: str
    """With `mark_id`, what it concerns: see `CrossingKey`."""
    mark_id: Id
    began_at: Instant | None
    crossed_at: Instant | None
    event_id: Id
    """The last event of the board when the condition began to hold."""
    dropped: Flag = 0
    """Whether the guard of a rising watch dropped its last crossing."""

    @property
    def key(self) -> CrossingKey:
        """The key of the state."""
        return CrossingKey(self.watch_id, self.scope, self.mark_id)


class FollowedWatchRow(NamedTuple):
    """A row of `followed_watch`: a state of a watch over time that was tested after the last change of the deployment.

    A state is tested by the backfill, or before one of its marks changes. This row prevents a second test. The rows are
    deleted when the backfill of the change is done.
    """

    watch_id: int
    scope: str
    """With `mark_id`, what it concerns: see `CrossingKey`."""
    mark_id: Id


SCHEDULE = "schedule"
"""The value for the measure of a crossing that a schedule caused."""


class CrossingRow(NamedTuple):
    """A row of `crossing`."""

    id: Id
    watch_id: int
    scope: str
    """With `mark_id`, what it concerns: see `CrossingKey`."""
    mark_id: Id
    state: str
    crossed_at: Instant
    noticed_at: Instant
    value: float
    threshold: float
    marks: int
    """The number of marks behind it at its last test."""
    urgent: int
    ready_at: Instant | None
    """It may be claimed from this instant; None if only a new mark can change that."""
    held_by: str | None
    law: str
    order_key: float | None
    event_id: Id | None
    activation_id: Id | None
    closed_at: Instant | None
    measure: str | None = None
    """The measure of the side that was met. The value and the threshold belong to it. None if the watch has one side
    only.

    `SCHEDULE` if a schedule caused it.
    """
    cause: str | None = None
    """Why a watch over time crossed: `held`, or `rewake` (see `episodes.EpisodeCause`). Its activation is given all
    live marks that count, including those that the watch has absorbed. None if unabsorbed marks alone caused it."""
    began_at: Instant | None = None
    """When the condition of a watch over time began to hold; for a falling watch the instant of the fall."""

    @property
    def key(self) -> CrossingKey:
        """The key of the crossing, while it waits."""
        return CrossingKey(self.watch_id, self.scope, self.mark_id)

    @property
    def is_per_mark(self) -> bool:
        """Whether it concerns a single mark."""
        return self.mark_id != 0

    @property
    def is_over_board(self) -> bool:
        """Whether it concerns the whole board."""
        return self.scope == WHOLE_BOARD

    @property
    def is_scheduled(self) -> bool:
        """Whether a schedule caused the crossing, rather than marks."""
        return self.measure == SCHEDULE


class AbsorbedByWatch(NamedTuple):
    """The absorption of a mark by a watch, so far."""

    absorbed: AbsorbedRow | None
    """None if the watch has not absorbed the mark, or if there is no mark."""
    watch_id: Id
    watermark: Id | None
    """The event up to which a watch over the board has absorbed everything."""


class WaitingWatch(NamedTuple):
    """A watch with waiting crossings."""

    watch_id: Id
    next_ready: Instant | None
    """When the next of its crossings becomes ready by time alone; None if none will."""


class DeferralCount(NamedTuple):
    """The number of waiting crossings of a watch that one reason holds, and the instant of the first."""

    watch_id: int
    held_by: str | None
    number: int
    oldest: Instant


class WatchCount(NamedTuple):
    """The number of waiting crossings of a watch."""

    watch_id: int
    number: int


class StimulusSums(NamedTuple):
    """The number of stimuli of one kind and law, and the two sums of `Decay.sums`."""

    marks: int
    sum0: float
    sum1: float


class BatchWindow(NamedTuple):
    """A crossing whose batch window is open, and when the window ends."""

    id: Id
    ready_at: Instant


class GoneCrossing(NamedTuple):
    """A crossing that waits for an agent that is gone, with its watch."""

    crossing: CrossingRow
    agent: str
    watch: str
    condition: str


class DeferredCrossing(NamedTuple):
    """A crossing whose activation was deferred, with its watch."""

    crossing: CrossingRow
    agent: str
    watch: str
    condition: str
    error: str | None
    """Why the activation was deferred."""
    retry_at: Instant | None
