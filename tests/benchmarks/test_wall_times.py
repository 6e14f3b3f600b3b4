"""The comparison of checkouts measures each operation in each checkout; no test depends on a time."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from benchmarks import wall_times

ROOT = Path(__file__).parents[2]


@pytest.mark.processes
def test_each_operation_is_compared_in_each_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trees = ("--tree", str(ROOT), "--tree", str(ROOT))
    monkeypatch.setattr(sys, "argv", ["wall_times", *trees, "--rounds", "2", "--folder", str(tmp_path)])
    wall_times.main()
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 6
    assert all(re.fullmatch(r"[\d.]+ ms \([\d.]+, [\d.]+ to [\d.]+\)", cell) for _, *cells in lines for cell in cells)
    assert {len(cells) for cells in lines} == {3}
    assert list(tmp_path.iterdir()) == []
