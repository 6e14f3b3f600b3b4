"""The performance benchmark runs once on small boards; no test depends on a time.

Invalid arguments are refused before measuring, and finished measurements are not lost.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks.performance import __main__ as driver
from benchmarks.performance import boards, daily_load, peers, report
from benchmarks.performance.measurement_run import Part
from benchmarks.performance.report import Row

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., int]:
    """Run the driver with folders of the test."""
    return lambda *arguments: driver.main([*arguments, "--folder", str(tmp_path), "--out", str(tmp_path / "out")])


def written(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "out" / "performance.json").read_text())
    return found


@pytest.mark.processes
@pytest.mark.parametrize("part", ["deposits", "reads", "wakes", "maintenance", "resident"])
def test_every_part_of_the_suite_runs_on_a_small_board(part: str, run: Callable[..., int], tmp_path: Path) -> None:
    assert run("--small", "--only", part) == 0
    found = written(tmp_path)
    assert found["complete"]
    assert found["rows"]
    assert max(row["size"] or 0 for row in found["rows"]) <= 100


@pytest.mark.processes
def test_each_operation_of_the_hot_paths_runs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "benchmarks/performance/test_parts.py", "--benchmark-disable"]
    options = ["-p", "no:cacheprovider", "--basetemp", str(tmp_path / "parts")]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_daily_load_is_computed(capsys: pytest.CaptureFixture[str]) -> None:
    daily_load.main(["--deposits", "2000", "--agents", "5"])
    assert "2,000 deposits a day" in capsys.readouterr().out


def test_a_single_board_size_is_not_compared(run: Callable[..., int], tmp_path: Path) -> None:
    assert run("--small", "--size", "50", "--only", "deposits") == 0
    found = written(tmp_path)["rows"]
    assert [row["what"] for row in found if row["unit"].startswith("x that at")] == []
    assert len([row for row in found if row["what"] == "a board-wide threshold, linear"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--size", "abc"], "'abc' is not a whole number of at least 1"),
        (["--size", ","], "'' is not a whole number"),
        (["--size", "1e6"], "'1e6' is not a whole number"),
        (["--size", "1000,0"], "'0' is not a whole number"),
        (["--size=-5"], "'-5' is not a whole number"),
        (["--only", "raeds"], "no part 'raeds'; did you mean 'reads'?"),
        (["--only", "deposits,"], "no part ''; known names: deposits, "),
    ],
)
def test_invalid_arguments_are_refused_at_once(
    arguments: list[str], message: str, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(*arguments)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("taken", ["out", "out/performance.json"])
def test_an_unwritable_folder_is_refused_at_once(
    taken: str, run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if taken == "out":
        (tmp_path / taken).write_text("")
    else:
        (tmp_path / taken).mkdir(parents=True)
    with pytest.raises(SystemExit, match="2"):
        run("--small")
    assert f"cannot write to {tmp_path / taken}: " in capsys.readouterr().err


def test_sizes_are_distinct_whole_numbers(monkeypatch: pytest.MonkeyPatch, run: Callable[..., int]) -> None:
    asked: list[list[int]] = []

    def parts(folder: Path, sizes: list[int], *, small: bool) -> dict[str, list[Part]]:
        asked.append(sizes)
        return {}

    monkeypatch.setattr(driver, "parts", parts)
    assert run("--size", "1_000_000,1000,1000000") == run() == run("--small") == 0
    assert asked == [[1000, 1_000_000], [1000, 1_000_000], [50, 100]]


def good() -> Iterator[Row]:
    yield Row("good", None, 1.0, "ms")


def broken() -> Iterator[Row]:
    yield Row("begun", None, 2.0, "ms")
    raise RuntimeError("no\nroom")


def interrupted() -> Iterator[Row]:
    raise KeyboardInterrupt
    yield


def test_a_failed_part_is_in_the_table_and_fails_the_run(
    run: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(driver, "parts", lambda *_, **__: {"reads": [partial(broken), partial(good)]})
    assert run() == 1
    assert [(row["what"], row["value"]) for row in written(tmp_path)["rows"]] == [
        ("begun", 2.0),
        ("reads: broken", None),
        ("good", 1.0),
    ]
    line = next(line for line in capsys.readouterr().out.splitlines() if "reads: broken" in line)
    assert line.split()[2:] == ["FAILED", "RuntimeError:", "no", "room"]


def test_an_interrupted_run_keeps_its_rows(
    run: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    todo = {"reads": [partial(good), partial(interrupted), partial(good)]}
    monkeypatch.setattr(driver, "parts", lambda *_, **__: todo)
    assert run() == 130
    found = written(tmp_path)
    assert ([row["what"] for row in found["rows"]], found["complete"]) == (["good"], False)
    assert "good" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "measured"),
    [
        ([], ["reads", "wakes"]),
        (["--peers"], ["reads", "wakes", "peers"]),
        (["--only", "peers"], ["peers"]),
        (["--only", "wakes, reads"], ["reads", "wakes"]),
        (["--only", "reads", "--peers"], ["reads", "peers"]),
    ],
)
def test_peers_are_measured_on_request(
    arguments: list[str], measured: list[str], run: Callable[..., int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def named(name: str) -> Iterator[Row]:
        yield Row(name, None, 1.0, "")

    everything = {name: [partial(named, name)] for name in ("reads", "wakes", "peers")}
    monkeypatch.setattr(driver, "parts", lambda *_, **__: everything)
    assert run(*arguments) == 0
    assert [row["what"] for row in written(tmp_path)["rows"]] == measured


@pytest.mark.processes
def test_a_deposit_is_compared_with_each_installed_peer(
    run: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(peers, "ENVIRONMENTS", tmp_path)
    answer = json.dumps({"what": "puts", "rate": 1e9, "durability": "wal"})
    for name, script in (("langgraph", f"echo '{answer}'"), ("blackboardx", "echo no disk >&2; exit 3")):
        python = tmp_path / name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
    assert run("--small", "--only", "peers") == 1
    found = {row["what"]: row for row in written(tmp_path)["rows"]}
    against = found["one deposit against LangGraph's put"]
    assert (against["aim"], against["side"], against["met"]) == (1.0, "at least", False)
    assert against["detail"].endswith("theirs: wal")
    assert (found["blackboardx: writes"]["value"], found["blackboardx: writes"]["detail"]) == (None, "no disk")
    assert "huey is not measured" in capsys.readouterr().err


def test_an_incomplete_board_is_built_again(tmp_path: Path) -> None:
    (tmp_path / "building-10.db").write_text("half a board")
    assert boards.filled(tmp_path, 10).stat().st_size > 0


def test_a_row_says_whether_its_aim_was_reached() -> None:
    assert Row("rate", None, 2.0, "", 1.0).met
    assert Row("wait", None, 2.0, "ms", 1.0, "at most").met is False
    assert Row("size", None, 2.0, "MB").met is None
    assert Row("lost", None, None, "MB", 1.0).met is None


def test_missed_aims_are_marked_in_the_table() -> None:
    table = report.as_table([Row("wait", 1000, 2.0, "ms", 1.0, "at most"), Row("rate", None, 2.0, "", 1.0)])
    assert ["MISSED" in line for line in table.splitlines()] == [False, True, False]


def test_a_plot_shows_measurements_at_several_sizes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    rows = [Row("look", size, size / 1000, "ms") for size in (10, 100)]
    assert report.plot(rows, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 0
