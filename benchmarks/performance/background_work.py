"""Maintenance of the daemon while another process deposits: the duration of the work and the delay of deposits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.performance import boards
from benchmarks.performance.bare_sqlite import percentile
from benchmarks.performance.boards import Flash, Trace
from benchmarks.performance.report import Row
from benchmarks.performance.wakes import running
from blackboard import Blackboard, Exponential, agent, strength
from blackboard.board.deployment_effects.deployment_activation import activate
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.store.sqlite.sqlite_database import SqliteDatabase

__all__ = [
    "Depositor",
    "Evaporation",
    "change",
    "evaporate",
    "evaporation",
    "predicted_crossings",
    "unloaded_rate",
]


class Depositor:
    """Another process that deposits as fast as possible."""

    def __init__(self, url: str) -> None:
        command = [sys.executable, "-m", "benchmarks.performance.depositor", url, "--until-eof"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.process.stdout.readline()

    def stop(self) -> dict[str, float]:
        """Stop the process, and return its rate and the p99 and maximum duration of a deposit in milliseconds."""
        out, _ = self.process.communicate(timeout=60)
        return json.loads(out)  # type: ignore[no-any-return]


def unloaded_rate(url: str, seconds: float) -> float:
    """Return the rate of a depositor without other load."""
    depositor = Depositor(url)
    time.sleep(seconds)
    return depositor.stop()["rate"]


class Evaporation(NamedTuple):
    """The evaporation of many marks together, while another process deposits."""

    seconds: float
    meanwhile: dict[str, float]
    """The rate of the depositor meanwhile, and its p99 and maximum in milliseconds."""
    rate: float
    """Its rate before and after."""
    largest_log: int
    """The largest size in bytes of the write-ahead log of a file; 0 on PostgreSQL."""


def evaporate(url: str, size: int, seconds: float, *, longest: float = 300.0) -> Evaporation:
    """Insert marks that evaporate at one instant, and run a daemon while another process deposits."""
    with Blackboard.open(url, author="person:bench", kinds=boards.KINDS) as board:
        boards.insert_marks(board, Flash, size, ends=board.session.now() + 1)
        boards.deploy(board, *boards.watchers(), *boards.watchers(Flash))
        rate = unloaded_rate(url, seconds)
        log = f"{board.database.path}-wal" if isinstance(board.database, SqliteDatabase) else None
        largest = 0
        depositor = Depositor(url)
        begin = time.monotonic()
        with running(board, *boards.watchers()):
            while (remaining := _remaining(board)) and time.monotonic() - begin < longest:
                largest = max(largest, 0 if log is None else os.path.getsize(log))
                time.sleep(0.05)
            taken = time.monotonic() - begin
            meanwhile = depositor.stop()
        rate = (rate + unloaded_rate(url, seconds)) / 2
    assert not remaining
    return Evaporation(taken, meanwhile, rate, largest)


def evaporation(folder: Path, *, size: int = 100_000, seconds: float = 4.0) -> Iterator[Row]:
    """Measure marks that evaporate at one instant, with a daemon and another process that deposits."""
    found = evaporate(f"sqlite:///{boards.copy(folder, 1000, 'evaporation')}", size, seconds)
    yield Row(f"evaporation of {size:,} marks", None, found.seconds, "s", 180, "at most")
    yield _rate_ratio("evaporation", found.meanwhile, found.rate, 0.7)
    yield Row("evaporation: a depositor waits at p99", None, found.meanwhile["p99_ms"], "ms", 200, "at most")
    yield Row("evaporation: the largest write-ahead log", None, found.largest_log / 2**20, "MB", 64, "at most")


def change(folder: Path, size: int, what: str, *, seconds: float = 4.0, longest: float = 30.0) -> Iterator[Row]:
    """Measure a change of a kind's law or weight on a board of `size` marks, with another process that deposits."""
    url = f"sqlite:///{boards.copy(folder, size, f'change-{what}')}"
    changes: dict[str, Callable[[KindSpec], KindSpec]] = {
        "law": lambda spec: spec.model_copy(update={"decay": Exponential("8d").spec()}),
        "weight": lambda spec: spec.model_copy(update={"weight": 1.1}),
    }
    with Blackboard.open(url, kinds=boards.KINDS) as board:
        rate = unloaded_rate(url, seconds)
        old = board.deployment
        new = old.model_copy(update={"kinds": {**old.kinds, "trace": changes[what](old.kinds["trace"])}})
        depositor = Depositor(url)
        begin = time.monotonic()
        with running(board, *boards.watchers()):
            board.session.write(lambda txn: activate(txn, Deployment(**dict(new))), record_instant=True)
            board.session.notify()
            while (remaining := board.status().backfills) and time.monotonic() - begin < longest:
                time.sleep(0.25)
            taken = time.monotonic() - begin
            during = depositor.stop()
        rate = (rate + unloaded_rate(url, seconds)) / 2
    yield _rate_ratio(f"change of {what}", during, rate, 0.5, size)
    yield Row(f"change of {what}: a depositor waits at p99", size, during["p99_ms"], "ms")
    detail = "" if not remaining else "stopped early: not all marks were migrated"
    yield Row(f"change of {what}: all marks migrated", size, taken, "s", detail=detail)


def predicted_crossings(folder: Path, *, pending: int = 100_000, count: int = 60) -> Iterator[Row]:
    """Measure the delay of a wake by fading, with very many predicted crossings in the far future."""
    late: list[float] = []
    arrived = threading.Semaphore(0)

    @agent(watches=strength(Trace, subject="soon/*") < 0.5)
    def cold(marks: list[Any], context: Any) -> None:
        arrived.release()

    @agent(watches=strength(Trace, subject="s/*") < 0.1)
    def pends(marks: list[Any], context: Any) -> None:
        return None

    path = boards.copy(folder, 1000, "predicted_crossings")
    with Blackboard.open(f"sqlite:///{path}", kinds=boards.KINDS) as board:
        boards.deploy(board)
        boards.insert_marks(board, Trace, pending)
        boards.deploy(board, cold, pends)
        with running(board, cold, pends):
            for number in range(count):
                # The mark fades to half its strength in a hundred milliseconds.
                board.deposit(Trace(subject=f"soon/{number}", intensity=1.0), decay=Exponential("100ms"))
                arrived.acquire(timeout=10)
            rows = board.session.read(
                lambda txn: txn.sql.cursor.execute(
                    "SELECT noticed_at - crossed_at FROM crossing WHERE scope LIKE 'soon/%'"
                ).fetchall()
            )
    late = [microseconds / 1000 for (microseconds,) in rows]
    yield Row(f"delay of a falling crossing, p50, {pending:,} predicted", None, percentile(late, 0.5), "ms")
    yield Row(
        f"delay of a falling crossing, p99, {pending:,} predicted", None, percentile(late, 0.99), "ms", 50, "at most"
    )


def _rate_ratio(what: str, during: dict[str, float], rate: float, aim: float, size: int | None = None) -> Row:
    """Return the ratio of the rate during the work to the rate before and after it, which reduces machine noise."""
    return Row(
        f"{what}: ratio of the deposit rate", size, during["rate"] / rate, "", aim,
        detail=f"{during['rate']:,.0f} a second against {rate:,.0f}",
    )  # fmt: skip


def _remaining(board: Blackboard) -> bool:
    return board.session.read(
        lambda txn: bool(
            txn.sql.cursor.execute("SELECT EXISTS (SELECT 1 FROM mark WHERE kind = 'flash')").fetchone()[0]
        )
    )
