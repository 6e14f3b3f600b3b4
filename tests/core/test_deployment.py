"""Deployments: immutable data that survives JSON and refuses unknown fields and names."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from blackboard.core.built_in_marks import Need
from blackboard.core.conditions.measures import count, strength
from blackboard.core.marks.decay import Decay, Exponential
from blackboard.core.marks.kinds import Kind
from blackboard.core.specs.agent_spec import AgentSettings, AgentSpec, Budget, ReadSpec
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.core.specs.watch_spec import WatchSpec
from blackboard.errors import InvalidCondition, UnknownName
from tests.core.strategies import laws


def deployment(weight: float = 1.0) -> Deployment:
    watch = WatchSpec(name="hot", when="strength(smoke) >= 0.7", only_if="count(fire) >= 1", unless="count(rain) >= 1")
    watchman = AgentSpec(name="watchman", watches=(watch,), reads=(ReadSpec(kind="map"),), writes=("alarm",))
    return Deployment(
        version=3,
        kinds={"smoke": KindSpec(weight=weight, decay={"law": "exponential", "half_life": "1h"})},
        agents={"watchman": watchman},
        trust={"press": 0.5},
    )


@given(laws, st.floats(0, 100), st.floats(0, 1), st.sampled_from(["add", "max", "replace", "separate"]))
def test_a_kind_survives_its_data_form(law: Decay, weight: float, floor: float, on_repeat: Any) -> None:
    kind = Kind(
        "smoke", law, weight, floor, on_repeat, cap=2.0, unique="slot", payload_schema={"properties": {"slot": {}}}
    )
    spec = KindSpec.model_validate_json(KindSpec.of(kind).model_dump_json())
    assert spec.kind("smoke") == kind


def test_a_deployment_survives_json() -> None:
    first = deployment()
    assert Deployment.model_validate_json(first.model_dump_json()) == first


def test_the_version_is_not_part_of_the_content() -> None:
    first = deployment()
    assert first.content() == first.model_copy(update={"version": 9}).content()
    assert first.content() != deployment(weight=2.0).content()


def test_an_unknown_name_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match="there is no kind 'smok'; did you mean 'smoke'"):
        deployment().kind("smok")
    with pytest.raises(UnknownName, match="there is no agent 'watchmen'; did you mean 'watchman'"):
        deployment().agent("watchmen")
    assert deployment().agent("watchman").name == "watchman"


def test_a_copy_with_other_kinds_forgets_the_old_kinds() -> None:
    first = deployment()
    assert first.kind("smoke").weight == 1.0
    second = first.model_copy(update={"kinds": deployment(weight=2.0).kinds})
    assert second.kind("smoke").weight == 2.0
    assert first.kind("smoke").weight == 1.0
    assert first.kind("smoke") is first.kind("smoke")


def test_registered_kinds_stay_when_others_are_added() -> None:
    first = deployment()
    second = first.with_kinds({"smoke": Kind("smoke", weight=9.0), "need": Need.defaults})
    assert second.kind("smoke").weight == 1.0
    assert second.kind("need") == Need.defaults
    assert second.kind("smoke").decay == Exponential("1h")
    with pytest.raises(UnknownName):
        first.kind("need")


def test_a_guard_turns_unless_into_its_opposite() -> None:
    watch = deployment().agents["watchman"].watches[0]
    assert watch.condition == (strength("smoke") >= 0.7)
    assert watch.guard == (count("fire") >= 1) & ~(count("rain") >= 1)
    assert WatchSpec(name="w", when="count(a) >= 1").guard is None


def test_the_kinds_of_an_agent_include_watches_guards_reads_and_writes() -> None:
    assert deployment().agents["watchman"].kinds == {"smoke", "fire", "rain", "map", "alarm"}


@pytest.mark.parametrize("text", ["smoke", "~(count(smoke) >= 1)", "count(smoke) >= 1 & count(smoke) < 3"])
def test_a_watch_that_cannot_wake_an_agent_is_refused(text: str) -> None:
    with pytest.raises(InvalidCondition):
        WatchSpec(name="w", when=text)


@pytest.mark.parametrize(
    ("model", "values", "place"),
    [
        (AgentSettings, {"batch": 0}, "batch"),
        (AgentSettings, {"batch_window": 3}, "batch_window"),
        (AgentSettings, {"concurrency": 65}, "concurrency"),
        (AgentSettings, {"urgent_above": float("nan")}, "urgent_above"),
        (AgentSettings, {"when_faded": "forget"}, "when_faded"),
        (AgentSettings, {"bach": 3}, "bach"),
        (Budget, {"usd_per_day": -1}, "usd_per_day"),
        (ReadSpec, {"kind": "a", "limit": 0}, "limit"),
        (WatchSpec, {"name": "w", "when": "count(a) >= 1", "min_increase": 0}, "min_increase"),
        (Deployment, {"kind": {}}, "kind"),
    ],
)
def test_an_invalid_setting_is_refused_with_its_place(model: Any, values: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as caught:
        model(**values)
    assert place in {str(step) for problem in caught.value.errors() for step in problem["loc"]}


def test_a_deployment_is_immutable() -> None:
    with pytest.raises(ValidationError):
        deployment().version = 4  # type: ignore[misc]
