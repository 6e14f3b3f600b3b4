"""A deployment consists of the agents' declarations and the overrides of its file; wrong names are refused."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.marks.decay import Exponential
from blackboard.core.marks.kinds import Kind, OnRepeat
from blackboard.core.specs.agent_spec import DepositLimits
from blackboard.errors import ConfigurationError
from blackboard.settings.declaration_warnings import warnings_of_counts
from blackboard.settings.deployment_file import load_settings
from blackboard.settings.deployment_resolver import resolve, resolve_file
from blackboard.system.files.packaged_files import config_file

MODULE = """
from blackboard import Decision, Exponential, Mark, Need, agent, count, strength, strongest, strongest_of, total


class Rain(Mark, kind="rain", decay=Exponential("1h"), weight=2.0):
    mm: float = 0.0
    at: dict[str, float] | None = None


class Flood(Mark, kind="flood"):
    pass


@agent(watches=strength(Rain) >= 0.5, writes=[Flood], batch=5, batch_window="1m")
def gauge(marks, context):
    return []


@agent(watches={"wet": strength(Rain) >= 0.5, "very": (strength(Rain) >= 1) & (total(Flood) >= 1)}, writes=[Flood])
def sluice(marks, context):
    return []


@agent(watches=count(Flood, over="board") >= 3, unless=strongest("drought", over="board") >= 0.1)
def lost(marks, context):
    return []


@agent(watches=count(Flood, over="board") >= 3, unless=count(Rain, over="board") >= 1)
def counter(marks, context):
    return []


@agent(watches=strength(Rain) >= 9, writes=[Need])
def asker(marks, context):
    return []


@agent(watches=strength(Need) >= 0.5, writes=[Decision])
def judge(marks, context):
    return []


@agent(watches=strength(Rain) < 0.5)
def dry(marks, context):
    return []


@agent(watches=count(Rain, within="10m") >= 5)
def shower(marks, context):
    return []


@agent(watches=(count(Rain, within="10m") >= 5) & (strength(Rain) >= 0.5))
def storm(marks, context):
    return []


@agent(watches=strength(Flood) >= 0.5, reads=[strongest_of(Rain, where={"cm": 1.0})])
def reader(marks, context):
    return []


@agent(watches=strength(Rain) >= 0.5, name="gauge")
def second(marks, context):
    return []
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Return a function that writes a deployment file beside a module of agents."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "weather_agents.py").write_text(MODULE)
    (tmp_path / "broken_agents.py").write_text("1 / 0")

    def write(agents: str, text: str = "") -> Path:
        names = ", ".join(f'"{name if ":" in name else f"weather_agents:{name}"}"' for name in agents.split())
        path = tmp_path / "board.toml"
        path.write_text(f"[deployment]\nagents = [{names}]\n{text}")
        return path

    yield write
    sys.modules.pop("weather_agents", None)


