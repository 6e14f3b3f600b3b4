"""A scent fires at a level or an edge, and fires at an edge again only after its value has left the band."""

from __future__ import annotations

from typing import Literal

import pytest

from blackboard.server.sbp.scents.condition_evaluation import Observation
from blackboard.server.sbp.scents.scent_conditions import condition_of
from blackboard.server.sbp.scents.scent_states import MIN_COOLDOWN, ScentRules, ScentState
from tests.sbp.unfading_pheromones import one_pheromone

Mode = Literal["level", "edge_rising", "edge_falling"]


def fired(
    mode: Mode, values: list[float], *, operator: str = ">=", hysteresis: float = 0.0, cooldown: int = 0
) -> list[bool]:
    """Return whether a scent fires at each of some values, one second apart. What it rests through is not measured."""
    fields = {"type": "threshold", "trail": "t", "signal_type": "e", "operator": operator, "value": 0.5}
    rules = ScentRules(condition_of(fields), mode, cooldown, hysteresis)
    state, found = ScentState(), []
    for second, value in enumerate(values, 1):
        now, fires = second * 1_000_000, False
        if now >= state.in_cooldown_until(rules):
            result = Observation(pheromones=one_pheromone(value)).evaluate(rules.condition, now)
            state, fires = state.after(rules, result, now)
        found.append(fires)
    return found


def test_a_level_fires_as_long_as_it_is_met_and_rests_in_between() -> None:
    assert fired("level", [0.4, 0.6, 0.6, 0.4, 0.6]) == [False, True, True, False, True]
    assert fired("level", [0.6] * 6, cooldown=3_000_000) == [True, False, False, True, False, False]
    assert fired("level", [0.6] * 3, hysteresis=0.2) == [True] * 3


def test_a_level_rests_for_a_second_at_least() -> None:
    rules = ScentRules(condition_of({"type": "pattern", "sequence": [{"trail": "t", "signal_type": "e"}],
                                     "window_ms": 1}), "level", 0, 0.0)  # fmt: skip
    assert rules.effective_cooldown == MIN_COOLDOWN == 1_000_000


def test_an_edge_fires_at_its_transition_only() -> None:
    assert fired("edge_rising", [0.4, 0.6, 0.7, 0.4, 0.6]) == [False, True, False, False, True]
    assert fired("edge_falling", [0.4, 0.6, 0.7, 0.4, 0.3]) == [False, False, False, True, False]
    assert fired("edge_rising", [0.6]) == [True]


def test_an_edge_in_a_rest_is_compared_with_what_was_seen_before_it() -> None:
    assert fired("edge_rising", [0.6, 0.4, 0.6, 0.4, 0.6], cooldown=2_000_000) == [True, False, False, False, True]


@pytest.mark.parametrize(
    ("mode", "operator", "values", "expected"),
    [
        ("edge_rising", ">=", [0.6, 0.45, 0.6, 0.3, 0.6], [True, False, False, False, True]),
        ("edge_falling", ">=", [0.6, 0.4, 0.55, 0.4, 0.8, 0.4], [False, True, False, False, False, True]),
        ("edge_rising", "<=", [0.4, 0.55, 0.4, 0.8, 0.4], [True, False, False, False, True]),
        ("edge_falling", "<=", [0.4, 0.6, 0.45, 0.6, 0.2, 0.6], [False, True, False, False, False, True]),
        ("edge_rising", "==", [0.5, 0.55, 0.5], [True, False, True]),
    ],
)
def test_with_hysteresis_the_value_must_leave_the_band(
    mode: Mode, operator: str, values: list[float], expected: list[bool]
) -> None:
    assert fired(mode, values, operator=operator, hysteresis=0.1) == expected
