"""Every example runs unchanged, and the documents show the examples as they are."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Blocks

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
CORRELATOR, TRIAGE = ROOT / "examples/alerts", ROOT / "examples/triage"
EXPECTED = {"smoke.py": "[Alarm(subject='kitchen', intensity=1.0, level=8, id=3, strength=1.0, author='watchman')]"}
"""The last line of output of each example."""


def test_every_example_has_an_expected_output_and_is_listed() -> None:
    listed = re.findall(r"python examples/(\S+)", (ROOT / "examples/README.md").read_text("utf-8"))
    assert {path.name for path in EXAMPLES} == EXPECTED.keys() == set(listed)


@pytest.mark.processes
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs(path: Path, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, path], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == EXPECTED[path.name]


def test_the_readme_shows_the_first_example() -> None:
    example = (ROOT / "examples/smoke.py").read_text("utf-8")
    assert f"```python\n# smoke.py\n{example}```" in (ROOT / "README.md").read_text("utf-8"), "they must be the same"


def test_the_comparison_shows_both_programs_in_full() -> None:
    page = (ROOT / "docs/comparison.md").read_text("utf-8")
    for path in ("alerts.py", "plain/loop.py"):
        program = (CORRELATOR / path).read_text("utf-8")
        assert f"```python\n# {Path(path).name}\n{program}```" in page, f"{path} must be the same in the page"
    assert f"```toml\n{(CORRELATOR / 'blackboard.toml').read_text('utf-8')}```" in page


@pytest.mark.processes
@pytest.mark.parametrize("program", [CORRELATOR, TRIAGE], ids=lambda path: path.name)
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


def test_the_comparison_counts_the_lines_of_both_programs() -> None:
    row = re.search(
        r"^\| lines of code.*?\| (\d+) \| (\d+) \|$", (ROOT / "docs/comparison.md").read_text("utf-8"), re.M
    )
    assert row
    assert [int(number) for number in row.groups()] == [
        lines_of_code(CORRELATOR / "alerts.py"),
        lines_of_code(CORRELATOR / "plain/loop.py"),
    ]


@pytest.mark.parametrize("program", [CORRELATOR / "alerts.py", TRIAGE / "triage.py"], ids=lambda path: path.stem)
def test_an_application_is_short(program: Path) -> None:
    assert len(program.read_text("utf-8").splitlines()) < 150


def lines_of_code(path: Path) -> int:
    """Return the number of lines of a program that are neither blank nor only a comment or a docstring."""
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    documented = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)]
    strings = [node.body[0] for node in documented if ast.get_docstring(node) is not None]
    left_out = {number for node in strings for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    lines = enumerate(map(str.strip, text.splitlines()), 1)
    return sum(bool(line) and not line.startswith("#") and number not in left_out for number, line in lines)
