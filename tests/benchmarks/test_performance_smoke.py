"""The suite of measurements runs: once, small, and without a word about how long anything took."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from benchmarks.performance import __main__ as driver
from benchmarks.performance import report
from benchmarks.performance.report import Row


@pytest.mark.processes
@pytest.mark.parametrize("part", ["deposits", "reads", "wakes", "passes", "resident"])
def test_every_part_of_the_suite_runs_on_a_small_board(part: str, tmp_path: Path) -> None:
    arguments = ["--small", "--size", "50,100", "--only", part, "--folder", str(tmp_path), "--out", str(tmp_path)]
    assert driver.main(arguments) == 0
    rows = json.loads((tmp_path / "performance.json").read_text())["rows"]
    assert rows
    assert [row["what"] for row in rows if math.isnan(row["value"])] == []


def test_a_row_says_whether_its_aim_was_reached() -> None:
    assert Row("rate", None, 2.0, "", 1.0).met
    assert Row("wait", None, 2.0, "ms", 1.0, "at most").met is False
    assert Row("size", None, 2.0, "MB").met is None


def test_what_was_missed_is_named_in_the_table() -> None:
    table = report.as_table([Row("wait", 1000, 2.0, "ms", 1.0, "at most"), Row("rate", None, 2.0, "", 1.0)])
    assert ["MISSED" in line for line in table.splitlines()] == [False, True, False]


def test_a_plot_shows_what_was_measured_at_several_sizes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    rows = [Row("look", size, size / 1000, "ms") for size in (10, 100)]
    assert report.plot(rows, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 0
