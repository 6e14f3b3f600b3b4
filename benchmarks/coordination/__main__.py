"""Run the benchmark and print its table. It is offline, except with `--live`."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import structlog

from benchmarks.coordination import measured_systems, report
from benchmarks.coordination.leads import MAX_LEADS
from benchmarks.coordination.live_run import live
from benchmarks.coordination.outcome import Row
from blackboard.errors import BlackboardError


def main() -> int:
    arguments = _parser().parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        rows_and_notes, not_run = _measured(arguments)
    except BlackboardError as error:
        print(error, file=sys.stderr)
        return 1
    print(report.table(rows_and_notes))
    if any(row.group == "trickling" for row in rows_and_notes):
        print("\n" + report.trickle_table(rows_and_notes) + "\n\n" + report.forms())
    print("".join(f"\n{line}" for line in [*_notes(rows_and_notes), *not_run]))
    if arguments.json:
        data = {"rows": [row.json for row in rows_and_notes], "not_run": not_run}
        arguments.json.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if arguments.page:
        arguments.page.write_text(report.fill_page(arguments.page.read_text("utf-8"), rows_and_notes), "utf-8")
    if arguments.plot:
        report.plot(rows_and_notes, arguments.plot)
    return 0


def _measured(arguments: argparse.Namespace) -> tuple[list[Row], list[str]]:
    if arguments.live:
        return list(live(arguments.leads, os.environ)), []
    rows_and_notes: list[Row | str] = [
        *measured_systems.own(arguments.leads),
        *measured_systems.trickling(max(arguments.leads)),
    ]
    if arguments.rivals:
        rows_and_notes += measured_systems.rivals(arguments.leads)
    else:
        rows_and_notes.append("The frameworks were not run; run `make bench-rivals`, then add --rivals.")
    return [item for item in rows_and_notes if isinstance(item, Row)], [
        item for item in rows_and_notes if isinstance(item, str)
    ]


def _notes(rows_and_notes: list[Row]) -> Iterator[str]:
    seen = dict.fromkeys((row.system, row.note) for row in rows_and_notes if row.note)
    return (f"{system}: {note}" for system, note in seen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coordination", description=__doc__)
    parser.add_argument("--leads", type=_sizes, default=[1, 10, 50], help="numbers of leads, such as 1,10,50")
    parser.add_argument("--rivals", action="store_true", help="run the frameworks too (make bench-rivals)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the plot to this .svg or .png file")
    parser.add_argument(
        "--page", type=Path, metavar="FILE", help="replace the tables between the comments of this page"
    )
    parser.add_argument("--live", action="store_true", help="call a real model, which costs money and needs a key")
    return parser


def _sizes(text: str) -> list[int]:
    try:
        sizes = sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers such as 1,10,50") from None
    if not 1 <= sizes[0] <= sizes[-1] <= MAX_LEADS:
        raise argparse.ArgumentTypeError(f"the number of leads must be between 1 and {MAX_LEADS}")
    return sizes


if __name__ == "__main__":
    sys.exit(main())
