"""A watch of the active deployment, with what follows from its condition and from the settings of its agent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from blackboard.clock import Instant
from blackboard.core.built_in_marks import Need
from blackboard.core.conditions.condition_types import Comparison, Condition
from blackboard.core.conditions.schedules import Schedule
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.core.specs.watch_spec import Timing, WatchSpec
from blackboard.durations import Duration
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow
from blackboard.store.row_types.watch_row_types import CrossingKey


def live_sums_id(watch_id: int) -> int:
    """Return the id that the board uses for the sums of a watch over all live marks, absorbed or not.

    It is the negative id of the watch. So one table holds both sums: those of unabsorbed marks and those of all marks.
    """
    return -watch_id


@dataclass(frozen=True, eq=False)
class RegisteredWatch:
    """A watch of the active deployment, with its agent."""

    id: int
    agent_spec: AgentSpec
    spec: WatchSpec
    scheduled_from: Instant = 0
    """The instant from which the interval of a schedule counts."""

    @cached_property
    def condition(self) -> Condition:
        """The condition that makes the watch cross."""
        return self.spec.condition

    @property
    def schedule(self) -> Schedule:
        """The schedule of a scheduled watch."""
        assert isinstance(self.condition, Schedule)
        return self.condition

    def key_of(self, scope: str, row: MarkRow) -> CrossingKey:
        """Return the key of the crossing that a change of a mark in a scope can cause."""
        return CrossingKey(self.id, scope, row.id if self.condition.is_per_mark else 0)

    @property
    def absorbs(self) -> bool:
        """Whether the watch absorbs the marks of its activations: only if it rises and counts no deposits."""
        return not (self.condition.is_falling or self.condition.is_schedule or self.condition.has_window)

    @property
    def catch_up(self) -> str:
        """How missed instants of the schedule are treated."""
        return self.spec.catch_up or self.agent_spec.settings.catch_up

    @cached_property
    def measures_sums(self) -> bool:
        """Whether the watch has a single measure, over the board or groups. Sums may answer it without reads."""
        return self.condition.spans_subjects and isinstance(self.condition, Comparison)

    @cached_property
    def ignored_author(self) -> str:
        """The author whose marks do not count: the agent itself, or "" if the watch has `include_own`."""
        return "" if self.spec.include_own else self.agent_spec.name

    def ignores_last_event(self, row: MarkRow) -> bool:
        """Return whether the last event of a mark does not count, because the agent caused it itself."""
        # Its name alone does not show this: before the agent was deployed, others may have signed with it.
        return row.changed_by == self.ignored_author and row.other_event_id != row.event_id

    def ignores_event(self, event: EventRow) -> bool:
        """Return whether an event does not count, because the agent caused it itself."""
        return event.author == self.ignored_author and event.activation_id is not None

    @property
    def ignored_in_windows(self) -> str:
        """The agent whose deposits in windows do not count: the agent itself, unless the watch falls."""
        return "" if self.condition.is_falling else self.ignored_author

    @cached_property
    def counts_all_marks(self) -> bool:
        """Whether the watch counts every mark of its kinds, whatever the subject and the tags are.

        A need counts only for the agents that it may wake.
        """
        condition = self.condition
        return not condition.depends_on_tags and condition.covers_all_subjects and Need.kind not in condition.kinds

    @cached_property
    def comparison(self) -> Comparison:
        """The first comparison; a condition over the board has no other."""
        return next(self.condition.comparisons())

    @cached_property
    def over_live_marks(self) -> RegisteredWatch:
        """The watch as if it had absorbed nothing: it measures all live marks.

        The agent's own marks count too, unless the watch is over time.
        """
        spec = self.spec if self.timing is not None else self.spec.model_copy(update={"include_own": True})
        return RegisteredWatch(live_sums_id(self.id), self.agent_spec, spec)

    @cached_property
    def keeps_sums(self) -> bool:
        """Whether the board keeps sums for the watch: it measures one total or count, over the board or groups.

        The board keeps no sums over needs: there are few, and some of them do not wake the agent (see `open_needs`).
        """
        if (
            not self.condition.spans_subjects
            or self.condition.is_schedule
            or self.condition.has_window
            or Need.kind in self.condition.kinds
        ):
            return False
        return isinstance(self.condition, Comparison) and self.comparison.measure.keeps_sums

    @cached_property
    def may_use_window_sums(self) -> bool:
        """Whether sums can show that the watch is below its threshold: it rises, and measures only a window."""
        is_single = (
            self.condition.has_window and not self.condition.is_falling and isinstance(self.condition, Comparison)
        )
        return is_single and not (self.condition.spans_subjects and self.comparison.measure.subject)

    @cached_property
    def keeps_window_sums(self) -> bool:
        """Whether the board keeps sums over the window, as it does for windows over the board or over groups."""
        return self.may_use_window_sums and self.condition.spans_subjects

    @cached_property
    def timing(self) -> Timing | None:
        """The settings over time of the watch; None if it crosses only when its condition begins to hold.

        A watch with a timing is a watch over time: the board keeps its `WatchStateRow`s.
        """
        return self.agent_spec.timing_of(self.spec)

    @property
    def batch_window(self) -> Duration:
        """How long a crossing waits for more marks; a schedule waits for none."""
        return 0 if self.condition.is_schedule else self.agent_spec.settings.batch_window

    @cached_property
    def guard_drops(self) -> bool:
        """Whether a closed guard drops a crossing immediately, instead of deferring it to a claim."""
        return self.agent_spec.on_guard_of(self.spec) == "drop"

    @cached_property
    def is_per_subject(self) -> bool:
        """Whether each activation is about exactly one subject or group."""
        return self.agent_spec.per_of(self.spec) == "subject"

    @cached_property
    def batch(self) -> int | None:
        """The largest number of marks in one activation; None if a watch over the board or groups takes all."""
        return self.agent_spec.batch_of(self.spec)

    def batch_window_end(self, noticed_at: Instant, marks: int, *, urgent: bool) -> Instant:
        """Return when the batch window of a crossing ends: immediately if it is urgent or its marks fill a batch.

        The fragment `release` of `crossings.sql` states the same rule for many crossings.
        """
        is_full = self.batch is not None and marks >= self.batch
        return noticed_at if urgent or is_full else noticed_at + self.batch_window
