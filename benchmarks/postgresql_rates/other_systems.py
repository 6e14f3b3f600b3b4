"""Other systems on the same server in the same run. `make bench-peers` installs them, each in its own environment."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.performance.peers import Failed, is_installed, run_script
from benchmarks.performance.report import Row
from benchmarks.postgresql_rates.deposit_rates import listed
from benchmarks.postgresql_rates.measured_server import MeasuredServer

__all__ = ["compare"]

SYSTEMS = {"procrastinate": "procrastinate", "pgqueuer": "pgqueuer", "dbos": "DBOS"}
"""The title of each system."""


def compare(server: MeasuredServer, *, rounds: int = 3, count: int = 1000) -> Iterator[Row]:
    """Measure each system in a database of its own. Its rows are the worst of the rounds, like those of the board."""
    for name, title in SYSTEMS.items():
        if not is_installed(name):
            print(f"{title} is not measured: `make bench-peers` installs it", file=sys.stderr)
            continue
        found: dict[str, list[float]] = {}
        try:
            for _ in range(rounds):
                url = server.create_database()
                address = url.replace("postgresql+psycopg:", "postgresql:")
                for what, rate in run_script(name, address, str(count)).items():
                    found.setdefault(what, []).append(rate)
                server.drop_board(url)
        except Failed as error:
            yield Row(title, None, None, "a second", detail=str(error))
            continue
        for what, rates in found.items():
            yield Row(f"{title}: {what}", None, min(rates), "a second", detail=listed(rates))
