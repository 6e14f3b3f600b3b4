"""Reinforcement: the state of a mark after a repeated deposit joins it. Pure functions that store nothing."""

from __future__ import annotations

from blackboard.clock import Instant
from blackboard.core.marks.fading_marks import FadingState
from blackboard.core.marks.kinds import Kind


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
    return strengthened_state(kind, old, new.intensity, new.at)


def strengthened_state(kind: Kind, old: FadingState, intensity: float, at: Instant) -> FadingState:
    """Return the state after an intensity is added at an instant, up to the cap; the mark then fades from there."""
    remaining = old.remaining(at)
    law = old.law.continued(at - old.at)
    return FadingState(max(remaining, _capped(kind, remaining + intensity)), at, law)


def may_add(kind: Kind, old: FadingState, occurred_at: Instant) -> bool:
    """Return whether a deposit can be added to a mark: it is the latest, or the order of additions does not matter."""
    return occurred_at >= old.at or (kind.cap is None and old.law.adds_in_any_order)


def _capped(kind: Kind, intensity: float) -> float:
    return intensity if kind.cap is None else min(intensity, kind.cap)
