"""Every Python block of the README and the documents passes mypy --strict."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import DOCUMENTS, ROOT

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.processes
@pytest.mark.timeout(600)
def test_every_python_block_is_typed(tmp_path: Path) -> None:
    names = []
    for document in DOCUMENTS:
        # A block that names its file is a separate program; other blocks of a document run in order.
        programs: dict[str, list[str]] = {}
        for block in BLOCK.findall(document.read_text("utf-8")):
            file = re.match(r"# (\w+)\.py\n", block)
            programs.setdefault(file[1] if file else document.stem, []).append(block)
        for name, blocks in programs.items():
            path = tmp_path / f"{document.stem}_example_{name}.py"
            path.write_text("\n".join(blocks))
            names.append(str(path))
    assert names
    checked = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file",
            str(ROOT / "pyproject.toml"),
            "--no-pretty",
            *names,
        ],
        check=False,
        cwd=ROOT,  # the folder of the cache
        env={**os.environ, "MYPYPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
