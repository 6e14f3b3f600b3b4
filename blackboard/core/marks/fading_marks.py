"""The fading part of a mark: its strength at any instant, and the end of its life."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from blackboard.clock import Instant
from blackboard.core.marks.decay import Decay
from blackboard.core.marks.kinds import Kind
from blackboard.core.marks.tags import Tags, WhereClause
from blackboard.durations import Duration


def is_live(evaporates_at: Instant | None, at: Instant) -> bool:
    """Return whether a mark is live at an instant: the stored end decides, not its strength.

    The fragment `is_live` in `store/sql/shared.sql` says the same in SQL.
    """
    return evaporates_at is None or evaporates_at > at


class FadingState(NamedTuple):
    """An intensity at an instant (microseconds since the epoch), and the law that it fades by from then on."""

    intensity: float
    at: Instant
    law: Decay

    def remaining(self, now: Instant) -> float:
        """Return intensity x share at `now`. Before the instant of the state, this is the intensity."""
        return self.intensity * self.law.share(max(0, now - self.at))

    def evaporates_at(self, kind: Kind) -> Instant | None:
        """Return the first instant when the mark is no longer live, or None if it never evaporates."""
        life = kind.life(self.law, self.intensity)
        return None if life is None else self.at + life


@dataclass(frozen=True)
class FadingMark:
    """A mark with everything that determines its strength at any later instant."""

    kind: str
    subject: str
    weight: float
    state: FadingState
    evaporates_at: Instant | None
    changed_at: Instant = 0
    """When the board recorded the present state; after a late deposit, this is later than the instant of the state."""
    within: Duration | None = None
    """The length of a window, if this is a deposit in a window: it keeps its strength until it leaves the window."""
    tags: Tags | None = None
    """The tags of the mark; None if its kind has none."""
    where: WhereClause | None = None
    """For a deposit in a window: the tags of the condition, which the deposit has."""
    group: str | None = None
    """The scope of the group whose marks were read; None if the marks of a subject or of the board were read."""

    def has_tags(self, where: WhereClause | None) -> bool:
        """Return whether it has these tags."""
        if self.within is not None:
            return self.where == where
        return where is None or (self.tags is not None and self.tags.match(where))

    def is_in(self, scope: str) -> bool:
        """Return whether the mark belongs to a subject or a group."""
        return scope in (self.subject, self.group)

    def strength(self, at: Instant) -> float:
        """Return weight x intensity x share at an instant; 0 once the mark has evaporated."""
        return self.weight * self.state.remaining(at) if self.is_live(at) else 0.0

    def is_live(self, at: Instant) -> bool:
        """Return whether the mark is live at an instant."""
        return is_live(self.evaporates_at, at)

    def first_below(self, threshold: float, now: Instant) -> Instant | None:
        """Return the first instant from `now` on at which the strength is below a threshold above 0, or None."""
        full = self.weight * self.state.intensity
        if full < threshold or not self.is_live(now):
            return now
        age = self.state.law.age_below(threshold / full)
        if age is None:
            return self.evaporates_at
        instant = max(now, self.state.at + age)
        return instant if self.evaporates_at is None else min(instant, self.evaporates_at)
