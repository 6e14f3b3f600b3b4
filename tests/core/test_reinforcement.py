"""Reinforcement: a repeated deposit follows the rule of its kind, and only `replace` can weaken a mark."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard.core.marks import reinforcement
from blackboard.core.marks.decay import Exponential, Linear, Never, Step
from blackboard.core.marks.fading_marks import FadingState
from blackboard.core.marks.kinds import Kind, OnRepeat
from blackboard.durations import HOUR
from tests.core.strategies import YEAR, instants, intensities, laws

joining = st.sampled_from([name for name in get_args(OnRepeat) if name != "separate"])


def kind(on_repeat: OnRepeat, cap: float | None = None, law: object = None) -> Kind:
    return Kind("smoke", law or Exponential("1h"), on_repeat=on_repeat, cap=cap)  # type: ignore[arg-type]


def reinforce(kind: Kind, old: FadingState | None, new: FadingState) -> FadingState | None:
    """Return the state after a deposit that is recorded when it occurs."""
    return reinforcement.join_states(kind, old, new, new.at)


def remaining(state: FadingState | None, now: int) -> float:
    assert state is not None
    return state.remaining(now)


@pytest.mark.parametrize("on_repeat", get_args(OnRepeat))
def test_the_first_deposit_sets_the_state(on_repeat: OnRepeat) -> None:
    new = FadingState(0.5, 0, Exponential("1h"))
    assert reinforce(kind(on_repeat), None, new) == new


def test_adding_starts_from_the_remaining_intensity_at_age_0() -> None:
    old, new = FadingState(1.0, 0, Exponential("1h")), FadingState(0.25, HOUR, Exponential("1h"))
    assert reinforce(kind("add"), old, new) == FadingState(0.75, HOUR, Exponential("1h"))


def test_adding_stops_at_the_cap() -> None:
    old, new = FadingState(1.0, 0, Never()), FadingState(5.0, HOUR, Never())
    assert remaining(reinforce(kind("add", cap=2.0), old, new), HOUR) == 2.0
    assert remaining(reinforce(kind("add", cap=2.0), None, new), HOUR) == 2.0


def test_adding_under_a_cap_that_was_lowered_does_not_weaken() -> None:
    old, new = FadingState(5.0, 0, Never()), FadingState(1.0, HOUR, Never())
    assert remaining(reinforce(kind("add", cap=2.0), old, new), HOUR) == 5.0


def test_max_compares_the_remaining_intensity() -> None:
    old = FadingState(1.0, 0, Exponential("1h"))
    assert reinforce(kind("max"), old, FadingState(0.5, HOUR, Exponential("1h"))) is None
    assert remaining(reinforce(kind("max"), old, FadingState(0.51, HOUR, Exponential("1h"))), HOUR) == 0.51


@pytest.mark.parametrize("intensity", [0.0, 0.3, 1.0])
def test_a_weaker_deposit_changes_nothing_even_on_an_old_step_mark(intensity: float) -> None:
    old = FadingState(1.0, 0, Step("1h"))
    assert reinforce(kind("max", law=Step("1h")), old, FadingState(intensity, HOUR - 1, Step("1h"))) is None


def test_a_deposit_that_is_not_stronger_after_the_cap_changes_nothing() -> None:
    assert reinforce(kind("max", cap=1.0), FadingState(1.0, 0, Never()), FadingState(9.0, HOUR, Never())) is None


def test_replace_may_weaken() -> None:
    new = FadingState(0.1, HOUR, Exponential("1h"))
    assert reinforce(kind("replace"), FadingState(1.0, 0, Never()), new) == new


def test_repeats_keep_a_fixed_end() -> None:
    law = Step("3h", fixed=True)
    smoke = kind("add", law=law)
    state: FadingState | None = FadingState(1.0, 0, law)
    for hour in (1, 2):
        state = reinforce(smoke, state, FadingState(1.0, hour * HOUR, law))
        assert state is not None
        assert state.evaporates_at(smoke) == 3 * HOUR
    assert remaining(state, 3 * HOUR - 1) == 3.0
    assert remaining(state, 3 * HOUR) == 0.0


def test_a_step_that_is_not_fixed_restarts() -> None:
    law = Step("3h")
    joined = reinforce(kind("max", law=law), FadingState(1.0, 0, law), FadingState(2.0, HOUR, law))
    assert joined is not None
    assert joined.evaporates_at(kind("max")) == 4 * HOUR


def test_before_the_instant_of_its_state_a_mark_has_full_intensity() -> None:
    assert FadingState(0.5, HOUR, Linear("1h")).remaining(0) == 0.5


states = st.builds(FadingState, intensities, instants, laws)


@given(joining, states, intensities, laws, st.integers(0, YEAR), st.one_of(st.none(), intensities))
def test_only_replace_weakens(
    on_repeat: OnRepeat, old: FadingState, intensity: float, law: object, later: int, cap: float | None
) -> None:
    now = old.at + later
    new = FadingState(intensity, now, law)  # type: ignore[arg-type]
    joined = reinforce(kind(on_repeat, cap), old, new)
    after = remaining(joined or old, now)
    if on_repeat == "replace":
        assert after == min(intensity, cap or intensity)
        return
    assert after >= old.remaining(now)
    assert after >= min(intensity, cap or intensity)
    if on_repeat == "max":
        assert after == max(old.remaining(now), min(intensity, cap or intensity))
    if cap is None and on_repeat == "add":
        assert after == pytest.approx(old.remaining(now) + intensity)


@given(st.sampled_from(["add", "max"]), states, states, st.booleans())
def test_a_reinforced_mark_keeps_its_law_or_its_fixed_end(
    on_repeat: OnRepeat, old: FadingState, new: FadingState, fixed: bool
) -> None:
    if fixed:
        old = FadingState(old.intensity, old.at, Step("1000d", fixed=True))
    new = FadingState(new.intensity, max(old.at, new.at), new.law)
    joined = reinforce(kind(on_repeat), old, new)
    if joined is None:
        return
    if fixed and new.at < old.at + 1000 * 24 * HOUR:
        assert joined.evaporates_at(kind(on_repeat)) == old.evaporates_at(kind(on_repeat))
    elif not fixed:
        assert joined.law == old.law


@given(states, states)
def test_replace_takes_the_law_of_the_deposit(old: FadingState, new: FadingState) -> None:
    assert reinforce(kind("replace"), old, new) == new
