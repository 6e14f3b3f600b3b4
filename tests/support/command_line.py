"""The command line in this process, in an empty folder or in one with a deployment of two agents."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner

from blackboard.cli.app import app
from blackboard.cli.entry_point import move_common_first
from tests.support.storage import PostgresqlStorage, Storage

AGENTS = """
from blackboard import Linear, Mark, agent, count, strength


class Smoke(Mark, kind="smoke"):
    detail: str
    floor_number: int = 0


class Alarm(Mark, kind="alarm", decay=Linear("1h")):
    level: int


class Call(Mark, kind="call", on_repeat="separate"):
    text: str


@agent(watches=strength(Smoke) >= 0.7, writes=[Alarm], batch=10, kinds=[Call])
def watchman(smokes, context):
    return [Alarm(subject=s.subject, level=round(10 * s.strength)) for s in smokes]


@agent(watches={"many": count(Alarm, over="board") >= 3}, writes=[Call])
def caller(alarms, context):
    return [Call(subject="fire brigade", text=f"{len(alarms)} alarms")]
"""

DEPLOYMENT = """
[database]
url = "sqlite:///house.db"
author = "person:ada"

[deployment]
agents = ["house_agents:watchman", "house_agents:caller"]

[kinds.smoke]
decay = { law = "exponential", half_life = "10m" }
"""


@dataclass
class Done:
    """The result of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The stdout as its only JSON document."""
        return json.loads(self.out)


class CommandLine:
    """A runner of command lines in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = "sqlite:///house.db"
        """The URL of the board of the deployment."""

    def __call__(self, *words: str, stdin: str | bytes | None = None) -> Done:
        result = CliRunner().invoke(app, move_common_first(list(words)), input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert "Traceback" not in result.stderr
        return Done(result.exit_code, result.stdout, result.stderr)

    def write(self, name: str, text: str | bytes) -> str:
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return name


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """Return a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")  # independent of the terminal of the tests
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield CommandLine(tmp_path)
    structlog.reset_defaults()
    for name in ("house_agents", "broken_agents"):
        sys.modules.pop(name, None)


@pytest.fixture
def house(
    typed: CommandLine, storage: Storage, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> CommandLine:
    """Return a command line in a folder with a deployment of two agents in ./blackboard.toml."""
    typed.write("house_agents.py", AGENTS)
    typed.write("blackboard.toml", DEPLOYMENT)
    if isinstance(storage, PostgresqlStorage):  # where its tables are, as after `init` by the owner
        typed.url = request.getfixturevalue("board_url")
        monkeypatch.setenv("BLACKBOARD_DATABASE__URL", typed.url)
    return typed
