"""How a repeated deposit joins the mark that lies there: a pure function of two states. It stores nothing."""

from __future__ import annotations

from dataclasses import dataclass

from blackboard.decay import Decay
from blackboard.marks import Kind

__all__ = ["State", "join"]


@dataclass(frozen=True)
class State:
    """The part of a mark that fades: what was last stored, when, under which law."""

    intensity: float
    at: int
    law: Decay

    def remaining(self, now: int) -> float:
        """Intensity x share at `now`; before the state's own instant it is the intensity."""
        return self.intensity * self.law.share(max(0, now - self.at))

    def evaporates_at(self, kind: Kind) -> int | None:
        """The first instant at which the mark is no longer live; None if that never comes."""
        life = kind.life(self.law, self.intensity)
        return None if life is None else self.at + life


def join(kind: Kind, old: State | None, new: State) -> State | None:
    """The state after `new` is deposited where the live state `old` lies; None where the deposit changes nothing.

    - add: what is left and the new intensity, up to the cap.
    - max: the stronger of the two as they are now; a deposit that loses changes nothing.
    - replace: the new one, even if it is weaker.

    Where the laws differ, the one under which the joined mark evaporates later stays; but a kind whose own law has a
    fixed end keeps the end that the mark has. No join makes a mark weaker than it is, even above a lowered cap, except
    that `replace` may. A kind that is `separate` never joins, so it is never asked.
    """
    capped = State(_capped(kind, new.intensity), new.at, new.law)
    if old is None or kind.on_repeat == "replace":
        return capped
    remaining = old.remaining(new.at)
    if kind.on_repeat == "max":
        if capped.intensity <= remaining:
            return None
        intensity = capped.intensity
    else:
        intensity = max(remaining, _capped(kind, remaining + new.intensity))
    joined = State(intensity, new.at, new.law)
    carried = State(intensity, new.at, old.law.carried(new.at - old.at))
    if old.law.fixed and new.law.fixed and new.law == kind.decay:
        return carried
    return max(joined, carried, key=lambda state: _end(kind, state))


def _capped(kind: Kind, intensity: float) -> float:
    return intensity if kind.cap is None else min(intensity, kind.cap)


def _end(kind: Kind, state: State) -> float:
    end = state.evaporates_at(kind)
    return float("inf") if end is None else end
