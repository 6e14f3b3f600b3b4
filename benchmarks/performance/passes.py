"""Work of the daemon in the background, while another process goes on depositing: who waits for whom, and how long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.performance import boards
from benchmarks.performance.boards import Flash, Trace
from benchmarks.performance.raw import percentile
from benchmarks.performance.report import Row
from benchmarks.performance.wakes import running
from blackboard import Blackboard, Exponential, agent, strength
from blackboard.board import redeployment
from blackboard.deployment import Deployment, KindSpec

__all__ = ["change", "evaporation", "falls"]


class Depositor:
    """Another process that deposits as fast as it can, until it is asked how it went."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.performance.depositor", str(path), "--until-eof"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.process.stdout.readline()

    def ask(self) -> dict[str, float]:
        """Stop it: deposits a second, and what a deposit took at p99 and at most, in milliseconds."""
        out, _ = self.process.communicate(timeout=60)
        return json.loads(out)  # type: ignore[no-any-return]


def alone(path: Path, seconds: float) -> float:
    """The rate that a depositor reaches with nobody else about."""
    depositor = Depositor(path)
    time.sleep(seconds)
    return depositor.ask()["rate"]


def evaporation(folder: Path, *, size: int = 100_000, seconds: float = 4.0) -> Iterator[Row]:
    """Marks that all evaporate at one instant, under a daemon, with another process depositing."""
    path = boards.copy(folder, 1000, "evaporation")
    with Blackboard.open(f"sqlite:///{path}", kinds=boards.KINDS) as board:
        boards.lay(board, Flash, size, ends=board.session.now() + 1)
        boards.deploy(board, *boards.watchers(), *boards.watchers(Flash))
        rate = alone(path, seconds)
        largest = 0
        depositor = Depositor(path)
        begin = time.monotonic()
        with running(board, *boards.watchers()):
            while (left := _left(board)) and time.monotonic() - begin < 300:
                largest = max(largest, os.path.getsize(f"{path}-wal"))
                time.sleep(0.05)
            taken = time.monotonic() - begin
            during = depositor.ask()
        rate = (rate + alone(path, seconds)) / 2
    assert not left
    yield Row(f"evaporation of {size:,} marks", None, taken, "s", 180, "at most")
    yield _kept("evaporation", during, rate, 0.7)
    yield Row("evaporation: a depositor waits at p99", None, during["p99_ms"], "ms", 200, "at most")
    yield Row("evaporation: the largest write-ahead log", None, largest / 2**20, "MB", 64, "at most")


def change(folder: Path, size: int, what: str, *, seconds: float = 4.0, longest: float = 30.0) -> Iterator[Row]:
    """A change of a kind's law or weight over a board of `size` marks, with another process depositing."""
    path = boards.copy(folder, size, f"change-{what}")
    changes: dict[str, Callable[[KindSpec], KindSpec]] = {
        "law": lambda spec: spec.model_copy(update={"decay": Exponential("8d").spec()}),
        "weight": lambda spec: spec.model_copy(update={"weight": 1.1}),
    }
    with Blackboard.open(f"sqlite:///{path}", kinds=boards.KINDS) as board:
        rate = alone(path, seconds)
        old = board.deployment
        new = old.model_copy(update={"kinds": {**old.kinds, "trace": changes[what](old.kinds["trace"])}})
        depositor = Depositor(path)
        begin = time.monotonic()
        with running(board, *boards.watchers()):
            board.session.write(lambda txn: redeployment.register(txn, Deployment(**dict(new))), record=True)
            board.session.notify()
            while (left := board.status().backfills) and time.monotonic() - begin < longest:
                time.sleep(0.25)
            taken = time.monotonic() - begin
            during = depositor.ask()
        rate = (rate + alone(path, seconds)) / 2
    yield _kept(f"change of {what}", during, rate, 0.5, size)
    yield Row(f"change of {what}: a depositor waits at p99", size, during["p99_ms"], "ms")
    detail = "" if not left else "cut short: the marks went on following"
    yield Row(f"change of {what}: all marks have followed", size, taken, "s", detail=detail)


def falls(folder: Path, *, pending: int = 100_000, count: int = 60) -> Iterator[Row]:
    """How late an agent that watches for fading is woken, with a great many falls pending far ahead."""
    late: list[float] = []
    arrived = threading.Semaphore(0)

    @agent(watches=strength(Trace, subject="soon/*") < 0.5)
    def cold(marks: list[Any], context: Any) -> None:
        arrived.release()

    @agent(watches=strength(Trace, subject="s/*") < 0.1)
    def pends(marks: list[Any], context: Any) -> None:
        return None

    path = boards.copy(folder, 1000, "falls")
    with Blackboard.open(f"sqlite:///{path}", kinds=boards.KINDS) as board:
        boards.deploy(board)
        boards.lay(board, Trace, pending)
        boards.deploy(board, cold, pends)
        with running(board, cold, pends):
            for number in range(count):
                # It is at half its strength after a hundred milliseconds.
                board.deposit(Trace(subject=f"soon/{number}", intensity=1.0), decay=Exponential("100ms"))
                arrived.acquire(timeout=10)
            rows = board.session.read(
                lambda txn: txn.tx.cursor.execute(
                    "SELECT noticed_at - crossed_at FROM crossing WHERE subject LIKE 'soon/%'"
                ).fetchall()
            )
    late = [microseconds / 1000 for (microseconds,) in rows]
    yield Row(f"falling crossing noticed late, p50, {pending:,} pending", None, percentile(late, 0.5), "ms")
    yield Row(
        f"falling crossing noticed late, p99, {pending:,} pending", None, percentile(late, 0.99), "ms", 50, "at most"
    )


def _kept(what: str, during: dict[str, float], rate: float, aim: float, size: int | None = None) -> Row:
    """The rate meanwhile against that before and after, so that what else the machine does matters less."""
    return Row(
        f"{what}: depositors keep of their rate", size, during["rate"] / rate, "", aim,
        detail=f"{during['rate']:,.0f} a second against {rate:,.0f}",
    )  # fmt: skip


def _left(board: Blackboard) -> bool:
    return board.session.read(
        lambda txn: bool(txn.tx.cursor.execute("SELECT EXISTS (SELECT 1 FROM mark WHERE kind = 'flash')").fetchone()[0])
    )
