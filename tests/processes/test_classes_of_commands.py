"""Every command finds the classes of its deployment file, wherever it is run and whatever ran before it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bounds import BOUND_SECONDS

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

MODULE = """
from datetime import datetime
from pydantic import field_validator
from blackboard import Mark, agent, strength

class Visit(Mark, kind="visit", on_repeat="separate"):
    when: datetime
    seats: int = 1
    email: str = ""

    @field_validator("email")
    @classmethod
    def has_at(cls, value):
        if value and "@" not in value:
            raise ValueError("no @")
        return value

@agent(watches='strength("visit") >= 0.5')
def greeter(visits, context):
    print("greets", sorted(type(visit).__name__ for visit in visits))
"""
TOML = '[database]\nurl = "sqlite:///visits.db"\n[deployment]\nagents = ["visit_desk:greeter"]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "visit_desk.py").write_text(MODULE)
    (tmp_path / "blackboard.toml").write_text(TOML)
    for name, seats in (("one", 2), ("two", 3)):
        (tmp_path / f"{name}.csv").write_text(f"id,when,seats\n{name},2026-03-04 10:00,{seats}\n")
    return tmp_path


def blackboard(folder: Path, *words: str, at: Path | None = None) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("BLACKBOARD")}
    command = [sys.executable, "-m", "blackboard", *words]
    return subprocess.run(
        command, cwd=at or folder, env=environ, capture_output=True, text=True, timeout=BOUND_SECONDS, check=False
    )


def test_every_command_validates_by_the_class_of_the_file(folder: Path, tmp_path: Path) -> None:
    for file in ("one.csv", "two.csv"):
        done = blackboard(folder, "load", file, "--kind", "visit", "--subject", "id", "--map", "id=")
        assert "1 row loaded" in done.stdout, done.stderr
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    named = ("--config", str(folder / "blackboard.toml"), "--database", str(folder / "visits.db"))
    for at, words in ((folder, ()), (elsewhere, named)):
        for payload, reason in (
            ('{"when": "next tuesday"}', "when"),
            ('{"when": "2026-03-04", "email": "nope"}', "no @"),
        ):
            done = blackboard(folder, *words, "deposit", "visit", "s", "--payload", payload, at=at)
            assert (done.returncode, reason in done.stderr) == (2, True), done.stderr
    assert "greets ['Visit', 'Visit']" in blackboard(folder, "run", "--until-quiescent").stdout


def test_a_file_whose_module_is_broken_is_told_to_the_depositor(folder: Path) -> None:
    assert blackboard(folder, "init").returncode == 0
    (folder / "visit_desk.py").write_text("import nothing_of_this_name\n")
    done = blackboard(folder, "deposit", "visit", "s", "--payload", '{"when": "2026-03-04"}')
    assert done.returncode == 2
    assert "nothing_of_this_name" in done.stderr
    assert blackboard(folder, "deposit", "need", "s", "--payload", '{"question": "why?"}').returncode == 0


def test_a_changed_class_is_counted_by_check_and_named_by_doctor(folder: Path) -> None:
    for subject in ("a", "b"):
        assert blackboard(folder, "deposit", "visit", subject, "--payload", '{"when": "2026-03-04"}').returncode == 0
    (folder / "visit_desk.py").write_text(MODULE.replace("seats: int = 1", "room: str"))
    done = blackboard(folder, "check", "--against-board")
    assert "visit: its class no longer reads 2 live marks (1, 2)" in done.stdout
    assert blackboard(folder, "init").returncode == 0
    done = blackboard(folder, "doctor")
    assert done.returncode == 1
    assert "the class of visit cannot read 2 live marks (1, 2)" in done.stdout
    assert "room: field required" in done.stdout
