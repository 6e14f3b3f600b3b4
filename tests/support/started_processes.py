"""Processes of tests: output is read with a time limit, and every process is gone when the test ends."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.bounds import BOUND_SECONDS

__all__ = ["ROOT", "Process", "started"]

ROOT = Path(__file__).parents[2]


class Process:
    """A process and its output."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self.popen = popen
        self.lines: list[str] = []
        self._rest = b""
        self._read = 0

    def say(self, line: str = "") -> None:
        """Send a line to the input."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(line.encode() + b"\n")
        self.popen.stdin.flush()

    def signal(self, number: int) -> None:
        self.popen.send_signal(number)

    def line(self, wanted: Callable[[str], bool] = lambda line: True) -> str:
        """Return the next matching line, skipping others."""
        until = time.monotonic() + BOUND_SECONDS
        while True:
            while self._read < len(self.lines):
                self._read += 1
                if wanted(self.lines[self._read - 1]):
                    return self.lines[self._read - 1]
            assert self._receive(until - time.monotonic()), "\n".join(["it ended or said no more:", *self.lines[-40:]])

    def event(self, name: str, **wanted: Any) -> Any:
        """Return the details of the next event with this name, as a `worker` prints it."""
        return json.loads(self.line(lambda line: _is(line, name, wanted)))[1]

    def has_said(self, name: str) -> int:
        """Return how many events with this name it has printed, and read what there is to read."""
        assert self.popen.stdout is not None
        while select.select([self.popen.stdout], [], [], 0)[0] and self._receive(0):
            pass
        return sum(_is(line, name, {}) for line in self.lines)

    def ends(self) -> int:
        """Read the output to its end and return the exit code."""
        until = time.monotonic() + BOUND_SECONDS
        hears = True
        while hears:  # each call waits for output
            hears = self._receive(until - time.monotonic())
        return self.popen.wait(max(0.1, until - time.monotonic()))

    def _receive(self, seconds: float) -> bool:
        assert self.popen.stdout is not None
        handle = self.popen.stdout.fileno()
        if not select.select([handle], [], [], max(0.0, seconds))[0]:
            return False
        if not (said := os.read(handle, 1 << 16)):
            return False
        *whole, self._rest = (self._rest + said).split(b"\n")
        self.lines += [line.decode() for line in whole]
        return True


def wait_for_any(processes: Sequence[Process], name: str, count: int) -> None:
    """Wait until the processes together have printed that many events with this name."""
    until = time.monotonic() + BOUND_SECONDS
    while sum(process.has_said(name) for process in processes) < count:
        assert time.monotonic() < until, f"they did not print {count} events {name!r}"
        assert all(process.popen.poll() is None for process in processes), "a process ended"
        outputs = [process.popen.stdout for process in processes if process.popen.stdout is not None]
        select.select(outputs, [], [], max(0.0, until - time.monotonic()))


@contextmanager
def started(
    arguments: Sequence[str],
    *,
    folder: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    enter: Sequence[str] = (),
) -> Iterator[Process]:
    """Run `python` with these arguments; output and errors are read together.

    Args:
        arguments: The arguments of Python.
        folder: The current folder of the process.
        environment: Additions to the environment.
        enter: The beginning of a command that runs on another host.
    """
    popen = subprocess.Popen(
        [*enter, sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    process = Process(popen)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(popen.pid, signal.SIGKILL)
        popen.wait(BOUND_SECONDS)
        for pipe in (popen.stdin, popen.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


def _is(line: str, name: str, wanted: Mapping[str, Any]) -> bool:
    try:
        event, details = json.loads(line)
    except (ValueError, TypeError):
        return False
    return bool(event == name and all(details.get(key) == value for key, value in wanted.items()))
