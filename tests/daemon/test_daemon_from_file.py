"""A program makes the daemon that a deployment file describes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blackboard import Blackboard, Daemon, ManualClock
from blackboard.daemon import DaemonLoop
from blackboard.errors import ConfigurationError

MODULE = """
from blackboard import Mark, agent, strength

class Smoke(Mark, kind="smoke"):
    pass

class Alarm(Mark, kind="alarm"):
    text: str

@agent(watches=strength(Smoke) >= 0.5, writes=[Alarm])
def guard(marks, context):
    return [Alarm(subject=marks[0].subject, text=context.settings["town"])]
"""
FILE = """
[deployment]
agents = ["daemon_file_agents:guard"]
[kinds.smoke]
weight = 2.0
[model]
provider = "{provider}"
model = "claude-haiku-4-5"
[daemon]
tick = "7s"
[settings]
town = "Bremen"
"""


@pytest.fixture
def board(board_url: str, clock: ManualClock) -> Iterator[Blackboard]:
    with Blackboard.open(board_url, clock=clock) as board:
        yield board


def model_of(board: Blackboard, file: Path | str) -> str | None:
    """Return the model that the daemon of a file says it has."""
    daemon, models = Daemon.from_file(board, file), list[str | None]()
    daemon.on_event.append(lambda event, details: models.extend(worker.model for worker in board.status().workers))
    daemon.run(until_quiescent=True)
    return models[0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "daemon_file_agents.py").write_text(MODULE)
    path = tmp_path / "blackboard.toml"
    path.write_text(FILE.format(provider="offline"))
    return path


def test_the_daemon_has_the_intervals_of_the_file(
    board: Blackboard, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loops: list[DaemonLoop] = []
    monkeypatch.setattr(DaemonLoop, "run", lambda loop, **_: loops.append(loop))
    Daemon.from_file(board, file).run()
    assert [loop.settings.tick for loop in loops] == [7_000_000]


def test_the_daemon_has_the_agents_of_the_file_and_their_settings(board: Blackboard, file: Path) -> None:
    daemon = Daemon.from_file(board, file)
    board.deposit("smoke", subject="hall", payload={}, intensity=0.3)
    daemon.run(until_quiescent=True)
    assert [mark.payload for mark in board.marks("alarm")] == [{"text": "Bremen"}]


def test_the_model_of_the_file_answers(board: Blackboard, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert model_of(board, file) == "offline rules"
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-test")
    file.write_text(FILE.format(provider="anthropic"))
    assert model_of(board, str(file)) == "anthropic, claude-haiku-4-5"


def test_a_file_without_agents_leaves_those_of_the_board(board: Blackboard, file: Path) -> None:
    Daemon.from_file(board, file)
    file.write_text('[model]\nprovider = "offline"\n')
    assert repr(Daemon.from_file(board, file)).endswith("agents=[])")
    assert list(board.deployment.agents) == ["guard"]


def test_the_mistakes_of_a_file_are_listed(board: Blackboard, file: Path) -> None:
    file.write_text('[model]\nprovider = "nobody"\n[daemon]\ntick = "soon"\n')
    with pytest.raises(ConfigurationError, match=r"(?s)provider.*tick"):
        Daemon.from_file(board, file)
