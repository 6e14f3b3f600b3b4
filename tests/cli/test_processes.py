"""The law: what ends a command from outside (a signal, a closed pipe) ends it in order and without a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]


def command(*words, **options):
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "blackboard", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ, **options,
    )  # fmt: skip


def test_a_reader_that_goes_away_is_no_failure_to_tell_of(house):
    many = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000) select i from n"
    with command("sql", many, "--csv", "--limit", "100000", cwd=house.folder) as child:
        assert child.stdout.readline() == "i\n"
        child.stdout.close()
        assert child.stderr.read() == ""
        child.wait(30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_daemon_in_order(house, number):
    with command("run", cwd=house.folder) as child:
        seen = ""
        while '"started"' not in seen:
            line = child.stderr.readline()
            assert line, seen
            seen += line
        child.send_signal(number)
        _, err = child.communicate(timeout=30)
    assert child.returncode == 0, err
    assert "Traceback" not in err
    assert '"stopped"' in err
