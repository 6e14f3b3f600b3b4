"""Count the processor's instructions of one operation, which a busy machine does not change. It needs valgrind.

Cachegrind counts what a process executes outside the kernel. Each operation runs few times and many times; the
difference, divided by the number of operations, leaves out the start of the process.

python -m benchmarks.instructions
python -m benchmarks.instructions --tree ../before --tree . --waiting 100000
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

FEW, MANY = 100, 500
"""How often an operation runs in the two processes whose instructions are compared."""


def deposit(folder: Path, times: int, waiting: int) -> None:
    """Deposit marks of different subjects, one at a time."""
    _deposit(folder, [f"subject {number}" for number in range(times)])


def reinforce(folder: Path, times: int, waiting: int) -> None:
    """Deposit on one subject, one at a time."""
    _deposit(folder, ["subject"] * times)


def cross(folder: Path, times: int, waiting: int) -> None:
    """Deposit marks of different subjects, each of which makes a watch cross."""
    from blackboard import Blackboard, agent, strength

    job = _kind()

    @agent(watches=strength(job) >= 0.1)
    def worker(marks: object, context: object) -> None:
        """Do nothing."""

    with Blackboard.open(folder / "board.db") as board:
        board.deploy(worker)
    _deposit(folder, [f"subject {number}" for number in range(times)])


def activate(folder: Path, times: int, waiting: int) -> None:
    """Claim one mark at a time while many crossings wait, and end the activation."""
    from blackboard import Blackboard, agent, strength
    from blackboard.board.daemon_work.worker import Worker

    job = _kind()

    @agent(watches=strength(job) >= 0.1, batch=1)
    def worker(marks: object, context: object) -> None:
        """Do nothing."""

    board = Blackboard.open(folder / "board.db")
    if not times:  # the board of all measurements
        board.deploy(worker)
        board.deposit_many(job(subject=f"subject {number}", number=number) for number in range(waiting))
    else:
        operations = Worker(board, 3_600_000_000, {worker.name: worker.spec.code})
        operations.register()
        for _ in range(times):
            (claim,) = operations.claim_ready([worker.name], 1)
            operations.run_ends.finish(claim, [])
    board.close()


OPERATIONS: dict[str, Callable[[Path, int, int], None]] = {
    "deposit": deposit,
    "reinforce": reinforce,
    "cross": cross,
    "activate": activate,
}


def _kind() -> type:
    from blackboard import Exponential, Mark

    class Job(Mark, kind="job", decay=Exponential("3d")):
        number: int = 0

    return Job


def _deposit(folder: Path, subjects: list[str]) -> None:
    from blackboard import Blackboard

    job = _kind()
    board = Blackboard.open(folder / "board.db")
    marks = [job(subject=subject, number=number) for number, subject in enumerate(subjects)]
    for mark in marks:
        board.deposit(mark)
    board.close()


def _run(tree: Path, operation: str, times: int, waiting: int, folder: Path, *before: str) -> None:
    command = [*before, sys.executable, str(Path(__file__).resolve()), "--run", operation, str(times), str(waiting)]
    environment = {**os.environ, "PYTHONPATH": str(tree.resolve()), "PYTHONHASHSEED": "0"}
    subprocess.run([*command, str(folder)], check=True, cwd=tree, env=environment, stdout=subprocess.DEVNULL)


def _count(tree: Path, operation: str, times: int, waiting: int, prepared: Path) -> int:
    """Return the instructions of a process that runs an operation `times` times, on a copy of the prepared board."""
    with tempfile.TemporaryDirectory() as name:
        folder, log = Path(name) / "board", Path(name) / "log"
        shutil.copytree(prepared, folder)
        valgrind = ("valgrind", "--tool=cachegrind", "--cache-sim=no", f"--log-file={log}")
        _run(tree, operation, times, waiting, folder, *valgrind, f"--cachegrind-out-file={name}/out")
        found = re.search(r"I\s+refs:\s+([\d,]+)", log.read_text())
    if found is None:
        raise SystemExit(f"valgrind counted nothing in {tree}")
    return int(found[1].replace(",", ""))


def measure(tree: Path, operation: str, waiting: int) -> float:
    """Return the instructions of one operation in a checkout of the project."""
    with tempfile.TemporaryDirectory() as name:
        prepared = Path(name)
        if operation == "activate":
            _run(tree, operation, 0, waiting, prepared)
        few, many = (_count(tree, operation, times, waiting, prepared) for times in (FEW, MANY))
    return (many - few) / (MANY - FEW)


def main() -> None:
    """Print the instructions of each operation in each checkout, and the ratio to the first checkout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", action="append", type=Path, help="a checkout; ratios are to the first one")
    parser.add_argument("--waiting", type=int, default=1000, help="the crossings that wait while one is claimed")
    parser.add_argument("--run", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        operation, times, waiting, folder = options.run
        gc.disable()  # when it collects depends on what ran before
        OPERATIONS[operation](Path(folder), int(times), int(waiting))
        return
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind is not installed")
    trees = options.tree or [Path()]
    for operation in OPERATIONS:
        counts = [measure(tree, operation, options.waiting) for tree in trees]
        print(operation, *(f"{count / 1000:.0f}k ({count / counts[0]:.3f})" for count in counts), sep="\t", flush=True)


if __name__ == "__main__":
    main()
