"""Every example runs unchanged, and the README shows the first example."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
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
