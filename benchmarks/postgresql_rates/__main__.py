"""Run all measurements of a board on a PostgreSQL server, print a table, and write JSON.

Each value is the worst of its rounds; the detail lists all of them, and the rates of the bare loop in the same rounds.
The database server is started for the run and keeps its data on the disk, unless `--url` names another one.

python -m benchmarks.postgresql_rates
python -m benchmarks.postgresql_rates --only deposits,bulk --processes 1,8 --rounds 1
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.performance import arguments, report
from benchmarks.performance.measurement_run import MeasurementRun, Part
from benchmarks.postgresql_rates import daemon_rates, deposit_rates, maintenance_rates, other_systems, read_rates
from benchmarks.postgresql_rates.measured_server import MeasuredServer, measured_server
from blackboard.errors import nearest

NAMES = ("deposits", "distance", "bulk", "activations", "wakes", "rest", "reads", "evaporation", "law", "peers")
"""The names that `--only` accepts."""


def parts(server: MeasuredServer, options: argparse.Namespace) -> dict[str, list[Part]]:
    """Return the measurements by the names that `--only` accepts."""
    small = options.small
    often: dict[str, Any] = {"rounds": options.rounds}
    few: dict[str, Any] = {"marks": 50, "rounds": 1} if small else often
    short: dict[str, Any] = {**few, "seconds": 0.2 if small else options.seconds}

    def counted(count: int) -> dict[str, Any]:
        return {**few, **({"count": count} if small else {})}

    brief: dict[str, Any] = {"seconds": 0.2, "size": 300} if small else {"size": options.marks}
    rest: dict[str, Any] = {"seconds": 0.5} if small else {}
    read: dict[str, Any] = {**few, "count": 5} if small else {**often, "marks": options.read}
    return {
        "deposits": [partial(deposit_rates.by_processes, server, sizes=options.processes, **short)],
        "distance": [partial(deposit_rates.far_away, server, size=2 if small else 8, **short)],
        "bulk": [partial(deposit_rates.in_bulk, server, **counted(100))],
        "activations": [
            partial(daemon_rates.activations, server, 1, 1000, **counted(20)),
            partial(daemon_rates.activations, server, 4, 2000, **counted(20)),
        ],
        "wakes": [partial(daemon_rates.wakes, server, **counted(5))],
        "rest": [partial(daemon_rates.at_rest, server, **few, **rest)],
        "reads": [partial(read_rates.strongest, server, **read)],
        "evaporation": [partial(maintenance_rates.evaporation, server, **brief)],
        "law": [partial(maintenance_rates.law_change, server, **brief)],
        "peers": [partial(other_systems.compare, server, **({"rounds": 1, "count": 20} if small else often))],
    }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.postgresql_rates")
    parser.add_argument("--only", type=arguments.names, help=f"a list of: {', '.join(NAMES)}; by default all")
    parser.add_argument("--processes", type=arguments.sizes, help="numbers of processes that deposit (1,8,32)")
    parser.add_argument("--marks", type=arguments.at_least_one, default=100_000, help="marks that evaporate or change")
    parser.add_argument("--read", type=arguments.at_least_one, default=1_000_000, help="marks on the board to read")
    parser.add_argument("--rounds", type=arguments.at_least_one, default=3, help="how often each side is measured")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long processes deposit in each round")
    parser.add_argument(
        "--url", help="a database on PostgreSQL whose user may create databases; by default one is started"
    )
    parser.add_argument("--out", type=Path, default=Path(".benchmarks"), help="the folder of the JSON")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--small", action="store_true", help="a quick check that all measurements run")
    options = parser.parse_args(argv)
    options.processes = tuple(options.processes or ((1, 2) if options.small else (1, 8, 32)))
    chosen = options.only or NAMES
    for name in sorted({*chosen} - {*NAMES}):
        parser.error(f"argument --only: there is no part {name!r}{nearest(name, NAMES)}")
    report.quiet()
    written = options.out / "postgresql-rates.json"
    arguments.check_writable(written)
    with measured_server(options.url) as server:
        run = MeasurementRun(written, cores=os.cpu_count(), load=os.getloadavg()[0], server=server.version)
        run.measure((name, group) for name, group in parts(server, options).items() if name in chosen)
    print(run.text() if options.json else report.as_table(run.rows))
    return run.exit_code


if __name__ == "__main__":
    sys.exit(main())
