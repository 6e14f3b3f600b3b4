"""Every example runs unchanged, and the documents show the examples as they are."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Blocks

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
CORRELATOR = ROOT / "examples/alerts"
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
def test_what_the_correlator_shows_in_service_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "alerts"
    shutil.copytree(CORRELATOR, folder)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    section = folder / "service.md"
    section.write_text((CORRELATOR / "README.md").read_text("utf-8").partition("## In service")[2])
    assert Blocks(folder, lambda: folder / "alerts.db").run(section) == 1


def test_the_comparison_counts_the_lines_of_both_programs() -> None:
    row = re.search(
        r"^\| lines of code.*?\| (\d+) \| (\d+) \|$", (ROOT / "docs/comparison.md").read_text("utf-8"), re.M
    )
    assert row
    assert [int(number) for number in row.groups()] == [
        lines_of_code(CORRELATOR / "alerts.py"),
        lines_of_code(CORRELATOR / "plain/loop.py"),
    ]
    assert len((CORRELATOR / "alerts.py").read_text("utf-8").splitlines()) < 150


def lines_of_code(path: Path) -> int:
    """Return the number of lines of a program that are neither blank nor only a comment or a docstring."""
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    documented = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)]
    strings = [node.body[0] for node in documented if ast.get_docstring(node) is not None]
    left_out = {number for node in strings for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    lines = enumerate(map(str.strip, text.splitlines()), 1)
    return sum(bool(line) and not line.startswith("#") and number not in left_out for number, line in lines)
