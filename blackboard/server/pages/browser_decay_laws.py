"""Decay laws for scripts in a browser, which draw how marks fade without asking the server."""

from __future__ import annotations

from collections.abc import Mapping

from blackboard.core.marks.decay import LAWS, Curve, Decay, Exponential, Linear, Never, Power, Step
from blackboard.durations import DAY, Duration

MICROSECONDS_PER_MILLISECOND = 1000.0
SAMPLES = 512
"""How many points of a law are sent if scripts do not know it."""
SAMPLED_SHARE = 0.001
"""The share at which the samples of a law end."""
MAX_SAMPLED_AGE: Duration = 365 * DAY
"""Where they end if the law never falls to that share."""

_KNOWN = (Exponential, Linear, Power, Step, Never, Curve)


def law_for_browser(law: Decay) -> Mapping[str, object]:
    """Return what the function `share` in `decay.js` needs of a law. Ages are in milliseconds.

    A law that it does not know becomes points between which it draws straight lines.
    """
    if LAWS.get(law.name) is not type(law) or not isinstance(law, _KNOWN):
        return {"law": "curve", "points": _samples(law)}
    if isinstance(law, Curve):
        return {
            "law": "curve",
            "points": [[age / MICROSECONDS_PER_MILLISECOND, share] for age, share, _ in law.segments],
        }
    length, shape = law.parameters
    return {"law": law.name, "length": length / MICROSECONDS_PER_MILLISECOND, "shape": shape}


def _samples(law: Decay) -> list[list[float]]:
    """Return points of a law, close together where the mark is young."""
    end = min(law.age_below(SAMPLED_SHARE) or MAX_SAMPLED_AGE, MAX_SAMPLED_AGE)
    ages = [end * (number / SAMPLES) ** 2 for number in range(SAMPLES + 1)]
    return [[age / MICROSECONDS_PER_MILLISECOND, law.share(age)] for age in ages]
