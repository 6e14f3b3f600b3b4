"""A signal or a closed pipe ends a command in order and without a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.bounds import BOUND_SECONDS
from tests.support.command_line import CommandLine

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]


def command(*words: str, **options: Any) -> subprocess.Popen[str]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "blackboard", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ, **options,
    )  # fmt: skip


def test_a_closed_pipe_is_not_an_error(house: CommandLine) -> None:
    house("init")
    many = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000) select i from n"
    with command("sql", many, "--csv", "--limit", "100000", cwd=house.folder) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == "i\n"
        child.stdout.close()
        assert child.stderr.read() == ""
        child.wait(BOUND_SECONDS)


def until(child: subprocess.Popen[str], event: str) -> str:
    """Return the lines of the daemon's log up to an event."""
    seen = ""
    assert child.stderr is not None
    while f'"event": "{event}"' not in seen:
        line = child.stderr.readline()
        assert line, seen
        seen += line
    return seen


def test_a_sighup_while_the_daemon_starts_reloads_the_file(house: CommandLine) -> None:
    path = house.folder / "blackboard.toml"
    path.write_text(path.read_text().replace("agents = [", 'agents = ["hung_up:agent", ', 1))
    (house.folder / "hung_up.py").write_text(
        "import os, signal\nfrom blackboard import Mark, agent as declare, strength\n"
        "class Bell(Mark, kind='bell'): pass\n"
        "@declare(watches=strength(Bell) >= 1)\ndef agent(marks, context): pass\n"
        "os.kill(os.getpid(), signal.SIGHUP)\n"
    )
    with command("run", cwd=house.folder) as child:
        until(child, "reloaded")
        child.send_signal(signal.SIGTERM)
        until(child, "stopped")
        assert child.wait(BOUND_SECONDS) == 0


def test_sighup_reloads_the_file_and_sigterm_stops_the_daemon(house: CommandLine) -> None:
    path = house.folder / "blackboard.toml"
    with command("run", cwd=house.folder) as child:
        until(child, "started")
        right = path.read_text()
        path.write_text(right + "[agents.watchmen]\nbatch = 3\n")
        child.send_signal(signal.SIGHUP)
        assert "did you mean 'watchman'?" in until(
            child, "the deployment file has mistakes; the active deployment was kept"
        )
        path.write_text(right + "[agents.watchman]\nbatch = 3\n")
        child.send_signal(signal.SIGHUP)
        until(child, "reloaded")
        child.send_signal(signal.SIGTERM)
        _, err = child.communicate(timeout=BOUND_SECONDS)
    assert child.returncode == 0, err
    assert "Traceback" not in err
    assert '"stopped"' in err
    assert house("status", "--json").json["deployment"] == 2


@pytest.mark.file_only("a new board is the first thing that the daemon reports")
def test_sighup_ends_neither_the_start_nor_the_end_of_the_daemon(house: CommandLine) -> None:
    with command("run", cwd=house.folder) as child:
        assert child.stderr is not None
        assert child.stderr.readline(), "the first warning comes before the daemon starts"
        child.send_signal(signal.SIGHUP)
        until(child, "started")
        until(child, "reloaded")
        child.send_signal(signal.SIGTERM)
        until(child, "stopped")
        while child.poll() is None:
            child.send_signal(signal.SIGHUP)
    assert child.returncode == 0


def test_an_interrupt_stops_the_daemon_too(house: CommandLine) -> None:
    with command("run", cwd=house.folder) as child:
        until(child, "started")
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=BOUND_SECONDS)
    assert child.returncode == 0, err
    assert '"stopped"' in err


@pytest.mark.parametrize("words", [("marks",), ("marks", "--json")])
def test_characters_missing_in_the_encoding_are_escaped(
    house: CommandLine, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    house("deposit", "smoke", "hall", "--payload", '{"detail": "\u7159"}')
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    with command(*words, cwd=house.folder) as child:
        out, err = child.communicate(timeout=BOUND_SECONDS)
    assert (child.returncode, err) == (0, "")
    assert '"detail": "\\u7159"' in out
