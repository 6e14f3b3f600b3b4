"""The cost of a day with very many deposits: disk, commits and calls, from measured sizes and a small simulation.

python -m benchmarks.performance.daily_load --deposits 10000000 --agents 1000
"""

from __future__ import annotations

import argparse
import heapq
import random
import tempfile
from pathlib import Path

from benchmarks.performance import boards
from benchmarks.performance.arguments import at_least_one
from benchmarks.performance.boards import Trace
from blackboard import Blackboard
from blackboard.store.statements import MARKS

__all__ = ["main", "measure_sizes", "simulate_calls"]

DAY_SECONDS = 86_400
PAGE_BYTES = 4096 + 24
"""A page in the write-ahead log, with its header."""
COMMITS_PER_ACTIVATION = 5
"""The commits of an activation with a model call: claimed, planned, sent, answered, ended."""


def measure_sizes(folder: Path, count: int = 20_000) -> dict[str, float]:
    """Return the bytes in the file per live mark with its event and per event, and the log pages per deposit."""
    sizes = {}
    for what in ("event", "mark"):
        path = folder / f"{what}.db"
        with Blackboard.open(f"sqlite:///{path}", kinds=boards.KINDS) as board:
            boards.deploy(board)
            board.database.checkpoint()
            empty = path.stat().st_size
            if what == "mark":
                boards.insert_marks(board, Trace, count)
            else:
                laid = [
                    event._asdict()
                    for _, event in boards.rows(Trace, count, board.session.read(lambda txn: txn.last_event_id) + 1, 0)
                ]
                board.session.write(lambda txn: txn.sql.run_many(MARKS.insert_event, laid))  # noqa: B023 (run here)
            board.database.checkpoint()
            sizes[what] = (path.stat().st_size - empty) / count
    with Blackboard.open(f"sqlite:///{folder / 'mark.db'}", kinds=boards.KINDS) as board:
        for subject in boards.subjects(300, 10**7):
            board.deposit(Trace(subject=subject))
        sizes["pages"] = Path(f"{folder / 'mark.db'}-wal").stat().st_size / PAGE_BYTES / 300
    return sizes


def simulate_calls(
    deposits: int, agents: int, batch: int, batch_window: float, *, hours: float = 1.0, seed: int = 1
) -> tuple[float, float]:
    """Return the calls per day and the marks per call.

    Marks are distributed over agents by Zipf's law. An agent calls when its batch is full or its window is over.
    """
    rng = random.Random(seed)
    weights = [1 / rank for rank in range(1, agents + 1)]
    count = int(deposits / DAY_SECONDS * 3600 * hours)
    arrivals = sorted(rng.uniform(0, 3600 * hours) for _ in range(count))
    owners = rng.choices(range(agents), weights, k=count)
    waiting = [0] * agents
    due: list[tuple[float, int, int]] = []
    served = [0] * agents
    calls = 0
    for at, owner in zip(arrivals, owners, strict=True):
        while due and due[0][0] <= at:
            _, agent, turn = heapq.heappop(due)
            if served[agent] == turn and waiting[agent]:
                calls, waiting[agent], served[agent] = calls + 1, 0, turn + 1
        waiting[owner] += 1
        if waiting[owner] == 1:
            heapq.heappush(due, (at + batch_window, owner, served[owner]))
        if waiting[owner] >= batch:
            calls, waiting[owner], served[owner] = calls + 1, 0, served[owner] + 1
    calls += sum(1 for count in waiting if count)
    return calls * 24 / hours, count / max(1, calls)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance.daily_load")
    parser.add_argument("--deposits", type=at_least_one, default=10_000_000, help="deposits in a day")
    parser.add_argument("--agents", type=at_least_one, default=1000, help="the number of agents")
    parser.add_argument("--peak", type=float, default=5.0, help="the ratio of the busiest second to the mean")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        sizes = measure_sizes(Path(folder))
    rate = options.deposits / DAY_SECONDS
    print(
        f"{options.deposits:,} deposits a day: {rate:,.0f} a second on average, {rate * options.peak:,.0f} at the peak"
    )
    print(f"bytes for an event: {sizes['event']:,.0f}; for a live mark with its event: {sizes['mark']:,.0f}")
    print(
        f"history: {options.deposits * 2 * sizes['event'] / 2**30:,.1f} GiB a day (a deposit and an evaporation each)"
    )
    log = options.deposits * sizes["pages"] * PAGE_BYTES / 2**30
    print(
        f"written to the log: {sizes['pages']:,.1f} pages a deposit, {log:,.0f} GiB a day;"
        " about as much again to the file"
    )
    for batch, batch_window in ((1, 0.0), (10, 60.0), (50, 60.0), (50, 600.0)):
        calls, size = simulate_calls(options.deposits, options.agents, batch, batch_window)
        print(
            f"batch {batch}, batch window {batch_window:g} s: {calls:,.0f} calls a day, {size:.1f} marks per call,"
            f" {COMMITS_PER_ACTIVATION * calls / DAY_SECONDS:,.1f} commits a second for the calls"
        )


if __name__ == "__main__":
    main()
