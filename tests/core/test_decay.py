"""Decay laws: a share starts at 1, never rises, and falls below any value at an exact microsecond."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from blackboard.core.marks.decay import Curve, Decay, Exponential, Linear, Never, Power, Step, law_from
from blackboard.durations import DAY
from blackboard.errors import InvalidDuration, InvalidLaw, UsageError
from tests.core.strategies import (
    YEAR,
    ages,
    curves,
    exponentials,
    instants,
    intensities,
    landmarks,
    laws,
    lengths,
    linears,
    nevers,
    steps,
)

TINY = 1e-12


@given(laws)
def test_a_share_starts_at_one(law: Decay) -> None:
    assert law.share(0) == 1.0


@given(laws, ages, ages)
def test_a_share_never_rises_and_stays_between_0_and_1(law: Decay, one: int, other: int) -> None:
    younger, older = sorted((one, other))
    assert 1.0 >= law.share(younger) >= law.share(older) - TINY
    assert law.share(older) >= 0.0


@given(laws)
def test_a_share_never_rises_across_a_corner(law: Decay) -> None:
    values = [law.share(age) for age in landmarks(law)]
    assert all(later <= earlier + TINY for earlier, later in pairwise(values))


@given(laws, st.floats(0, 1, exclude_min=True))
def test_the_age_below_a_share_is_the_exact_boundary(law: Decay, share: float) -> None:
    age = law.age_below(share)
    if age is None:
        # The law levels off above the share, or its end is past the end of calendars.
        assert law.share(2900 * YEAR) >= share - TINY
        return
    assert law.share(age) < share + TINY
    if age > 0:
        assert law.share(age - 1) >= share - TINY


@given(laws, ages)
def test_the_age_of_a_share_is_the_inverse_of_the_law(law: Decay, age: int) -> None:
    share = law.share(age)
    assume(share > 0)
    below = law.age_below(share)
    assert below is None or law.share(below) <= share


@given(laws, st.floats(1, 1e9, exclude_min=True))
def test_a_share_above_1_has_the_age_0(law: Decay, share: float) -> None:
    assert law.age_below(share) == 0


@given(laws, st.one_of(st.just(0.0), st.floats(-1e9, 0)))
def test_the_age_below_0_is_the_age_at_which_nothing_remains(law: Decay, share: float) -> None:
    age = law.age_below(share)
    if age is None:
        assert law.share(2900 * YEAR) > 0 or isinstance(law, Exponential)  # 2 ** -1100 is 0 only in a float
    else:
        assert law.share(age) == 0
        assert law.share(age - 1) > 0


@pytest.mark.parametrize("law", [Exponential("365000d"), Power("1000d", 0.01), Never()])
def test_an_age_of_more_than_3000_years_is_never(law: Decay) -> None:
    assert law.age_below(1e-300) is None


@pytest.mark.parametrize(
    ("law", "share", "age"),
    [
        (Exponential("1s"), 1.0, 1),
        (Exponential("1s"), 0.5, 1_000_001),
        (Exponential("1s"), 0.25, 2_000_001),
        (Linear("1s"), 1.0, 1),
        (Linear("1s"), 0.25, 750_001),
        (Linear("1s"), 1e-12, 1_000_000),
        (Linear("1s"), 0.0, 1_000_000),
        (Linear("1us"), 1.0, 1),
        (Power("1s", 1), 0.5, 1_000_001),
        (Step("1s"), 1.0, 1_000_000),
        (Step("1s"), 0.1, 1_000_000),
        (Step("1s"), -1.0, 1_000_000),
        (Curve([("1s", 0.5), ("2s", 0.5), ("3s", 0)]), 0.75, 500_001),
        (Curve([("1s", 0.5), ("2s", 0.5), ("3s", 0)]), 0.5, 2_000_001),
        (Curve([("1s", 0.5), ("2s", 0.5), ("3s", 0)]), 0.0, 3_000_000),
        (Curve([("1s", 1.0), ("2s", 0.5)]), 1.0, 1_000_001),
        (Curve([("1s", 1.0), ("2s", 0.5)]), 0.5, None),
        (Curve([("1s", 0), ("2s", 0)]), 0.0, 1_000_000),
        (Never(), 1.0, None),
        (Never(), 0.0, None),
    ],
)
def test_the_boundary_is_this_microsecond(law: Decay, share: float, age: int | None) -> None:
    assert law.age_below(share) == age


ORDERED = st.one_of(exponentials, steps, nevers)


@given(ORDERED, st.lists(st.tuples(intensities, instants), min_size=2, max_size=6), st.integers(0, YEAR))
def test_order_keys_keep_the_order_of_strengths_at_any_later_time(
    law: Decay, marks: list[tuple[float, int]], later: int
) -> None:
    now = max(at for _, at in marks) + later
    live = [
        (law.order_key(intensity, at), math.log2(intensity) + math.log2(law.share(now - at)))
        for intensity, at in marks
        if law.share(now - at) > 1e-300
    ]
    for key, strength in live:
        for other_key, other_strength in live:
            assert key is not None
            assert other_key is not None
            if strength > other_strength + 1e-6 + 4 * math.ulp(key):
                assert key > other_key


@given(laws)
def test_a_mark_with_intensity_0_has_no_order_key(law: Decay) -> None:
    assert law.order_key(0.0, 0) is None


@given(
    st.one_of(exponentials, linears, steps, nevers),
    st.lists(st.tuples(intensities, st.floats(0, 1)), min_size=1, max_size=8),
    st.integers(-DAY, DAY),
    instants,
)
def test_a_total_from_sums_equals_the_direct_sum(
    law: Decay, marks: list[tuple[float, float]], off: int, now: int
) -> None:
    life = law.age_below(1e-6) or DAY
    anchor = now + max(-life, min(life, off))
    states = [(intensity, now - int(part * (life - 1))) for intensity, part in marks]
    kept = [law.sums(intensity, at, anchor) for intensity, at in states]
    first = sum(item[0] for item in kept)
    second = sum(item[1] for item in kept)
    direct = sum(intensity * law.share(now - at) for intensity, at in states)
    scale = sum(intensity for intensity, _ in states)
    assert law.total((first, second), anchor, now) == pytest.approx(direct, rel=1e-9, abs=1e-9 * scale)


@pytest.mark.parametrize("law", [Power("1h"), Curve([("1h", 0)])])
def test_a_law_without_exact_sums_gives_an_upper_bound(law: Decay) -> None:
    assert not law.exact_sums
    assert law.order_key(1.0, 0) is None
    assert law.total(law.sums(1.0, 0, 0), 0, 1_800_000_000) >= law.share(1_800_000_000)


@given(laws)
def test_a_law_reads_back_from_its_text(law: Decay) -> None:
    assert law_from(law.spec()) == law
    assert law_from(json.dumps(law.spec())) == law
    assert hash(law_from(law.spec())) == hash(law)
    assert law_from(law) is law


@given(steps, ages)
def test_only_a_fixed_end_is_kept(law: Step, age: int) -> None:
    continued = law.continued(age)
    if not law.ends_fixed:
        assert continued == law
    elif age < law.parameters[0]:
        assert continued.age_below(1.0) == law.parameters[0] - age


def test_a_curve_has_at_most_1000_points_after_its_beginning() -> None:
    points = [(f"{n}s", 1 - n / 1000) for n in range(1, 1001)]
    assert Curve(points) == Curve([("0s", 1.0), *points])


@given(curves())
def test_a_curve_is_the_same_in_its_segments(law: Curve) -> None:
    for start, share, _ in law.segments:
        assert law.share(start) == share
    assert law.segments[-1][2] == 0.0


@given(lengths)
def test_a_duration_may_be_text_or_timedelta(length: int) -> None:
    assert Exponential(timedelta(microseconds=length)) == Exponential(length)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"law": "exponentail", "half_life": "3d"}, "did you mean 'exponential'"),
        ({"half_life": "3d"}, "there is no decay law None"),
        ({"law": ["exponential"]}, "there is no decay law"),
        ({"law": "exponential"}, "exponential takes half_life; the parameters given are: none"),
        ({"law": "exponential", "lifetime": "3d"}, "exponential takes half_life; the parameters given are: lifetime"),
        ({"law": "exponential", "half_life": "3d", "_length": 3}, "exponential takes half_life"),
        ({"law": "exponential", "half_life": "0s"}, "longer than 0s"),
        ({"law": "power", "scale": "3d", "exponent": 0}, "exponent must be above 0"),
        ({"law": "power", "scale": "3d", "exponent": math.nan}, "exponent must be above 0"),
        ({"law": "power", "scale": "3d", "exponent": "2"}, "exponent must be above 0"),
        ({"law": "step", "lasting": "3d", "fixed": "no"}, "fixed is true or false"),
        ({"law": "curve", "points": []}, "between 1 and 1000 points"),
        ({"law": "curve", "points": [["0s", 1.0]]}, "between 1 and 1000 points after age 0s, not 0"),
        ({"law": "curve", "points": [[f"{n}s", 0] for n in range(1, 1002)]}, "after age 0s, not 1,001"),
        ({"law": "curve", "points": 5}, "points are pairs"),
        ({"law": "curve", "points": [["1h"]]}, "points are pairs"),
        ({"law": "curve", "points": [["1h", "much"]]}, "points are pairs"),
        ({"law": "curve", "points": [["1h", math.nan]]}, "between 0 and 1, not nan"),
        ({"law": "curve", "points": [["1h", 1.5]]}, "between 0 and 1, not 1.5"),
        ({"law": "curve", "points": [["0s", 0.5], ["1h", 0.2]]}, "the share at age 0s must be 1, not 0.5"),
        ({"law": "curve", "points": [["1h", 0.5], ["1h", 0.2]]}, "ages must rise .*: 1h comes after 1h"),
        ({"law": "curve", "points": [["1h", 0.2], ["2h", 0.5]]}, "must not be higher than the share before it"),
        ({"law": "never", "half_life": "3d"}, "never takes no parameters; the parameters given are: half_life"),
        ("{broken", "not valid JSON"),
        ([], "a decay law is written like"),
        (3, "a decay law is written like"),
    ],
)
def test_an_invalid_law_is_refused_with_the_reason(spec: object, message: str) -> None:
    with pytest.raises(InvalidLaw, match=message):
        law_from(spec)  # type: ignore[arg-type]


def test_a_law_with_a_bare_number_is_refused() -> None:
    with pytest.raises(InvalidDuration, match="bare number"):
        law_from({"law": "exponential", "half_life": 3})


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(-(10**20), 10**20), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)


@given(
    st.sampled_from(["exponential", "linear", "power", "step", "curve", "never"]),
    st.dictionaries(
        st.sampled_from(["half_life", "lifetime", "scale", "exponent", "lasting", "fixed", "points", "x"]),
        st.one_of(JSON, st.sampled_from(["3d", "1h", [["1h", 0.5]]])),
        max_size=3,
    ),
)
def test_every_spec_is_a_law_or_is_refused(name: str, parameters: dict[str, object]) -> None:
    try:
        law = law_from({"law": name, **parameters})
    except UsageError:
        return
    assert law_from(law.spec()) == law


def test_the_text_of_a_law_names_its_parameters() -> None:
    assert str(Exponential("3d")) == "exponential(half_life=3d)"
    assert str(Step("36h", fixed=True)) == "step(lasting=1d12h, fixed=True)"
    assert str(Never()) == "never"
