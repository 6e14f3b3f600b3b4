"""How long the server takes for each page of a board with a million marks.

Besides them, the board has waiting crossings, ended activations, needs and subjects with many events.

    python -m benchmarks.large_pages [--marks 1000000] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import httpx2

from benchmarks.pages import served, ticks
from benchmarks.performance import boards
from blackboard import Blackboard, Daemon, Deposit, Mark, Need, agent, strength

REQUESTS = 5
TICK_SECONDS = 0.01


class Task(Mark, kind="task"):
    """A mark that wakes an agent."""


class Result(Mark, kind="result"):
    """What it deposits."""


@agent(watches=strength(Task) >= 0.5, writes=[Result], batch=1, cooldown_per="subject")
def worker(tasks: list[Task], context: Any) -> list[Result]:
    """Finish a task."""
    return [Result(subject=task.subject) for task in tasks]


@agent(watches=strength(boards.Done) >= 0.1, name="sleeper", batch=100)
def sleeper(marks: list[Mark], context: Any) -> None:
    """Take marks that wait."""


ADDRESSES = (
    "/", "/?kind=trace", "/?kind=trace&subject=busy", "/?at=AT", "/?agent=sleeper", "/agenda", "/agenda?agent=sleeper",
    "/activations", "/activations?agent=worker&state=done", "/activation?id=7", "/inbox", "/agents", "/deployment",
    "/costs", "/health", "/sql", "/subject", "/subject?subject=busy", "/subject?subject=s/00000000",
)  # fmt: skip


def make(path: Path, marks: int) -> None:
    """Make a board with this many marks."""
    with Blackboard.open(path, kinds=(*boards.KINDS, Task, Result)) as board:
        boards.deploy(board)
        boards.insert_marks(board, boards.Trace, marks * 7 // 10)
        for kind in (boards.Ramp, boards.Beacon, boards.Fact):
            boards.insert_marks(board, kind, marks // 10)
        board.deploy(*boards.watchers(), worker, sleeper, kinds=[*boards.KINDS, Task, Result])
        board.deposit_many([Deposit("task", f"task/{number}", {}) for number in range(3000)])
        Daemon(board, [worker]).run(until_quiescent=True)
        board.deposit_many([Deposit("done", f"done/{number}", {}) for number in range(20_000)])
        board.deposit_many([Deposit("done", "busy", {"detail": str(number)}) for number in range(2000)])
        board.deposit_many([Need(subject=f"question/{number}", question="Is it so?") for number in range(500)])
        board.database.checkpoint()


def main() -> None:
    """Measure, and print a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--marks", type=int, default=1_000_000)
    options.add_argument("--folder", type=Path, help="where the board is kept for the next run")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = (given.folder or Path(folder)) / f"pages-{given.marks}.db"
        if not path.exists():
            make(path, given.marks)
        with Blackboard.open(path) as board:
            name = f"viewer-{time.time_ns()}"
            token = board.create_token(name, may=["read", "operate", "answer", "sql", "deposit"])
            earlier = f"{board.now():%Y-%m-%dT%H:%M:%S.%fZ}"
        with served(path) as (url, process):
            client = httpx2.Client(
                base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=120, trust_env=False
            )
            print(f"{'page':42} {'first':>9} {'median':>9} {'processor':>10} {'size':>9}")
            for address in ADDRESSES:
                print(f"{address:42} {' '.join(timed(client, process, address.replace('AT', earlier)))}")


def timed(client: httpx2.Client, process: int, address: str) -> list[str]:
    """Return the time of the first request, the median of the next, and the processor time and size of one."""
    seconds, before = [], ticks(process)
    for _ in range(REQUESTS):
        begin = time.perf_counter()
        response = client.get(address)
        seconds.append(time.perf_counter() - begin)
    processor = (ticks(process) - before) * TICK_SECONDS / REQUESTS
    status = "" if response.status_code == 200 else f" status {response.status_code}"
    return [
        f"{seconds[0] * 1000:6.0f} ms", f"{median(seconds[1:]) * 1000:6.0f} ms", f"{processor * 1000:7.0f} ms",
        f"{len(response.content) / 1000:6.0f} kB{status}",
    ]  # fmt: skip


if __name__ == "__main__":
    main()
