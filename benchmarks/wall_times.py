"""Compare how long operations take in several checkouts of the project, on a machine that may be busy.

Each checkout has a process, and the processes take turns, so that other load slows all of them alike. Only the ratios
of a round count. Name the first checkout twice to see how much its own ratio varies.

python -m benchmarks.wall_times --tree ../before --tree . --tree ../before
python -m benchmarks.wall_times --tree ../before --tree . --folder /dev/shm
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

DEPOSITS = 1000
"""The marks on each board before the first round."""


def operations(folder: Path) -> dict[str, tuple[Callable[[], object], int]]:
    """Return the operations on new boards in a folder, each with the number of its runs in a round."""
    from blackboard import Blackboard, Exponential, Mark, agent, total

    class Trace(Mark, kind="trace", decay=Exponential("7d"), on_repeat="add"):
        detail: str = ""

    @agent(watches=total(Trace) >= 10**9)
    def near(marks: object, context: object) -> None:
        """Never wake."""

    @agent(watches=total(Trace, over="board") >= 10**9)
    def far(marks: object, context: object) -> None:
        """Never wake."""

    plain, watched, reads = (Blackboard.open(folder / f"{name}.db") for name in ("plain", "watched", "reads"))
    watched.deploy(near, far)
    strengths = random.Random(1)
    for board in (plain, watched, reads):
        board.deposit_many(Trace(subject=f"s/{n}", intensity=strengths.uniform(1, 9)) for n in range(DEPOSITS))
    new = (f"new/{n}" for n in itertools.count())
    return {
        "deposit": (lambda: plain.deposit(Trace(subject=next(new))), 40),
        "deposit, two watches": (lambda: watched.deposit(Trace(subject=next(new))), 40),
        "reinforcement": (lambda: plain.deposit(Trace(subject="s/5")), 40),
        "deposit_many of 400": (lambda: plain.deposit_many([Trace(subject=next(new)) for _ in range(400)]), 3),
        "5 marks of a class": (lambda: reads.marks(Trace, limit=5), 100),
        "strongest 20": (lambda: reads.marks("trace", limit=20), 100),
    }


def serve(folder: Path) -> None:
    """Run each operation that a line of the input names, and print the median of its durations in seconds."""
    known = operations(folder)
    print(*known, sep="\t", flush=True)
    for line in sys.stdin:
        operation, times = known[line.rstrip("\n")]
        taken = []
        for _ in range(times):
            begin = time.perf_counter()
            operation()
            taken.append(time.perf_counter() - begin)
        print(statistics.median(taken), flush=True)


class Checkout:
    """A process that runs operations in a checkout, which it names in its output."""

    def __init__(self, tree: Path, folder: Path) -> None:
        folder.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), "--serve", str(folder)],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree.resolve())},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.operations = self._line().split("\t")

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def measure(self, operation: str) -> float:
        """Return the seconds of an operation."""
        print(operation, file=self.process.stdin, flush=True)
        return float(self._line())


def main() -> None:
    """Print the milliseconds of each operation in each checkout, and the quartiles of its ratio to the first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", action="append", type=Path, help="a checkout; ratios are to the first one")
    parser.add_argument("--rounds", type=int, default=20, help="how often each operation is compared, at least 2")
    parser.add_argument("--folder", help="where the boards are made; by default the folder for temporary files")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        checkouts = [Checkout(tree, Path(folder, str(n))) for n, tree in enumerate(options.tree or [Path()])]
        for operation in checkouts[0].operations:
            rounds = [[each.measure(operation) for each in checkouts] for _ in range(options.rounds + 1)][1:]
            columns = []
            for taken in zip(*rounds, strict=True):
                ratios = [seconds / first[0] for seconds, first in zip(taken, rounds, strict=True)]
                low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
                columns.append(f"{statistics.median(taken) * 1e3:.3f} ms ({middle:.2f}, {low:.2f} to {high:.2f})")
            print(operation, *columns, sep="\t", flush=True)
        for each in checkouts:
            each.process.communicate()


if __name__ == "__main__":
    main()
