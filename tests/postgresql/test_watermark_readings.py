"""Whatever others deposit meanwhile, no event becomes visible below a watermark that was read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgresql import watermark_readings
from tests.postgresql.watermark_readings import Reading, Readings
from tests.support.bounds import BOUND_SECONDS

ROOT = Path(__file__).parents[2]


@pytest.mark.postgresql(only=True)
@pytest.mark.processes
def test_a_watermark_misses_nothing(empty_url: str) -> None:
    process = subprocess.run(
        [
            sys.executable,
            *("-m", "tests.postgresql.watermark_readings", "--readings", "60", "--depositors", "4", "--url", empty_url),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
        check=False,
    )
    print(process.stdout)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "60 watermarks against" in process.stdout


@pytest.mark.parametrize(
    ("found", "number"),
    [
        (Readings([Reading(3, 3), Reading(2, 2)], [1, 2, 3]), 0),
        (Readings([Reading(3, 2), Reading(3, 1)], [1, 2, 3]), 3),
        (Readings([], [1, 3]), 1),
    ],
)
def test_an_event_that_became_visible_below_the_watermark_is_counted(found: Readings, number: int) -> None:
    assert watermark_readings.missed(found, [1, 2, 3, 4]) == number
