"""Streams that are closed, broken, full or stalled end neither a daemon nor a command."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.support.bounds import BOUND_SECONDS
from tests.support.command_line import AGENTS, CommandLine

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]

Stream = Callable[[], AbstractContextManager[int]]


EMBEDDED = """
from blackboard import Blackboard, Daemon
from house_agents import caller, watchman

with Blackboard.open("{url}") as board:
    Daemon(board, [watchman, caller]).run(until_quiescent=True)
import os
os._exit(0)  # the interpreter would wait for the reader of stdout
"""


@contextmanager
def stalled() -> Iterator[int]:
    """Yield a pipe that is full and is never read."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETFL, os.O_NONBLOCK)
    for size in (1 << 16, 1):
        while True:
            try:
                os.write(writer, b"x" * size)
            except BlockingIOError:
                break
    fcntl.fcntl(writer, fcntl.F_SETFL, 0)
    yield writer
    os.close(reader)
    os.close(writer)


@contextmanager
def broken() -> Iterator[int]:
    """Yield a pipe whose reader has gone away."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@contextmanager
def full() -> Iterator[int]:
    """Yield a file on a full disk."""
    descriptor = os.open("/dev/full", os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


FULL = pytest.param(full, marks=pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full"))
STREAMS = [stalled, broken, FULL]


def run(
    folder: Path, *words: str, shell: str = "", stderr: int = subprocess.PIPE, stdout: int = subprocess.PIPE
) -> int:
    """Run a command, perhaps with redirections of a shell, and return its exit code."""
    command = [sys.executable, *words]
    if shell:
        command = ["/bin/sh", "-c", f'"$@" {shell}', "sh", *command]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
    ) as child:
        try:
            return child.wait(BOUND_SECONDS)
        finally:
            child.kill()


def fill(house: CommandLine) -> None:
    house("init")
    for number in range(5):
        house("deposit", "smoke", f"room/{number}", "--payload", '{"detail": "thick"}')


def calls(house: CommandLine) -> int:
    """Return the number of calls that the agents deposited, 1 after all work."""
    return len(house("marks", "--kind", "call", "--json").json)


@pytest.mark.parametrize("stream", STREAMS)
def test_a_daemon_works_with_any_log(house: CommandLine, stream: Stream) -> None:
    fill(house)
    with stream() as stderr:
        assert run(house.folder, "-m", "blackboard", "run", "--until-quiescent", stderr=stderr) == 0
    assert calls(house) == 1


@pytest.mark.parametrize("stream", [stalled, broken])
def test_what_agents_print_decides_about_no_work_either(house: CommandLine, stream: Stream) -> None:
    prints = (
        "import logging, sys\n    print('x' * 200_000)\n    logging.warning('y')\n    print('z', file=sys.stderr)\n"
    )
    house.write("house_agents.py", AGENTS.replace("(smokes, context):\n", f"(smokes, context):\n    {prints}"))
    fill(house)
    with stream() as both:
        assert run(house.folder, "-m", "blackboard", "run", "--until-quiescent", stdout=both, stderr=both) == 0
    assert calls(house) == 1


@pytest.mark.parametrize("stream", [stalled, broken])
def test_a_program_with_a_daemon_works_with_any_stdout(house: CommandLine, stream: Stream) -> None:
    fill(house)
    with stream() as stdout:
        assert run(house.folder, "-c", EMBEDDED.format(url=house.url), stdout=stdout) == 0
    assert calls(house) == 1


@pytest.mark.parametrize("stream", [broken, FULL])
def test_a_command_works_if_its_notes_cannot_be_written(house: CommandLine, stream: Stream) -> None:
    house.write("smoke.csv", "subject,detail,floor_number\nhall,thick,1\nkitchen,thin,none\n")
    with stream() as stderr:
        words = ("load", "smoke.csv", "--kind", "smoke", "--subject", "subject")
        assert run(house.folder, "-m", "blackboard", *words, stderr=stderr) == 0
    assert [row["subject"] for row in house("marks", "--json").json] == ["hall"]


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_closed_streams_end_no_command(house: CommandLine, closed: str) -> None:
    house("init")
    house.write("smoke.csv", "subject,detail\nhall,thick\n")
    words = ("load", "smoke.csv", "--kind", "smoke", "--subject", "subject")
    assert run(house.folder, "-m", "blackboard", *words, shell=closed) == 0
    assert run(house.folder, "-m", "blackboard", "status", shell=closed) == 0
    assert run(house.folder, "-m", "blackboard", "run", "--until-quiescent", shell=closed) == 0
    assert len(house("marks", "--kind", "alarm", "--json").json) == 1


OPENED = """
import os, sys
from blackboard.cli.terminal import standard_streams

standard_streams.open_closed()
closed = [int(word) for word in sys.argv[1:]]
opened = [n for n in range(3) if os.path.samestat(os.fstat(n), os.stat(os.devnull)) and os.get_inheritable(n)]
print("discarded or seen"), sys.stderr.write("discarded or seen"), sys.stdin.read()
os._exit(0 if set(closed) <= set(opened) else 1)
"""


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 2), (0, 1, 2)])
def test_no_other_file_takes_the_place_of_a_closed_stream(house: CommandLine, closed: tuple[int, ...]) -> None:
    shell = " ".join(f"{number}>&-" for number in closed)
    assert run(house.folder, "-c", OPENED, *map(str, closed), shell=shell) == 0
