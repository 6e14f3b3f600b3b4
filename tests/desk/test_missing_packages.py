"""Without the extra `desk`, every use of the calendar says in one line which package to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bounds import BOUND_SECONDS
from tests.support.started_processes import ROOT

INSTALL = "pip install -c constraints.txt '.[desk]'"
WITHOUT = """
import sys
sys.modules[{package!r}] = None  # as if it were not installed
sys.path[:0] = {path!r}
"""
DEMO = """
from blackboard.cli import main
main()
"""


def run_without(package: str, program: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    setup = WITHOUT.format(package=package, path=[str(ROOT), str(ROOT / "agents")])
    return subprocess.run(
        [sys.executable, "-c", setup + program, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("package", ["icalendar", "dateutil"])
@pytest.mark.parametrize("command", ["demo", "check"])
def test_a_command_names_the_missing_package_and_the_extra(package: str, command: str, tmp_path: Path) -> None:
    done = run_without(package, DEMO, tmp_path, "--config", str(ROOT / "config/demo.toml"), command)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert package in line
    assert line.endswith(INSTALL)
    assert list(tmp_path.iterdir()) == []


def test_the_agents_that_need_no_calendar_work_without_the_extra(tmp_path: Path) -> None:
    program = "import lead_desk.sales, lead_desk.analyst, lead_desk.coordinator"
    assert run_without("icalendar", program, tmp_path).returncode == 0
