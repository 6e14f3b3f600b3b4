"""A deployment file says what becomes of crossings while a guard is closed, and every mistake in that is named."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blackboard.errors import ConfigurationError
from blackboard.settings.deployment_resolver import resolve_file

MODULE = """
from blackboard import Mark, agent, count, daily_at, strength, watch


class Gust(Mark, kind="gust"):
    pass


class Drill(Mark, kind="drill"):
    pass


drill = count(Drill, over="board") >= 1


@agent(
    watches={
        "gust": watch(strength(Gust) >= 0.5, unless=drill),
        "free": strength(Gust) >= 0.9,
        "calm": watch(strength(Gust) < 0.2, unless=drill),
        "daily": watch(daily_at("09:00"), unless=drill),
    }
)
def vane(marks, context):
    return []


@agent(watches=strength(Gust) >= 0.5)
def mast(marks, context):
    return []
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Return a function that writes a deployment file beside a module of agents."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "guarded_agents.py").write_text(MODULE)

    def write(text: str) -> Path:
        path = tmp_path / "board.toml"
        path.write_text(f'[deployment]\nagents = ["guarded_agents:vane", "guarded_agents:mast"]\n{text}')
        return path

    yield write
    sys.modules.pop("guarded_agents", None)


def on_guard(path: Path) -> dict[str, str]:
    vane = resolve_file(path, {}).deployment.agents["vane"]
    return {watch.name: vane.on_guard_of(watch) for watch in vane.watches}


def test_a_file_says_what_becomes_of_crossings(file: Callable[[str], Path]) -> None:
    deferring = {"gust": "defer", "free": "defer", "calm": "drop", "daily": "defer"}
    assert on_guard(file("")) == deferring
    dropping = deferring | {"gust": "drop", "free": "drop"}
    assert on_guard(file('[agents.vane]\non_guard = "drop"')) == dropping
    assert on_guard(file('[agents.vane.watches.gust]\non_guard = "drop"')) == deferring | {"gust": "drop"}
    text = '[agents.vane]\non_guard = "drop"\n[agents.vane.watches.gust]\non_guard = "defer"'
    assert on_guard(file(text)) == dropping | {"gust": "defer"}


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("[agents.vane]\non_guard = 'skip'", "agents.vane.on_guard: "),
        ("[agents.vane.watches.free]\non_guard = 'drop'", 'vane.watches.free.on_guard: strength("gust") >= 0.9 has no'),
        (
            "[agents.vane.watches.calm]\non_guard = 'defer'",
            'calm.on_guard: strength("gust") < 0.2 falls, and the guard',
        ),
        ("[agents.vane.watches.daily]\non_guard = 'drop'", 'daily.on_guard: daily_at("09:00") is a schedule, whose'),
        ("[agents.mast]\non_guard = 'drop'", 'mast.on_guard: strength("gust") >= 0.5 has no guard'),
        (
            "[agents.vane.watches.noon]\nschedule = 'every(\"1h\")'\non_guard = 'drop'",
            'vane.watches.noon.on_guard: every("1h") is a schedule',
        ),
    ],
)
def test_an_on_guard_that_says_nothing_is_a_mistake(file: Callable[[str], Path], text: str, mistake: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolve_file(file(text), {})
    assert mistake in str(caught.value.mistakes[0])
