"""Data for scripts that draw charts in a browser: times, thresholds and decay laws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from blackboard.clock import from_datetime, milliseconds_in
from blackboard.core.conditions.condition_types import Comparison
from blackboard.core.marks.decay import LAWS, Curve, Decay, Exponential, Linear, Never, Power, Step
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.core.specs.deployment import Deployment
from blackboard.durations import DAY, Duration

LAWS_IN_WORDS = {
    "exponential": "half-life {half_life}",
    "linear": "gone after {lifetime}",
    "power": "power law, {scale}",
    "step": "lasts {lasting}",
    "never": "never fades",
}
ONE_MARK_MEASURES = ("strength", "strongest")
"""The measures whose value is the strength of one mark. Their thresholds can be lines among the drawn marks."""
SAMPLES = 512
"""How many points of a law are sent if the scripts do not know the law."""
SAMPLED_SHARE = 0.001
"""The share at which the samples of a law end."""
MAX_SAMPLED_AGE: Duration = 365 * DAY
"""The age at which the samples end if the law never falls to that share."""

_KNOWN = (Exponential, Linear, Power, Step, Never, Curve)


@dataclass(frozen=True)
class Threshold:
    """A number that a measure of marks of a kind is compared with."""

    kind: str
    agent: str
    text: str
    """The comparison, and the effect on an agent."""
    value: float
    is_line: bool
    """Whether the threshold is for the strength of one mark, so a line can show it."""


def threshold_lines(deployment: Deployment, agent: str = "") -> Iterator[Threshold]:
    """Yield the thresholds of live marks, of one agent or of all.

    The threshold of a window is left out: it counts deposits, so no mark fades towards it.
    """
    for spec in deployment.agents.values():
        if agent in ("", spec.name):
            for comparison, effect in _comparisons(spec):
                if comparison.measure.within is None:
                    for kind in comparison.measure.kinds:
                        yield _threshold(kind, comparison, spec.name, effect)


def _comparisons(spec: AgentSpec) -> Iterator[tuple[Comparison, str]]:
    """Yield each comparison of the watches of an agent, and its effect."""
    for watch in spec.watches:
        for comparison in watch.condition.comparisons():
            yield comparison, f"wakes {spec.name}"
        for comparison in () if watch.guard is None else watch.guard.comparisons():
            yield comparison, f"guards {spec.name}"


def _threshold(kind: str, comparison: Comparison, agent: str, effect: str) -> Threshold:
    measure = comparison.measure
    is_line = measure.name in ONE_MARK_MEASURES
    # The line is in the lane of its kind, so the text need not name the kind.
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


def epoch_milliseconds(at: datetime) -> float:
    """Return a time as milliseconds since the epoch."""
    return milliseconds_in(from_datetime(at))


def law_for_browser(law: Decay) -> Mapping[str, object]:
    """Return the parameters of a law for the function `share` in `decay.js`. Ages are in milliseconds.

    If the function does not know the law, it gets points of the law, and draws straight lines between them.
    """
    if LAWS.get(law.name) is not type(law) or not isinstance(law, _KNOWN):
        return {"law": "curve", "points": _samples(law)}
    if isinstance(law, Curve):
        return {
            "law": "curve",
            "points": [[milliseconds_in(age), share] for age, share, _ in law.segments],
        }
    length, shape = law.parameters
    return {"law": law.name, "length": milliseconds_in(length), "shape": shape}


def _samples(law: Decay) -> list[list[float]]:
    """Return points of a law, close together where the mark is young."""
    end = min(law.age_below(SAMPLED_SHARE) or MAX_SAMPLED_AGE, MAX_SAMPLED_AGE)
    ages = [end * (number / SAMPLES) ** 2 for number in range(SAMPLES + 1)]
    return [[milliseconds_in(age), law.share(age)] for age in ages]
