"""A deployment file says how long conditions must hold, and every mistake in that is named."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blackboard import agent, every, strength, total, watch
from blackboard.core.specs.watch_spec import Timing
from blackboard.durations import MINUTE, SECOND
from blackboard.errors import ConfigurationError
from blackboard.settings.deployment_resolver import resolve_file

MODULE = """
from blackboard import Exponential, Mark, agent, daily_at, strength, total, watch


class Gust(Mark, kind="gust", decay=Exponential("1h"), on_repeat="separate"):
    pass


@agent(watches={"gust": strength(Gust) >= 0.5, "calm": strength(Gust) < 0.2, "daily": daily_at("09:00")})
def vane(marks, context):
    return []


@agent(watches=(total(Gust) >= 2) & (strength(Gust) >= 0.5))
def mast(marks, context):
    return []
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Return a function that writes a deployment file beside a module of agents."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "gust_agents.py").write_text(MODULE)

    def write(text: str) -> Path:
        path = tmp_path / "board.toml"
        path.write_text(f'[deployment]\nagents = ["gust_agents:vane", "gust_agents:mast"]\n{text}')
        return path

    yield write
    sys.modules.pop("gust_agents", None)


def timings(path: Path) -> dict[str, Timing | None]:
    agents = resolve_file(path, {}).deployment.agents.values()
    return {f"{agent.name}.{watch.name}": agent.timing_of(watch) for agent in agents for watch in agent.watches}


def mistakes(path: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        resolve_file(path, {})
    return [str(mistake) for mistake in caught.value.mistakes]


def test_a_setting_of_the_agent_concerns_the_watches_that_it_fits(file: Callable[[str], Path]) -> None:
    text = """
[agents.vane]
held_for = "30s"
clear_below = 0.4
clear_above = 0.3
[agents.vane.watches.gust]
held_for = "0s"
rewake_every = "10m"
[agents.mast]
rewake_every = "1m"
"""
    assert timings(file(text)) == {
        "vane.gust": Timing(0, 10 * MINUTE, 0.4),
        "vane.calm": Timing(30 * SECOND, None, 0.3),
        "vane.daily": None,
        "mast.watch": Timing(0, MINUTE),
    }


def test_every_mistake_is_named(file: Callable[[str], Path]) -> None:
    text = """
[agents.vane.watches.gust]
clear_below = 0.5
clear_above = 0.9
held_for = "30"
[agents.vane.watches.calm]
clear_above = 0.1
clear_below = 0.1
[agents.vane.watches.daily]
held_for = "1s"
rewake_every = "1h"
[agents.vane.watches.noon]
schedule = 'daily_at("12:00")'
held_for = "1s"
[agents.mast]
clear_below = 0.4
"""
    found = mistakes(file(text.replace('held_for = "30"\n', "")))
    assert len(found) == 8
    for part in (
        'vane.watches.gust.clear_below: 0.5 is not below the threshold of strength("gust") >= 0.5',
        'vane.watches.gust.clear_above: strength("gust") >= 0.5 rises: use clear_below',
        'vane.watches.calm.clear_above: 0.1 is not above the threshold of strength("gust") < 0.2',
        'vane.watches.calm.clear_below: strength("gust") < 0.2 falls: use clear_above',
        'vane.watches.daily.held_for: daily_at("09:00") is a schedule, which has no held_for',
        'vane.watches.daily.rewake_every: daily_at("09:00") is a schedule, which has no rewake_every',
        "vane.watches.noon.held_for: a schedule has no held_for",
        "mast.clear_below: ",
    ):
        assert any(part in line for line in found), (part, found)
    [line] = mistakes(file(text[: text.index("[agents.vane.watches.calm]")].replace("clear_", "# clear_")))
    assert "has no unit" in line


def test_what_would_have_no_effect_is_a_warning(file: Callable[[str], Path]) -> None:
    text = """
[agents.vane]
cooldown = "1h"
max_activations_per_hour = 2
[agents.vane.watches.gust]
rewake_every = "10m"
clear_below = 0.1
"""
    texts = [str(warning) for warning in resolve_file(file(text), {}).warnings]
    assert len(texts) == 3
    assert "its cooldown of 1h holds back rewakes, which are due every 10m" in texts[0]
    assert "max_activations_per_hour = 2 holds back rewakes, which are due every 10m" in texts[1]
    assert "each mark of gust is measured alone" in texts[2]


def test_python_names_the_same_mistakes() -> None:
    for declared in (
        watch(strength("gust") >= 0.5, clear_below=0.6),
        watch(strength("gust") < 0.5, clear_above=0.5),
        watch(every("1h"), held_for="1m"),
        watch(strength("gust") >= 0.5, held_for="1"),
        watch((total("gust") >= 2) | (total("rain") >= 2), clear_below=1),
    ):
        with pytest.raises(ConfigurationError):
            agent(watches=declared)(lambda marks, context: None)
