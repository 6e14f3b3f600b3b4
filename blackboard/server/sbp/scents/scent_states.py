"""The state of a scent, which follows its condition: it fires, has a cooldown, and may fire again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from blackboard.clock import Instant
from blackboard.durations import SECOND, Duration
from blackboard.server.sbp.scents.condition_evaluation import Evaluation
from blackboard.server.sbp.scents.scent_conditions import RateCondition, ScentCondition, ThresholdCondition

MIN_COOLDOWN: Duration = SECOND
"""The shortest cooldown of a level scent, because each trigger is stored."""


@dataclass(frozen=True)
class ScentRules:
    """The condition of a scent, and when it fires."""

    condition: ScentCondition
    """The condition."""
    mode: Literal["level", "edge_rising", "edge_falling"]
    """When the scent fires: while the condition is met, when the condition becomes met, or when it ends."""
    cooldown: Duration
    """The cooldown that the program asks for."""
    hysteresis: float
    """How far the value must move back across the threshold before the scent may fire at an edge again."""

    @property
    def effective_cooldown(self) -> Duration:
        """How long after a trigger the scent is not measured."""
        return max(self.cooldown, MIN_COOLDOWN) if self.mode == "level" else self.cooldown

    @property
    def band(self) -> float:
        """The distance around the threshold that matters; 0 for none."""
        return 0.0 if self.mode == "level" else self.hysteresis


@dataclass(frozen=True)
class ScentState:
    """The last measurement and the last trigger of a scent."""

    met: bool = False
    """Whether the condition was met when it was last measured."""
    is_armed: bool = True
    """Whether it may fire at an edge."""
    triggered_at: Instant | None = None
    """When it fired last; None for never."""

    def in_cooldown_until(self, rules: ScentRules) -> Instant:
        """Return when the cooldown of the scent ends, and the scent is measured again; 0 if it never fired."""
        return 0 if self.triggered_at is None else self.triggered_at + rules.effective_cooldown

    def after(self, rules: ScentRules, result: Evaluation, now: Instant) -> tuple[ScentState, bool]:
        """Return the state after a measurement outside of the cooldown, and whether the scent fires."""
        is_armed = self.is_armed or _is_out_of_band(rules, result)
        if rules.mode == "level":
            fires = result.met
        else:
            is_trigger_side = result.met == (rules.mode == "edge_rising")
            fires = is_armed and is_trigger_side and result.met != self.met
        if not fires:
            return replace(self, met=result.met, is_armed=is_armed), False
        return ScentState(result.met, rules.band == 0, now), True


def _is_out_of_band(rules: ScentRules, result: Evaluation) -> bool:
    """Return whether a value has left the band on the side where its scent does not fire.

    A condition without a single threshold, or with == or !=, has no band: each value on that side counts as outside.
    """
    condition, rising = rules.condition, rules.mode == "edge_rising"
    if rules.band == 0:
        return True
    if not isinstance(condition, ThresholdCondition | RateCondition) or condition.operator in ("==", "!="):
        return result.met != rising
    if (condition.operator in (">", ">=")) == rising:
        return result.value <= condition.value - rules.band
    return result.value >= condition.value + rules.band