def mistakes(path: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        resolve_file(path, {})
    return [str(mistake).rpartition("board.toml, ")[2] for mistake in caught.value.mistakes]


def test_a_deployment_contains_the_declarations_of_agents_and_their_modules(file: Callable[..., Path]) -> None:
    resolved = resolve_file(file("gauge"), {})
    assert set(resolved.agents) == {"gauge"}
    assert set(resolved.deployment.kinds) == {"need", "decision", "overdue", "rain", "flood"}
    assert resolved.deployment.kind("rain").decay == Exponential("1h")
    assert resolved.deployment.agents["gauge"] == resolved.agents["gauge"].spec
    assert resolved.warnings == ()


def test_a_file_overrides_declarations_and_keeps_the_others(file: Callable[..., Path]) -> None:
    text = """
[kinds.rain]
decay = { law = "linear", lifetime = "2d" }
[agents.gauge]
batch = 9
threshold = 0.25
[agents.gauge.watches.watch]
min_increase = 0.1
[authors]
radio = 0.5
webform = { max_text = 100 }
[budget]
calls_per_day = 3
"""
    deployment = resolve_file(file("gauge", text), {}).deployment
    assert deployment.kinds["rain"].decay == {"law": "linear", "lifetime": "2d"}
    assert deployment.kinds["rain"].weight == 2.0
    gauge = deployment.agents["gauge"]
    assert (gauge.settings.batch, gauge.settings.batch_window) == (9, 60_000_000)
    assert (gauge.watches[0].when, gauge.watches[0].min_increase) == ('strength("rain") >= 0.25', 0.1)
    assert deployment.trust == {"radio": 0.5, "webform": 1.0}
    assert deployment.limits == {"webform": DepositLimits(max_text=100)}
    assert deployment.budget.calls_per_day == 3


def test_a_file_overrides_the_threshold_and_the_length_of_a_window(file: Callable[..., Path]) -> None:
    text = '[agents.shower]\nthreshold = 7\nwithin = "90m"\n'
    resolved = resolve_file(file("shower", text), {})
    assert resolved.deployment.agents["shower"].watches[0].when == 'count("rain", within="1h30m") >= 7'
    assert resolved.warnings == ()
    text = '[agents.shower.watches.watch]\nwithin = "3d"\n[daemon]\nkeep_history = "2d"\n'
    [warning] = resolve_file(file("shower", text), {}).warnings
    assert warning.place.endswith("agents.shower.watches.watch")
    assert warning.message == (
        'count("rain", within="3d") >= 5 counts the deposits of 3d, and keep_history is 2d:'
        " a new window lacks older deposits at first"
    )


def test_a_file_declares_tags_also_of_a_kind_without_a_class(file: Callable[..., Path]) -> None:
    text = '[kinds.rain]\ntags = ["mm"]\n[kinds.ticket]\ntags = ["queue"]\ndecay = "never"\n'
    resolved = resolve_file(file("gauge", text), {})
    kinds = resolved.deployment.kinds
    assert kinds["rain"].tags == ("mm",)
    assert (kinds["ticket"].tags, kinds["ticket"].payload_schema, kinds["ticket"].class_path) == (("queue",), None, "")
    assert "ticket" not in {model.kind for model in resolved.kinds}


def test_a_disabled_agent_is_omitted(file: Callable[..., Path]) -> None:
    resolved = resolve_file(file("gauge sluice", "[agents.gauge]\nenabled = false\n"), {})
    assert set(resolved.agents) == set(resolved.deployment.agents) == {"sluice"}


@pytest.mark.parametrize(
    ("agents", "text", "expected"),
    [
        ("guage", "", "deployment.agents: 'weather_agents:guage': weather_agents has no agent 'guage'; did you mean"),
        ("weather_agents", "", "deployment.agents: 'weather_agents:weather_agents'"),
        (
            "nowhere:x",
            "",
            "deployment.agents: 'nowhere:x' cannot be imported: there is no module 'nowhere' beside the file",
        ),
        ("broken_agents:x", "", "deployment.agents: 'broken_agents:x' cannot be imported: ZeroDivisionError"),
        ("weather_agents:", "", "deployment.agents: 'weather_agents:' is not a path"),
        ("gauge second", "", "deployment.agents: weather_agents:second: another agent is named 'gauge'"),
        ("gauge", "[agents.guage]\nbatch = 1", "agents.guage: there is no agent 'guage'; did you mean 'gauge'?"),
        ("gauge", "[kinds.rian]\nweight = 1", "kinds.rian: there is no kind 'rian'; did you mean 'rain'?"),
        ("gauge", '[kinds.rain]\ndecay = "sloly"', "kinds.rain.decay: there is no decay law 'sloly'"),
        ("gauge", '[kinds.rain]\ndecay = { law = "linear" }', "kinds.rain.decay: linear takes lifetime"),
        (
            "gauge",
            '[kinds.rain]\ndecay = { law = "linear", lifetime = "x" }',
            "kinds.rain.decay: 'x' is not a duration",
        ),
        ("gauge", "[kinds.rain]\nweight = -1", "kinds.rain: weight must be a number of at least 0"),
        ("gauge", "[kinds.rain]\nmax_text = 0", "kinds.rain.max_text: input should be greater than or equal to 1"),
        ("gauge", "[authors.radio]\nmax_payload = 0", "authors.radio"),
        ("gauge", '[kinds.rain]\nunique = "cm"', "kinds.rain: unique names 'cm', which is not a field"),
        ("gauge", '[kinds.rain]\ntags = ["m"]', "kinds.rain: tags: the payload has no field 'm'; did you mean 'mm'?"),
        (
            "gauge",
            '[kinds.rain]\ntags = ["at"]',
            "kinds.rain: tags: 'at' must be a text, a number, a boolean or a list",
        ),
        ("gauge", '[kinds.rian]\ntags = ["mm"]', "kinds.rian: there is no kind 'rian'; did you mean 'rain'?"),
        ("gauge", '[kinds."a b"]\ntags = ["mm"]', "kinds.a b: the name of a kind has up to 64 letters"),
        ("reader", '[kinds.rain]\ntags = ["mm"]', "agents.reader.reads: there is no tag 'cm' of kind 'rain'"),
        ("gauge", "[agents.gauge.watches.wet]\nmin_increase = 1", "agents.gauge.watches.wet: there is no watch 'wet'"),
        (
            "dry",
            "[agents.dry.watches.watch]\nmin_increase = 1",
            "agents.dry.watches.watch.min_increase: a falling watch",
        ),
        ("sluice", "[agents.sluice]\nthreshold = 1", "agents.sluice.threshold: the agent has the watches wet, very; "),
        ("sluice", "[agents.sluice.watches.very]\nthreshold = 1", "agents.sluice.watches.very.threshold: "),
        ("gauge", "[agents.gauge]\nthreshold = 1e13", "agents.gauge.watches.watch.threshold: "),
        ("gauge", '[agents.gauge]\nwithin = "1h"', 'agents.gauge.watches.watch.within: strength("rain") >= 0.5 has no'),
        ("storm", '[agents.storm]\nwithin = "1h"', 'agents.storm.watches.watch.within: (count("rain", within'),
        (
            "shower",
            '[agents.shower]\nwithin = "0s"',
            "agents.shower.watches.watch.within: count: within must be longer",
        ),
        ("shower", "[agents.shower]\nwithin = 10", "agents.shower.within: '10' is not a duration"),
        ("sluice", '[agents.sluice]\nwithin = "1h"', "agents.sluice.within: the agent has the watches wet, very; "),
        (
            "shower",
            "[agents.shower.watches.watch]\nmin_increase = 1",
            "agents.shower.watches.watch.min_increase: a window has no min_increase",
        ),
        ("gauge", '[database]\nauthor = "Gauge "', "database.author: 'Gauge ' would be taken for the agent 'gauge'"),
        ("gauge", '[database]\nauthor = "blackboard"', "database.author: the author 'blackboard' is reserved"),
        ("gauge", '[database]\nauthor = " "', "database.author: the author is blank"),
        ("sluice", "[agents.sluice]\nbatch = 1", 'agents.sluice.batch: (strength("rain") >= 1) & '),
        ("lost", "", "agents.lost.watches.watch.unless: there is no kind 'drought'"),
        (
            "asker judge",
            '[agents.asker]\nanswerable_by = ["juge"]',
            "agents.asker.answerable_by: there is no agent 'juge'; did you mean 'judge'?",
        ),
        ("asker gauge", '[agents.asker]\nanswerable_by = ["gauge"]', "agents.asker.answerable_by: gauge cannot answer"),
        (
            "asker judge",
            '[agents.asker]\nanswerable_by = ["judge"]\n[agents.judge]\nenabled = false',
            "agents.asker.answerable_by: there is no agent 'judge'",
        ),
    ],
)
def test_an_invalid_name_or_value_is_refused_with_its_place(
    file: Callable[..., Path], agents: str, text: str, expected: str
) -> None:
    (mistake,) = mistakes(file(agents, text + "\n"))
    assert mistake.startswith(expected)


def test_mistakes_of_the_file_and_of_its_names_are_reported_together(file: Callable[..., Path]) -> None:
    found = mistakes(file("guage gauge", "[agents.gauge]\nbach = 1\n[kinds.rian]\nweight = 1\n"))
    assert len(found) == 3


def test_mistakes_within_an_unknown_kind_are_reported_too(file: Callable[..., Path]) -> None:
    found = mistakes(file("gauge", '[kinds.rian]\ndecay = "sloly"\nweight = -1\n'))
    assert len(found) == 3
    assert any(mistake.startswith("kinds.rian.decay: there is no decay law 'sloly'") for mistake in found)
    assert any(mistake.startswith("kinds.rian: weight must be") for mistake in found)


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("count(flood) >= 2", "is never met"),
        ("count(flood, rain) >= 3", "is never met"),
        ("count(flood) < 2", "always holds"),
        ("(strength(rain) >= 1) & (count(flood) >= 1.5)", "is never met"),
        ("count(flood, rain) >= 2", None),
        ("count(flood) >= 1", None),
        ("count(flood, over=board) >= 3", None),  # it counts subjects
        ('count(flood, over=board, subject="town/*") < 5', None),
        ("count(flood, unknown) >= 9", None),
    ],
)
def test_a_warning_names_a_count_that_one_subject_cannot_have(condition: str, says: str | None) -> None:
    def warnings(on_repeat: OnRepeat) -> list[str]:
        kinds = {name: Kind(name, on_repeat=on_repeat) for name in ("flood", "rain")}
        return list(warnings_of_counts(parse_condition(condition), kinds))

    assert warnings("separate") == []
    for on_repeat in get_args(OnRepeat):
        if on_repeat != "separate":
            assert [message.count(f" {says}: ") for message in warnings(on_repeat)] == [1] * (says is not None)


@pytest.mark.parametrize("name", ["leads.toml", "demo.toml"])
def test_the_packaged_deployments_are_valid_and_have_few_warnings(name: str) -> None:
    resolved = resolve(load_settings(config_file(name), {}))
    assert set(resolved.agents) == {"sales", "scheduler", "analyst", "coordinator"}
    assert resolved.warnings == ()


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("time_zone", "Europe/Berln", "settings.lead_desk.time_zone"),
        ("slot", "1s", "settings.lead_desk.slot"),
        ("working_hours", '["17:00", "09:00"]', "settings.lead_desk"),
        ("horizont", "3d", "settings.lead_desk.horizont"),
    ],
)
def test_the_settings_of_the_lead_desk_are_checked_with_the_file(name: str, value: str, place: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        resolve_file(config_file("leads.toml"), {f"BLACKBOARD_SETTINGS__LEAD_DESK__{name.upper()}": value})
    [mistake] = raised.value.mistakes
    assert mistake.place.endswith(place)
