"""Two processes increment one counter by compare and set, and no increment is lost.

`COUNTER_STEPS=10000 pytest tests/processes/test_counting_processes.py` takes longer.
"""

from __future__ import annotations

import os

import pytest

from blackboard import Blackboard
from tests.processes.counting_process import Counter, Visit
from tests.support.bounds import BOUND_SECONDS
from tests.support.started_processes import started

STEPS = int(os.environ.get("COUNTER_STEPS", "300"))

SECONDS = max(BOUND_SECONDS, STEPS // 10)
"""The longest time that the processes may take."""

pytestmark = [pytest.mark.processes, pytest.mark.postgresql, pytest.mark.timeout(3 * SECONDS)]


def test_no_increment_is_lost(board_url: str) -> None:
    with Blackboard.open(board_url, create=True) as board:
        board.deploy(kinds=[Counter, Visit])
        command = ["-m", "tests.processes.counting_process", board_url, str(STEPS)]
        with started(command) as first, started(command) as second:
            for process in (first, second):
                process.line(lambda line: line == "open")
            for process in (first, second):
                process.say()
            for process in (first, second):
                process.popen.wait(SECONDS)
                assert process.ends() == 0, process.lines
            conflicts = [int(process.lines[-1]) for process in (first, second)]
        [counter] = board.marks(Counter)
        assert counter.n == 2 * STEPS
        assert len([event for event in board.history("all") if event.kind == "counter"]) == 2 * STEPS
        assert sum(conflicts) > 0, "the processes did not run at the same time"
