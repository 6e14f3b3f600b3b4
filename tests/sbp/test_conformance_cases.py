"""The 35 conformance cases of the reference server, one by one. docs/sbp.md lists those that differ."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard
from blackboard.server.sbp.sbp_methods import board_overview
from blackboard.server.sbp.sbp_parameters import Inspection
from blackboard.server.sbp.scents.board_observations import observe_board
from blackboard.server.sbp.scents.condition_evaluation import EmissionRecord, Observation
from blackboard.server.sbp.scents.scent_conditions import condition_of
from blackboard.server.sbp.scents.scent_states import ScentRules, ScentState
from tests.sbp.emissions import emit, intensity, pass_time, sniff
from tests.sbp.unfading_pheromones import one_pheromone

PAGE = Path(__file__).parents[2] / "docs/sbp.md"
IMMORTAL = {"type": "immortal"}
TEN_SECONDS = {"type": "exponential", "half_life_ms": 10_000}
SLOW = {"type": "linear", "rate_per_ms": 0.0001}
STEPS = {
    "type": "step",
    "steps": [{"at_ms": at, "intensity": level} for at, level in ((0, 1.0), (5000, 0.7), (10_000, 0.3), (20_000, 0.0))],
}
Case = Callable[[Blackboard], object]


def fades(decay: Mapping[str, Any], initial: float, *expected: tuple[float, float]) -> Case:
    """Return a case: a pheromone has certain intensities after certain milliseconds."""

    def case(board: Blackboard) -> None:
        emit(board, initial, decay=decay)
        passed = 0.0
        for at, level in expected:
            pass_time(board, at - passed)
            passed = at
            assert intensity(board) == pytest.approx(level, abs=1e-9)

    return case


def evaporates(board: Blackboard) -> None:
    emit(board, 0.1, decay={"type": "linear", "rate_per_ms": 0.001})
    pass_time(board, 100)
    assert sniff(board) == []


def stays(board: Blackboard) -> None:
    emit(board, 1.0, decay={"type": "exponential", "half_life_ms": 100_000})
    pass_time(board, 1000)
    assert len(sniff(board)) == 1


def merges(first: Mapping[str, Any], second: Mapping[str, Any], action: str, *, highest: float, lowest: float) -> Case:
    """Return a case: the second of two emissions is an action, with an intensity in a range."""

    def case(board: Blackboard) -> None:
        assert emit(board, **first)["action"] == "created"
        answer = emit(board, **second)
        assert answer["action"] == action
        assert lowest <= answer["new_intensity"] <= highest

    return case


def replaces(board: Blackboard) -> None:
    emit(board, 0.5, payload={"data": "original"}, tags=["tag1"])
    answer = emit(board, 0.7, payload={"data": "original"}, tags=["tag2"], merge_strategy="replace")
    assert (answer["action"], sniff(board)[0]["tags"]) == ("replaced", ["tag2"])


def creates(board: Blackboard) -> None:
    first, second = (emit(board, 0.5, merge_strategy="new") for _ in range(2))
    assert first["pheromone_id"] != second["pheromone_id"]
    assert second["action"] == "created"


def threshold(trail: str, type_: str, aggregation: str, operator: str, value: float) -> dict[str, Any]:
    found = {"type": "threshold", "trail": trail, "signal_type": type_, "aggregation": aggregation}
    return {**found, "operator": operator, "value": value}


def composite(operator: str, *conditions: dict[str, Any]) -> dict[str, Any]:
    return {"type": "composite", "operator": operator, "conditions": list(conditions)}


def measures(condition: dict[str, Any], *, met: bool, value: float | None = None) -> Case:
    """Return a case: a condition about three pheromones is met or not."""

    def case(board: Blackboard) -> None:
        for trail, type_, level in (("a", "alert", 0.8), ("a", "alert", 0.3), ("b", "data", 0.5)):
            emit(board, level, trail=trail, type=type_, decay=TEN_SECONDS, merge_strategy="new")
        seen, now = observe_board(board)
        found = seen.evaluate(condition_of(condition), now)
        assert found.met is met
        assert value is None or found.value == pytest.approx(value)

    return case


def follows(condition: dict[str, Any], emissions: Mapping[int, str], *, met: bool, value: float | None = None) -> Case:
    """Return a case: a condition about emissions, given by their ages in milliseconds, is met or not."""

    def case(board: Blackboard) -> None:
        now = 10_000_000
        records = [
            EmissionRecord(now - age * 1000, *name.split("/")) for age, name in sorted(emissions.items(), reverse=True)
        ]
        found = Observation(emissions=records).evaluate(condition_of(condition), now)
        assert found.met is met
        assert value is None or found.value == pytest.approx(value)

    return case


def pattern(*names: str, window: int = 1000, ordered: bool = True) -> dict[str, Any]:
    steps = [dict(zip(("trail", "signal_type"), name.split("/"), strict=True)) for name in names]
    return {"type": "pattern", "sequence": steps, "window_ms": window, "ordered": ordered}


def finds(tags: Mapping[str, list[str]], types: str) -> Case:
    """Return a case: a filter of tags finds the pheromones of certain types."""

    def case(board: Blackboard) -> None:
        for type_, level, given in (("a", 0.8, ["urgent", "finance"]), ("b", 0.6, ["routine"]),
                                    ("c", 0.9, ["urgent", "health"])):  # fmt: skip
            emit(board, level, type=type_, tags=given, merge_strategy="new")
        assert "".join(sorted(found["type"] for found in sniff(board, tags=dict(tags)))) == types

    return case


def rests(board: Blackboard) -> None:
    rules = ScentRules(condition_of(threshold("t", "e", "any", ">=", 0.1)), "level", 500_000, 0.0)
    seen = Observation(pheromones=one_pheromone(0.8))
    state, fires = ScentState().after(rules, seen.evaluate(rules.condition, 0), 0)
    assert fires
    assert state.in_cooldown_until(rules) > 500_000  # the case asks for 500 ms, and the server rests for 1 s


def rises(board: Blackboard) -> None:
    rules = ScentRules(condition_of(threshold("t", "e", "any", ">=", 0.5)), "edge_rising", 0, 0.0)
    state, fired = ScentState(), []
    for now, pheromones in enumerate(((), one_pheromone(0.8), one_pheromone(0.8))):
        result = Observation(pheromones=pheromones).evaluate(rules.condition, now)
        state, fires = state.after(rules, result, now)
        fired.append(fires)
    assert fired == [False, True, False]


def is_collected(board: Blackboard) -> None:
    emit(board, 0.1, decay={"type": "linear", "rate_per_ms": 0.01})
    counted = board_overview(board, Inspection(include=["stats"]), 0)["stats"]
    assert counted["total_pheromones"] == 1
    pass_time(board, 50)
    assert board_overview(board, Inspection(include=["stats"]), 0)["stats"]["total_pheromones"] == 0


PIPELINE = ("pipeline/step-1", "pipeline/step-2", "pipeline/step-3")
WRONG = {300: PIPELINE[2], 200: PIPELINE[0], 100: PIPELINE[1]}
RATE = {"type": "rate", "trail": "a", "signal_type": "alert", "metric": "emissions_per_second", "window_ms": 1000,
        "operator": ">=", "value": 2.0}  # fmt: skip
HIGH = {"intensity": 0.9, "merge_strategy": "max"}

CASES: Mapping[str, Case] = {
    "exponential: full at 0": fades(TEN_SECONDS, 1.0, (0, 1.0)),
    "exponential: half after a half-life": fades(TEN_SECONDS, 1.0, (10_000, 0.5)),
    "exponential: a quarter after two": fades(TEN_SECONDS, 1.0, (20_000, 0.25)),
    "exponential: from another intensity": fades(TEN_SECONDS, 0.6, (0, 0.6), (10_000, 0.3)),
    "linear: full at 0": fades(SLOW, 1.0, (0, 1.0)),
    "linear: falls evenly": fades(SLOW, 1.0, (5000, 0.5)),
    "linear: never below 0": fades(SLOW, 1.0, (20_000, 0.0)),
    "step: at each boundary": fades(STEPS, 1.0, (0, 1.0), (5000, 0.7), (10_000, 0.3), (20_000, 0.0)),
    "step: between boundaries": fades(STEPS, 1.0, (7500, 0.7), (15_000, 0.3)),
    "immortal: never fades": fades(IMMORTAL, 0.8, (0, 0.8), (999_999_999, 0.8)),
    "evaporation: below the floor": evaporates,
    "evaporation: not above the floor": stays,
    "reinforce: resets the clock": merges(
        {"intensity": 0.8, "merge_strategy": "new"}, {"intensity": 0.9}, "reinforced", lowest=0.9, highest=0.9
    ),
    "replace: payload and tags": replaces,
    "max: the higher": merges({"intensity": 0.3, "merge_strategy": "new"}, HIGH, "merged", lowest=0.9, highest=1.0),
    "add: up to 1": merges(
        {"intensity": 0.7, "merge_strategy": "new"},
        {"intensity": 0.5, "merge_strategy": "add"}, "merged", lowest=1.0, highest=1.0,
    ),
    "new: always another": creates,
    "threshold: sum": measures(threshold("a", "alert", "sum", ">=", 1.0), met=True, value=1.1),
    "threshold: max": measures(threshold("a", "alert", "max", ">=", 0.7), met=True, value=0.8),
    "threshold: count": measures(threshold("a", "alert", "count", "==", 2), met=True),
    "threshold: not met": measures(threshold("a", "alert", "sum", ">=", 5.0), met=False),
    "composite: and": measures(
        composite("and", threshold("a", "alert", "any", ">=", 0.1), threshold("b", "data", "any", ">=", 0.1)), met=True
    ),
    "composite: or": measures(
        composite("or", threshold("no", "test", "any", ">=", 1.0), threshold("a", "alert", "any", ">=", 0.1)), met=True
    ),
    "composite: not": measures(composite("not", threshold("no", "test", "any", ">=", 1.0)), met=True),
    "rate: emissions per second": follows(RATE, dict.fromkeys((100, 200, 300), "a/alert"), met=True, value=3.0),
    "pattern: in order": follows(pattern(*PIPELINE), dict(zip((300, 200, 100), PIPELINE, strict=True)), met=True),
    "pattern: wrong order": follows(pattern(*PIPELINE), WRONG, met=False),
    "pattern: any order": follows(pattern(*PIPELINE, ordered=False), WRONG, met=True),
    "pattern: outside the window": follows(pattern(PIPELINE[0], window=100), {200: PIPELINE[0]}, met=False),
    "tags: any": finds({"any": ["finance"]}, "a"),
    "tags: all": finds({"all": ["urgent", "finance"]}, "a"),
    "tags: none": finds({"none": ["urgent"]}, "b"),
    "scent: cooldown": rests,
    "scent: rising edge": rises,
    "garbage collection": is_collected,
}  # fmt: skip


@pytest.mark.postgresql
@pytest.mark.parametrize("name", CASES)
def test_a_conformance_case_of_the_reference_server_holds(sbp_board: Blackboard, name: str) -> None:
    CASES[name](sbp_board)


def test_the_page_lists_the_cases_that_differ() -> None:
    section = PAGE.read_text("utf-8").partition("## Conformance")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| ([^|:]+(?:: [^|]+)?) \| (?:passes|differs)", section, re.MULTILINE)
    assert listed == [name for name in CASES if name in listed]
    assert f"{len(CASES)}\nconformance cases" in section
