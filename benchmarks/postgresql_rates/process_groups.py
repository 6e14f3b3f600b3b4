"""Processes that do the same thing at the same time, for some seconds each time.

A process prints a line when it is ready. For each line of input, a number of seconds, it repeats its act for that long
and prints how often it did, and in how many seconds. It ends with its input.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from types import TracebackType

from benchmarks.postgresql_rates import processor_time

__all__ = ["ProcessGroup", "follow_commands"]


def follow_commands(act: Callable[[], None]) -> None:
    """Repeat an act for each line of the input."""
    print("ready", flush=True)
    for line in sys.stdin:
        count, begin = 0, time.monotonic()
        end = begin + float(line)
        while (now := time.monotonic()) < end:
            act()
            count += 1
        print(count, now - begin, flush=True)


class ProcessGroup:
    """Processes of one module that are ready to run together.

    Args:
        module: The module in this package.
        url: The database.
        size: The number of processes.
    """

    def __init__(self, module: str, url: str, size: int) -> None:
        self.size = size
        command = [sys.executable, "-m", f"benchmarks.postgresql_rates.{module}", url]
        self._processes = [
            subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for number in range(size)
        ]
        for process in self._processes:
            self._read(process)

    def __enter__(self) -> ProcessGroup:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for process in self._processes:
            process.__exit__(None, None, None)

    def rate(self, seconds: float) -> float:
        """Let all processes work for some seconds, and return how much all of them did in a second."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(f"{seconds}\n")
            process.stdin.flush()
        return sum(int(count) / float(taken) for count, taken in map(self._read, self._processes))

    def processor_seconds(self) -> float:
        """Return the processor time that the processes have used so far."""
        return processor_time.of_processes(process.pid for process in self._processes)

    @staticmethod
    def _read(process: subprocess.Popen[str]) -> list[str]:
        assert process.stdout is not None
        if not (line := process.stdout.readline()):
            raise RuntimeError(f"a process ended with the code {process.wait()}")
        return line.split()
