"""The pytest plugin: a board on a manual clock, and scenarios. It imports the board only when a test needs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from blackboard.board.facade import Blackboard
    from blackboard.clock import ManualClock


@pytest.fixture
def board_clock() -> ManualClock:
    """Return the clock of the fixture `board`, at 2026-01-05T09:00Z. Only the test and a daemon move it."""
    from blackboard.clock import ManualClock

    return ManualClock()


@pytest.fixture
def board(tmp_path: Path, board_clock: ManualClock) -> Iterator[Blackboard]:
    """Open an empty board in the test's folder, on the manual clock `board_clock`. Its deposits sign as `test`."""
    from blackboard.board import board_storage
    from blackboard.board.facade import Blackboard

    with Blackboard.open(tmp_path / "board.db", author="test", clock=board_clock) as opened:
        board_storage.skip_disk_flush(opened)  # the board ends with the test
        yield opened


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect files of scenarios."""
    if file_path.name.endswith(".board.toml"):
        return ScenarioFile.from_parent(parent, path=file_path)
    return None


class ScenarioFile(pytest.File):
    """The file of a scenario, which is one test."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the test."""
        yield ScenarioItem.from_parent(self, name="scenario")


class ScenarioItem(pytest.Item):
    """The scenario of a file."""

    def runtest(self) -> None:
        """Run the file, and fail with the expectations that were not met."""
        from blackboard.errors import BlackboardError
        from blackboard.testing.scenario_runs import run_scenario

        try:
            problems = [str(unmet) for unmet in run_scenario(self.path)]
        except BlackboardError as error:
            problems = [str(error)]
        if problems:
            pytest.fail("\n".join(problems), pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the location and the name of the test."""
        return self.path, None, self.path.name
