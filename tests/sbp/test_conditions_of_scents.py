"""Conditions of scents measure what is on the board: the public cases hold to 1e-9, and so do those of their parts."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard import Blackboard, Curve, Decay, Exponential, Linear, Never
from blackboard.durations import Microseconds
from blackboard.server.sbp.sbp_errors import SbpError
from blackboard.server.sbp.scents.board_observations import EmissionReader, observe_board
from blackboard.server.sbp.scents.condition_evaluation import (
    EmissionRecord,
    Evaluation,
    FadingPheromone,
    Observation,
    TraceValue,
)
from blackboard.server.sbp.scents.condition_forecasts import MAX_FORECAST, next_change
from blackboard.server.sbp.scents.scent_conditions import condition_of
from tests.sbp.emissions import emit, pass_time

IMMORTAL = {"type": "immortal"}
URGENT: dict[str, Any] = {"tags": {"all": ["urgent"]}}
FAST = {"type": "exponential", "half_life_ms": 10}

CASES: tuple[tuple[str, tuple[str, str, float], dict[str, Any], list[dict[str, Any]], bool, float], ...] = (
    ("sum_met", ("sum", ">=", 0.5), {}, [{"intensity": 0.3}, {"intensity": 0.4}], True, 0.7),
    ("max_not_met", ("max", ">=", 0.5), {}, [{"intensity": 0.3}, {"intensity": 0.4}], False, 0.4),
    ("avg", ("avg", ">", 0.3), {}, [{"intensity": 0.2}, {"intensity": 0.4}, {"intensity": 0.6}], True, 0.4),
    ("count", ("count", ">=", 3), {}, [{"intensity": 0.1}, {"intensity": 0.1}, {"intensity": 0.1}], True, 3),
    ("any", ("any", ">=", 1), {}, [{"intensity": 0.05}], True, 1),
    ("tags_exclude_others", ("sum", ">=", 0.5), URGENT,
     [{"intensity": 0.4, "tags": ["urgent"]}, {"intensity": 0.4, "tags": ["other"]}], False, 0.4),
    ("evaporated_excluded", ("sum", ">=", 0.1), {}, [{"intensity": 0.9, "decay": FAST, "elapsed": 1000}], False, 0),
    ("no_matching_trail", ("sum", ">=", 0.1), {}, [{"intensity": 0.9, "trail": "other"}], False, 0),
)  # fmt: skip


def threshold(aggregation: str, operator: str, value: float, **fields: Any) -> dict[str, Any]:
    found = {"type": "threshold", "trail": "t", "signal_type": "e", "aggregation": aggregation}
    return {**found, "operator": operator, "value": value, **fields}


def measured(board: Blackboard, condition: dict[str, Any]) -> Evaluation:
    seen, now = observe_board(board)
    return seen.evaluate(condition_of(condition), now)


@pytest.mark.postgresql
@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_public_case_of_triggers_holds(sbp_board: Blackboard, case: tuple[Any, ...]) -> None:
    _, compared, fields, pheromones, met, value = case
    for pheromone in pheromones:
        elapsed = pheromone.get("elapsed", 0)
        given_fields = {name: item for name, item in pheromone.items() if name != "elapsed"}
        emit(sbp_board, **{"decay": IMMORTAL, "merge_strategy": "new", **given_fields})
        pass_time(sbp_board, elapsed)
    found = measured(sbp_board, threshold(*compared, **fields))
    assert found.met is met
    assert found.value == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(
    ("operator", "value", "met"),
    [(">=", 0.5, True), (">", 0.5, False), ("<=", 0.5, True), ("<", 0.5, False), ("==", 0.5, True), ("!=", 0.5, False)],
)
def test_each_operator_compares(sbp_board: Blackboard, operator: str, value: float, met: bool) -> None:
    emit(sbp_board, 0.5, decay=IMMORTAL)
    assert measured(sbp_board, threshold("max", operator, value)).met is met


def test_a_star_stands_for_every_type_of_a_trail(sbp_board: Blackboard) -> None:
    emit(sbp_board, 0.3, decay=IMMORTAL)
    emit(sbp_board, 0.3, type="f", decay=IMMORTAL)
    assert measured(sbp_board, threshold("count", "==", 2, signal_type="*")).met


def test_composite_conditions_combine_and_negate_their_parts(sbp_board: Blackboard) -> None:
    emit(sbp_board, 0.5, decay=IMMORTAL)
    there, missing = threshold("any", ">=", 1), threshold("any", ">=", 1, trail="nowhere")
    for operator, conditions, met, value in (
        ("and", [there, there], True, 2),
        ("and", [there, missing], False, 1),
        ("or", [missing, there], True, 1),
        ("or", [missing], False, 0),
        ("not", [missing], True, 0),
        ("not", [{"type": "composite", "operator": "not", "conditions": [there]}], True, 0),
    ):
        found = measured(sbp_board, {"type": "composite", "operator": operator, "conditions": conditions})
        assert (found.met, found.value) == (met, value)


def test_a_rate_counts_the_emissions_of_a_window(sbp_board: Blackboard) -> None:
    reader = EmissionReader(sbp_board)
    rate = {"type": "rate", "trail": "t", "signal_type": "e", "metric": "emissions_per_second", "window_ms": 1000}
    for _ in range(3):
        emit(sbp_board, 0.5)  # joins the pheromone, and is an emission still
        pass_time(sbp_board, 100)
    assert reader.read()
    seen, now = observe_board(sbp_board, reader.recent(0))
    condition = condition_of({**rate, "operator": ">=", "value": 3})
    assert seen.evaluate(condition, now) == Evaluation(True, 3.0)
    change = next_change(condition, seen, now)
    assert change == now + 700_001
    assert seen.evaluate(condition, change - 1).met
    assert not seen.evaluate(condition, change).met
    assert not reader.read()


def test_a_reader_finds_the_emissions_before_its_start(sbp_board: Blackboard) -> None:
    emit(sbp_board, 0.5)
    reader = EmissionReader(sbp_board)
    reader.read()
    assert [found.type for found in reader.recent(0)] == ["e"]


@pytest.mark.parametrize(
    ("order", "is_ordered", "window", "met"),
    [("123", True, 1000, True), ("312", True, 1000, False), ("312", False, 1000, True), ("123", True, 150, False)],
)
def test_a_pattern_finds_emissions_in_their_order_or_in_any(
    order: str, is_ordered: bool, window: int, met: bool
) -> None:
    emissions = [EmissionRecord(at, "p", f"step-{name}") for at, name in zip(count(0, 100_000), order, strict=False)]
    steps = [{"trail": "p", "signal_type": f"step-{name}"} for name in "123"]
    condition = condition_of({"type": "pattern", "sequence": steps, "window_ms": window, "ordered": is_ordered})
    assert Observation(emissions=emissions).evaluate(condition, 300_000).met is met


@pytest.mark.parametrize(
    ("operator", "fields", "met"),
    [
        ("exists", {}, True),
        ("exists", {"key": "nowhere"}, False),
        ("exists", {"key": "*"}, True),
        ("not_exists", {}, False),
        ("not_exists", {"trail": "nowhere", "key": "*"}, True),
        ("value_eq", {"field": "mode.level", "expected": 3}, True),
        ("value_eq", {"field": "mode.level", "expected": 4}, False),
        ("value_eq", {"field": "mode", "expected": {"level": 3}}, True),
        ("value_eq", {"field": "mode.level.x", "expected": 3}, False),
        ("value_eq", {"field": "mode.level"}, False),
        ("value_neq", {"field": "mode.level", "expected": 4}, True),
        ("value_neq", {"field": "mode.level", "expected": 3}, False),
        ("value_neq", {"key": "nowhere", "field": "mode.level", "expected": 3}, False),
    ],
)
def test_a_trace_is_there_or_has_a_value(operator: str, fields: dict[str, Any], met: bool) -> None:
    seen = Observation(traces=[TraceValue("config", "risk", {"mode": {"level": 3}})])
    condition = condition_of({"type": "trace", "trail": "config", "key": "risk", "operator": operator, **fields})
    assert seen.evaluate(condition, 0).met is met


@pytest.mark.parametrize(
    "condition",
    [
        {"type": "nonsense"},
        threshold("median", ">=", 1),
        threshold("max", "=>", 1),
        {"type": "composite", "operator": "not", "conditions": [threshold("max", ">", 1), threshold("max", ">", 1)]},
        {"type": "composite", "operator": "and", "conditions": []},
        {"type": "composite", "operator": "or", "conditions": [
            {"type": "composite", "operator": "or", "conditions": [threshold("max", ">", 1)] * 60}] * 2},
        {"type": "rate", "trail": "t", "signal_type": "e", "metric": "intensity_delta", "window_ms": 1, "value": 1},
        {"type": "rate", "trail": "t", "signal_type": "e", "metric": "emissions_per_second", "window_ms": 1e9,
         "value": 1},
    ],
)  # fmt: skip
def test_a_condition_that_cannot_be_carried_is_refused(condition: dict[str, Any]) -> None:
    with pytest.raises(SbpError) as raised:
        condition_of(condition)
    assert raised.value.code == -32006


LAWS: st.SearchStrategy[Decay] = st.one_of(
    st.builds(lambda length: Exponential(Microseconds(length)), st.integers(1_000, 10_000_000)),
    st.builds(lambda length: Linear(Microseconds(length)), st.integers(1_000, 10_000_000)),
    st.builds(lambda at: Curve([(Microseconds(at), 1.0), (Microseconds(at + 1), 0.4)]), st.integers(1_000, 5_000_000)),
    st.just(Never()),
)


@st.composite
def pheromones(draw: st.DrawFn) -> list[FadingPheromone]:
    found = []
    for number in range(draw(st.integers(0, 4))):
        law, intensity = draw(LAWS), draw(st.floats(0.02, 1))
        life = law.age_below(0.01 / intensity)
        found.append(FadingPheromone(number, "t", "e", (), intensity, law, 0, life))
    return found


@given(
    pheromones(),
    st.sampled_from(["sum", "max", "avg", "count", "any"]),
    st.sampled_from([">=", ">", "<=", "<", "==", "!="]),
    st.floats(0, 2),
)
def test_nothing_changes_before_the_instant_that_is_forecast(
    found: list[FadingPheromone], aggregation: str, operator: str, value: float
) -> None:
    seen, condition = Observation(pheromones=found), condition_of(threshold(aggregation, operator, value))
    change = next_change(condition, seen, 0)
    if change is not None:
        assert 0 < change <= MAX_FORECAST
    end = MAX_FORECAST if change is None else change - 1
    before = seen.evaluate(condition, 0).met
    assert {seen.evaluate(condition, end * step // 50).met for step in range(51)} == {before}
