"""Wakes: the latency from a deposit to the first line of an agent, and the activations per second of one daemon."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.performance import boards
from benchmarks.performance.bare_sqlite import percentile
from benchmarks.performance.boards import Done, Trace
from benchmarks.performance.report import Row
from blackboard import Blackboard, agent, strength
from blackboard.core.agents.agent_definition import Agent
from blackboard.daemon import Daemon
from blackboard.settings.sections import DaemonSection

__all__ = ["another_process", "crew", "latencies", "running", "same_process", "throughput"]


@contextlib.contextmanager
def running(board: Blackboard, *agents: Agent, **settings: Any) -> Iterator[Daemon]:
    """Run a daemon in a thread of this process."""
    daemon = Daemon(board, agents, DaemonSection(**settings))
    started = threading.Event()
    daemon.on_event.append(lambda event, details: started.set() if event == "started" else None)
    thread = threading.Thread(target=daemon.run, daemon=True)
    thread.start()
    started.wait(60)
    try:
        yield daemon
    finally:
        daemon.stop()
        thread.join(60)


def same_process(folder: Path, size: int = 1000, *, count: int = 300) -> Iterator[Row]:
    """Measure the time from the return of `deposit` to the first line of the agent, one mark at a time."""
    first_lines: dict[str, float] = {}
    arrived = threading.Semaphore(0)

    @agent(watches=strength(Trace) >= 0.9)
    def woken(marks: list[Trace], context: Any) -> None:
        first_lines[marks[0].subject] = time.perf_counter()
        arrived.release()

    taken = []
    with Blackboard.open(f"sqlite:///{boards.copy(folder, size, 'wake')}", kinds=boards.KINDS) as board:
        boards.deploy(board)
        with Blackboard.open(board.database.url) as depositor, running(board, woken):
            _drain(arrived)
            for number in range(count):
                subject = f"wake/{number}"
                depositor.deposit(Trace(subject=subject))
                committed = time.perf_counter()
                arrived.acquire(timeout=10)
                taken.append((first_lines.get(subject, committed + 10) - committed) * 1e3)
                time.sleep(0.005)
    yield from _latency("deposit to an agent's first line, same process", taken, 3, 15)


def another_process(folder: Path, size: int = 1000, *, count: int = 200) -> Iterator[Row]:
    """Measure the time from a deposit by another process; both processes use the monotonic clock of the machine."""
    taken = latencies(f"sqlite:///{boards.copy(folder, size, 'wake-other')}", count)
    yield from _latency("deposit to an agent's first line, another process", taken, 5, 30)


def latencies(url: str, count: int) -> list[float]:
    """Return the milliseconds from each deposit by another process to the first line of an agent."""
    first_lines: dict[str, float] = {}
    arrived = threading.Semaphore(0)

    @agent(watches=strength(Trace) >= 0.9)
    def woken(marks: list[Trace], context: Any) -> None:
        first_lines[marks[0].subject] = time.monotonic()
        arrived.release()

    taken = []
    with Blackboard.open(url, kinds=boards.KINDS) as board:
        boards.deploy(board)
        with running(board, woken):
            _drain(arrived)
            command = [sys.executable, "-m", "benchmarks.performance.depositor", url, "--lines", str(count)]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdin is not None
                assert process.stdout is not None
                for _ in range(count):
                    process.stdin.write("\n")
                    process.stdin.flush()
                    subject, committed = process.stdout.readline().split()
                    arrived.acquire(timeout=10)
                    taken.append((first_lines.get(subject, float(committed) + 10) - float(committed)) * 1e3)
                    time.sleep(0.005)
    return taken


def crew() -> list[Agent]:
    """Return four agents that only deposit two marks for each mark."""

    def work(marks: list[Trace], context: Any) -> list[Done]:
        return [Done(subject=marks[0].subject, detail=detail) for detail in ("one", "two")]

    return [
        agent(
            watches=strength(Trace, subject=f"go/{number}/*") >= 0.5,
            writes=[Done],
            batch=1,
            concurrency=4,
            name=f"crew_{number}",
        )(work)
        for number in range(4)
    ]


def throughput(folder: Path, *, size: int = 1000, count: int = 2000) -> Iterator[Row]:
    """Measure durable activations of agents that only deposit two marks: claimed, run and applied."""
    finished, agents = threading.Semaphore(0), crew()
    path = boards.copy(folder, size, "throughput")
    with Blackboard.open(f"sqlite:///{path}", kinds=boards.KINDS) as board:
        boards.deploy(board, *agents)
        board.deposit_many(
            Trace(subject=f"go/{number % 4}/{number}", intensity=1 + number / count) for number in range(count)
        )
        daemon = Daemon(board, agents, DaemonSection(workers=16))
        daemon.on_event.append(lambda event, details: finished.release() if event == "done" else None)
        thread = threading.Thread(target=daemon.run, daemon=True)
        begin = time.perf_counter()
        thread.start()
        for _ in range(count):
            if not finished.acquire(timeout=60):
                break
        taken = time.perf_counter() - begin
        daemon.stop()
        thread.join(60)
    yield Row("activations, claimed and applied", size, count / taken, "a second", 800)


def _latency(what: str, taken: list[float], median: float, tail: float) -> Iterator[Row]:
    yield Row(f"{what}, p50", None, percentile(taken, 0.5), "ms", median, "at most")
    yield Row(f"{what}, p99", None, percentile(taken, 0.99), "ms", tail, "at most")


def _drain(arrived: threading.Semaphore) -> None:
    """Wait until the agent has handled the existing marks."""
    arriving = True
    while arriving:  # each call waits
        arriving = arrived.acquire(timeout=1.0)
