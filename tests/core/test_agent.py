"""Agents: a declaration is data about a function, and all its mistakes are reported together."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from pydantic import BaseModel

from blackboard.core.agents.agent_definition import agent, watch
from blackboard.core.agents.agent_options import AgentOptions, BudgetOptions, ModelOptions
from blackboard.core.agents.agent_reads import of_subject, strongest_of
from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.conditions.measures import count, strength
from blackboard.core.marks.mark_model import Mark
from blackboard.core.specs.agent_spec import AgentSettings, AgentSpec, Budget, ModelChoice
from blackboard.errors import ConfigurationError, InvalidCondition


class Smoke(Mark, kind="smoke"):
    detail: str = ""


class Alarm(Mark, kind="alarm"):
    level: int


HOT = strength(Smoke) >= 0.7

ANNOTATED_WITH_LATER_NAMES = """
from typing import ClassVar

class Seen(Mark, kind="seen"):
    later: ClassVar[Later | None] = None
    place: str

@agent(watches=HOT, writes=[Seen])
def look(marks: list[Later], context: Later) -> list[Seen]:
    return []
"""


@agent(
    watches={
        "hot": watch(HOT, min_increase=0.1),
        "cold": watch(strength(Smoke) < 0.3, unless=count(Alarm) >= 1, include_own=True),
    },
    writes=[Alarm],
    reads=[strongest_of(Smoke, 3), of_subject("alarm")],
    only_if=count(Smoke, over="board") >= 1,
    unless=count(Smoke) >= 100,
    batch=10,
    batch_window="3s",
    renamed_from="guard",
)
def watchman(smokes: list[Smoke], context: Any) -> list[Alarm]:
    return [Alarm(subject=smoke.subject, level=3) for smoke in smokes]


def test_an_agent_is_still_its_function() -> None:
    assert watchman([Smoke(subject="kitchen")], None) == [Alarm(subject="kitchen", level=3)]
    assert watchman.name == "watchman"


def test_a_declaration_is_data_that_survives_json() -> None:
    assert AgentSpec.model_validate_json(watchman.spec.model_dump_json()) == watchman.spec


def test_a_class_that_an_agent_only_reads_belongs_to_its_declaration() -> None:
    @agent(watches='strength("smoke") >= 0.5', reads=[strongest_of(Smoke), of_subject(Alarm, 3), strongest_of("fire")])
    def reader(marks: list[Any], context: Any) -> None:
        pass

    assert [kind.__name__ for kind in reader.kinds.values()] == ["Smoke", "Alarm"]


def test_a_declaration_keeps_all_arguments() -> None:
    spec = watchman.spec
    assert [item.name for item in spec.watches] == ["hot", "cold"]
    assert [(item.min_increase, item.include_own) for item in spec.watches] == [(0.1, False), (None, True)]
    assert spec.writes == ("alarm",)
    assert [read.kind for read in spec.reads] == ["smoke", "alarm"]
    assert [(read.limit, read.same_subject) for read in spec.reads] == [(3, False), (5, True)]
    assert (spec.settings.batch, spec.settings.batch_window, spec.renamed_from) == (10, 3_000_000, "guard")
    assert watchman.kinds["alarm"] is Alarm


def test_guards_of_agent_and_watch_are_combined() -> None:
    hot, cold = watchman.spec.watches
    needed = count(Smoke, over="board") >= 1
    assert hot.guard == needed & ~(count(Smoke) >= 100)
    assert cold.guard == needed & ~((count(Alarm) >= 1) | (count(Smoke) >= 100))


def test_a_single_watch_needs_no_name() -> None:
    @agent(watches=HOT, name="nose")
    def smell(marks: list[Mark], context: Any) -> None:
        return None

    assert smell.name == "nose"
    assert smell.spec.watches[0].condition == parse_condition("strength(smoke) >= 0.7")
    assert smell.spec.watches[0].guard is None


def test_an_agent_may_be_asynchronous() -> None:
    @agent(watches=HOT)
    async def slow(marks: list[Mark], context: Any) -> None:
        return None

    assert slow.name == "slow"


def test_a_falling_watch_has_no_min_increase() -> None:
    with pytest.raises(ConfigurationError, match=r"agent 'cold', watches\.low\.min_increase: a falling watch has no"):

        @agent(watches={"low": watch(strength(Smoke) < 0.3, min_increase=0.1)})
        def cold(marks: list[Mark], context: Any) -> None:
            return None


def test_all_mistakes_in_the_settings_are_reported_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:

        @agent(watches=HOT, batch=0, batch_window=3, bach=5)  # type: ignore[call-arg,arg-type]
        def wrong(marks: list[Mark], context: Any) -> None:
            return None

    places = [mistake.place for mistake in caught.value.mistakes]
    assert places == ["agent 'wrong', batch", "agent 'wrong', batch_window", "agent 'wrong', bach"]
    assert caught.value.mistakes[2].message == "there is no setting 'bach'; did you mean 'batch'?"


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"coldown": "30s"}, "coldown: there is no setting 'coldown'; did you mean 'cooldown'?"),
        ({"write": []}, "write: there is no setting 'write'; did you mean 'writes'?"),
        (
            {"budget": {"usd_per_dy": 1}},
            "budget.usd_per_dy: there is no setting 'usd_per_dy'; did you mean 'usd_per_day'?",
        ),
        (
            {"models": [{"model": "m", "bellow": 1}]},
            "models.0.bellow: there is no setting 'bellow'; did you mean 'below'?",
        ),
    ],
)
def test_a_mistyped_setting_names_the_nearest(settings: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ConfigurationError) as caught:

        @agent(watches=HOT, **settings)
        def wrong(marks: list[Mark], context: Any) -> None:
            return None

    assert f"agent 'wrong', {mistake}" in map(str, caught.value.mistakes)


@pytest.mark.parametrize(
    ("options", "model"), [(AgentOptions, AgentSettings), (BudgetOptions, Budget), (ModelOptions, ModelChoice)]
)
def test_type_checkers_know_every_setting(options: type, model: type[BaseModel]) -> None:
    assert list(options.__annotations__) == list(model.model_fields)


@pytest.mark.parametrize(
    ("declared", "mistakes"),
    [
        ({"writes": [Smoke, "smoke"]}, ["agent 'wrong', writes: 'smoke' is not a class of marks"]),
        ({"withdraws": [Mark]}, [f"agent 'wrong', withdraws: {Mark!r} is not a class of marks"]),
        ({"kinds": [int], "writes": [1]}, ["writes: 1 is", "kinds: <class 'int'> is not a class of marks"]),
        ({"reads": [Smoke]}, [f"agent 'wrong', reads: {Smoke!r} is not strongest_of, of_subject or search"]),
        ({"withdraws": Smoke}, [f"withdraws: {Smoke!r} is not a list; write withdraws=[...]"]),
        ({"writes": "smoke"}, ["writes: 'smoke' is not a list; write writes=[...]"]),
    ],
)
def test_what_is_not_a_list_of_mark_classes_is_named(declared: dict[str, Any], mistakes: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:

        @agent(watches=HOT, **declared)
        def wrong(marks: list[Mark], context: Any) -> None:
            return None

    assert len(caught.value.mistakes) == len(mistakes)
    assert all(mistake in str(caught.value) for mistake in mistakes)


def test_a_function_that_cannot_be_called_with_marks_and_context_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="two arguments: marks and context"):

        @agent(watches=HOT)
        def wrong(marks: list[Mark]) -> None:
            return None


@pytest.mark.skipif(sys.version_info < (3, 14), reason="earlier versions evaluate annotations at the definition")
def test_annotations_may_name_what_is_defined_later() -> None:
    names = {"agent": agent, "Mark": Mark, "HOT": HOT}
    exec(compile(ANNOTATED_WITH_LATER_NAMES, "later.py", "exec", dont_inherit=True), names)
    assert names["Seen"].defaults.payload_schema["required"] == ["place"]  # type: ignore[attr-defined]
    assert names["look"].spec.name == "look"  # type: ignore[attr-defined]


@pytest.mark.parametrize("condition", [~HOT, HOT & (strength(Smoke) < 0.9), True, "smoke"])
def test_a_condition_that_cannot_wake_an_agent_is_refused_at_the_declaration(condition: Any) -> None:
    with pytest.raises(InvalidCondition):

        @agent(watches=condition)
        def wrong(marks: list[Mark], context: Any) -> None:
            return None


def test_a_watch_may_be_written_as_text() -> None:
    @agent(watches="strength(smoke) >= 0.7 & count(fire) >= 1")
    def watchman(marks: list[Any], context: Any) -> None: ...

    assert watchman.spec.watches[0].when == '(strength("smoke") >= 0.7) & (count("fire") >= 1)'
    with pytest.raises(InvalidCondition, match="did you mean 'strength'"):

        @agent(watches="strenth(smoke) >= 0.7")
        def wrong(marks: list[Any], context: Any) -> None: ...


def test_the_settings_of_a_watch_are_named() -> None:
    with pytest.raises(TypeError, match="positional"):
        watch(HOT, HOT)  # type: ignore[call-arg]
