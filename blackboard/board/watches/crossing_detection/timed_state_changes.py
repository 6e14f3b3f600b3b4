"""Changes of the state of a watch over time that follow from fading and time alone, in the order of their instants."""

from __future__ import annotations

from dataclasses import dataclass, replace

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.transactions.stored_laws import law_key
from blackboard.board.watches.crossing_detection import episodes, falling_crossings
from blackboard.board.watches.crossing_detection.episodes import Episode, EpisodeChange
from blackboard.board.watches.crossing_detection.falling_crossings import Fall
from blackboard.board.watches.measurements import watch_states
from blackboard.board.watches.waiting_crossings import measured_crossings, watch_guards
from blackboard.board.watches.waiting_crossings.crossing_inputs import inputs_in_windows
from blackboard.board.watches.waiting_crossings.measured_crossings import CrossingCause, Measurement
from blackboard.clock import Instant
from blackboard.core.conditions.fading_forecasts import fallen_side, met_side
from blackboard.core.marks.fading_marks import FadingMark
from blackboard.store.row_types.watch_row_types import CrossingKey, WatchStateRow


@dataclass(slots=True)
class StateAdvance:
    """The advance of one state from one instant of change to the next, with a crossing where one is due."""

    txn: BoardTransaction
    watch: RegisteredWatch
    marks: list[FadingMark]
    """The marks that the watch measures. They do not change during the advance."""
    state: WatchStateRow
    """The state after the instants so far."""
    next_at: Instant | None
    """The next instant when time alone changes the state; None if there is none."""
    has_crossed: bool = False
    """Whether a new crossing waits."""

    def run(self) -> None:
        """Advance the state through all instants up to now."""
        while self.next_at is not None and self.next_at <= self.txn.now:
            self._take(self.next_at)

    def _take(self, at: Instant) -> None:
        change = self._change(at)
        dropped = self.state.dropped if change.cause is None else self._cross(change, at)
        began = self.state.began_at is None and change.episode.began_at is not None
        self.state = self.state._replace(
            **change.episode._asdict(),
            event_id=self.txn.last_event_id if began else self.state.event_id,
            dropped=0 if change.episode.crossed_at is None else dropped,
        )
        self.next_at = change.next_at

    def _change(self, at: Instant) -> EpisodeChange:
        watch = self.watch
        assert watch.timing is not None
        # A guard that drops is tested at each rewake. The rewakes of other watches become one crossing anyway.
        merge_until = None if watch.guard_drops and watch.spec.guard is not None else self.txn.now
        episode = Episode(self.state.began_at, self.state.crossed_at)
        return episodes.advance(watch.condition, watch.timing, episode, self.marks, at, merge_until)

    def _cross(self, change: EpisodeChange, at: Instant) -> int:
        """Record a crossing, and return the new value of `WatchStateRow.dropped`, which only rising watches set.

        Of an episode whose crossing is dropped, only the first crossing is recorded, as skipped.
        """
        drops = watch_guards.drops(self.txn, self.watch, self.state.key.scope, at)
        if drops and change.cause == "rewake":
            return self.state.dropped
        record = self._record_fall if self.watch.condition.is_falling else self._record_rise
        self.has_crossed = record(change, at) or self.has_crossed
        return int(drops and not self.watch.condition.is_falling)

    def _record_fall(self, change: EpisodeChange, at: Instant) -> bool:
        """Record the crossing of a falling watch, and return whether the crossing is new."""
        side = fallen_side(self.watch.condition, self.marks, at, at)
        cause = CrossingCause(reason=change.cause, began_at=change.episode.began_at, event_id=self.state.event_id)
        fall = Fall(key=self.state.key, marks=self.marks, side=side, at=at, cause=cause)
        return falling_crossings.record(self.txn, self.watch, fall)

    def _record_rise(self, change: EpisodeChange, at: Instant) -> bool:
        """Record a crossing at an instant by the marks behind it; return whether the crossing is new."""
        txn, watch, key = self.txn, self.watch, self.state.key
        # For a window, the crossing shows all its deposits.
        marks = (
            watch_states.measured_marks(txn, watch, key, at, whole=True) if watch.condition.has_window else self.marks
        )
        met = met_side(watch.condition, marks, at)
        assert met is not None
        measured = replace(measure(txn, watch, key, marks, at, met.value), comparison=met.comparison)
        cause = CrossingCause(reason=change.cause, began_at=change.episode.began_at)
        return measured_crossings.cross(txn, watch, key, measured, at, cause)


def measure(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    key: CrossingKey,
    marks: list[FadingMark],
    at: Instant,
    value: float,
) -> Measurement:
    """Return the measurement of a rising watch that has a value at an instant; a window measures its deposits."""
    if watch.condition.has_window:
        inputs = inputs_in_windows(txn, watch, key.scope, at)
        return Measurement(value, len(inputs), strongest=max((strength for _, strength in inputs), default=0.0))
    live = [mark for mark in marks if mark.is_live(at)]
    strongest = max((mark.strength(at) for mark in live), default=0.0)
    return Measurement(value, len(live), strongest=strongest, laws={law_key(mark.state.law) for mark in live})
