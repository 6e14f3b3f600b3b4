"""A reason names the side of a condition that was met, with a value and a threshold that agree with it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard import Exponential, Never, count, strength, total
from blackboard.core.conditions.condition_types import Comparison, Condition
from blackboard.core.conditions.number_formats import digits_beside, exact_digits
from blackboard.durations import HOUR
from tests.support.world import World, kind, spec

KINDS = {
    "a": kind("a", Exponential("1h"), on_repeat="separate"),
    "b": kind("b", Exponential("30d"), on_repeat="add"),
    "c": kind("c", Never()),
}


def reasons(world: World) -> tuple[str, str, float, float]:
    """Return the reason in the agenda, that of the activation, and the value and threshold of the agenda."""
    [item] = world.board.agenda()
    [in_view] = world.sql("SELECT reason, value, threshold FROM agenda")
    text, _, number = item.reason.rpartition(" ")
    assert tuple(in_view)[1:] == (item.value, item.threshold)
    assert in_view[0].rpartition(" ")[0] == text
    assert float(in_view[0].rpartition(" ")[2]) == pytest.approx(float(number), rel=1e-14)  # it has 15 digits
    return item.reason, world.claimed("watchman").row.reason, item.value, item.threshold


@pytest.mark.parametrize(
    ("condition", "measure", "threshold"),
    [
        ((count("a") >= 2) | (strength("b") >= 0.9), 'strength("b")', 0.9),
        ((strength("b") >= 0.9) | (count("a") >= 2), 'strength("b")', 0.9),
        ((total("b") >= 0.5) | (strength("b") >= 0.5), 'total("b")', 0.5),
        (((total("b") >= 0.5) & (count("a") >= 1)) | (total("b") >= 0.7), 'total("b")', 0.7),
    ],
    ids=str,
)
def test_a_reason_names_the_side_that_was_met(
    world: World, condition: Condition, measure: str, threshold: float
) -> None:
    world.deploy(KINDS, spec("watchman", condition))
    world.put("b", intensity=0.99)
    in_agenda, in_activation, value, met = reasons(world)
    assert (value, met) == (0.99, threshold)
    assert in_agenda == f"{condition}: {measure} = 0.99"
    assert in_activation == f"{condition}: {measure} = 0.99 >= {threshold}"


def test_a_single_comparison_needs_no_name(world: World) -> None:
    world.deploy(KINDS, spec("watchman", strength("b") >= 0.9))
    world.put("b", intensity=0.99)
    assert reasons(world)[:2] == ('strength("b") >= 0.9: 0.99', 'strength("b") >= 0.9: 0.99 >= 0.9')


@pytest.mark.parametrize(
    "condition",
    [
        strength("a") < 0.5,
        total("b") < 0.5,
        total("b", over="board") < 0.5,
        (total("c") < 0.1) | (total("b") < 0.5),
        (total("b") < 0.5) & (count("a") < 1),
    ],
    ids=str,
)
@pytest.mark.parametrize("threshold", [0.5, 0.123456789, 1 / 3])
def test_the_numbers_of_a_fall_differ(world: World, condition: Any, threshold: float) -> None:
    text = str(condition).replace("0.5", repr(threshold))
    world.deploy(KINDS, spec("watchman", text))
    world.put("c")
    world.put("a" if '"b"' not in text else "b", intensity=2 * threshold)
    world.advance(40 * 24 * HOUR)
    world.fire_due()
    in_agenda, in_activation, value, met = reasons(world)
    assert value < met == threshold
    for reason in (in_agenda, in_activation):
        assert not reason.endswith(f": {threshold}")
    shown, limit = (float(number) for number in in_activation.rpartition(": ")[2].rpartition("= ")[2].split(" < "))
    assert shown < limit == threshold
    assert float(in_agenda.rpartition(": ")[2].rpartition("= ")[2]) < threshold


@pytest.mark.parametrize(
    ("value", "threshold", "text"),
    [
        (0.99, 0.9, "0.99 >= 0.9"),
        (1234.56, 2.0, "1235 >= 2"),
        (0.50004, 0.5, "0.50004 >= 0.5"),
        (0.5, 0.5, "0.5 >= 0.5"),
        (0.123456789, 0.123456789, "0.123456789 >= 0.123456789"),
        (0.49999999999, 0.5, "0.49999999999 >= 0.5"),
        (0.30000000000000004, 0.3, "0.30000000000000004 >= 0.3"),
    ],
)
def test_a_number_has_enough_digits_to_differ_from_its_threshold(value: float, threshold: float, text: str) -> None:
    assert Comparison(total("a"), ">=", threshold).text_of(value) == text


def test_a_threshold_beside_a_value_has_all_its_digits(world: World) -> None:
    world.deploy(KINDS, spec("watchman", strength("c") >= 0.1 + 0.2))
    world.put("c", "x", 0.3)
    [watch] = world.board.explain("watchman", "x").watches
    assert "is 0.3 of 0.30000000000000004" in watch.verdict


@given(st.floats(0, 1e12), st.floats(-1, 1))
def test_the_digits_of_a_value_and_a_threshold_compare_as_they_do(threshold: float, difference: float) -> None:
    for value in (threshold + difference, math.nextafter(threshold, math.inf), math.nextafter(threshold, -math.inf)):
        shown, beside = float(digits_beside(value, threshold)), float(exact_digits(threshold))
        assert (shown < beside, shown == beside) == (value < threshold, value == threshold)
