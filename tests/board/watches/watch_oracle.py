"""An oracle of watches over time, which is evaluated at every second, and the kinds of its deposits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from hypothesis import strategies as st

from blackboard import ManualClock, watch
from blackboard.core.agents.agent_definition import Watch
from blackboard.core.conditions.condition_types import Comparison, Condition
from blackboard.core.conditions.measures import Measure
from blackboard.core.marks.decay import Step
from blackboard.durations import SECOND
from tests.support.world import kind

START = ManualClock().now()
LIVES = {"beat": 7, "pulse": 5, "deploy": 6}
REPEATS = {"beat": "separate", "pulse": "replace", "deploy": "replace"}
KINDS = {name: kind(name, Step(f"{life}s"), on_repeat=REPEATS[name], tags=("tag",)) for name, life in LIVES.items()}
TAGGED = {"tag": "x"}


@dataclass
class Deposit:
    """A deposit of the oracle."""

    kind: str
    tag: str
    intensity: float
    occurred: int
    mark: int
    is_replaced: bool = False
    is_withdrawn: bool = False


@dataclass
class Oracle:
    """A watch that is evaluated at every second."""

    condition: Comparison
    held_for: int
    rewake_every: int | None
    clear: float | None
    has_guard: bool
    drops: bool
    now: int = 0
    deposits: list[Deposit] = field(default_factory=list)
    began_at: int | None = None
    crossed_at: int | None = None
    dropped: bool = False
    is_armed: bool = False
    """Whether a falling value has been at the threshold."""
    waits: bool = False
    crossings: list[tuple[int, str]] = field(default_factory=list)

    def value(self) -> float:
        measure = self.condition.measure
        if measure.within is not None:
            length = measure.within // SECOND
            found = [
                one.intensity
                for one in self.deposits
                if self.counts(one) and not one.is_withdrawn and self.now - length < one.occurred
            ]
        else:
            found = [one.intensity for one in self.live() if self.counts(one)]
        return measure.value(found)

    def counts(self, one: Deposit) -> bool:
        measure = self.condition.measure
        return one.kind in measure.kinds and (measure.where is None or one.tag == "x")

    def live(self) -> list[Deposit]:
        return [
            one
            for one in self.deposits
            if not one.is_replaced
            and not one.is_withdrawn
            and self.now < one.occurred + LIVES[one.kind]
            and one.intensity > 0
        ]

    def is_guarded(self) -> bool:
        return self.has_guard and any(one.kind == "deploy" and one.tag == "x" for one in self.live())

    def evaluate(self, *, is_deposit: bool = False) -> None:
        """Apply the rules of conditions over time to the present value.

        `is_deposit` says whether a deposit on a mark that the watch counts is the reason for the evaluation.
        """
        value, is_falling = self.value(), self.condition.operator == "<"
        threshold = self.condition.threshold
        # Without `clear_below` or `clear_above`, an episode ends where the condition ends.
        clear = threshold if self.clear is None else self.clear
        # A falling watch begins to measure once its value has been at the threshold.
        if is_falling and value >= threshold:
            self.is_armed = True
        if is_falling and not self.is_armed:
            return
        # After a dropped crossing, the first deposit after the guard has opened is news.
        if is_deposit and self.dropped and not self.is_guarded():
            self.crossed_at, self.dropped = None, False
        # The condition has held since the first of the last seconds in a row in which it held.
        if value < threshold if is_falling else value >= threshold:
            self.began_at = self.now if self.began_at is None else self.began_at
        else:
            self.began_at = None
        # At the end of an episode, the watch may cross anew.
        if value >= clear if is_falling else value < clear:
            self.crossed_at, self.dropped = None, False
        # The watch crosses once the condition has held for `held_for`, without a break.
        if self.began_at is None or self.now < self.began_at + self.held_for:
            return
        # It crosses once in an episode, and again when `rewake_every` has passed since the last crossing.
        if self.crossed_at is None:
            self.crossed_at = self.now
            self.cross(is_rewake=False)
        elif self.rewake_every is not None and self.now >= self.crossed_at + self.rewake_every:
            self.crossed_at = self.now
            self.cross(is_rewake=True)

    def cross(self, *, is_rewake: bool) -> None:
        """Record a crossing, unless one waits already or the guard drops it."""
        if self.drops and self.is_guarded():
            # A dropped rewake leaves no trace. A falling watch has no deposits that would be news after a drop.
            if not is_rewake:
                self.dropped = self.condition.operator == ">="
                self.crossings.append((self.now, "skipped"))
            return
        self.dropped = False  # the agent is given the marks whose crossing was dropped
        if not self.waits:
            self.waits = True
            self.crossings.append((self.now, "woken"))


@dataclass(frozen=True)
class WatchCase:
    """The settings of a watch over time, apart from what it measures."""

    is_falling: bool
    threshold: float
    held_for: int
    rewake_every: int | None
    clears: bool
    guard: Literal["defer", "drop"] | None

    def condition(self, measure: Measure) -> Comparison:
        return measure < self.threshold if self.is_falling else measure >= self.threshold

    def clear(self, measure: Measure) -> float | None:
        if not self.clears and (self.is_falling or measure.within is not None):  # otherwise news crosses too
            return None
        return self.threshold + 1.0 if self.is_falling else self.threshold - 0.5

    def has_timing(self, measure: Measure) -> bool:
        return bool(self.held_for or self.rewake_every or self.clear(measure) is not None)

    def watch(self, measure: Measure) -> Watch:
        every = None if self.rewake_every is None else f"{self.rewake_every}s"
        clear: dict[str, Any] = {"clear_above" if self.is_falling else "clear_below": self.clear(measure)}
        return watch(self.condition(measure), held_for=f"{self.held_for}s", rewake_every=every, **clear)

    def guarded_by(self, guard: Condition) -> dict[str, Any]:
        """Return the settings of an agent with a guard, if the watch has one."""
        if self.guard is None:
            return {}
        return {"unless": guard} if self.is_falling else {"unless": guard, "on_guard": self.guard}

    def oracle(self, measure: Measure) -> Oracle:
        return Oracle(
            self.condition(measure),
            self.held_for,
            self.rewake_every,
            self.clear(measure),
            self.guard is not None,
            self.guard == "drop" or self.is_falling,
        )


watch_cases = st.builds(
    WatchCase,
    is_falling=st.booleans(),
    threshold=st.sampled_from([1.0, 2.0]),
    held_for=st.sampled_from([0, 0, 3, 6]),
    rewake_every=st.sampled_from([None, 2, 5]),
    clears=st.booleans(),
    guard=st.sampled_from([None, "defer", "drop"]),
)
