"""A deployment file changes the schedules of its agents and adds others; every mistake in them is named."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blackboard.errors import ConfigurationError
from blackboard.settings.deployment_resolver import resolve_file

MODULE = """
from blackboard import Mark, agent, daily_at, every, of_subject, strength, watch


class Gust(Mark, kind="gust"):
    pass


@agent(watches=daily_at("09:00"))
def bulletin(marks, context):
    return []


@agent(watches={"gust": strength(Gust) >= 0.5, "hourly": watch(every("1h"), catch_up="none")}, reads=[of_subject(Gust)])
def vane(marks, context):
    return []
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Return a function that writes a deployment file beside a module of agents."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "wind_agents.py").write_text(MODULE)

    def write(text: str) -> Path:
        path = tmp_path / "board.toml"
        path.write_text(f'[deployment]\nagents = ["wind_agents:bulletin", "wind_agents:vane"]\n{text}')
        return path

    yield write
    sys.modules.pop("wind_agents", None)


def watches(path: Path) -> dict[str, tuple[str, str | None]]:
    agents = resolve_file(path, {}).deployment.agents.values()
    return {f"{agent.name}.{watch.name}": (watch.when, watch.catch_up) for agent in agents for watch in agent.watches}


def test_a_file_changes_schedules_and_adds_others(file: Callable[[str], Path]) -> None:
    text = """
[agents.bulletin]
schedule = 'daily_at("6:30", zone="Europe/Berlin")'
catch_up = "all"
max_activations_per_hour = 10
[agents.vane.watches.hourly]
schedule = 'every("30m")'
[agents.vane.watches.noon]
schedule = 'cron("0 12 * * 1-5")'
catch_up = "once"
"""
    assert watches(file(text)) == {
        "bulletin.watch": ('daily_at("06:30", zone="Europe/Berlin")', None),
        "vane.gust": ('strength("gust") >= 0.5', None),
        "vane.hourly": ('every("30m")', "none"),
        "vane.noon": ('cron("0 12 * * 1-5")', "once"),
    }
    resolved = resolve_file(file(text), {})
    assert resolved.deployment.agents["bulletin"].settings.catch_up == "all"
    assert resolved.warnings == ()


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("[agents.bulletin]\nschedule = 'dayly_at(\"09:00\")'", "agents.bulletin.watches.watch.schedule: 'dayly_at"),
        ("[agents.bulletin]\nschedule = 'strength(gust) >= 1'", 'watches.watch.schedule: strength("gust") >= 1 is no'),
        ("[agents.bulletin]\nthreshold = 2", 'watch.threshold: daily_at("09:00") is a schedule and has no threshold'),
        ("[agents.bulletin.watches.watch]\nmin_increase = 1", "watches.watch.min_increase: a schedule has no"),
        ("[agents.bulletin]\ncatch_up = 'twice'", "agents.bulletin.catch_up: "),
        ("[agents.vane]\nschedule = 'every(\"1h\")'", "agents.vane.schedule: the agent has the watches gust, hourly"),
        ("[agents.vane.watches.gust]\nschedule = 'every(\"1h\")'", "gust.schedule: this watch waits for marks"),
        ("[agents.vane.watches.gust]\ncatch_up = 'all'", 'gust.catch_up: strength("gust") >= 0.5 is not a schedule'),
        ("[agents.vane.watches.noon]\ncatch_up = 'all'", "agents.vane.watches.noon: there is no watch 'noon'"),
        (
            "[agents.vane.watches.noon]\nschedule = 'daily_at(\"12:00\")'\nthreshold = 1",
            "noon.threshold: a schedule has no threshold",
        ),
        (
            '[agents.vane.watches.noon]\nschedule = \'daily_at("12:00", zone="Berlin")\'',
            "agents.vane.watches.noon.schedule: ",
        ),
    ],
)
def test_each_mistake_in_a_schedule_of_a_file_is_named(file: Callable[[str], Path], text: str, mistake: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolve_file(file(text), {})
    [found] = caught.value.mistakes
    assert mistake in str(found)


def test_a_schedule_that_catches_up_without_a_bound_is_a_warning(file: Callable[[str], Path]) -> None:
    resolved = resolve_file(file("[agents.bulletin]\ncatch_up = 'all'"), {})
    [warning] = resolved.warnings
    assert "agents.bulletin.watches.watch: " in str(warning)
    assert "set max_activations_per_hour as a limit" in str(warning)


def test_an_agent_with_schedules_alone_reads_no_subject(file: Callable[[str], Path]) -> None:
    path = file("")
    (path.parent / "wind_agents.py").write_text(
        MODULE.replace(
            '@agent(watches=daily_at("09:00"))', '@agent(watches=daily_at("09:00"), reads=[of_subject(Gust)])'
        )
    )
    with pytest.raises(ConfigurationError) as caught:
        resolve_file(path, {})
    assert "a schedule has no subject: read strongest_of(gust)" in str(caught.value)
