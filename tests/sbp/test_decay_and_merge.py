"""Decay models and merge strategies are carried exactly: the public cases of the protocol hold to 1e-9."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from blackboard import Blackboard
from blackboard.core.specs.deployment import Deployment
from blackboard.server.sbp.sbp_marks import Pheromone
from tests.sbp.emissions import emit, intensity, pass_time, sniff

SECOND_HALF_LIFE = {"type": "exponential", "half_life_ms": 1000}
LINEAR = {"type": "linear", "rate_per_ms": 0.001}
STEPS = {"type": "step", "steps": [[0, 1.0], [1000, 0.5], [2000, 0.0]]}
IMMORTAL = {"type": "immortal"}

DECAY: tuple[tuple[str, dict[str, Any], float, int, float], ...] = (
    ("exponential_at_zero_elapsed", SECOND_HALF_LIFE, 1.0, 0, 1.0),
    ("exponential_at_one_half_life", SECOND_HALF_LIFE, 1.0, 1000, 0.5),
    ("exponential_at_two_half_lives", SECOND_HALF_LIFE, 1.0, 2000, 0.25),
    ("linear_at_half_elapsed", LINEAR, 1.0, 500, 0.5),
    ("linear_clamps_at_zero", LINEAR, 1.0, 2000, 0.0),
    ("step_holds_before_next_boundary", STEPS, 1.0, 500, 1.0),
    ("step_after_first_boundary", STEPS, 1.0, 1500, 0.5),
    ("step_clamps_into_initial_intensity", {"type": "step", "steps": [[0, 2.0]]}, 0.5, 0, 0.5),
    ("immortal_never_decays", IMMORTAL, 0.7, 999_999_999, 0.7),
    ("respects_reduced_initial_intensity", SECOND_HALF_LIFE, 0.6, 1000, 0.3),
)
MERGE: tuple[tuple[str, float, dict[str, Any], int, float, str, float], ...] = (
    ("reinforce_never_lowers_lower_on_top", 0.8, IMMORTAL, 0, 0.3, "reinforce", 0.8),
    ("reinforce_takes_higher_emitted_value", 0.3, IMMORTAL, 0, 0.8, "reinforce", 0.8),
    ("reinforce_floors_at_decayed_current", 0.9, SECOND_HALF_LIFE, 1000, 0.3, "reinforce", 0.45),
    ("replace_can_lower_intensity", 0.8, IMMORTAL, 0, 0.3, "replace", 0.3),
    ("add_sums_intensities", 0.2, IMMORTAL, 0, 0.3, "add", 0.5),
    ("add_saturates_at_one", 0.7, IMMORTAL, 0, 0.5, "add", 1.0),
)


def model(given: dict[str, Any]) -> dict[str, Any]:
    steps = [{"at_ms": at, "intensity": value} for at, value in given.get("steps", ())]
    return given | ({"steps": steps} if steps else {})


@pytest.mark.postgresql
@pytest.mark.parametrize("case", DECAY, ids=lambda case: case[0])
def test_a_public_case_of_decay_holds(sbp_board: Blackboard, case: tuple[Any, ...]) -> None:
    _, decay, initial, elapsed, expected = case
    emit(sbp_board, initial, decay=model(decay))
    pass_time(sbp_board, elapsed)
    assert intensity(sbp_board) == pytest.approx(expected, abs=1e-9)


@pytest.mark.postgresql
@pytest.mark.parametrize("case", MERGE, ids=lambda case: case[0])
def test_a_public_case_of_merging_holds(sbp_board: Blackboard, case: tuple[Any, ...]) -> None:
    _, existing, decay, elapsed, emitted, strategy, expected = case
    emit(sbp_board, existing, decay=model(decay))
    pass_time(sbp_board, elapsed)
    answer = emit(sbp_board, emitted, merge_strategy=strategy)
    assert answer["new_intensity"] == pytest.approx(expected, abs=1e-9)
    assert intensity(sbp_board) == pytest.approx(expected, abs=1e-9)


def test_each_step_holds_up_to_the_microsecond_before_the_next(sbp_board: Blackboard) -> None:
    levels = [(0, 0.9), (5000, 0.7), (10_000, 0.3), (20_000, 0.0)]
    emit(sbp_board, 0.9, decay=model({"type": "step", "steps": levels}))
    pass_time(sbp_board, 4999.999)
    assert intensity(sbp_board) == pytest.approx(0.9, abs=1e-9)
    pass_time(sbp_board, 0.001)
    assert intensity(sbp_board) == pytest.approx(0.7, abs=1e-9)
    pass_time(sbp_board, 4999.999)
    assert intensity(sbp_board) == pytest.approx(0.7, abs=1e-9)
    pass_time(sbp_board, 0.001)
    assert intensity(sbp_board) == pytest.approx(0.3, abs=1e-9)
    pass_time(sbp_board, 10_000)
    assert sniff(sbp_board) == []


@pytest.mark.postgresql
@pytest.mark.parametrize("decay", [LINEAR, STEPS], ids=["linear", "step"])
def test_a_merged_pheromone_fades_by_its_model_from_its_new_intensity(
    sbp_board: Blackboard, decay: dict[str, Any]
) -> None:
    emit(sbp_board, 0.9, decay=model(decay))
    pass_time(sbp_board, 100)
    emit(sbp_board, 0.6, decay=IMMORTAL, merge_strategy="replace")
    pass_time(sbp_board, 400)
    assert intensity(sbp_board) == pytest.approx(0.2 if decay is LINEAR else 0.6, abs=1e-9)
    pass_time(sbp_board, 600)
    assert intensity(sbp_board) == pytest.approx(0.0 if decay is LINEAR else 0.5, abs=1e-9)


def test_an_emission_joins_the_oldest_pheromone_of_its_trail_type_and_payload(sbp_board: Blackboard) -> None:
    first = emit(sbp_board, 0.5, payload={"a": 1, "b": {"c": [1, 2]}}, merge_strategy="new")
    second = emit(sbp_board, 0.5, payload={"b": {"c": [1, 2]}, "a": 1}, merge_strategy="new")
    other = emit(sbp_board, 0.5, payload={"a": 1, "b": {"c": [2, 1]}})
    joined = emit(sbp_board, 0.9, payload={"b": {"c": [1, 2]}, "a": 1}, merge_strategy="max")
    assert joined["pheromone_id"] == first["pheromone_id"] != second["pheromone_id"] != other["pheromone_id"]
    assert (joined["action"], len(sniff(sbp_board))) == ("merged", 3)


def test_only_a_replacement_changes_tags_and_no_emission_changes_the_decay_model(sbp_board: Blackboard) -> None:
    emit(sbp_board, 0.5, tags=["one"], decay=IMMORTAL, source_agent="first")
    emit(sbp_board, 0.6, tags=["two"], decay=SECOND_HALF_LIFE, source_agent="second")
    assert [(found["tags"], found["source_agent"]) for found in sniff(sbp_board)] == [(["one"], "first")]
    emit(sbp_board, 0.6, tags=["two"], decay=SECOND_HALF_LIFE, source_agent="second", merge_strategy="replace")
    assert [(found["tags"], found["source_agent"]) for found in sniff(sbp_board)] == [(["two"], "second")]
    pass_time(sbp_board, 100_000)
    assert intensity(sbp_board) == pytest.approx(0.6)


def test_the_trust_in_an_author_and_the_weight_of_the_kind_do_not_add_up(sbp_board: Blackboard) -> None:
    emit(sbp_board, 0.8, decay=IMMORTAL)
    known = sbp_board.deployment
    kinds = {**known.kinds, Pheromone.kind: known.kinds[Pheromone.kind].model_copy(update={"weight": 3.0})}
    sbp_board.deploy(Deployment(kinds=kinds, trust={"sbp": 0.5}))
    assert emit(sbp_board, 0.2)["new_intensity"] == pytest.approx(0.8)
    assert emit(sbp_board, 0.2, merge_strategy="add")["new_intensity"] == pytest.approx(0.9)
    assert emit(sbp_board, 0.2, merge_strategy="replace")["new_intensity"] == pytest.approx(0.1)
    assert intensity(sbp_board) == pytest.approx(0.1)


@pytest.mark.parametrize(
    "steps",
    [[], [[0, 0.5], [0, 0.4]], [[10, 0.5], [5, 0.4]], [[0, 0.4], [10, 0.5]], [[-1, 0.4]]],
    ids=["none", "two together", "out of order", "rising", "before the emission"],
)
def test_steps_that_no_mark_can_take_are_refused(sbp_board: Blackboard, steps: list[Any]) -> None:
    given = [{"at_ms": at, "intensity": value} for at, value in steps]
    with pytest.raises(ValidationError):
        emit(sbp_board, 0.5, decay={"type": "step", "steps": given})


@pytest.mark.parametrize("decay", [SECOND_HALF_LIFE, LINEAR, STEPS, IMMORTAL], ids=lambda decay: decay["type"])
def test_an_emission_of_nothing_is_recorded_and_is_gone(sbp_board: Blackboard, decay: dict[str, Any]) -> None:
    assert emit(sbp_board, 0.0, decay=model(decay))["action"] == "created"
    assert sniff(sbp_board) == []
