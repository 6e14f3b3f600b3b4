"""Failpoints: an armed failpoint kills the process at the given count, others do nothing, unknown names are refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from blackboard.errors import UnknownName
from blackboard.system import failpoints

DIES = (
    "import os\n"
    "from blackboard.system.failpoints import arm_from_environment, failpoint\n"
    "arm_from_environment(os.environ)\n"
    "for n in range(3):\n    failpoint('commit.before')\n    failpoint('commit.after')\n    print(n)"
)


def lines_before_death(armed: str) -> tuple[int, str]:
    environment = {**os.environ, failpoints.VARIABLE: armed}
    ended = subprocess.run(
        [sys.executable, "-u", "-c", DIES], env=environment, capture_output=True, text=True, check=False
    )
    return ended.returncode, ended.stdout.replace("\n", "")


def test_an_armed_failpoint_kills_at_the_given_count() -> None:
    assert lines_before_death("commit.after") == (-signal.SIGKILL, "")
    assert lines_before_death("commit.before:3") == (-signal.SIGKILL, "01")
    assert lines_before_death("notify.before") == (0, "012")


def test_a_failpoint_that_is_not_armed_does_nothing() -> None:
    # An armed failpoint would kill this process, so the end of the test proves that none was armed.
    failpoints.failpoint("commit.before")
    failpoints.arm("commit.after")
    failpoints.failpoint("commit.before")
    failpoints.disarm()
    failpoints.failpoint("commit.after")


def test_an_unknown_failpoint_is_refused() -> None:
    with pytest.raises(UnknownName, match="commit"):
        failpoints.arm("comit.before")
