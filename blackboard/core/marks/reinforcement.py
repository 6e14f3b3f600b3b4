"""The fading part of a mark, and how a repeated deposit joins it: pure functions that store nothing."""

from __future__ import annotations

from dataclasses import dataclass

from blackboard.clock import Instant
from blackboard.core.marks.decay import Decay
from blackboard.core.marks.kinds import Kind
from blackboard.core.marks.tags import Tags, WhereClause


def is_live(evaporates_at: Instant | None, at: Instant) -> bool:
    """Return whether a mark is live at an instant: the stored end decides, not its strength.

    The fragment `is_live` in `store/sql/shared.sql` says the same in SQL.
    """
    return evaporates_at is None or evaporates_at > at


@dataclass(frozen=True)
class FadingState:
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
    within: int | None = None
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


def single_state(kind: Kind, new: FadingState) -> FadingState:
    """Return the state of a mark that has one deposit: the state of the deposit, up to the cap."""
    intensity = _capped(kind, new.intensity)
    return new if intensity == new.intensity else FadingState(intensity, new.at, new.law)


def join_states(kind: Kind, old: FadingState | None, new: FadingState, now: Instant) -> FadingState | None:
    """Return the state after a deposit, or None if the deposit changes nothing.

    The rule is the kind's `on_repeat`:

    - `add`: the remaining and the new intensity are added, up to the cap.
    - `max`: the state that is stronger now remains. A weaker deposit changes nothing.
    - `replace`: the new state replaces the old state, even if it is weaker.

    A deposit that is older than the state of the mark may be added only if the order of additions does not matter:
    see `adds_in_any_order`.

    `replace` takes the law of the new state. `add` and `max` keep the law of the mark, and its end if that is fixed.
    Except for `replace`, a deposit never makes a mark weaker, even if the cap was lowered. Marks of a `separate` kind
    are never reinforced.

    Args:
        kind: The kind of the mark.
        old: The state of the live mark; None if the deposit makes a new mark.
        new: The state that the deposit would have alone; its instant may be past.
        now: The instant when the deposit is recorded.
    """
    capped = single_state(kind, new)
    if old is None or kind.on_repeat == "replace":
        return capped
    law = old.law.continued(new.at - old.at)
    if kind.on_repeat == "max":
        joined = FadingState(capped.intensity, new.at, law)
        return joined if joined.remaining(now) > old.remaining(now) else None
    if new.at < old.at:
        return FadingState(old.intensity + new.intensity * law.share(old.at - new.at), old.at, old.law)
    return strengthen(kind, old, new.intensity, new.at)


def strengthen(kind: Kind, old: FadingState, intensity: float, at: Instant) -> FadingState:
    """Return the state after an intensity is added at an instant, up to the cap; the mark then fades from there."""
    remaining = old.remaining(at)
    law = old.law.continued(at - old.at)
    return FadingState(max(remaining, _capped(kind, remaining + intensity)), at, law)


def may_add(kind: Kind, old: FadingState, occurred_at: Instant) -> bool:
    """Return whether a deposit can be added to a mark: it is the latest, or the order of additions does not matter."""
    return occurred_at >= old.at or (kind.cap is None and old.law.adds_in_any_order)


def _capped(kind: Kind, intensity: float) -> float:
    return intensity if kind.cap is None else min(intensity, kind.cap)
