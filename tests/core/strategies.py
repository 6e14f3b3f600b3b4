"""Random durations, laws, conditions and states for the tests of pure modules."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st

from blackboard.core.conditions.condition_types import Comparison, Condition
from blackboard.core.conditions.measures import Count, Measure, Strength, Strongest, Total
from blackboard.core.marks.decay import Curve, Decay, Exponential, Linear, Never, Power, Step
from blackboard.durations import DAY, Microseconds

YEAR = 365 * DAY

lengths = st.one_of(st.integers(1, 1_000), st.integers(1, DAY), st.integers(1, 100 * YEAR)).map(Microseconds)
ages = st.one_of(st.integers(0, 1_000), st.integers(0, DAY), st.integers(0, 300 * YEAR))
shares = st.one_of(st.floats(0, 1), st.sampled_from([1e-300, 1e-9, 0.01, 0.25, 0.5, 0.75, 1.0]))
intensities = st.one_of(st.floats(1e-6, 1e6), st.sampled_from([0.25, 0.5, 1.0, 2.0]))
instants = st.integers(1_700_000_000_000_000, 1_900_000_000_000_000)


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    """Curves with steep, flat and empty parts."""
    ends = sorted(draw(st.lists(lengths, min_size=1, max_size=6, unique=True)))
    levels = draw(st.lists(shares, min_size=len(ends), max_size=len(ends)))
    return Curve(tuple(zip(ends, sorted(levels, reverse=True), strict=True)))


exponentials = lengths.map(Exponential)
linears = lengths.map(Linear)
powers = st.builds(Power, lengths, st.floats(0.05, 20))
steps = st.builds(Step, lengths, st.booleans())
nevers = st.just(Never())
laws: st.SearchStrategy[Decay] = st.one_of(exponentials, linears, powers, steps, curves(), nevers)


def landmarks(law: Decay) -> list[int]:
    """Return the ages at which a law changes its form, and their neighbours."""
    corners = {0, *(age for age, _, _ in law.segments)} if isinstance(law, Curve) else {0}
    if law.parameters[0] and not isinstance(law, Curve):
        corners.add(int(law.parameters[0]))
    return sorted({max(0, corner + step) for corner in corners for step in (-1, 0, 1)})


def flat(law: Curve) -> bool:
    """Return whether a curve has a level part before its end."""
    return any(later[1] == earlier[1] for earlier, later in pairwise(law.segments))


names = st.sampled_from(["smoke", "fire", "lead", "over", "subject", "a", "Kind_2"])
patterns = st.one_of(
    st.none(), st.text(max_size=12), st.sampled_from(["lead/*", "it's", '"', "''", "a''b", "\\", "a\\nb"])
)
tag_values = st.one_of(st.text(max_size=4), st.booleans(), st.integers(), st.floats(-1e9, 1e9))
wheres = st.dictionaries(
    st.text(max_size=4), st.one_of(tag_values, st.lists(tag_values, min_size=1, max_size=3)), max_size=2
)
measures: st.SearchStrategy[Measure] = st.one_of(
    st.builds(lambda kind, subject, where: Strength(kind, subject=subject, where=where), names, patterns, wheres),
    st.builds(
        lambda measure, kinds, over, subject: measure(*kinds, over=over, subject=subject),
        st.sampled_from([Total, Strongest, Count]),
        st.lists(names, min_size=1, max_size=3, unique=True),
        st.sampled_from(["subject", "board"]),
        patterns,
    ),
)
comparisons = st.builds(
    Comparison, measures, st.sampled_from([">=", "<"]), st.floats(0, 1e12, exclude_min=True, allow_subnormal=False)
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    comparisons,
    lambda part: st.one_of(
        st.builds(lambda first, second: first & second, part, part),
        st.builds(lambda first, second: first | second, part, part),
        st.builds(lambda condition: ~condition, part),
    ),
    max_leaves=8,
)
