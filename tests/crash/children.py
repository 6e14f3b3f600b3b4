"""Children forked from a process that has done its imports. Each writes lines to a pipe until it ends or is killed.

The parent waits only on pipes, with a time limit. It must have no other thread and no open connection when it forks.
"""

from __future__ import annotations

import os
import select
import signal
import time
import traceback
from collections.abc import Callable, Iterable

from blackboard.system import failpoints

__all__ = ["Child", "Say", "watch"]

Say = Callable[[str], None]
FAILED = 70


class Child:
    """A forked process.

    Args:
        work: The function of the child; its argument is a function that sends a line to the parent.
        failpoint: The name and count of the failpoint at which the child dies.
    """

    def __init__(self, role: str, work: Callable[[Say], None], failpoint: tuple[str, int] | None = None) -> None:
        self.role, self.failpoint = role, failpoint
        self.lines: list[str] = []
        self.status: int | None = None
        """The status of `os.waitpid`; None while the child lives."""
        self.born = time.monotonic()
        self._rest = b""
        self.pipe, mouth = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _live(self.pipe, mouth, work, failpoint)
        os.close(mouth)

    @property
    def alive(self) -> bool:
        return self.status is None

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.status is not None and os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == signal.SIGKILL

    @property
    def failed(self) -> bool:
        """Whether the child failed other than by a kill."""
        return not self.alive and not self.killed and self.status != 0

    def signal(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the child if it lives."""
        if self.alive:
            os.kill(self.pid, number)

    def receive(self) -> None:
        """Read the next output or the end of the child; waits for either."""
        said = os.read(self.pipe, 1 << 16)
        if not said:
            os.close(self.pipe)
            _, self.status = os.waitpid(self.pid, 0)
            return
        *whole, self._rest = (self._rest + said).split(b"\n")
        self.lines += [line.decode() for line in whole]


def watch(children: Iterable[Child], seconds: float, enough: Callable[[], bool] = lambda: False) -> bool:
    """Read until `enough`, until all children have ended, or until the time is over; return whether `enough`."""
    until = time.monotonic() + seconds
    while not enough():
        alive = {child.pipe: child for child in children if child.alive}
        left = until - time.monotonic()
        if not alive or left <= 0:
            return False
        for pipe in select.select(list(alive), [], [], left)[0]:
            alive[pipe].receive()
    return True


def _live(pipe: int, mouth: int, work: Callable[[Say], None], failpoint: tuple[str, int] | None) -> None:
    code = FAILED
    try:
        os.close(pipe)
        if failpoint is not None:
            failpoints.arm(*failpoint)

        def say(line: str) -> None:
            os.write(mouth, line.encode() + b"\n")

        work(say)
        code = 0
    except BaseException:
        os.write(mouth, "".join(f"! {line}\n" for line in traceback.format_exc().splitlines()).encode())
    finally:
        os._exit(code)
