"""Times, thresholds and decay laws in words, for scripts that draw them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from blackboard.clock import from_datetime
from blackboard.core.conditions.condition_types import Comparison
from blackboard.core.marks.decay import Decay
from blackboard.core.specs.deployment import Deployment

LAWS_IN_WORDS = {
    "exponential": "half-life {half_life}",
    "linear": "gone after {lifetime}",
    "power": "power law, {scale}",
    "step": "lasts {lasting}",
    "never": "never fades",
}
ONE_MARK_MEASURES = ("strength", "strongest")
"""The measures whose value is the strength of one mark. Others measure several, so no line among marks shows them."""


@dataclass(frozen=True)
class Threshold:
    """A number that a measure of marks of a kind is compared with."""

    kind: str
    agent: str
    text: str
    """The comparison, and the effect on an agent."""
    value: float
    is_line: bool
    """Whether the strength of one mark is compared with it, so that a line can show it."""


def thresholds(deployment: Deployment, agent: str = "") -> Iterator[Threshold]:
    """Yield the thresholds of live marks, of one agent or all.

    Those of windows count deposits, so no mark fades towards them.
    """
    for spec in deployment.agents.values():
        if agent not in ("", spec.name):
            continue
        for watch in spec.watches:
            for condition, effect in ((watch.condition, f"wakes {spec.name}"), (watch.guard, f"guards {spec.name}")):
                if condition is None:
                    continue
                for comparison in condition.comparisons():
                    if comparison.measure.within is None:
                        for kind in comparison.measure.kinds:
                            yield _threshold(kind, comparison, spec.name, effect)


def _threshold(kind: str, comparison: Comparison, agent: str, effect: str) -> Threshold:
    measure = comparison.measure
    is_line = measure.name in ONE_MARK_MEASURES
    # The lane of the kind says which kind it is.
    is_plain = (measure.by, measure.subject, measure.where) == (None,) * 3
    number = f"{'below' if comparison.operator == '<' else '≥'} {comparison.threshold:g}"
    if is_plain:
        kinds = f"of {len(measure.kinds)} kinds " if len(measure.kinds) > 1 else ""
        name = "" if measure.name == "strength" else f"{measure.name} {kinds}"
        text = f"{name}{number}{' on the board' if measure.over == 'board' else ''}"
    else:
        text = str(comparison)
    return Threshold(kind, agent, f"{text} {effect}", comparison.threshold, is_line)


def law_in_words(law: Decay) -> str:
    """Return how marks fade, such as `half-life 3d`."""
    return LAWS_IN_WORDS.get(law.name, law.name).format(**law.spec())


def milliseconds(at: datetime) -> float:
    """Return a time as milliseconds since the epoch."""
    return from_datetime(at) / 1000
