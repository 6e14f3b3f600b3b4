"""Reads: the strongest marks of very many, in Python and through the view."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from benchmarks.performance import boards
from benchmarks.performance.bare_sqlite import percentile
from benchmarks.performance.report import Row
from benchmarks.postgresql_rates.deposit_rates import listed
from benchmarks.postgresql_rates.measured_server import MeasuredServer
from blackboard import Blackboard
from blackboard.board.transactions.stored_laws import law_key

__all__ = ["strongest"]

VIEW = "SELECT * FROM live_marks WHERE kind = 'trace' AND law = %s ORDER BY order_key DESC LIMIT 20"


def strongest(server: MeasuredServer, *, marks: int = 1_000_000, rounds: int = 3, count: int = 50) -> Iterator[Row]:
    """Measure the strongest 20 of a kind."""
    url, law = server.filled(marks), law_key(boards.Trace.defaults.decay)
    with Blackboard.open(url, kinds=boards.KINDS) as board, server.session(url) as session:
        acts: dict[str, Callable[[], object]] = {
            "view: strongest 20 by kind, law and order_key": lambda: session.execute(VIEW, (law,)).fetchall(),
            "`board.marks`: strongest 20 of a kind": lambda: board.marks("trace", limit=20),
            "one statement, SELECT 1": lambda: session.execute("SELECT 1").fetchall(),
        }
        for what, act in acts.items():
            act()
            taken = [_median(act, count) for _ in range(rounds)]
            aim = 2.5 if what.startswith("view") else None
            yield Row(what, marks, max(taken), "ms", aim, "at most", detail=listed(taken))


def _median(act: Callable[[], object], count: int) -> float:
    taken = []
    for _ in range(count):
        begin = time.perf_counter()
        act()
        taken.append((time.perf_counter() - begin) * 1e3)
    return percentile(taken, 0.5)
