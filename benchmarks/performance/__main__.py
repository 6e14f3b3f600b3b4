"""Measures everything, prints one table, and writes JSON and a plot.

python -m benchmarks.performance
python -m benchmarks.performance --size 1000,1000000 --only deposits,reads --peers
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.performance import deposits, passes, peers, reads, report, resident, wakes
from benchmarks.performance.report import Row
from blackboard.store.dialect import SQLITE_VERSION

Part = Callable[[], Iterator[Row]]


def parts(folder: Path, sizes: list[int], *, small: bool, with_peers: bool) -> dict[str, list[Part]]:
    """What is measured, by the name that `--only` takes; `small` only proves that it runs."""
    low, high = min(sizes), max(sizes)

    def brief(name: str | None = None, value: int = 0) -> dict[str, Any]:
        return ({"seconds": 0.2} | ({name: value} if name else {})) if small else {}

    few: dict[str, Any] = {"rounds": 2, "count": 24} if small else {}
    once: dict[str, Any] = {"count": 8} if small else {}
    found: dict[str, list[Part]] = {
        "deposits": [
            *(partial(deposits.one_at_a_time, folder, size, **few) for size in sizes),
            partial(deposits.threads, folder, size=low, **few),
            partial(deposits.bulk, folder, size=low, **few),
            partial(deposits.over_the_board, folder, (low, high), **few),
        ],
        "reads": [
            *(partial(reads.strongest, folder, size, **once) for size in sizes),
            *(partial(reads.measures, folder, size) for size in sizes),
            partial(reads.views, folder, high, **once),
            partial(reads.command_line, folder, high, **({"count": 1} if small else {})),
        ],
        "wakes": [
            partial(wakes.same_process, folder, low, **once),
            partial(wakes.another_process, folder, low, **once),
            partial(wakes.throughput, folder, size=low, **({"count": 40} if small else {})),
        ],
        "passes": [
            partial(passes.evaporation, folder, **brief("size", 300)),
            partial(passes.change, folder, high, "law", **brief()),
            partial(passes.change, folder, high, "weight", **brief()),
            partial(passes.falls, folder, **({"pending": 100, "count": 3} if small else {})),
        ],
        "resident": [
            partial(resident.idle, folder, high, **brief("conditions", 20)),
        ],
    }
    if with_peers:
        found["peers"] = [partial(peers.compared, folder, **({"count": 20} if small else {}))]
    return found


def measure(todo: dict[str, list[Part]]) -> Iterator[Row]:
    """Run the parts in order; one that breaks is reported and does not take the others along."""
    for name, group in todo.items():
        for part in group:
            try:
                yield from part()
            except Exception as error:
                traceback.print_exc()
                yield Row(f"{name}: broke", None, float("nan"), "", detail=f"{type(error).__name__}: {error}"[:80])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance")
    parser.add_argument("--size", default="1000,1000000", help="live marks on the boards, such as 1000,100000")
    parser.add_argument("--only", default="", help="some of: deposits, reads, wakes, passes, resident, peers")
    parser.add_argument("--folder", type=Path, help="where boards are kept between runs")
    parser.add_argument("--out", type=Path, default=Path(".benchmarks"), help="where the JSON and the plot go")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--plot", action="store_true", help="draw cost against board size (needs matplotlib)")
    parser.add_argument("--peers", action="store_true", help="measure other systems too, in environments of their own")
    parser.add_argument("--small", action="store_true", help="only to see that everything runs")
    options = parser.parse_args(arguments)
    report.quiet()
    sizes = sorted({int(size) for size in options.size.split(",")})
    folder = options.folder or Path(tempfile.gettempdir()) / f"blackboard-benchmarks-{os.getuid()}"
    folder.mkdir(parents=True, exist_ok=True)
    todo = parts(folder, sizes, small=options.small, with_peers=options.peers)
    if options.only:
        todo = {name: group for name, group in todo.items() if name in options.only.split(",")}
    rows = []
    for row in measure(todo):
        print(report.as_table([row]).splitlines()[1], file=sys.stderr, flush=True)
        rows.append(row)
    options.out.mkdir(parents=True, exist_ok=True)
    text = report.as_json(rows, sqlite=SQLITE_VERSION, cores=os.cpu_count())
    (options.out / "performance.json").write_text(text + "\n")
    print(text if options.json else report.as_table(rows))
    if options.plot and not report.plot(rows, options.out / "performance.png"):
        print("no plot: matplotlib is not installed", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
