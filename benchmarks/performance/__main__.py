"""Run all measurements, print a table, and write JSON and a plot.

Each row is written immediately, so that an interrupted run keeps its rows. The exit code is 1 if a measurement failed.

python -m benchmarks.performance
python -m benchmarks.performance --size 1000,1000000 --only deposits,reads --peers
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.performance import arguments, background_work, deposits, idle_daemon, peers, reads, report, wakes
from benchmarks.performance.measurement_run import MeasurementRun, Part
from blackboard.errors import nearest
from blackboard.store.dialects.sqlite_library import SQLITE_VERSION

SIZES, SMALL_SIZES = [1000, 1_000_000], [50, 100]


def parts(folder: Path, sizes: list[int], *, small: bool) -> dict[str, list[Part]]:
    """Return the measurements by the names that `--only` accepts; `small` makes them quick, to show that they run."""
    low, high = min(sizes), max(sizes)

    def brief_options(name: str | None = None, value: int = 0) -> dict[str, Any]:
        return ({"seconds": 0.2} | ({name: value} if name else {})) if small else {}

    few: dict[str, Any] = {"rounds": 2, "count": 24} if small else {}
    once: dict[str, Any] = {"count": 8} if small else {}
    return {
        "deposits": [
            *(partial(deposits.one_at_a_time, folder, size, **few) for size in sizes),
            partial(deposits.threads, folder, size=low, **few),
            partial(deposits.bulk, folder, size=low, **few),
            partial(deposits.over_the_board, folder, sorted({low, high}), **few),
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
        "maintenance": [
            partial(background_work.evaporation, folder, **brief_options("size", 300)),
            partial(background_work.change, folder, high, "law", **brief_options()),
            partial(background_work.change, folder, high, "weight", **brief_options()),
            partial(background_work.predicted_crossings, folder, **({"pending": 100, "count": 3} if small else {})),
        ],
        "resident": [
            partial(idle_daemon.idle, folder, high, **brief_options("conditions", 20)),
        ],
        "peers": [
            partial(peers.compare, folder, **({"count": 20, "rounds": 1} if small else {})),
        ],
    }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance")
    parser.add_argument("--size", type=arguments.sizes, help="numbers of live marks on the boards (1000,1000000)")
    parser.add_argument(
        "--only",
        type=arguments.names,
        help="a list of: deposits, reads, wakes, maintenance, resident, peers; by default all except peers",
    )
    parser.add_argument("--folder", type=Path, help="the folder of boards, which are reused by later runs")
    parser.add_argument("--out", type=Path, default=Path(".benchmarks"), help="the folder of the JSON and the plot")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--plot", action="store_true", help="draw cost against board size (needs matplotlib)")
    parser.add_argument("--peers", action="store_true", help="also measure other systems in their own environments")
    parser.add_argument(
        "--small", action="store_true", help="a quick check that all measurements run, with boards of 50 and 100 marks"
    )
    options = parser.parse_args(argv)
    folder = options.folder or Path(tempfile.gettempdir()) / f"blackboard-benchmarks-{os.getuid()}"
    sizes = options.size or (SMALL_SIZES if options.small else SIZES)
    everything = parts(folder, sizes, small=options.small)
    chosen = set(options.only or everything.keys() - {"peers"}) | ({"peers"} if options.peers else set())
    for name in sorted(chosen - everything.keys()):
        parser.error(f"argument --only: there is no part {name!r}{nearest(name, everything)}")
    try:
        arguments.check_writable(folder / "board.db")
        arguments.check_writable(options.out / "performance.json")
        arguments.check_writable(options.out / "performance.png")
    except OSError as error:
        parser.error(f"cannot write to {error.filename}: {error.strerror}; name another folder with --out or --folder")
    report.quiet()
    run = MeasurementRun(options.out / "performance.json", sqlite=SQLITE_VERSION, cores=os.cpu_count())
    run.measure((name, group) for name, group in everything.items() if name in chosen)
    print(run.text() if options.json else report.as_table(run.rows))
    if options.plot and not report.plot(run.rows, options.out / "performance.png"):
        print("no plot: matplotlib is not installed", file=sys.stderr)
    return run.exit_code


if __name__ == "__main__":
    sys.exit(main())
