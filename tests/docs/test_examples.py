"""Every example runs unchanged, and the documents show the examples as they are."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.alternatives import COMPARISONS, lines_of_code
from blackboard import Blackboard, Daemon, ManualClock
from tests.docs.blocks import ROOT, Blocks
from tests.support.bounds import BOUND_SECONDS

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
APPLICATIONS = {name: ROOT / "examples" / name for name in ("alerts", "memory", "triage")}
EXPECTED = {
    "smoke_alarm.py": "[Alarm(subject='kitchen', intensity=1.0, level=8, id=3, strength=1.0, author='watchman')]"
}
"""The last line of output of each example."""


def test_every_example_has_an_expected_output_and_is_listed() -> None:
    listed = re.findall(r"python examples/(\S+)", (ROOT / "examples/README.md").read_text("utf-8"))
    assert {path.name for path in EXAMPLES} == EXPECTED.keys() == set(listed)


@pytest.mark.processes
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs(path: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, path], cwd=tmp_path, capture_output=True, text=True, timeout=BOUND_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == EXPECTED[path.name]


def test_the_readme_shows_the_first_example() -> None:
    example = (ROOT / "examples/smoke_alarm.py").read_text("utf-8")
    assert f"```python\n# smoke_alarm.py\n{example}```" in (ROOT / "README.md").read_text("utf-8"), (
        "they must be the same"
    )


def test_a_repeated_report_wakes_the_agent_of_the_readme_until_the_mark_is_at_its_cap(tmp_path: Path) -> None:
    smoke_alarm = runpy.run_path(str(ROOT / "examples/smoke_alarm.py"))
    clock, woken = ManualClock(), []
    with Blackboard.open(tmp_path / "board.db", clock=clock) as board:
        for detail in ["thick"] * 6 + ["black"]:
            board.deposit(smoke_alarm["Smoke"](subject="kitchen", detail=detail), intensity=0.4)
            Daemon(board, [smoke_alarm["watchman"]]).run(until_quiescent=True)
            woken.append(len(board.activations()))
            clock.advance(timedelta(minutes=1))
    assert woken == [0, 1, 2, 2, 2, 2, 3]


@pytest.mark.parametrize("name", COMPARISONS)
def test_the_comparison_links_both_programs(name: str) -> None:
    page = (ROOT / "docs/comparison.md").read_text("utf-8")
    for file in (COMPARISONS[name].board.source, COMPARISONS[name].plain.source, "blackboard.toml"):
        assert f"](../examples/{name}/{file})" in page


@pytest.mark.processes
@pytest.mark.parametrize("program", APPLICATIONS.values(), ids=APPLICATIONS)
def test_what_an_application_shows_in_service_runs(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / program.name
    shutil.copytree(program, folder)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    section = folder / "service.md"
    shown = (program / "README.md").read_text("utf-8").partition("## In service")[2]
    section.write_text(shown)
    assert Blocks(folder, lambda: folder / f"{program.name}.db").run(section) == shown.count("```") // 2


def test_the_comparison_counts_the_lines_of_the_programs() -> None:
    page = (ROOT / "docs/comparison.md").read_text("utf-8")
    counted = re.findall(r"^\| lines of code.*?\| (\d+) \| (\d+) \|$", page, re.MULTILINE)
    assert counted == [
        tuple(str(lines_of_code(ROOT / "examples" / name / program.source)) for program in (of.board, of.plain))
        for name, of in COMPARISONS.items()
    ]


def test_the_comparison_counts_the_lines_of_settings() -> None:
    counted = re.findall(
        r"^\| lines of settings[^|]*\| (\d+) \|", (ROOT / "docs/comparison.md").read_text("utf-8"), re.M
    )
    files = [(ROOT / "examples" / name / "blackboard.toml").read_text("utf-8").splitlines() for name in COMPARISONS]
    lines = [[line for line in map(str.strip, file) if line and not line.startswith("#")] for file in files]
    assert counted == [str(len(each)) for each in lines]


@pytest.mark.parametrize("name", APPLICATIONS)
def test_an_application_is_short(name: str) -> None:
    assert len((APPLICATIONS[name] / f"{name}.py").read_text("utf-8").splitlines()) < 150
