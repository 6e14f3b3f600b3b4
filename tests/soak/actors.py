"""The processes of the soak test: their output, their signals and their limits. Nothing here waits without a limit."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

__all__ = ["Actor"]

ROOT = Path(__file__).parents[2]


class Actor:
    """A process that writes to a named pipe, whose reader may go away and come back.

    Args:
        name: Its name in messages.
        pipe: The path of the named pipe.
        arguments: The arguments of Python.
        environment: Additions to the environment.
        log: A file that keeps all that was read.
    """

    def __init__(
        self, name: str, pipe: Path, arguments: Iterable[str], environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.lines: deque[str] = deque(maxlen=400)
        self.killed = self.asked = self.is_stalled = False
        """Whether it was killed, was asked to end, and whether nobody reads its output although it could."""
        self.lacks_memory = False
        """Whether it has, or had at its end, little memory. A library may then end it, as pydantic's core does."""
        self._pipe, self._log, self._rest = pipe, log, b""
        self.reader: int | None = None
        if not pipe.exists():
            os.mkfifo(pipe)
        self.open_reader()
        writer = os.open(pipe, os.O_WRONLY)
        self.popen = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=pipe.parent,
            env={**_plain_environment(), "PYTHONPATH": str(ROOT), **environment},
            stdin=subprocess.PIPE,
            stdout=writer,
            stderr=writer,
        )
        os.close(writer)

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the process if it lives."""
        if self.alive:
            self.killed = self.killed or number == signal.SIGKILL
            self.asked = self.asked or number == signal.SIGTERM
            self.popen.send_signal(number)

    def close_input(self) -> None:
        """Close its input, which ends a depositor."""
        self.asked = True
        assert self.popen.stdin is not None
        self.popen.stdin.close()

    # -- output

    def open_reader(self) -> None:
        """Read its output again, or for the first time."""
        if self.reader is None:
            self.reader = os.open(self._pipe, os.O_RDONLY | os.O_NONBLOCK)

    def close_reader(self) -> None:
        """Close the reading end of its output, so that it can write no more."""
        if self.reader is not None:
            os.close(self.reader)
            self.reader, self._rest = None, b""

    def read(self) -> list[str]:
        """Return the lines that it has written since the last call."""
        lines: list[str] = []
        while self.reader is not None and not self.is_stalled:
            try:
                said = os.read(self.reader, 1 << 16)
            except BlockingIOError:
                break
            if not said:
                break
            with self._log.open("ab") as log:
                log.write(said)
            *whole, self._rest = (self._rest + said).split(b"\n")
            lines += [line.decode("utf-8", "replace") for line in whole]
        self.lines.extend(lines)
        return lines

    # -- limits

    def limit(self, what: int, value: int) -> None:
        """Limit a resource of the process from now on."""
        self.lacks_memory = self.lacks_memory or what == resource.RLIMIT_AS
        with suppress(ProcessLookupError):
            resource.prlimit(self.pid, what, (value, resource.prlimit(self.pid, what)[1]))

    def end_limit(self, what: int) -> None:
        """Set the limit of a resource to that of this process."""
        if what == resource.RLIMIT_AS and self.alive:
            self.lacks_memory = False
        with suppress(ProcessLookupError):
            resource.prlimit(self.pid, what, resource.getrlimit(what))

    def count_descriptors(self) -> int:
        """Return how many descriptors it has open."""
        return self._ask(lambda: len(os.listdir(f"/proc/{self.pid}/fd")))

    def address_space(self) -> int:
        """Return the bytes of its address space."""
        return self._statm(0)

    def resident_memory(self) -> int:
        """Return the bytes of its memory that are in use."""
        return self._statm(1)

    def _statm(self, field: int) -> int:
        pages = self._ask(lambda: int(Path(f"/proc/{self.pid}/statm").read_text().split()[field]))
        return pages * resource.getpagesize()

    def _ask(self, question: Callable[[], int]) -> int:
        try:
            return question()
        except (FileNotFoundError, ProcessLookupError, IndexError):  # it has ended
            return 0


def _plain_environment() -> dict[str, str]:
    """Return the environment without settings, keys and proxies."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANTHROPIC_", "BLACKBOARD_", "OTEL_")) and not name.lower().endswith("_proxy")
    }
