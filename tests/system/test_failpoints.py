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
    assert lines_before_death("commit.after:9") == (0, "012")


def test_an_observer_hears_of_each_failpoint_of_its_block() -> None:
    reached: list[str] = []
    failpoints.failpoint("commit.before")
    with failpoints.observe(reached.append):
        failpoints.failpoint("commit.before")
        failpoints.failpoint("commit.after")
    failpoints.failpoint("commit.after")
    assert reached == ["commit.before", "commit.after"]


def test_an_unknown_failpoint_is_refused() -> None:
    with pytest.raises(UnknownName, match="commit"):
        failpoints.arm("comit.before")
