"""Work on very many marks together, on PostgreSQL and then in a file, while another process deposits."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.performance import boards
from benchmarks.performance.background_work import Depositor, evaporate, unloaded_rate
from benchmarks.performance.report import Row
from benchmarks.postgresql_rates.measured_server import MeasuredServer
from blackboard import Blackboard, Exponential

__all__ = ["evaporation", "law_change"]

MAX_WAIT_MILLISECONDS = 200.0
"""How long one deposit may wait at p99 meanwhile: as long as on a file."""


class Found(NamedTuple):
    """Work that took some seconds, the depositor meanwhile, and its rate before and after."""

    seconds: float
    meanwhile: dict[str, float]
    rate: float


def evaporation(
    server: MeasuredServer, *, size: int = 100_000, marks: int = 1000, seconds: float = 4.0
) -> Iterator[Row]:
    """Measure how fast a daemon takes away marks that evaporate at one instant."""
    with server.board(marks) as url:
        ours = Found(*evaporate(url, size, seconds)[:3])
    with tempfile.TemporaryDirectory() as folder:
        file = Found(*evaporate(f"sqlite:///{boards.copy(Path(folder), marks, 'evaporation')}", size, seconds)[:3])
    yield from _rows(f"evaporation of {size:,} marks", marks, ours, file)


def law_change(server: MeasuredServer, *, size: int = 100_000, seconds: float = 4.0) -> Iterator[Row]:
    """Measure a change of the law of a kind by `deploy`, which returns when all its marks have followed."""
    with server.board(size) as url:
        ours = _change(url, seconds)
    with tempfile.TemporaryDirectory() as folder:
        file = _change(f"sqlite:///{boards.copy(Path(folder), size, 'law')}", seconds)
    yield from _rows(f"a change of law over {size:,} marks", size, ours, file)


def _change(url: str, seconds: float) -> Found:
    with Blackboard.open(url, author="person:bench", kinds=boards.KINDS) as board:
        rate = unloaded_rate(url, seconds)
        old = board.deployment
        spec = old.kinds["trace"].model_copy(update={"decay": Exponential("8d").spec()})
        new = old.model_copy(update={"kinds": {**old.kinds, "trace": spec}})
        depositor = Depositor(url)
        begin = time.monotonic()
        board.deploy(new)
        taken = time.monotonic() - begin
        meanwhile = depositor.stop()
        assert not board.status().backfills
        return Found(taken, meanwhile, (rate + unloaded_rate(url, seconds)) / 2)


def _rows(what: str, marks: int, ours: Found, file: Found) -> Iterator[Row]:
    yield Row(what, marks, ours.seconds, "s", file.seconds, "at most", detail=f"in a file {file.seconds:.1f} s")
    waits = ours.meanwhile
    on_file = f"in a file {file.meanwhile['p99_ms']:.1f} and {file.meanwhile['max_ms']:,.0f} ms"
    detail = f"the longest {waits['max_ms']:,.0f} ms; {on_file}"
    limit = MAX_WAIT_MILLISECONDS
    yield Row(f"{what}: a depositor waits at p99", marks, waits["p99_ms"], "ms", limit, "at most", detail=detail)
    share = waits["rate"] / ours.rate
    detail = (
        f"{waits['rate']:,.0f} a second against {ours.rate:,.0f}; in a file {file.meanwhile['rate'] / file.rate:.2f}"
    )
    yield Row(f"{what}: ratio of the deposit rate", marks, share, "", detail=detail)
